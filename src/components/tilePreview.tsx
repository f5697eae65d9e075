import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { containerTileIcon } from './icons';

/** Draws the tile as the Launcher will show it. */
export function TilePreview(props: {
  trans: TranslationBundle;
  /** The display name; empty until there is one. */
  name: string;
}): JSX.Element {
  const { trans, name } = props;
  return (
    <figure className="jp-ContainerKernels-preview">
      <div
        className="jp-LauncherCard"
        title={name}
        role="img"
        aria-label={trans.__('The tile as it will look: %1', name)}
      >
        <div className="jp-LauncherCard-icon">
          <containerTileIcon.react tag="div" width="52px" height="52px" />
        </div>
        <div className="jp-LauncherCard-label">
          <p>{name || ' '}</p>
        </div>
      </div>
      <figcaption>{trans.__('In the Launcher')}</figcaption>
    </figure>
  );
}
