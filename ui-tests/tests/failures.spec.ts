import {
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync
} from 'node:fs';
import { join } from 'node:path';

import type { Locator } from '@playwright/test';

import { expect, measured, test } from '../fixtures';
import { imageFile, Jupyter } from '../jupyter';
import { KernelFiles } from '../kernelFiles';
import type { Lab } from '../panel';

const NAME = 'Debian 12';

/** From the death of a kernel to its cause on screen, in milliseconds. */
const PATIENCE = 5000;

/** Ends the kernel right at its start, as a module that is imported there. */
const AT_START = 'usercustomize.py';

test.use({ permissions: ['clipboard-read', 'clipboard-write'] });

/** What breaks, how it comes to be, and what is said then. */
const FAILURES: [
  what: string,
  break_: (kernel: KernelFiles) => void,
  said: RegExp
][] = [
  [
    'an image that was moved',
    kernel => renameSync(kernel.image, `${kernel.image}.old`),
    /no longer at/
  ],
  [
    'an image of which a part is missing',
    kernel => truncateSync(kernel.image, 1_000_000),
    /damaged or incomplete/
  ],
  [
    'a file that is no image',
    kernel => {
      rmSync(kernel.image);
      writeFileSync(kernel.image, 'The scratch file system was moved.\n');
    },
    /is not a container image/
  ],
  [
    'packages that were purged',
    kernel => rmSync(kernel.packages, { recursive: true }),
    /packages/
  ],
  [
    'a runtime that is not on this node',
    kernel => {
      kernel.edit(
        kernel.script,
        /^runtime=.*$/m,
        'runtime=/opt/gone/apptainer PATH=/nowhere'
      );
    },
    /no longer on/
  ],
  [
    'an interpreter that the image lacks',
    kernel =>
      kernel.edit(kernel.script, /^kernel=\(\S+/m, 'kernel=(/opt/gone/python'),
    /no longer holds \/opt\/gone\/python/
  ],
  [
    'a connection file that is not there',
    kernel =>
      kernel.edit(
        kernel.script,
        /^connection=.*$/m,
        'connection=/nowhere/kernel.json'
      ),
    /cannot read \/nowhere\/kernel.json/
  ],
  [
    'a kernel that is killed',
    kernel => kernel.module(AT_START, 'import os; os.kill(os.getpid(), 9)\n'),
    /killed from outside/
  ],
  [
    'a compiled part that crashes',
    kernel => kernel.module(AT_START, 'import os; os.kill(os.getpid(), 11)\n'),
    /segmentation fault/
  ],
  [
    'a package that is broken',
    kernel => kernel.module('IPython/__init__.py', 'import not_here\n'),
    /not_here/
  ],
  [
    'a file that hides a package',
    kernel => kernel.module('IPython.py', ''),
    /IPython/
  ],
  [
    'a program that nobody knows',
    kernel =>
      kernel.module(
        AT_START,
        'import os, sys; print("the flux is bent", file=sys.stderr); sys.stderr.flush(); os._exit(3)\n'
      ),
    /the flux is bent/
  ],
  [
    'too little memory',
    kernel =>
      kernel.module(
        AT_START,
        `import os; os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\\n"); os.abort()\n`
      ),
    /memory of this session was not enough/
  ],
  [
    'a disk that is full',
    kernel =>
      kernel.module(
        'ipykernel_launcher.py',
        'raise OSError(28, "No space left on device", "/home/u/x")\n'
      ),
    /no room left on the disk/
  ]
];

/** Adds a kernel from an image of the user's own. */
async function add(jupyter: Jupyter): Promise<KernelFiles> {
  const file = join(jupyter.root, 'debian.sif');
  rmSync(file, { force: true });
  copyFileSync(await imageFile(), file);
  const slug = await jupyter.addKernel({ image: file, display_name: NAME });
  return new KernelFiles(jupyter, slug);
}

/** Starts a notebook from the Launcher; tells how long its toast took. */
async function fail(lab: Lab, kernel: KernelFiles): Promise<number> {
  const death = kernel.death();
  await lab.tile(NAME).click();
  await expect(lab.toast(/could not start/)).toBeVisible({ timeout: 30_000 });
  return Date.now() - (await death);
}

/**
 * Clicks on *Show*; one click while the toast slides in may miss it. The toast
 * goes with a click that does not.
 */
async function show(toast: Locator, card: Locator): Promise<void> {
  await expect(async () => {
    await toast
      .getByRole('button', { name: 'Show' })
      .click({ timeout: 4000 })
      .catch(() => undefined);
    await expect(card).toBeVisible({ timeout: 4000 });
  }).toPass({ timeout: 60_000 });
}

for (const [what, break_, said] of FAILURES) {
  test(`${what}: the cause is said within seconds`, async ({
    lab,
    jupyter
  }) => {
    const kernel = await add(jupyter);
    await expect(lab.tile(NAME)).toBeVisible();
    break_(kernel);
    const delay = await fail(lab, kernel);
    measured(`failures: ${what}`, delay, 'ms');
    const toast = lab.toast(`${NAME} could not start`);
    await expect(toast).toHaveCount(1);
    const card = lab.panel.card(`${NAME} could not start`);
    await show(toast, card);
    await expect(card).toContainText(said);
    expect(delay).toBeLessThan(PATIENCE);
  });
}

test('an image that was moved is chosen in its new place, and the kernel works', async ({
  lab,
  jupyter,
  page
}) => {
  const kernel = await add(jupyter);
  await expect(lab.tile(NAME)).toBeVisible();
  // Next to where it was, it would be found without asking.
  const elsewhere = join(jupyter.root, 'elsewhere');
  mkdirSync(elsewhere, { recursive: true });
  renameSync(kernel.image, join(elsewhere, 'moved.sif'));
  await fail(lab, kernel);
  const card = lab.panel.card(`${NAME} could not start`);
  await show(lab.toast(`${NAME} could not start`), card);
  // A file of the user's own came from nowhere that it could be pulled from.
  await expect(card.getByRole('button', { name: 'Pull again' })).toHaveCount(0);
  await card.getByRole('button', { name: 'Find it' }).click();
  const chooser = page.getByRole('dialog');
  await chooser.getByText('elsewhere').dblclick();
  await chooser.getByText('moved.sif').click();
  await chooser.getByRole('button', { name: /Select|Open/ }).click();
  await mended(lab);
});

test('an image that was renamed is found without asking, and the kernel works', async ({
  lab,
  jupyter,
  page
}) => {
  const kernel = await add(jupyter);
  await expect(lab.tile(NAME)).toBeVisible();
  renameSync(kernel.image, join(jupyter.root, 'renamed.sif'));
  await fail(lab, kernel);
  await lab.openPanel();
  const card = lab.panel.card(`${NAME} could not start`);
  await card.getByRole('button', { name: 'Find it' }).click();
  await mended(lab);
  await expect(page.getByRole('dialog')).toHaveCount(0);
});

test('packages that were purged are installed again, and the kernel works', async ({
  lab,
  jupyter
}) => {
  const kernel = await add(jupyter);
  await expect(lab.tile(NAME)).toBeVisible();
  rmSync(kernel.packages, { recursive: true });
  await fail(lab, kernel);
  await lab.openPanel();
  const card = lab.panel.card(`${NAME} could not start`);
  await card.getByRole('button', { name: 'Install packages again' }).click();
  await mended(lab);
});

test('a repair that fails says why, can be tried again, and leaves the card', async ({
  lab,
  jupyter
}) => {
  const kernel = await add(jupyter);
  await expect(lab.tile(NAME)).toBeVisible();
  renameSync(kernel.image, `${kernel.image}.old`);
  await fail(lab, kernel);
  const failed = await jupyter.ask<{ id: string }>(
    'POST',
    'container-kernels/kernels/debian-12/repair',
    { action: 'reinstall' }
  );
  await jupyter.ended(failed.id);
  await lab.openPanel();
  const row = lab.panel.task(`${NAME} could not be mended`);
  await expect(row).toContainText(kernel.image);
  await expect(lab.panel.card(/could not start/)).toBeVisible();
  await expect(row.getByRole('button', { name: /Edit/ })).toHaveCount(0);
  renameSync(`${kernel.image}.old`, kernel.image);
  await row.getByRole('button', { name: 'Retry' }).click();
  await mended(lab);
});

test('a kernel that takes long is said to, until it answers', async ({
  lab,
  jupyter
}) => {
  const kernel = await add(jupyter);
  await expect(lab.tile(NAME)).toBeVisible();
  const seen = join(jupyter.root, 'seen');
  const wait = `until [ -e '${seen}' ]; do sleep 0.1; done`;
  kernel.edit(kernel.script, /^# ---- run$/m, wait);
  await lab.tile(NAME).click();
  const toast = lab.toast(`${NAME} has not answered for 10 seconds.`);
  await expect(toast).toBeVisible({ timeout: 60_000 });
  const card = lab.panel.card(`${NAME} has not answered for 10 seconds`);
  await show(toast, card);
  await expect(card).toContainText('It is still starting');
  writeFileSync(seen, '');
  await expect(card).toHaveCount(0, { timeout: 60_000 });
  await expect(toast).toHaveCount(0);
  await lab.tab(/Untitled/).click();
  await lab.notebook.run('print(6 * 7)');
  await expect(lab.notebook.outputs.first()).toHaveText(/^42\s*$/);
});

test('one kernel has one card and one toast, however often Jupyter tries, until it is dismissed', async ({
  lab,
  jupyter,
  page
}) => {
  const kernel = await add(jupyter);
  await expect(lab.tile(NAME)).toBeVisible();
  const asked: string[] = [];
  page.on('request', request => {
    if (request.url().includes('/container-kernels/kernels/')) {
      asked.push(request.url());
    }
  });
  renameSync(kernel.image, `${kernel.image}.old`);
  await fail(lab, kernel);
  await lab.openPanel();
  await expect
    .poll(() => jupyter.output.match(/restarting kernel \(5\/5\)/) !== null, {
      timeout: 60_000
    })
    .toBe(true);
  await expect(lab.toast(/could not start/)).toHaveCount(1);
  const cards = lab.panel.card(/could not start/);
  await expect(cards).toHaveCount(1);
  expect(asked.filter(url => url.includes('/log'))).toHaveLength(1);
  await cards.getByRole('button', { name: 'Dismiss' }).click();
  await expect(cards).toHaveCount(0);
  await expect(lab.toast(/could not start/)).toHaveCount(0);
});

test('a kernel that is killed later has stopped, and why is said though Jupyter starts it again', async ({
  lab,
  jupyter
}) => {
  const kernel = await add(jupyter);
  await lab.tile(NAME).click();
  await lab.notebook.run('print(6 * 7)');
  await expect(lab.notebook.outputs.first()).toHaveText(/^42\s*$/);
  // The next start drops the log of this one, and on this machine at once.
  kernel.edit(kernel.script, /^exec 3>&2$/m, 'sleep 2; exec 3>&2');
  const death = kernel.death();
  await lab.notebook.run('import os; os.kill(os.getpid(), 9)');
  const toast = lab.toast(`${NAME} has stopped. The kernel was killed`);
  await expect(toast).toBeVisible();
  const delay = Date.now() - (await death);
  measured('failures: a kernel that is killed later', delay, 'ms');
  await lab.page
    .getByRole('dialog')
    .filter({ hasText: 'Kernel Restarting' })
    .getByRole('button', { name: 'Ok' })
    .click();
  const card = lab.panel.card(`${NAME} has stopped`);
  await show(toast, card);
  await expect(card).toContainText('killed from outside');
  await card.getByRole('button', { name: 'Copy report' }).click();
  const report = await lab.page.evaluate(() => navigator.clipboard.readText());
  expect(report).toContain(`Kernel: ${NAME} (debian-12)`);
  expect(report).toContain('Exit code: 137');

  // The notebook may go on saying "Starting" after Jupyter's own restart.
  await lab.openLauncher();
  await lab.tile(NAME).last().click();
  await lab.notebook.run('print(6 * 8)');
  await expect(lab.notebook.outputs.last()).toHaveText(/^48\s*$/);
  await expect(toast).toHaveCount(0);
});

/** The panel tells of the repair; then a notebook runs a cell. */
async function mended(lab: Lab): Promise<void> {
  await expect(lab.panel.task(`Mending ${NAME}`)).toBeVisible();
  const toast = lab.toast(`${NAME} is ready.`);
  await expect(toast).toBeVisible({ timeout: 60_000 });
  await expect(lab.panel.card(/could not start/)).toHaveCount(0);
  await expect(lab.toast(/could not start/)).toHaveCount(0);
  await toast.getByRole('button', { name: 'Open notebook' }).click();
  await lab.notebook.run('print(6 * 7)');
  await expect(lab.notebook.outputs.first()).toHaveText(/^42\s*$/, {
    timeout: 60_000
  });
}
