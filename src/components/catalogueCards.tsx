import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { ISiteImage } from '../api/types';
import { shortReference } from '../model/imageReference';
import { KernelIcon } from './kernelIcon';

import '../../style/catalogue.css';

/** Images that a site offers. */
export interface ICatalogueCardsProps {
  trans: TranslationBundle;
  images: readonly ISiteImage[];
  onChoose: (image: ISiteImage) => void;
}

/** Draws a card for each image of the site; nothing when there are none. */
export function CatalogueCards(
  props: ICatalogueCardsProps
): JSX.Element | null {
  const { trans, images, onChoose } = props;
  return images.length ? (
    <ul
      className="jp-ContainerKernels-catalogue"
      aria-label={trans.__('Images of your site')}
    >
      {images.map(each => (
        <li key={each.image}>
          <button
            type="button"
            className="jp-ContainerKernels-catalogueCard"
            title={each.image}
            onClick={() => onChoose(each)}
          >
            <KernelIcon name={each.title} url={each.icon} />
            <span className="jp-ContainerKernels-catalogueText">
              <strong>{each.title}</strong>
              {each.description && <span>{each.description}</span>}
              <span className="jp-ContainerKernels-hint">
                {[
                  each.language,
                  each.gpu === 'on' && trans.__('GPU'),
                  shortReference(each.image)
                ]
                  .filter(Boolean)
                  .join(' · ')}
              </span>
            </span>
          </button>
        </li>
      ))}
    </ul>
  ) : null;
}
