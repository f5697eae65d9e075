import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { shortDigest } from '../model/format';
import type { IImageGroup } from '../model/tableRows';
import { Reference } from './kernelCells';

/** Draws the image that heads its kernels. */
export function GroupRow(props: {
  trans: TranslationBundle;
  group: IImageGroup;
  index: number;
  top: number;
}): JSX.Element {
  const { trans, group } = props;
  const { image } = group.kernel;
  return (
    <tr
      role="row"
      className="jp-ContainerKernels-group"
      style={{ top: props.top }}
      aria-rowindex={props.index + 2}
    >
      <th
        role="rowheader"
        title={[image.source, image.digest, image.path]
          .filter(Boolean)
          .join('\n')}
      >
        <Reference reference={image.reference} />
        {image.digest && (
          <code className="jp-ContainerKernels-digest">
            {shortDigest(image.digest)}
          </code>
        )}
        <span className="jp-ContainerKernels-count">
          {trans._n('%1 kernel', '%1 kernels', group.count)}
        </span>
      </th>
    </tr>
  );
}
