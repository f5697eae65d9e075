import { URLExt } from '@jupyterlab/coreutils';
import type { ServiceManager } from '@jupyterlab/services';

import { readPicture } from '../api/request';
import type { IKernel } from '../api/types';

/** What is needed of JupyterLab. */
type IServices = Pick<
  ServiceManager.IManager,
  'kernelspecs' | 'serverSettings'
>;

/** The width and height of an icon in pixels, on screens with two for one, too. */
const SIZE = 64;

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
        async picture =>
          pictures.set(language, await drawn(picture).catch(() => picture)),
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

/** Draws a picture as pixels: an SVG is a document of its own in each row. */
async function drawn(svg: string): Promise<string> {
  const image = new Image();
  image.src = svg;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = SIZE;
  const context = canvas.getContext('2d');
  if (!context) {
    throw new Error('This browser draws no pictures.');
  }
  context.drawImage(image, 0, 0, SIZE, SIZE);
  return canvas.toDataURL('image/png');
}
