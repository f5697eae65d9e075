import { Notification } from '@jupyterlab/apputils';
import type { ILauncher } from '@jupyterlab/launcher';
import type { IStatusBar } from '@jupyterlab/statusbar';

import type { ITask } from '../../api/types';
import plugins from '../../index';
import { FakeApp } from '../../testing/app';
import { settle } from '../../testing/page';
import {
  aFailedLog,
  aKernel,
  aRemoval,
  aTask,
  someInfo
} from '../../testing/samples';
import { CommandIDs } from '../../tokens';
import { absolutePath } from '../fileChooser';
import { launcher } from '../launcher';
import { notifications } from '../notifications';
import { palette } from '../palette';
import { statusBar } from '../statusBar';

describe('the plugins', () => {
  it('have ids of one kind, and say what they are for', () => {
    for (const plugin of plugins) {
      expect(plugin.id).toMatch(/^jupyterlab-container-kernels:[a-z-]+$/);
      expect(plugin.description).toMatch(/\.$/);
    }
    expect(new Set(plugins.map(plugin => plugin.id)).size).toBe(plugins.length);
  });

  it('require nothing but each other, so that Notebook 7 works', () => {
    const required = plugins.flatMap(plugin => plugin.requires ?? []);
    const provided = plugins.flatMap(plugin => plugin.provides ?? []);
    expect(required.filter(token => !provided.includes(token))).toEqual([]);
  });
});

describe('the tile in the Launcher', () => {
  it('stands after the default kernel, before the others, with a picture of its own', () => {
    const items: ILauncher.IItemOptions[] = [];
    const fake = new FakeApp();
    void launcher.activate(
      fake.app,
      {
        add: (item: ILauncher.IItemOptions) => {
          items.push(item);
        }
      },
      null
    );
    expect(items).toHaveLength(1);
    expect(items[0]).toMatchObject({
      command: CommandIDs.addKernel,
      category: 'Notebook',
      kernelIconUrl: expect.stringMatching(/^data:image\/svg\+xml/)
    });
    expect(items[0].rank).toBeGreaterThan(0);
    expect(items[0].rank).toBeLessThan(Infinity);
    fake.model.dispose();
  });

  it('and the palette are left out where there is none', () => {
    const fake = new FakeApp();
    expect(() => launcher.activate(fake.app, null, null)).not.toThrow();
    expect(() => palette.activate(fake.app, null, null)).not.toThrow();
    expect(() =>
      statusBar.activate(fake.app, fake.model, null, null)
    ).not.toThrow();
    fake.model.dispose();
  });
});

describe('the status bar', () => {
  it('shows its item while something runs', async () => {
    const fake = new FakeApp();
    let item: IStatusBar.IItem | undefined;
    void statusBar.activate(
      fake.app,
      fake.model,
      {
        registerStatusItem: (_: string, each: IStatusBar.IItem) => {
          item = each;
        }
      },
      null
    );
    const changed = jest.fn();
    item?.activeStateChanged?.connect(() => changed());
    expect(item?.isActive?.()).toBe(false);
    fake.server.on('POST', /kernels$/, { status: 202, body: aTask() });
    await fake.model.add({ image: 'debian' });
    expect(item?.isActive?.()).toBe(true);
    expect(changed).toHaveBeenCalledTimes(1);
    fake.model.dispose();
  });
});

describe('the toasts', () => {
  let fake: FakeApp;
  let shown: [string, string, string[]][];
  let dismissed: string[];

  beforeEach(() => {
    shown = [];
    dismissed = [];
    fake = new FakeApp();
    for (const kind of ['info', 'success', 'warning', 'error'] as const) {
      jest
        .spyOn(Notification, kind)
        .mockImplementation((...[message, options]) => {
          shown.push([
            kind,
            String(message),
            (options?.actions ?? []).map(action => action.label)
          ]);
          return `toast ${shown.length}`;
        });
    }
    jest.spyOn(Notification, 'dismiss').mockImplementation(id => {
      dismissed.push(id ?? '');
    });
    void notifications.activate(fake.app, fake.model, null);
    fake.server.on('POST', /kernels$/, { status: 202, body: aTask() });
  });

  afterEach(() => {
    jest.restoreAllMocks();
    fake.model.dispose();
  });

  /** Adds a kernel, and lets it end. */
  async function add(end: Parameters<typeof aTask>[0]) {
    await fake.model.add({ image: 'debian:12' });
    fake.server.on('GET', /tasks$/, {
      body: { tasks: [aTask({ seq: 9, ...end })] }
    });
    await fake.model.start();
  }

  it('are one at the start and one at the end', async () => {
    await add({ state: 'done' });
    await fake.model.start();
    expect(shown).toEqual([
      ['info', 'Adding Debian 12…', ['Show']],
      ['success', 'Debian 12 is ready.', ['Open notebook']]
    ]);
  });

  it('no longer say that a kernel is ready when it was deleted', async () => {
    await add({ state: 'done' });
    fake.server
      .on('DELETE', /kernels/, { body: aRemoval() })
      .on('DELETE', /tasks/, { body: aTask({ state: 'done' }) });
    await fake.model.remove('debian-12', {});
    expect(dismissed).toEqual(['toast 2']);
  });

  it('speak of mending when a kernel is mended', async () => {
    const repair = { action: 'pull' } as const;
    fake.server.on('POST', /repair$/, { status: 202, body: aTask({ repair }) });
    await fake.model.repair('debian-12', repair);
    fake.server.on('GET', /tasks$/, {
      body: {
        tasks: [
          aTask({
            seq: 9,
            repair,
            state: 'failed',
            error: { code: 'verify_failed', message: 'No.', hint: '' }
          })
        ]
      }
    });
    await fake.model.start();
    expect(shown).toEqual([
      ['info', 'Mending Debian 12…', ['Show']],
      ['error', 'Debian 12 could not be mended. No.', ['Show']]
    ]);
  });

  it.each([
    ['edit', 'done', 'success', 'Debian 12 was changed.', []],
    [
      'edit',
      'failed',
      'error',
      'Debian 12 could not be changed. No.',
      ['Show']
    ],
    ['duplicate', 'done', 'success', 'Debian 12 is ready.', ['Open notebook']],
    ['check', 'done', 'success', 'Debian 12 works.', []],
    [
      'check',
      'failed',
      'error',
      'Debian 12 did not pass its check. No.',
      ['Show']
    ],
    ['check', 'cancelled', null, '', []]
  ] as const)(
    'say of %s that it is %s',
    async (job, state, kind, text, labels) => {
      const error = {
        code: 'verify_failed',
        message: 'No.',
        hint: ''
      } as const;
      await add({ job, state, error: state === 'failed' ? error : null });
      await settle();
      expect(shown.slice(1)).toEqual(kind ? [[kind, text, labels]] : []);
    }
  );

  it('say from where a kernel is shared', async () => {
    const share = { directory: '/project/lab' };
    await add({ job: 'share', share, state: 'done' });
    expect(shown[1]).toEqual([
      'success',
      'Debian 12 is shared from /project/lab.',
      []
    ]);
  });

  it('say once that a line is to be run, until it was', async () => {
    const read = (change: Partial<ITask>) => {
      fake.server.on('GET', /tasks$/, { body: { tasks: [aTask(change)] } });
      return fake.model.start();
    };
    await read({ seq: 1, command: 'pull it' });
    await read({ seq: 2, command: 'pull it' });
    expect(shown).toEqual([
      [
        'warning',
        'Debian 12 waits for you to run a line on a login node.',
        ['Show']
      ]
    ]);
    expect(dismissed).toEqual([]);
    await read({ seq: 3, command: null });
    expect(dismissed).toEqual(['toast 1']);
  });

  it('say when an edit takes effect where the kernel runs', async () => {
    fake.server
      .on('GET', /kernels$/, { body: { kernels: [aKernel({ running: 1 })] } })
      .on('GET', /info/, { body: someInfo() });
    await fake.model.refresh();
    await add({ job: 'edit', state: 'done' });
    expect(shown[1][1]).toBe(
      'Debian 12 was changed. It takes effect at its next start.'
    );
  });

  it('say together what came of checks', async () => {
    const running = ['a', 'b', 'c'].map(letter =>
      aTask({ id: letter.repeat(32), job: 'check' })
    );
    for (const task of running) {
      fake.server.on('POST', /check$/, { status: 202, body: task });
      await fake.model.check('debian-12');
    }
    const read = async (...states: ITask['state'][]) => {
      fake.server.on('GET', /tasks$/, {
        body: {
          tasks: running.map((task, index) => ({
            ...task,
            seq: states[index] === 'running' ? 1 : 2,
            state: states[index]
          }))
        }
      });
      await fake.model.start();
      await settle();
    };
    await read('done', 'running', 'failed');
    expect(shown).toEqual([]);
    await read('done', 'failed', 'failed');
    expect(shown).toEqual([
      ['error', '2 of 3 kernels did not pass their check.', ['Show']]
    ]);
  });

  it('offer to choose the image where it was looked for in vain', async () => {
    await add({
      repair: { action: 'relink', image: null },
      state: 'failed',
      error: { code: 'image_not_found', message: 'Nowhere.', hint: '' }
    });
    expect(shown[1][2]).toEqual(['Choose its new place…', 'Show']);
  });

  it('tell once that a kernel could not start, until it does', async () => {
    const opened: unknown[] = [];
    fake.commands.addCommand(CommandIDs.openPanel, {
      execute: args => {
        opened.push(args);
      }
    });
    fake.server.on('GET', /log$/, { body: aFailedLog() });
    const kernel = { id: 'k', slug: 'debian-12', displayName: 'Debian 12' };
    fake.model.starts.see({ ...kernel, state: 'died' });
    await settle();
    fake.model.starts.see({ ...kernel, state: 'died' });
    await settle();
    expect(shown).toEqual([
      [
        'error',
        'Debian 12 could not start. The image /scratch/x.sif is not there on node1.',
        ['Show']
      ]
    ]);
    fake.model.starts.see({ ...kernel, state: 'answered' });
    expect(dismissed).toEqual(['toast 1']);
  });

  it('say what failed in one line', async () => {
    await add({
      state: 'failed',
      error: {
        code: 'install_failed',
        message: 'pip could not install ipykernel.\nmore',
        hint: ''
      }
    });
    expect(shown[1]).toEqual([
      'error',
      'Debian 12 could not be added. pip could not install ipykernel.',
      ['Show']
    ]);
  });

  it('say nothing to who cancelled', async () => {
    await add({ state: 'cancelled' });
    expect(shown).toHaveLength(1);
  });

  it('say nothing of what had ended before the page was loaded', async () => {
    fake.server.on('GET', /tasks$/, {
      body: { tasks: [aTask({ state: 'done' })] }
    });
    await fake.model.start();
    expect(shown).toEqual([]);
  });
});

describe('a chosen file', () => {
  it.each([
    ['/home/u', 'a/x.sif', '/home/u/a/x.sif'],
    ['/', 'a/x.sif', '/a/x.sif'],
    ['/home/u/', '/x.sif', '/home/u/x.sif']
  ])('below %s, shown as %s, is %s', (root, path, absolute) => {
    expect(absolutePath(root, path)).toBe(absolute);
  });
});
