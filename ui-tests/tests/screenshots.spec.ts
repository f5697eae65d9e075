import { copyFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '../fixtures';
import { IInvented, imageFile, Jupyter, registry } from '../jupyter';
import type { Lab } from '../panel';
import {
  hideToasts,
  isForDocuments,
  takePicture,
  takePictureForDocuments
} from '../pictures';
import { SlowRegistry } from '../session';

/** What a user may have. */
const KERNELS: IInvented[] = [
  {
    name: 'PyTorch 2.9.1',
    image: 'pytorch/pytorch:2.9.1-cuda12.6-cudnn9-runtime',
    bytes: 8.1e9,
    gpu: 'on',
    version: '3.12.3',
    ageHours: 2
  },
  {
    name: 'PyTorch 2.9.1 CPU',
    image: 'pytorch/pytorch:2.9.1-cuda12.6-cudnn9-runtime',
    bytes: 8.1e9,
    gpu: 'off',
    version: '3.12.3',
    ageHours: 1
  },
  {
    name: 'Bioconductor 3.20',
    image: 'bioconductor/bioconductor_docker:RELEASE_3_20',
    bytes: 2.2e9,
    gpu: 'off',
    version: '3.12.8',
    ageHours: 26
  },
  {
    name: 'Geo',
    image: 'pangeo/pangeo-notebook:2025.01.10',
    bytes: 1.4e9,
    gpu: 'off',
    version: '3.11.9',
    ageHours: 24 * 9
  },
  {
    name: 'TensorFlow 2.15',
    image: 'tensorflow/tensorflow:2.15.0-gpu',
    bytes: 3.3e9,
    gpu: 'on',
    version: '3.11.0',
    ageHours: 24 * 70,
    isMissing: true
  }
];

/** The dialog with an image that the registry of the tests does not have. */
async function takeAddDialog(lab: Lab, jupyter: Jupyter): Promise<void> {
  const { addDialog, page } = lab;
  await page.route('**/container-kernels/resolve*', async route => {
    const answer = await route.fetch({
      postData: { ...route.request().postDataJSON(), image: small() }
    });
    const told = await answer.json();
    await route.fulfill({
      json: {
        ...told,
        download_bytes: 3.9e9,
        place: { ...told.place, needed_bytes: 8.1e9, free_bytes: 412e9 }
      }
    });
  });
  await addDialog.image.fill(KERNELS[0].image);
  await expect(addDialog.answer).toContainText('3.9 GB to download');
  await takePictureForDocuments(
    addDialog.dialog.locator('.jp-Dialog-content'),
    'add',
    jupyter
  );
  await page.unroute('**/container-kernels/resolve*');
}

/** The panel while an image comes. */
async function takePanel(lab: Lab, jupyter: Jupyter): Promise<void> {
  const { page, panel } = lab;
  const slow = await SlowRegistry.start(4e6);
  const task = await jupyter.add({
    image: `${slow.address}/demo/python:1`,
    display_name: 'Julia 1.11'
  });
  await panel.refreshButton.click();
  await expect(panel.task('Adding Julia 1.11')).toContainText(/MB\/s/);
  await page.keyboard.press('Control+B');
  await page.setViewportSize({ width: 1200, height: 470 });
  await panel.row('PyTorch 2.9.1').focus();
  await takePictureForDocuments(page, 'panel', jupyter);
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.keyboard.press('Control+B');
  await jupyter.ask('DELETE', `container-kernels/tasks/${task.id}`);
  await jupyter.ended(task.id);
  await jupyter.ask('DELETE', `container-kernels/tasks/${task.id}`);
  await panel.refreshButton.click();
  await expect(panel.tasks).toHaveCount(0);
  slow.stop();
}

/** An image of the tests' registry. */
function small(): string {
  return `${registry()}/demo/python:1`;
}

for (const theme of ['Light', 'Dark']) {
  test(`pictures of all that people see (${theme.toLowerCase()})`, async ({
    lab,
    page,
    jupyter
  }) => {
    test.setTimeout(300_000);
    const { panel, addDialog } = lab;
    const take = async (name: string) => {
      await page.mouse.move(700, 700);
      await takePicture(page, `${name}-${theme.toLowerCase()}`);
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

    await panel.addButton.click();
    await expect(addDialog.image).toBeFocused();
    await take('add-empty');
    await addDialog.image.fill(small());
    await expect(addDialog.answer).toContainText('to download');
    await addDialog.name.fill('PyTorch 2.9.1');
    await take('add');
    if (isForDocuments && theme === 'Light') {
      await takeAddDialog(lab, jupyter);
      await addDialog.image.fill(small());
    }
    await addDialog.more.click();
    await addDialog.dialog.getByRole('button', { name: 'Add folder' }).click();
    await addDialog.dialog.getByLabel('Folder on this machine').fill('data');
    await addDialog.kernelName.fill('PyTorch');
    await take('add-more');
    await addDialog.image.fill('Debian:12');
    await expect(addDialog.answer).toContainText('lower case');
    await take('add-wrong');
    await addDialog.kernelName.fill('');
    await addDialog.image.fill(await imageFile());
    await expect(addDialog.python).toContainText('Python 3.11');
    await addDialog.environment.fill('OMP_NUM_THREADS=4\nPATH=/opt/bin');
    await addDialog.python.focus();
    await take('add-python');
    await page.keyboard.press('Escape');

    await jupyter.add({
      image: small(),
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

    const own = join(jupyter.root, 'qe-7.4.sif');
    copyFileSync(await imageFile(), own);
    const slug = await jupyter.addKernel({
      image: own,
      display_name: 'Quantum Espresso'
    });
    jupyter.invent(slug, KERNELS);
    await jupyter.ask('POST', 'api/kernels', { name: 'pytorch-2.9.1' });
    await panel.refreshButton.click();
    await expect(panel.rows).toHaveCount(KERNELS.length + 1);
    await expect(panel.row('PyTorch 2.9.1')).toContainText('Running');
    await hideToasts(page);
    await panel.row('Bioconductor 3.20').focus();
    await take('full');
    if (isForDocuments && theme === 'Light') {
      await takePanel(lab, jupyter);
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

    await panel.row('PyTorch 2.9.1').press('Delete');
    await expect(lab.deleteDialog.dialog).toBeVisible();
    await take('delete');
    await lab.deleteDialog.cancelButton.click();
    await expect(lab.deleteDialog.dialog).toHaveCount(0);

    await panel
      .row('Quantum Espresso')
      .getByRole('button', { name: 'Log of the last start' })
      .click();
    const log = page.getByRole('dialog', { name: /^Log of/ });
    await expect(log.getByRole('log')).toContainText(/\S/);
    await take('log');
    await log.getByRole('button', { name: 'Close' }).click();

    renameSync(own, join(jupyter.root, 'moved.sif'));
    await panel.row('Quantum Espresso').press('Enter');
    const toast = lab.toast('Quantum Espresso could not start');
    await expect(toast).toBeVisible({ timeout: 30_000 });
    await take('failed-toast');
    await toast.getByRole('button', { name: 'Show' }).click();
    const card = panel.card('Quantum Espresso could not start');
    await expect(card).toBeVisible();
    await hideToasts(page);
    await take('failed');
    if (theme === 'Light') {
      await takePictureForDocuments(card, 'failed', jupyter);
    }
    await card.getByRole('button', { name: 'Show log' }).click();
    await expect(log.getByRole('log')).toContainText(/\S/);
    await take('failed-log');
    await log.getByRole('button', { name: 'Close' }).click();

    await page.setViewportSize({ width: 1200, height: 700 });
    await take('medium');
    await page.keyboard.press('Control+B');
    await page.setViewportSize({ width: 480, height: 900 });
    await take('failed-narrow');
    await card.getByRole('button', { name: 'Dismiss' }).click();
    await take('narrow');
    expect(
      await panel.region.evaluate(node => node.scrollWidth - node.clientWidth)
    ).toBe(0);
  });
}

test.afterEach(async ({ server }) => {
  await server.setting('@jupyterlab/apputils-extension:themes', {});
});
