import { FakeServer } from '../../testing/server';
import { aKernel } from '../../testing/samples';
import { makeIconUrl } from '../kernelIcons';

describe('where the icon of a kernel is', () => {
  let server: FakeServer;
  let iconUrl: ReturnType<typeof makeIconUrl>;

  const picture = (slug: string) => `/hub/kernelspecs/${slug}/logo-svg.svg`;

  beforeEach(() => {
    server = new FakeServer('http://localhost:8888/hub/');
    server.on('GET', /logo-svg/, ({ path }) => ({
      text: `<svg>${path}</svg>`
    }));
    iconUrl = makeIconUrl({
      serverSettings: server.settings,
      kernelspecs: {
        specs: {
          kernelspecs: Object.fromEntries(
            ['a', 'b', 'r', 'theirs'].map(slug => [
              slug,
              { resources: { 'logo-svg': picture(slug) } }
            ])
          )
        }
      }
    } as unknown as Parameters<typeof makeIconUrl>[0]);
  });

  const settle = () => new Promise(done => setTimeout(done));

  it('is asked for once for all of ours of a language', async () => {
    expect(iconUrl(aKernel({ slug: 'a' }))).toBe(picture('a'));
    expect(iconUrl(aKernel({ slug: 'b' }))).toBe(picture('a'));
    await settle();
    const held = iconUrl(aKernel({ slug: 'b' }));
    expect(held).toBe(
      `data:image/svg+xml,${encodeURIComponent('<svg>kernelspecs/a/logo-svg.svg</svg>')}`
    );
    expect(iconUrl(aKernel({ slug: 'a' }))).toBe(held);
    expect(iconUrl(aKernel({ slug: 'r', language: 'r' }))).toBe(picture('r'));
    expect(server.asked).toHaveLength(2);
  });

  it('is its own for a kernel of others', async () => {
    iconUrl(aKernel({ slug: 'a' }));
    await settle();
    expect(iconUrl(aKernel({ slug: 'theirs', ours: false }))).toBe(
      picture('theirs')
    );
  });

  it('is its own where none came, and that is not asked for again', async () => {
    server.on('GET', /logo-svg/, { status: 404, text: '' });
    iconUrl(aKernel({ slug: 'a' }));
    await settle();
    expect(iconUrl(aKernel({ slug: 'b' }))).toBe(picture('b'));
    await settle();
    expect(server.asked).toHaveLength(1);
  });

  it('is where it will be for a kernel that JupyterLab has not read yet', () => {
    expect(iconUrl(aKernel({ slug: 'new' }))).toBe(
      'http://localhost:8888/hub/kernelspecs/new/logo-svg.svg'
    );
  });
});
