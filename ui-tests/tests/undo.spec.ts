import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '../fixtures';
import { imageFile } from '../jupyter';
import { Lab } from '../panel';
import { SpaceTab } from '../space';

test('what was deleted comes back with a click, its tile too, in every page of every browser', async ({
  lab,
  jupyter,
  browser,
  page
}) => {
  const { panel } = lab;
  const slug = await jupyter.addKernel({
    image: await imageFile(),
    display_name: 'Precious'
  });
  const folder = join(jupyter.kernels, slug);
  await lab.openPanel();
  await expect(panel.row('Precious')).toBeVisible();

  await test.step('another page of the same user shows its Launcher', async () => {
    await lab.openLauncher();
    await expect(lab.tile('Precious').first()).toBeVisible();
  });
  // A browser of its own knows only what the server tells.
  const elsewhere = await browser.newContext();
  const other = new Lab(await elsewhere.newPage(), jupyter);
  await other.open('other');
  await expect(other.tile('Precious').first()).toBeVisible();

  await test.step('deleting says that there is a way back', async () => {
    await lab.openPanel();
    await panel.row('Precious').press('Delete');
    await expect(lab.deleteDialog.dialog).toContainText('put back');
    await lab.deleteDialog.dialog
      .getByRole('button', { name: /^Delete/ })
      .click();
    await expect(lab.toast('Deleted Precious')).toBeVisible();
    await expect(panel.row('Precious')).toHaveCount(0);
    expect(existsSync(folder)).toBe(false);
  });
  // JupyterLab itself looks once a minute.
  await expect(other.tile('Precious')).toHaveCount(0, { timeout: 10_000 });

  await test.step('Undo brings row, tile and files back', async () => {
    await lab
      .toast('Deleted Precious')
      .getByRole('button', { name: 'Undo' })
      .click();
    await expect(lab.toast('Precious is back')).toBeVisible();
    await expect(panel.row('Precious')).toBeVisible();
    expect(existsSync(folder)).toBe(true);
    await lab.openLauncher();
    await expect(lab.tile('Precious').first()).toBeVisible();
  });
  await expect(other.tile('Precious').first()).toBeVisible();
  await elsewhere.close();

  await test.step('removed at once, nothing offers to bring it back', async () => {
    await lab.openPanel();
    await panel.row('Precious').press('Delete');
    await lab.deleteDialog.purge.check();
    await expect(lab.deleteDialog.dialog).toContainText(
      'nothing can be put back'
    );
    await lab.deleteDialog.dialog
      .getByRole('button', { name: /^Delete/ })
      .click();
    const toast = lab.toast('Deleted Precious').last();
    await expect(toast).toBeVisible();
    await expect(toast.getByRole('button', { name: 'Undo' })).toHaveCount(0);
    const space = new SpaceTab(page);
    await space.tab.click();
    await expect(space.panel).toBeVisible();
    await expect(space.row('Precious')).toHaveCount(0);
  });
});

test('a name that was taken in the meantime keeps a kernel in the trash, and the toast says so', async ({
  lab,
  jupyter
}) => {
  const { panel } = lab;
  const image = await imageFile();
  const slug = await jupyter.addKernel({ image, display_name: 'Twice' });
  const another = await jupyter.addKernel({ image, display_name: 'Another' });
  await lab.openPanel();
  await panel.row('Twice').press('Delete');
  await lab.deleteDialog.dialog
    .getByRole('button', { name: /^Delete/ })
    .click();
  await expect(panel.row('Twice')).toHaveCount(0);
  // To add one takes longer on a slow machine than the toast stays.
  cpSync(join(jupyter.kernels, another), join(jupyter.kernels, slug), { recursive: true });
  await lab.toast('Deleted Twice').getByRole('button', { name: 'Undo' }).click();
  await expect(lab.toast('Twice could not be put back')).toBeVisible();
});
