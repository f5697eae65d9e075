import { Locator, Page } from '@playwright/test';
import { join } from 'node:path';

import { expect, test } from '../fixtures';
import { imageFile, registry } from '../jupyter';

/** Where the pictures go: to be looked at, not compared. */
const FOLDER = join(__dirname, '..', 'screenshots');

/** The picture in the README. */
const README = join(__dirname, '..', '..', 'docs', 'images', 'panel.png');

for (const theme of ['Light', 'Dark']) {
  test(`pictures of all that people see (${theme.toLowerCase()})`, async ({
    lab,
    page,
    jupyter
  }) => {
    test.setTimeout(300_000);
    const { panel, addDialog } = lab;
    const take = async (name: string, what: Page | Locator = page) => {
      await page.mouse.move(700, 700);
      await what.screenshot({
        path: join(FOLDER, `${name}-${theme.toLowerCase()}.png`),
        animations: 'disabled'
      });
    };
    await jupyter.setting('@jupyterlab/apputils-extension:themes', {
      theme: `JupyterLab ${theme}`
    });
    await lab.reload();
    await expect(page.locator('body')).toHaveAttribute(
      'data-jp-theme-light',
      String(theme === 'Light')
    );
    await lab.openPanel();
    await expect(panel.region).toContainText('A container kernel runs');
    await take('empty');

    const image = await imageFile();
    await panel.addButton.click();
    await expect(addDialog.image).toBeFocused();
    await take('add-empty');
    await addDialog.image.fill(`${registry()}/demo/python:1`);
    await expect(addDialog.answer).toContainText('to download');
    await addDialog.name.fill('PyTorch 2.9.1');
    await take('add');
    await addDialog.more.click();
    await addDialog.dialog.getByRole('button', { name: 'Add folder' }).click();
    await addDialog.dialog.getByLabel('Folder on this machine').fill('data');
    await addDialog.kernelName.fill('PyTorch');
    await take('add-more');
    await addDialog.image.fill('Debian:12');
    await expect(addDialog.answer).toContainText('lower case');
    await take('add-wrong');
    await page.keyboard.press('Escape');

    await jupyter.add({
      image: `${registry()}/demo/python:1`,
      display_name: 'PyTorch 2.9.1'
    });
    const busy = panel.task('Adding PyTorch 2.9.1');
    await panel.refreshButton.click();
    await expect(busy.locator('[aria-current="step"]')).toContainText(
      'acquire'
    );
    await busy.getByRole('button', { name: 'Log of PyTorch 2.9.1' }).click();
    await expect(busy.getByRole('log')).toContainText(/\S/);
    await take('adding');
    await busy.getByRole('button', { name: 'Cancel', exact: true }).click();
    await panel
      .task('PyTorch 2.9.1 was cancelled')
      .getByRole('button', { name: 'Dismiss' })
      .click();

    const slug = await jupyter.addKernel({
      image,
      display_name: 'Bioconductor 3.20'
    });
    const names = jupyter.copies(slug, 7);
    jupyter.breakImage(`${slug}-copy-3`);
    await jupyter.ask('POST', 'api/kernels', { name: slug });
    await panel.refreshButton.click();
    await expect(panel.rows).toHaveCount(8);
    await panel.row(names[0]).focus();
    await expect(panel.row('Bioconductor 3.20')).toContainText('Running');
    await take('full');
    if (theme === 'Light' && process.env.UPDATE_SCREENSHOTS) {
      await page.setViewportSize({ width: 1200, height: 560 });
      await page.screenshot({ path: README, animations: 'disabled' });
      await page.setViewportSize({ width: 1440, height: 900 });
    }

    const failed = await jupyter.add({
      image: `${registry()}/test/no-python:1`,
      display_name: 'GROMACS'
    });
    await jupyter.ended(failed.id);
    await panel.refreshButton.click();
    const row = panel.task('GROMACS could not be added');
    await row.getByRole('button', { name: 'Log of GROMACS' }).click();
    await expect(row.getByRole('log')).toContainText(/\S/);
    await take('failing');

    await panel.row('Bioconductor 3.20').press('Delete');
    await expect(lab.deleteDialog.dialog).toBeVisible();
    await take('delete');
    await page.keyboard.press('Escape');

    await page.keyboard.press('Control+B');
    await page.setViewportSize({ width: 480, height: 900 });
    await take('narrow');
  });
}

test.afterEach(async ({ server }) => {
  await server.setting('@jupyterlab/apputils-extension:themes', {});
});
