import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { formatBytes } from '../model/format';

/** Draws how many kernels no longer work, and what cleans them up. */
export function StaleLine(props: {
  trans: TranslationBundle;
  count: number;
  /** What they take; 0 when that is not known. */
  bytes: number;
  onCleanUp: () => void;
}): JSX.Element {
  const { trans, count, bytes } = props;
  const text = trans._n(
    '%1 kernel no longer works',
    '%1 kernels no longer work',
    count
  );
  return (
    <div className="jp-ContainerKernels-staleLine">
      <span>
        <span className="jp-ContainerKernels-shape" aria-hidden="true">
          ▲
        </span>
        {bytes > 0
          ? trans.__('%1 (%2)', text, formatBytes(bytes, trans))
          : text}
      </span>
      <button
        type="button"
        className="jp-ContainerKernels-button"
        onClick={props.onCleanUp}
      >
        {trans.__('Clean up…')}
      </button>
    </div>
  );
}
