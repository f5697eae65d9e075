import { defineConfig } from '@playwright/test';

/**
 * Tests in a real browser against a real JupyterLab with the built extension,
 * a real runtime and a registry on this machine.
 *
 *     jlpm install --immutable    (in this folder)
 *     scripts/with-registry.sh scripts/playwright.sh [ARGUMENT…]
 *
 * Environment:
 *
 * - `CK_TEST_REGISTRY`: `host:port` of a registry with `demo/python:1` and
 *   `demo/python-ipykernel:1`; plain HTTP.
 * - `CK_DEMO_URL`, `CK_DEMO_TOKEN`: a JupyterLab that runs already, whose
 *   directories are in `JUPYTER_DATA_DIR` and so on. Then there is one project,
 *   `demo`: the main job alone, its steps printed with their times. Without it
 *   there is one, `tests`, which starts JupyterLabs of its own.
 * - `CK_UI_JUPYTER_PATH`: more Jupyter data, as a folder in whose `labextensions`
 *   lies another build of the front end.
 * - `CHROMIUM`: the browser; Debian's by default. Nothing is downloaded.
 * - `PLAYWRIGHT_JSON_OUTPUT_NAME`: where `--reporter=json` writes.
 * - `CK_UI_FIGURES`: a file that gets what was measured, one JSON a line.
 * - `UPDATE_SCREENSHOTS=1`: writes the pictures of the documents anew, too.
 */
const isDemo = !!process.env.CK_DEMO_URL;
const isRoot = process.getuid?.() === 0;

export default defineConfig({
  outputDir: 'test-results',
  globalSetup: './global-setup.ts',
  // JupyterLab, containers and a browser are busy enough by themselves.
  workers: 1,
  // a busy machine may be too slow once or twice; what was tried again is listed as flaky
  retries: process.env.CI ? 2 : 0,
  forbidOnly: !!process.env.CI,
  timeout: 300_000,
  expect: { timeout: 15_000 },
  reporter: isDemo ? [['list', { printSteps: true }]] : [['list']],
  use: {
    browserName: 'chromium',
    viewport: { width: 1440, height: 900 },
    locale: 'en-US',
    timezoneId: 'UTC',
    actionTimeout: 15_000,
    navigationTimeout: 60_000,
    screenshot: isDemo ? 'off' : 'only-on-failure',
    // Its pictures take a third of the processor's time of a test: a test that
    // failed gets one when it is tried again, or by --trace=retain-on-failure.
    trace: isDemo ? 'off' : 'on-first-retry',
    video: 'off',
    launchOptions: {
      executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
      chromiumSandbox: !isRoot,
      args: ['--disable-gpu', '--disable-background-networking']
    }
  },
  projects: isDemo
    ? [{ name: 'demo', testMatch: 'main-job.spec.ts' }]
    : [{ name: 'tests' }],
  testDir: 'tests'
});
