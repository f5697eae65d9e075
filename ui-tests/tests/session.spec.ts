import { test as base } from '@playwright/test';

import { expect, measured } from '../fixtures';
import { Lab } from '../panel';
import { takePicture } from '../pictures';
import { ClusterSession, obstacle, SlowRegistry } from '../session';

const NAME = 'Debian Python';

/** So slow that the session ends before the image is there, in bytes a second. */
const TOO_SLOWLY = 50_000;

/** Slow enough that the download lasts until it is let go. */
const SLOWLY = 300_000;

/** How long the progress is watched, in milliseconds. */
const WATCHED = 8000;

interface ISessionFixtures {
  session: ClusterSession;
  images: SlowRegistry;
}

const test = base.extend<ISessionFixtures>({
  session: [
    async ({}, use, info) => {
      const reason = obstacle();
      test.skip(reason !== null, `There is no cluster here: ${reason}`);
      try {
        const session = await ClusterSession.start();
        await use(session);
        if (info.status !== info.expectedStatus) {
          await info.attach('session.log', { body: session.output });
        }
      } finally {
        await ClusterSession.stop();
      }
    },
    { timeout: 120_000 }
  ],

  images: async ({}, use) => {
    const images = await SlowRegistry.start(TOO_SLOWLY);
    await use(images);
    images.stop();
  }
});

test('the main job, in a session on a cluster whose portal is not always there', async ({
  page,
  context,
  session,
  images
}) => {
  const lab = new Lab(page, session);
  const { panel, addDialog } = lab;
  const task = panel.task(`Adding ${NAME}`);
  const lost = panel.banner('Connection lost, trying again…');
  // JupyterLab says it, too, and covers everything
  const dialog = page.getByRole('dialog').filter({
    hasText: 'Server Connection Error'
  });
  await page.addLocatorHandler(dialog, async () => {
    await dialog.getByRole('button').first().click();
  });

  /** The panel says that the connection is lost, and of the task nothing bad. */
  const isLostFor = async (hint: string) => {
    await expect(lost).toBeVisible();
    await expect(lost).toContainText(hint);
    await expect(task).toBeVisible();
    await expect(panel.region).not.toContainText('could not be added');
    await expect(lab.toast('could not be added')).toHaveCount(0);
  };
  const isBack = async () => {
    await expect(lost).toHaveCount(0, { timeout: 40_000 });
    await expect(task).toBeVisible();
  };

  await test.step('somebody logs in through the portal', async () => {
    await session.logIn(page);
    await lab.open('session');
  });

  await test.step('an image is named, and a task begins', async () => {
    await lab.tile('Add container kernel').click();
    await addDialog.image.fill(`${images.address}/demo/python-ipykernel:1`);
    await addDialog.name.fill(NAME);
    await addDialog.addButton.click();
    await expect(addDialog.dialog).toHaveCount(0);
    await lab.statusItem.click();
    await expect(task).toBeVisible();
  });

  await test.step('it is told that the session ends sooner', async () => {
    await expect(task.getByRole('note')).toContainText(
      /This takes about \d.*; your session ends in \d/,
      { timeout: 60_000 }
    );
    await takePicture(page, 'session-ends');
    images.bytesPerSecond = SLOWLY;
  });

  await test.step('its progress goes on though the portal cuts what is silent', async () => {
    await expect(task).toContainText(/\d MB/);
    const stale = await task.evaluate(
      (row, watched) =>
        new Promise<number>(resolve => {
          let last = Date.now();
          let longest = 0;
          const look = () => {
            longest = Math.max(longest, Date.now() - last);
            last = Date.now();
          };
          new MutationObserver(look).observe(row, {
            subtree: true,
            childList: true,
            characterData: true,
            attributes: true
          });
          setTimeout(() => {
            look();
            resolve(longest);
          }, watched);
        }),
      WATCHED
    );
    measured('session: the stalest progress', stale, 'ms');
    expect(stale).toBeLessThan(WATCHED - 1000);
  });

  await test.step('a second tab shows the same task', async () => {
    const second = new Lab(await context.newPage(), session);
    await second.open('session-too');
    await second.statusItem.click();
    await expect(second.panel.task(`Adding ${NAME}`)).toBeVisible();
    await second.page.close();
  });

  await test.step('so does the page when it is loaded again', async () => {
    await lab.reload();
    await lab.statusItem.click();
    await expect(task).toBeVisible();
  });

  await test.step('a 502 page is a lost connection', async () => {
    await session.says('502');
    await isLostFor('goes on running');
    await session.says('nothing');
    await isBack();
  });

  await test.step('so is a way to the login page of the portal', async () => {
    await session.says('login');
    await isLostFor('log in again');
    await session.says('nothing');
    await isBack();
  });

  await test.step('so is a portal that is started again', async () => {
    await session.restartPortal(() => isLostFor('goes on running'));
    await isBack();
  });

  await test.step('the task was none the worse for it', async () => {
    const [{ state, error }] = await session.tasks(page);
    expect({ state, error }).toEqual({ state: 'running', error: null });
    images.bytesPerSecond = 1e9;
    await expect(lab.toast(`${NAME} is ready.`)).toBeVisible({
      timeout: 90_000
    });
    await lab.openLauncher();
    await expect(lab.tile(NAME).first()).toBeVisible();
  });

  await test.step('a cell runs in the container, and can be interrupted', async () => {
    await lab
      .toast(`${NAME} is ready.`)
      .getByRole('button', { name: 'Open notebook' })
      .click();
    await lab.notebook.run(
      'import os; print("in", os.environ["APPTAINER_CONTAINER"])'
    );
    await expect(lab.notebook.outputs.first()).toHaveText(/^in .*\.sif\s*$/, {
      timeout: 60_000
    });
    await lab.notebook.run(
      'import time; print("asleep", flush=True); time.sleep(600)'
    );
    await expect(lab.notebook.outputs.nth(1)).toHaveText(/^asleep/);
    await lab.menu('Kernel', 'Interrupt Kernel');
    await expect(lab.notebook.outputs.nth(2)).toContainText(
      'KeyboardInterrupt'
    );
  });

  await test.step('it is deleted, with what runs in it', async () => {
    await lab.tab('Container Kernels').click();
    await panel.row(NAME).hover();
    await panel.row(NAME).getByRole('button', { name: 'Delete' }).click();
    await lab.deleteDialog.shutDown.check();
    await lab.deleteDialog.purge.check();
    await lab.deleteDialog.deleteButton.click();
    await expect(lab.deleteDialog.dialog).toHaveCount(0);
    await expect(panel.row(NAME)).toHaveCount(0);
    await expect(lab.tile(NAME)).toHaveCount(0);
  });
});
