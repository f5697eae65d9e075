import { ServerConnection } from '@jupyterlab/services';

import { aKernel } from '../../testing/samples';
import { makeIconUrl } from '../kernelIcons';

describe('where the icon of a kernel is', () => {
  const listed = new Set<string>();
  const iconUrl = makeIconUrl({
    serverSettings: ServerConnection.makeSettings({
      baseUrl: 'http://localhost:8888/hub/'
    }),
    kernelspecs: {
      get specs() {
        return {
          kernelspecs: Object.fromEntries(
            [...listed].map(slug => [
              slug,
              { resources: { 'logo-svg': `/kernelspecs/${slug}/logo-svg.svg` } }
            ])
          )
        };
      }
    }
  } as unknown as Parameters<typeof makeIconUrl>[0]);

  beforeEach(() => {
    listed.clear();
    ['a', 'b', 'r', 'theirs'].forEach(slug => listed.add(slug));
  });

  it('is one for all of ours of a language, as long as that is there', () => {
    const b = aKernel({ slug: 'b' });
    expect(iconUrl(aKernel({ slug: 'a' }))).toBe('/kernelspecs/a/logo-svg.svg');
    expect(iconUrl(b)).toBe('/kernelspecs/a/logo-svg.svg');
    expect(iconUrl(aKernel({ slug: 'r', language: 'r' }))).toBe(
      '/kernelspecs/r/logo-svg.svg'
    );
    listed.delete('a');
    expect(iconUrl(b)).toBe('/kernelspecs/b/logo-svg.svg');
  });

  it('is its own for a kernel of others', () => {
    iconUrl(aKernel({ slug: 'a' }));
    expect(iconUrl(aKernel({ slug: 'theirs', ours: false }))).toBe(
      '/kernelspecs/theirs/logo-svg.svg'
    );
  });

  it('is where it will be for a kernel that JupyterLab has not read yet', () => {
    expect(iconUrl(aKernel({ slug: 'new' }))).toBe(
      'http://localhost:8888/hub/kernelspecs/new/logo-svg.svg'
    );
  });
});
