import AxeBuilder from '@axe-core/playwright';
import type { Locator, Page } from '@playwright/test';
import { execFile } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  rmSync,
  writeFileSync
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { expect, test as base } from '../fixtures';
import { imageFile, Jupyter, registry } from '../jupyter';
import { hideToasts, takePicture, takePictureForDocuments } from '../pictures';

declare global {
  interface Window {
    /** JupyterLab itself, which shows itself where the server is told so. */
    jupyterapp: {
      commands: { execute(id: string, args: object): Promise<void> };
    };
  }
}

/** What a site offers, in a folder that all users may read. */
interface ISite {
  folder: string;
  /** An image of the catalogue. */
  image: string;
}

const NAME = 'Quantum Espresso 7.4';
/** For what starts a kernel to see that it works, in milliseconds. */
const PATIENCE = 240_000;
const SLUG = 'quantum-espresso-7.4';

const test = base.extend<object, { site: ISite }>({
  site: [
    async ({}, use) => {
      const folder = mkdtempSync(join(tmpdir(), 'container-kernels-site-'));
      chmodSync(folder, 0o755);
      const image = join(folder, 'qe-7.4.sif');
      copyFileSync(await imageFile(), image);
      chmodSync(image, 0o644);
      writeFileSync(join(folder, 'container-kernels.toml'), policy(image), {
        mode: 0o644
      });
      await use({ folder, image });
      rmSync(folder, { recursive: true, force: true });
    },
    { scope: 'worker' }
  ],

  server: [
    async ({ site }, use) => {
      const file = join(site.folder, 'container-kernels.toml');
      const server = await Jupyter.start({
        args: [
          `--ContainerKernelsApp.policy_file=${file}`,
          '--LabApp.expose_app_in_browser=True'
        ]
      });
      await use(server);
      await server.stop();
    },
    { scope: 'worker', timeout: 90_000 }
  ]
});

function policy(image: string): string {
  return `
[support]
text = "Ask the help desk of the computing centre."
link = "https://hpc.example.org/containers"

[pull]
from = "login"

[[catalogue]]
title = "PyTorch 2.9.1"
image = "docker://pytorch/pytorch:2.9.1-cuda12.6-cudnn9-runtime"
description = "With CUDA 12.6; works on all GPU nodes"
gpu = "on"
language = "Python"

[[catalogue]]
title = "Bioconductor 3.20"
image = "docker://bioconductor/bioconductor_docker:RELEASE_3_20"
description = "With the packages of the genomics course"
gpu = "off"
language = "R"

[[catalogue]]
title = "${NAME}"
image = "${image}"
description = "With Python 3.11 and ASE"
gpu = "off"
language = "Python"
`;
}

/** Takes a picture in the light and in the dark theme. */
async function look(page: Page, name: string): Promise<void> {
  for (const theme of ['Dark', 'Light']) {
    await page.evaluate(
      name =>
        window.jupyterapp.commands.execute('apputils:change-theme', {
          theme: name
        }),
      `JupyterLab ${theme}`
    );
    await expect(page.locator('body')).toHaveAttribute(
      'data-jp-theme-light',
      String(theme === 'Light')
    );
    await takePicture(page, `${name}-${theme.toLowerCase()}`);
  }
}

/** Nothing in a part of the page keeps people out. */
async function isForAll(page: Page, part: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .include(part)
    .analyze();
  expect(violations).toEqual([]);
}

/** Chooses from the menu of a row. */
async function choose(row: Locator, label: string): Promise<void> {
  await row.click({ button: 'right' });
  await row
    .page()
    .locator('.lm-Menu-itemLabel', { hasText: new RegExp(`^${label}$`) })
    .click();
}

test('a site offers images, has them pulled on a login node, and colleagues share kernels', async ({
  lab,
  page,
  context,
  jupyter,
  site
}) => {
  test.setTimeout(900_000);
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const { panel, addDialog } = lab;
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  const offers = (where: Locator) =>
    where.getByRole('list', { name: 'Images of your site' }).getByRole('button');
  await lab.openPanel();

  await test.step('images of the site stand in the empty panel', async () => {
    await expect(offers(panel.region)).toHaveText([
      /^PyTorch 2\.9\.1.*Python · GPU/,
      /^Bioconductor 3\.20.*R · /,
      new RegExp(`^${NAME}`)
    ]);
    await look(page, 'site-panel');
    await isForAll(page, '.jp-ContainerKernels');
  });

  await test.step('they are the first choices of the dialog', async () => {
    await panel.addButton.click();
    await expect(offers(addDialog.dialog)).toHaveCount(3);
    await look(page, 'site-add');
    await takePictureForDocuments(
      addDialog.dialog.locator('.jp-Dialog-content'),
      'catalogue',
      jupyter,
      { [site.folder]: '/shared/images' }
    );
    await addDialog.image.fill('espresso');
    await expect(offers(addDialog.dialog)).toHaveCount(1);
  });

  await test.step('one that is chosen fills the form, and is added', async () => {
    await offers(addDialog.dialog).click();
    await expect(addDialog.image).toHaveValue(site.image);
    await expect(addDialog.image).toBeFocused();
    await expect(addDialog.name).toHaveValue(NAME);
    await expect(addDialog.gpu(/^Off/)).toBeChecked();
    await expect(addDialog.answer).toContainText('used where it lies');
    await page.keyboard.press('Enter');
    await expect(addDialog.dialog).toHaveCount(0);
    await expect(panel.row(NAME)).toBeVisible({ timeout: PATIENCE });
    await hideToasts(page);
  });

  const place = join(site.folder, 'lab');
  await test.step('a kernel is shared, and the line for colleagues can be copied', async () => {
    await choose(panel.row(NAME), 'Share…');
    const dialog = page.getByRole('dialog', { name: `Share ${NAME}` });
    await dialog.getByLabel('Folder').fill(place);
    await expect(dialog).toContainText(
      'All users of this machine can use it, and nobody but you can change it.'
    );
    await expect(
      dialog.getByRole('list', { name: /^Used where it lies/ })
    ).toContainText(site.image);
    await look(page, 'share');
    await isForAll(page, '.jp-ContainerKernels-sharing');
    await takePictureForDocuments(
      dialog.locator('.jp-Dialog-content'),
      'share',
      jupyter,
      { [place]: '/project/lab/jupyter', [site.folder]: '/shared/images' }
    );
    await dialog.getByRole('button', { name: 'Copy' }).click();
    expect(await copied()).toContain(`shared_kernel_dirs.append("${place}")`);
    await dialog.getByRole('button', { name: 'Share', exact: true }).click();
    await expect(dialog).toHaveCount(0);
  });

  await test.step('it stands there once it has started there, and is withdrawn', async () => {
    await expect(panel.row(NAME)).toHaveCount(2, { timeout: PATIENCE });
    expect(existsSync(join(place, 'kernels'))).toBe(true);
    // the kernel itself has its name in Jupyter as its id
    const shared = panel.table.locator(
      `[data-slug="${SLUG}"]:not([data-id="${SLUG}"])`
    );
    await expect(shared).toHaveCount(1);
    await expect(shared).toContainText(`You share it from ${place}`);
    await look(page, 'shared');
    await choose(shared, 'Withdraw');
    const dialog = page.getByRole('dialog').filter({ hasText: 'Withdraw' });
    await expect(dialog).toContainText(join(place, 'kernels'));
    await dialog.getByRole('button', { name: 'Withdraw' }).click();
    await expect(panel.row(NAME)).toHaveCount(1);
    expect(existsSync(join(place, 'kernels', SLUG))).toBe(false);
  });

  await test.step('an image is pulled by the line that the task shows', async () => {
    await panel.addButton.click();
    await addDialog.image.fill(`${registry()}/demo/python-ipykernel:1`);
    await addDialog.name.fill('Debian Python');
    await expect(addDialog.dialog).toContainText(
      'Your site has images pulled on a login node'
    );
    await expect(addDialog.answer).toContainText('to download');
    await addDialog.addButton.click();
    const task = panel.task('Adding Debian Python');
    const line = task.getByRole('group', {
      name: 'Line to run on a login node'
    });
    await expect(line).toContainText(' pull ');
    await look(page, 'login-line');
    await takePictureForDocuments(task, 'login-line', jupyter);
    await isForAll(page, '.jp-ContainerKernels');
    await line.getByRole('button', { name: 'Copy line' }).click();
    await promisify(execFile)('bash', ['-c', await copied()], {
      env: {
        ...process.env,
        JUPYTER_DATA_DIR: jupyter.data,
        JUPYTER_CONFIG_DIR: join(dirname(jupyter.data), 'config')
      }
    });
    await expect(panel.row('Debian Python')).toBeVisible({ timeout: PATIENCE });
    await expect(line).toHaveCount(0);
  });
});
