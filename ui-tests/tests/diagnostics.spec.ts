import AxeBuilder from '@axe-core/playwright';

import { expect, test } from '../fixtures';
import {
  isForDocuments,
  takePicture,
  takePictureForDocuments
} from '../pictures';

test('what matters to containers here can be read and handed on', async ({
  lab,
  jupyter,
  page,
  context
}) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  for (const theme of ['Light', 'Dark']) {
    await jupyter.setting('@jupyterlab/apputils-extension:themes', {
      theme: `JupyterLab ${theme}`
    });
    await lab.reload();
    await lab.openPanel();
    await page.getByRole('tab', { name: 'Diagnostics' }).click();
    const findings = page.getByRole('list', { name: 'Findings' });
    await expect(findings).toContainText('Apptainer', { timeout: 30_000 });
    await takePicture(page, `diagnostics-${theme.toLowerCase()}`);
    if (isForDocuments && theme === 'Light') {
      await page.setViewportSize({ width: 1200, height: 740 });
      await takePictureForDocuments(lab.panel.region, 'diagnostics', jupyter);
      await page.setViewportSize({ width: 1440, height: 900 });
    }
    const { violations } = await new AxeBuilder({ page })
      .include('.jp-ContainerKernels-diagnostics')
      .analyze();
    expect(violations).toEqual([]);
  }
  await page.getByRole('button', { name: 'Copy report' }).click();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toContain('Container Kernels: diagnostics of');
});
