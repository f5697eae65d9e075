import { copyFileSync, linkSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '../fixtures';
import { imageFile, registry } from '../jupyter';

/** What is typed into the image field, and what is said of it at once. */
const REFERENCES: [typed: string, said: RegExp][] = [
  ['Debian:12', /lower case.*Perhaps debian/],
  ['a b', /no blanks/],
  ['debian:', /After : comes a tag/],
  ['debian:12!', /“12!” is not a tag/],
  ['debian@sha256:12', /not a digest.*64 hexadecimal digits/],
  ['https://example.org/x', /cannot be pulled from https:\/\//],
  ['-_-/x', /is not the name of an image/],
  ['./x.sif', /has to be in full/]
];

/** What only the server knows. */
const UNKNOWN: [what: string, typed: () => string, said: RegExp][] = [
  ['a tag that is not there', () => `${registry()}/demo/python:2`, /\b2\b/],
  [
    'a registry that does not answer',
    () => '127.0.0.1:1/x:1',
    /127\.0\.0\.1:1/
  ],
  ['a file that is not there', () => '/nowhere/x.sif', /\/nowhere\/x\.sif/],
  ['a directory', () => '/usr/bin', /\/usr\/bin/],
  ['a file that is no image', () => '/etc/passwd', /\/etc\/passwd/],
  [
    'an image for another processor',
    () => `${registry()}/test/arm64:1`,
    /arm64/
  ]
];

/** Kernel names that cannot be. */
const KERNEL_NAMES: [typed: string, said: RegExp][] = [
  ['python3', /already/],
  ['a/b', /cannot be a kernel name/],
  ['..', /cannot be a kernel name/],
  ['PyTorch', /In lower case it can: pytorch/]
];

/** Folders that cannot be mounted, as the browser knows. */
const FOLDERS: [typed: string, said: RegExp][] = [
  ['data', /not a full path.*Begin it with \//],
  ['/proc', /Nothing can be put at \/proc/]
];

test('the dialog answers bad input at its field, with a word on what would be right', async ({
  lab,
  page
}) => {
  const { addDialog } = lab;
  await lab.tile('Add container kernel').click();

  await test.step('an empty form is not wrong, but cannot be sent', async () => {
    await expect(addDialog.problems).toHaveCount(0);
    await expect(addDialog.addButton).toBeDisabled();
    await expect(addDialog.addButton).toHaveAccessibleDescription(
      /Name an image first/
    );
    await page.keyboard.press('Enter');
    await expect(addDialog.dialog).toBeVisible();
  });

  for (const [typed, said] of REFERENCES) {
    await test.step(`image ${typed}`, async () => {
      await addDialog.image.fill(typed);
      await expect(addDialog.answer).toHaveText(said);
      await expect(addDialog.image).toHaveAttribute('aria-invalid', 'true');
      await expect(addDialog.addButton).toBeDisabled();
    });
  }

  for (const [what, typed, said] of UNKNOWN) {
    await test.step(what, async () => {
      await addDialog.image.fill(typed());
      await expect(addDialog.answer).toHaveText(said);
      await expect(addDialog.answer).toHaveClass(/jp-mod-error/);
      await expect(addDialog.image).toHaveAttribute('aria-invalid', 'true');
      await expect(addDialog.image).toHaveValue(typed());
    });
  }

  await test.step('display names', async () => {
    await addDialog.image.fill(`${registry()}/demo/python:1`);
    await expect(addDialog.answer).toContainText('to download');
    await addDialog.name.fill('x'.repeat(300));
    await expect(addDialog.problems).toHaveText(/300 characters; \d+ fit/);
    await expect(addDialog.addButton).toBeDisabled();
    await addDialog.name.fill('   ');
    await expect(addDialog.problems).toHaveText(/needs a name/);
    await addDialog.name.fill(`O'Hara "1" <b> 😀`);
    await expect(addDialog.problems).toHaveCount(0);
    await expect(addDialog.tile).toHaveText(`O'Hara "1" <b> 😀`);
    await expect(addDialog.addButton).toBeEnabled();
  });

  await addDialog.more.click();
  for (const [typed, said] of KERNEL_NAMES) {
    await test.step(`kernel name ${typed}`, async () => {
      await addDialog.kernelName.fill(typed);
      await expect(addDialog.problems).toHaveText(said);
      await expect(addDialog.addButton).toBeDisabled();
    });
  }
  await addDialog.kernelName.fill('');

  await addDialog.dialog.getByRole('button', { name: 'Add folder' }).click();
  for (const [typed, said] of FOLDERS) {
    await test.step(`folder ${typed}`, async () => {
      const folder = addDialog.dialog.getByLabel('Folder on this machine');
      await folder.fill(typed);
      await expect(addDialog.addButton).toBeDisabled();
      await folder.press('Tab'); // while it is typed it is not said at the field
      await expect(addDialog.problems).toHaveText(said);
    });
  }
});

test('what the server refuses stands at its field, and nothing that was typed is lost', async ({
  lab,
  jupyter,
  page
}) => {
  const { addDialog } = lab;
  const image = await imageFile();
  await lab.tile('Add container kernel').click();
  await addDialog.image.fill(image);
  await expect(addDialog.answer).toContainText(
    /Here already|A file on this machine/
  );
  await addDialog.name.fill('Mine');
  await addDialog.gpu(/Off/).check();
  await addDialog.more.click();
  await addDialog.dialog.getByRole('button', { name: 'Add folder' }).click();
  const folder = addDialog.dialog.getByLabel('Folder on this machine');
  await folder.fill('/nowhere/at all');

  // The server alone knows which folders there are. Enter submits.
  await addDialog.name.press('Enter');
  await expect(addDialog.problems).toContainText('/nowhere/at all');
  await expect(
    addDialog.dialog.getByRole('group', { name: 'Extra folders' })
  ).toContainText('/nowhere/at all');
  await expect(addDialog.image).toHaveValue(image);
  await expect(addDialog.name).toHaveValue('Mine');
  await expect(addDialog.gpu(/Off/)).toBeChecked();
  await expect(folder).toHaveValue('/nowhere/at all');

  // A name that somebody else took in the meantime.
  await folder.fill('');
  await addDialog.kernelName.fill('mine');
  await jupyter.add({ image, display_name: 'Other', slug: 'mine' });
  await addDialog.name.press('Enter');
  await expect(addDialog.problems).toContainText('mine');
  await expect(addDialog.kernelName).toHaveAttribute('aria-invalid', 'true');
  await expect(addDialog.name).toHaveValue('Mine');

  await page.keyboard.press('Escape');
  await expect(addDialog.dialog).toHaveCount(0);
});

test('a pasted command line becomes the image in it', async ({ lab }) => {
  const { addDialog } = lab;
  const image = `${registry()}/demo/python:1`;
  await lab.tile('Add container kernel').click();
  for (const line of [
    `docker pull ${image}`,
    `  $ docker pull ${image}\n`,
    `apptainer pull python.sif docker://${image}`,
    `singularity pull docker://${image}`
  ]) {
    await addDialog.image.fill('');
    await addDialog.paste(line);
    await expect(addDialog.image).toHaveValue(
      new RegExp(`^(docker://)?${image}$`)
    );
    await expect(addDialog.answer).toContainText('to download');
    await expect(addDialog.addButton).toBeEnabled();
  }
});

test('a .sif file is chosen in the file browser’s dialog', async ({
  lab,
  jupyter,
  page
}) => {
  const { addDialog, panel } = lab;
  const file = join(jupyter.root, 'chosen image.sif');
  try {
    linkSync(await imageFile(), file);
  } catch {
    copyFileSync(await imageFile(), file);
  }
  await lab.tile('Add container kernel').click();
  // What is filled in before that goes to where the focus is.
  await expect(addDialog.image).toBeFocused();
  await addDialog.name.fill('Chosen');
  await addDialog.chooseButton.click();
  const chooser = page.getByRole('dialog');
  await chooser.getByText('chosen image.sif').click();
  await chooser.getByRole('button', { name: /Select|Open/ }).click();
  await expect(addDialog.image).toHaveValue(file);
  await expect(addDialog.name).toHaveValue('Chosen');
  await expect(addDialog.answer).toContainText(
    /Here already|A file on this machine/
  );
  await addDialog.image.press('Enter');
  await expect(addDialog.dialog).toHaveCount(0);
  await lab.openPanel();
  await expect(panel.row('Chosen')).toContainText('Ready', { timeout: 60_000 });
});

test('under More stand the Pythons of the image, variables and isolation, and the kernel has them', async ({
  lab,
  jupyter
}) => {
  const { addDialog } = lab;
  await lab.tile('Add container kernel').click();
  await addDialog.more.click();
  await addDialog.image.fill(`${registry()}/demo/python:1`);
  await expect(addDialog.dialog).toContainText('Known when the image is here');
  await addDialog.image.fill(await imageFile());
  await expect(addDialog.python).toContainText(
    /Automatic \(best found\): Python 3\.11\.\d+ · \/usr\/bin\/python3/
  );
  await addDialog.python.selectOption({ index: 1 });
  await addDialog.environment.fill('PATH=/x');
  await addDialog.environment.press('Tab');
  await expect(addDialog.problems).toContainText('PATH cannot be set here');
  await expect(addDialog.addButton).toBeDisabled();
  // Enter makes a new line here.
  await addDialog.environment.fill('A=1');
  await addDialog.environment.press('End');
  await addDialog.environment.press('Enter');
  await addDialog.environment.pressSequentially('GREETING= "hi" $HOME');
  await addDialog.isolation.uncheck();
  await addDialog.name.fill('Chosen');
  await addDialog.addButton.click();
  await lab
    .toast('Chosen is ready.')
    .getByRole('button', { name: 'Open notebook' })
    .click({ timeout: 60_000 });
  await lab.notebook.run(
    'import os; print(os.environ["A"] + os.environ["GREETING"])'
  );
  await expect(lab.notebook.outputs.first()).toHaveText(/^1 "hi" \$HOME\s*$/, {
    timeout: 60_000
  });
  const { kernels } = await jupyter.ask<{
    kernels: { interpreter: string; isolated: boolean }[];
  }>('GET', 'container-kernels/kernels');
  expect(kernels[0].isolated).toBe(false);
  expect(kernels[0].interpreter).toMatch(/^\/usr\/bin\/python3/);
});

test('a hostile name is shown literally everywhere, and nothing of it runs', async ({
  lab,
  jupyter,
  page,
  complaints
}) => {
  const name = `<img src=x onerror="window.hit=1"><b>b</b> "q" 'a' 😀 $(touch hit) %s`;
  const { addDialog, panel } = lab;
  await lab.openPanel();
  await panel.addButton.click();
  await addDialog.image.fill(await imageFile());
  await addDialog.name.fill(name);
  await expect(addDialog.tile).toHaveText(name);
  await addDialog.addButton.click();
  await expect(addDialog.dialog).toHaveCount(0);
  await expect(lab.statusItem).toContainText(name);
  await expect(lab.toast(`Adding ${name}`)).toBeVisible();
  await expect(panel.task(`Adding ${name}`)).toContainText(name);
  await expect(lab.toast(`${name} is ready.`)).toBeVisible({ timeout: 60_000 });
  await expect(panel.row(name)).toBeVisible();
  await expect(lab.tile(name)).toHaveCount(1);
  await lab
    .toast(`${name} is ready.`)
    .getByRole('button', { name: 'Open notebook' })
    .click();
  await expect(lab.notebook.kernelName).toHaveText(name);
  await lab.notebook.run('import os; print(os.path.exists("hit"))');
  await expect(lab.notebook.outputs.first()).toHaveText(/^False\s*$/, {
    timeout: 60_000
  });
  await lab.tab('Container Kernels').click();
  await panel.row(name).press('Delete');
  await expect(lab.deleteDialog.dialog).toContainText(name);
  await lab.deleteDialog.cancelButton.click();
  expect(await page.evaluate(() => 'hit' in window)).toBe(false);
  expect(complaints).toEqual([]);
  expect(await jupyter.slugs()).toHaveLength(1);
});
