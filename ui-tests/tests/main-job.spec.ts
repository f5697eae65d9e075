import { expect, measured, test } from '../fixtures';
import { registry } from '../jupyter';

const NAME = 'Debian Python';

/**
 * Milliseconds for a tile to come or go, once and on a machine that may be
 * busy; JupyterLab by itself takes a minute. `tiles.spec.ts` is stricter.
 */
const PATIENCE = 5000;

test('somebody adds a container kernel, uses it and deletes it without a trace', async ({
  lab,
  jupyter
}) => {
  test.setTimeout(300_000); // a pull and an install, also on a slow machine
  const { page, panel, addDialog } = lab;
  const image = `${registry()}/demo/python:1`;
  const publications = jupyter.watch();
  let slug = '';

  await test.step('the Launcher has a tile with a picture', async () => {
    const tile = lab.tile('Add container kernel');
    await expect(tile).toBeVisible();
    const icon = tile.getByRole('img');
    await expect(icon).toHaveAttribute('src', /^data:image\/svg|\.svg/);
    expect(
      await icon.evaluate((img: HTMLImageElement) => img.naturalWidth)
    ).toBeGreaterThan(0);
    await tile.click();
    await expect(addDialog.dialog).toBeVisible();
  });

  await test.step('an image is named, the rest is there by itself', async () => {
    await expect(addDialog.image).toBeFocused();
    await page.keyboard.type(image);
    await expect(addDialog.name).not.toHaveValue('');
    await expect(addDialog.answer).toContainText('to download');
    await addDialog.name.fill(NAME);
    await expect(addDialog.tile).toContainText(NAME);
  });

  await test.step('Add kernel closes the dialog and frees the person', async () => {
    await addDialog.addButton.click();
    await expect(addDialog.dialog).toHaveCount(0);
    await expect(lab.toast(`Adding ${NAME}`)).toBeVisible();
    await expect(lab.statusItem).toContainText(NAME);
    [{ slug }] = await jupyter.tasks();
  });

  await test.step('the panel shows phases and progress', async () => {
    await lab.statusItem.click();
    const row = panel.task(`Adding ${NAME}`);
    await expect(row).toBeVisible();
    for (const phase of [
      'resolve',
      'acquire',
      'inspect',
      'install',
      'verify',
      'publish'
    ]) {
      await expect(
        row.getByRole('listitem').filter({ hasText: phase })
      ).toBeVisible();
    }
    await expect(row.getByRole('progressbar')).toBeVisible();
  });

  await test.step('the task survives loading the page anew', async () => {
    await lab.reload();
    await expect(lab.statusItem).toContainText(NAME);
    // JupyterLab may not have saved yet that the panel was open
    await lab.statusItem.click();
    await expect(panel.task(`Adding ${NAME}`)).toBeVisible();
    const [task] = await jupyter.tasks();
    expect(task.state).toBe('running');
  });

  await test.step('the image is pulled, completed, tried and published', async () => {
    await lab.openLauncher();
    await expect(lab.tile(NAME)).toHaveCount(0);
    // the panel may have dismissed it already
    for (const { id } of await jupyter.tasks()) {
      await jupyter.ask('DELETE', `container-kernels/tasks/${id}`);
    }
    await expect.poll(() => jupyter.leftovers()).toEqual([]);
    expect(await jupyter.slugs()).toEqual([]);
    expect(await jupyter.ask('GET', 'api/sessions')).toEqual([]);
  });
});
