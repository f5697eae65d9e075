import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { ISupport } from '../api/types';

/** Says whom to ask, where a site told; nothing elsewhere. */
export function SupportLine(props: {
  trans: TranslationBundle;
  support: ISupport | null | undefined;
}): JSX.Element | null {
  const { trans, support } = props;
  return support ? (
    <p className="jp-ContainerKernels-support">
      {support.text}{' '}
      {support.link && (
        <a href={support.link} target="_blank" rel="noopener noreferrer">
          {support.text ? trans.__('Get help') : trans.__('Help of your site')}
        </a>
      )}
    </p>
  ) : null;
}
