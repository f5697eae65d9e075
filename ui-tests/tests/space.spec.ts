import AxeBuilder from '@axe-core/playwright';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '../fixtures';
import { imageFile } from '../jupyter';
import {
  isForDocuments,
  takePicture,
  takePictureForDocuments
} from '../pictures';
import { SpaceTab } from '../space';

for (const theme of ['Light', 'Dark']) {
  test(`what takes room can be seen, freed and restored (${theme.toLowerCase()})`, async ({
    lab,
    jupyter,
    page
  }) => {
    const { panel } = lab;
    const space = new SpaceTab(page);
    const picture = (name: string) =>
      takePicture(page, `${name}-${theme.toLowerCase()}`);
    await jupyter.setting('@jupyterlab/apputils-extension:themes', {
      theme: `JupyterLab ${theme}`
    });
    await lab.reload();
    await lab.openPanel();

    await test.step('nothing yet', async () => {
      await space.tab.click();
      await expect(space.panel).toContainText('Nothing is stored yet');
      await expect(space.meters.first()).toBeVisible();
      await picture('space-empty');
    });

    const slug = await jupyter.addKernel({
      image: await imageFile(),
      display_name: 'Quantum Espresso'
    });
    jupyter.invent(slug, [
      {
        name: 'PyTorch 2.9.1',
        image: 'pytorch/pytorch:2.9.1-cuda12.6-cudnn9-runtime',
        bytes: 8.1e9,
        gpu: 'on',
        version: '3.12.3',
        ageHours: 2
      },
      {
        name: 'PyTorch CPU',
        image: 'pytorch/pytorch:2.9.1-cuda12.6-cudnn9-runtime',
        bytes: 8.1e9,
        gpu: 'off',
        version: '3.12.3',
        ageHours: 1
      },
      {
        name: 'TensorFlow 2.15',
        image: 'tensorflow/tensorflow:2.15.0-gpu',
        bytes: 3.3e9,
        gpu: 'off',
        version: '3.12.3',
        ageHours: 900
      },
      {
        name: 'Bioconductor 3.18',
        image: 'bioconductor/bioconductor_docker:RELEASE_3_18',
        bytes: 2.2e9,
        gpu: 'off',
        version: '3.12.3',
        ageHours: 2000
      }
    ]);
    await jupyter.ask('DELETE', 'container-kernels/kernels/tensorflow-2.15');
    await jupyter.ask('DELETE', 'container-kernels/kernels/bioconductor-3.18');

    await test.step('images with who uses them, and the trash', async () => {
      await panel.refreshButton.click();
      const image = space.row('pytorch/pytorch');
      await expect(image).toContainText('PyTorch 2.9.1, PyTorch CPU');
      await expect(image).toContainText('8.1 GB');
      await expect(image.getByRole('button')).toHaveCount(0);
      await expect(space.row(/^TensorFlow/)).toContainText('GB');
      await picture('space');
      if (isForDocuments && theme === 'Light') {
        await page.setViewportSize({ width: 1200, height: 680 });
        await takePictureForDocuments(panel.region, 'space', jupyter);
      }
      const { violations } = await new AxeBuilder({ page })
        .include('.jp-ContainerKernels-space')
        .analyze();
      expect(violations).toEqual([]);
      await page.setViewportSize({ width: 640, height: 900 });
      await picture('space-narrow');
      await page.setViewportSize({ width: 1440, height: 900 });
    });

    await test.step('a deleted kernel is put back', async () => {
      await space
        .table.getByRole('button', { name: 'Restore TensorFlow 2.15', exact: true })
        .click();
      await expect(lab.toast('TensorFlow 2.15 is back')).toBeVisible();
      await expect(space.row('tensorflow/')).toContainText(
        'TensorFlow 2.15'
      );
      expect(existsSync(join(jupyter.kernels, 'tensorflow-2.15'))).toBe(true);
    });

    await test.step('another is removed for good, after asking once', async () => {
      const remove = space.table.getByRole('button', {
        name: 'Remove for good: Bioconductor 3.18'
      });
      await remove.click();
      await expect(space.question).toContainText('cannot be put back');
      await picture('space-question');
      await space.question.getByRole('button', { name: 'Cancel' }).click();
      await expect(remove).toBeEnabled();
      await remove.click();
      await space.question.getByRole('button', { name: /^Free/ }).click();
      await expect(lab.toast('freed')).toBeVisible();
      await expect(remove).toHaveCount(0);
    });

    await test.step('what cannot be read is said, and read again', async () => {
      await page.route('**/container-kernels/space*', route =>
        route.fulfill({
          status: 504,
          contentType: 'application/json',
          body: JSON.stringify({
            code: 'timed_out',
            message: '/scratch does not answer.',
            hint: 'Try again when it does.'
          })
        })
      );
      await panel.refreshButton.click();
      await expect(space.panel).toContainText('/scratch does not answer.');
      await picture('space-failing');
      await page.unroute('**/container-kernels/space*');
      await space.panel.getByRole('button', { name: 'Try again' }).click();
      await expect(space.panel).not.toContainText('/scratch does not answer.');
    });
  });
}
