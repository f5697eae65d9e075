import { expect, measured, test } from '../fixtures';
import { Lab } from '../panel';

test(
  'a closed panel and no task mean one request of ours, and a page that loads little more',
  { tag: '@measured' },
  async ({ page, jupyter }) => {
    const asked: string[] = [];
    page.on('request', request => {
      const path = new URL(request.url()).pathname;
      if (path.startsWith('/container-kernels/')) {
        asked.push(`${request.method()} ${path}`);
      }
    });
    const session = await page.context().newCDPSession(page);
    await session.send('Network.enable');
    const ours = new Map<string, number>();
    session.on('Network.requestWillBeSent', event => {
      if (event.request.url.includes('/jupyterlab-container-kernels/')) {
        ours.set(event.requestId, 0);
      }
    });
    session.on('Network.loadingFinished', event => {
      if (ours.has(event.requestId)) {
        ours.set(event.requestId, event.encodedDataLength);
      }
    });

    await page.clock.install();
    const lab = new Lab(page, jupyter);
    await lab.open('quiet');
    await expect(lab.tile('Add container kernel')).toBeVisible();
    await expect.poll(() => asked).toEqual(['GET /container-kernels/tasks']);

    // More than a minute, in which JupyterLab itself polls its kernelspecs.
    const polled = page.waitForRequest(/\/api\/kernelspecs/);
    await page.clock.runFor(90_000);
    await polled;
    expect(asked).toEqual(['GET /container-kernels/tasks']);
    measured(
      'requests of ours while the panel is closed',
      asked.length - 1,
      ''
    );

    const bytes = [...ours.values()].reduce((sum, each) => sum + each, 0);
    measured('files of ours at page load', ours.size, '');
    measured('transferred at page load', bytes / 1000, 'kB');
    expect(ours.size).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(120_000);
  }
);
