import { URLExt } from '@jupyterlab/coreutils';
import type { ServiceManager } from '@jupyterlab/services';

import type { IKernel } from '../api/types';

/** What is needed of JupyterLab. */
type IServices = Pick<
  ServiceManager.IManager,
  'kernelspecs' | 'serverSettings'
>;

/**
 * Tells where the icon of a kernel is. Ours of one language look the same, so
 * one of them stands for all: the browser asks for one picture, not a thousand.
 */
export function makeIconUrl(
  services: IServices
): (kernel: IKernel) => string | null {
  const { kernelspecs, serverSettings } = services;
  const examples = new Map<string, string>(); // slugs by language

  const urlOf = (slug: string): string | null => {
    const spec = kernelspecs.specs?.kernelspecs[slug];
    return spec
      ? (spec.resources['logo-svg'] ?? spec.resources['logo-64x64'] ?? null)
      : // where it would be for a kernel that is new
        URLExt.join(
          serverSettings.baseUrl,
          'kernelspecs',
          encodeURIComponent(slug),
          'logo-svg.svg'
        );
  };

  return ({ slug, language, ours }) => {
    const isListed = (each: string) =>
      !!kernelspecs.specs?.kernelspecs[each]?.resources['logo-svg'];
    if (!ours || !isListed(slug)) {
      return urlOf(slug);
    }
    const example = examples.get(language);
    if (example === undefined || !isListed(example)) {
      examples.set(language, slug);
    }
    return urlOf(examples.get(language) ?? slug);
  };
}
