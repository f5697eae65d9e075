import { test as base } from '@playwright/test';
import { appendFileSync } from 'node:fs';

import { Jupyter } from './jupyter';
import { Lab } from './panel';

interface ITestFixtures {
  /** JupyterLab in the page, with a workspace of the test's own. */
  lab: Lab;
  /** What the page complained about: errors and uncaught exceptions. */
  complaints: string[];
}

interface IWorkerFixtures {
  /** One server for all tests of a worker. */
  server: Jupyter;
}

/** Tests with a JupyterLab that has no container kernels yet. */
export const test = base.extend<
  ITestFixtures & { jupyter: Jupyter },
  IWorkerFixtures
>({
  server: [
    async ({}, use) => {
      const url = process.env.CK_DEMO_URL;
      const server = url
        ? Jupyter.running(url, process.env.CK_DEMO_TOKEN ?? '')
        : await Jupyter.start();
      await use(server);
      await server.stop();
    },
    { scope: 'worker', timeout: 90_000 }
  ],

  jupyter: async ({ server }, use, info) => {
    await use(server);
    if (info.status !== info.expectedStatus) {
      await info.attach('jupyter.log', { body: server.output });
    }
    await server.empty();
  },

  complaints: async ({ page }, use) => {
    const complaints: string[] = [];
    page.on('pageerror', error => complaints.push(String(error)));
    page.on('console', message => {
      if (message.type() === 'error') {
        complaints.push(`${message.text()} (${message.location().url})`);
      }
    });
    await use(complaints);
  },

  lab: async ({ page, jupyter }, use, info) => {
    const lab = new Lab(page, jupyter);
    await lab.open(`test-${info.testId}-${info.repeatEachIndex}`);
    await use(lab);
    // A page that is left open would ask a server that is being emptied.
    await page.close();
  }
});

export { expect } from '@playwright/test';

/** Hands on what was measured: to the file that the benchmarks read. */
export function measured(name: string, value: number, unit: string): void {
  test.info().annotations.push({
    type: 'measured',
    description: `${name}: ${value} ${unit}`
  });
  if (process.env.CK_DEMO_URL) {
    console.log(`     ${name}: ${Math.round(value)} ${unit}`);
  }
  const file = process.env.CK_UI_FIGURES;
  if (file) {
    appendFileSync(file, `${JSON.stringify({ name, value, unit })}\n`);
  }
}
