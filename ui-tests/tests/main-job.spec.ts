import { expect, measured, test } from '../fixtures';
import { SlowRegistry } from '../session';

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
  // slow until all has been seen that is to be seen while the image comes
  const images = await SlowRegistry.start(300e3);
  const image = `${images.address}/demo/python:1`;
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
    images.bytesPerSecond = 1e9;
    const [{ id }] = await jupyter.tasks();
    const task = await jupyter.ended(id, 240_000);
    expect(task.error).toBeNull();
    expect(task.state).toBe('done');
    images.stop();
  });

  await test.step('its tile is in the Launcher, without loading the page anew', async () => {
    await expect(lab.tile(NAME)).toBeVisible();
    const delay =
      (await lab.tileTime('came', NAME)) - publications.time('came', slug);
    measured('main job: publish to tile', delay, 'ms');
    expect(delay).toBeLessThan(PATIENCE);
    await expect(lab.tile(NAME).getByRole('img')).toHaveAttribute(
      'src',
      /logo-svg\.svg/
    );
  });

  await test.step('the toast opens a notebook', async () => {
    await lab
      .toast(`${NAME} is ready.`)
      .getByRole('button', { name: 'Open notebook' })
      .click();
    await expect(lab.notebook.kernelName).toHaveText(NAME);
  });

  await test.step('a cell runs in the container', async () => {
    await lab.notebook.run(
      'import os, sys; print("in", os.environ["APPTAINER_CONTAINER"], sys.version_info[:2])'
    );
    await expect(lab.notebook.outputs.first()).toHaveText(
      /^in .*sha256-[0-9a-f]{64}\.sif \(3, 11\)\s*$/,
      { timeout: 60_000 }
    );
  });

  await test.step('a cell that runs can be interrupted', async () => {
    await lab.notebook.run(
      'import time; print("asleep", flush=True); time.sleep(600)'
    );
    await expect(lab.notebook.outputs.nth(1)).toHaveText(/^asleep/);
    await lab.menu('Kernel', 'Interrupt Kernel');
    await expect(lab.notebook.outputs.nth(2)).toContainText(
      'KeyboardInterrupt'
    );
    await lab.notebook.run('print("awake")');
    await expect(lab.notebook.outputs.nth(3)).toHaveText(/^awake/);
  });

  await test.step('the panel shows it as running', async () => {
    await lab.tab('Container Kernels').click();
    await expect(panel.row(NAME)).toContainText('Running');
    await expect(panel.row(NAME)).toContainText('demo/python:1');
    await expect(panel.row(NAME)).toContainText('Python 3.11');
  });

  await test.step('Delete says what goes, and what is shut down', async () => {
    await panel.row(NAME).hover();
    await panel.row(NAME).getByRole('button', { name: 'Delete' }).click();
    const dialog = lab.deleteDialog;
    await expect(dialog.dialog).toBeVisible();
    for (const [what, size] of [
      ['The kernel and its tile', /\d (bytes|kB)/],
      ['Packages that were installed for it', /\d MB/],
      ['The image', /\d MB/]
    ] as const) {
      const item = dialog.going.getByRole('listitem').filter({ hasText: what });
      await expect(item).toContainText(size);
    }
    await expect(dialog.dialog).toContainText(/Untitled\d*\.ipynb/);
    await expect(dialog.deleteButton).toHaveText(/Delete, free [\d.]+ MB/);
    await expect(dialog.deleteButton).toBeDisabled();
    await dialog.shutDown.check();
    await dialog.purge.check();
    await dialog.deleteButton.click();
    await expect(dialog.dialog).toHaveCount(0);
  });

  await test.step('its tile is gone as quickly', async () => {
    await expect(lab.tile(NAME)).toHaveCount(0);
    const delay =
      (await lab.tileTime('went', NAME)) - publications.time('went', slug);
    measured('main job: unpublish to no tile', delay, 'ms');
    expect(delay).toBeLessThan(PATIENCE);
    await expect(panel.row(NAME)).toHaveCount(0);
  });

  await test.step('nothing is left: no kernel, no file, no session', async () => {
    publications.close();
    // the panel may have dismissed it already
    for (const { id } of await jupyter.tasks()) {
      await jupyter.ask('DELETE', `container-kernels/tasks/${id}`);
    }
    await expect
      .poll(() => jupyter.leftovers(), { timeout: 60_000 })
      .toEqual([]);
    expect(await jupyter.slugs()).toEqual([]);
    expect(await jupyter.ask('GET', 'api/sessions')).toEqual([]);
  });
});
