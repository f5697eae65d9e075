import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '../fixtures';
import { imageFile } from '../jupyter';

test('deleting says what stays and why, and asks before it shuts a kernel down', async ({
  lab,
  jupyter,
  page
}) => {
  const { panel } = lab;
  const slug = await jupyter.addKernel({
    image: await imageFile(),
    display_name: 'Original'
  });
  jupyter.invent(slug, [
    {
      name: 'Shared 1',
      image: 'some/image:1',
      bytes: 3.3e9,
      gpu: 'on',
      version: '3.12.3',
      ageHours: 1
    },
    {
      name: 'Shared 2',
      image: 'some/image:1',
      bytes: 3.3e9,
      gpu: 'off',
      version: '3.12.3',
      ageHours: 1
    }
  ]);
  await lab.openPanel();
  const dialog = lab.deleteDialog;

  await test.step('an image that another kernel uses', async () => {
    await panel.row('Shared 1').press('Delete');
    const image = dialog.staying.getByRole('listitem');
    await expect(image).toContainText('The image');
    await expect(image).toContainText('Shared 2');
    await expect(image).toContainText('3.3 GB');
    await expect(dialog.deleteButton).not.toContainText('GB');
    await page.keyboard.press('Escape');
    await expect(dialog.dialog).toHaveCount(0);
    await expect(panel.row('Shared 1')).toBeVisible();
  });

  await test.step('a file of the user’s own', async () => {
    await panel.row('Original').press('Delete');
    await expect(dialog.staying).toContainText('your own file');
    await dialog.cancelButton.click();
    await expect(dialog.dialog).toHaveCount(0);
  });

  await test.step('a kernel that runs: keys work though the button does not', async () => {
    await jupyter.ask('POST', 'api/sessions', {
      path: 'analysis.ipynb',
      name: 'analysis.ipynb',
      type: 'notebook',
      kernel: { name: slug }
    });
    await panel.refreshButton.click();
    await expect(panel.row('Original')).toContainText('Running');
    await panel.row('Original').press('Delete');
    await expect(dialog.dialog).toContainText('analysis.ipynb');
    await expect(dialog.deleteButton).toBeDisabled();
    await expect(dialog.deleteButton).toHaveAccessibleDescription(
      /confirm that it is shut down/
    );
    await expect(dialog.dialog.locator(':focus')).toHaveCount(1);
    await page.keyboard.press('Escape');
    await expect(dialog.dialog).toHaveCount(0);
    await expect(panel.row('Original')).toContainText('Running');
  });
});

test('of a kernel that somebody wrote by hand only its folder goes', async ({
  lab,
  jupyter
}) => {
  const { panel, deleteDialog: dialog } = lab;
  const image = join(jupyter.root, 'theirs.sif');
  copyFileSync(await imageFile(), image);
  const folder = join(jupyter.kernels, 'theirs');
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'kernel.json'),
    JSON.stringify({
      argv: [
        ...['apptainer', 'exec', image, 'python3', '-m', 'ipykernel_launcher'],
        ...['-f', '{connection_file}']
      ],
      display_name: 'Theirs',
      language: 'python'
    })
  );
  await lab.openPanel();
  await panel.row('Theirs').press('Delete');
  await expect(dialog.dialog).toContainText('It was made by hand.');
  await expect(dialog.going.getByRole('listitem')).toHaveCount(1);
  await expect(dialog.going).toContainText(folder);
  await expect(
    dialog.dialog.getByRole('checkbox', { name: /image/ })
  ).toHaveCount(0);
  await dialog.dialog.getByRole('button', { name: /^Delete/ }).press('Enter');
  await expect(panel.row('Theirs')).toHaveCount(0);
  await expect(lab.toast('Deleted Theirs')).toBeVisible();
  expect(existsSync(folder)).toBe(false);
  expect(existsSync(image)).toBe(true);
});
