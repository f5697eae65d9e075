import { URLExt } from '@jupyterlab/coreutils';
import type { ServiceManager } from '@jupyterlab/services';

import { readPicture } from '../api/request';
import type { IKernel } from '../api/types';

/** What is needed of JupyterLab. */
type IServices = Pick<
  ServiceManager.IManager,
  'kernelspecs' | 'serverSettings'
>;

/**
 * Tells where the icon of a kernel is. Ours of one language look the same, so
 * it is asked for once and then held here: the browser would ask for each of a
 * thousand rows that scroll by.
 */
export function makeIconUrl(
  services: IServices
): (kernel: IKernel) => string | null {
  const { kernelspecs, serverSettings } = services;
  /** By language: where one is, then that itself; `null` if it did not come. */
  const pictures = new Map<string, string | null>();

  return ({ slug, language, ours }) => {
    const resources = kernelspecs.specs?.kernelspecs[slug]?.resources;
    const svg = resources?.['logo-svg'];
    if (ours && svg && !pictures.has(language)) {
      pictures.set(language, svg);
      readPicture(serverSettings, svg).then(
        picture => pictures.set(language, picture),
        () => pictures.set(language, null) // each shows its own
      );
    }
    const shared = ours ? pictures.get(language) : null;
    if (shared) {
      return shared;
    }
    return resources
      ? (svg ?? resources['logo-64x64'] ?? null)
      : // where it would be for a kernel that is new
        URLExt.join(
          serverSettings.baseUrl,
          'kernelspecs',
          encodeURIComponent(slug),
          'logo-svg.svg'
        );
  };
}
