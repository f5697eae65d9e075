import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { ISite } from '../api/types';

/** Says which images a site allows; nothing when it allows all. */
export function SiteRules(props: {
  trans: TranslationBundle;
  site: ISite;
}): JSX.Element | null {
  const { trans, site } = props;
  const { registries, files } = site;
  const sentences = [
    registries &&
      (registries.length
        ? trans.__(
            'Your site allows images from %1.',
            registries.map(each => each.replace(/\/$/, '')).join(', ')
          )
        : trans.__('Your site allows no registries.')),
    files &&
      (files.length
        ? trans.__('Image files have to lie in %1.', files.join(', '))
        : trans.__('Your site allows no image files.')),
    site.digest_required &&
      trans.__('Images are to be named by their digest (@sha256:…).')
  ].filter(Boolean);
  return sentences.length ? (
    <p className="jp-ContainerKernels-answer">{sentences.join(' ')}</p>
  ) : null;
}
