import { Clipboard, Dialog, Notification } from '@jupyterlab/apputils';
import { fireEvent, screen, waitFor } from '@testing-library/dom';

import type { IKernel } from '../../api/types';
import { FakeApp } from '../../testing/app';
import { settle } from '../../testing/page';
import { aKernel, aTask } from '../../testing/samples';
import { CommandIDs } from '../../tokens';
import { commands } from '../commands';

const plan = {
  directory: '/project/lab',
  readers: 'lab',
  items: [],
  left_out: [],
  remarks: [],
  line: 'echo it'
};

const shared = aKernel({
  id: '/project/lab/kernels/debian-12',
  resource_dir: '/project/lab/kernels/debian-12',
  display_name: 'Debian 12 of the lab',
  read_only: true,
  withdrawable: true
});

let fake: FakeApp;
let told: [string, string][];

beforeEach(() => {
  fake = new FakeApp();
  void commands.activate(fake.app, fake.model, null, null);
  fake.server.on('POST', /share\/plan$/, { body: plan });
  told = [];
  for (const kind of ['info', 'success', 'error'] as const) {
    jest.spyOn(Notification, kind).mockImplementation((...args: unknown[]) => {
      told.push([kind, String(args[0])]);
      return '';
    });
  }
});

afterEach(() => {
  jest.restoreAllMocks();
  Dialog.flush();
  fake.model.dispose();
});

async function list(...kernels: IKernel[]): Promise<void> {
  fake.server
    .on('GET', /kernels$/, { body: { kernels } })
    .on('GET', /tasks$/, { body: { tasks: [] } });
  await fake.model.refresh();
}

function bodies(path: RegExp): unknown[] {
  return fake.server.asked
    .filter(each => each.method === 'POST' && path.test(each.path))
    .map(each => each.body);
}

function button(name: string): HTMLButtonElement {
  return screen
    .getAllByText(name)
    .map(each => each.closest('button'))
    .find(each => each !== null) as HTMLButtonElement;
}

describe('Share…', () => {
  const open = async (args = {}) => {
    const done = fake.commands.execute(CommandIDs.shareKernel, {
      slug: 'debian-12',
      ...args
    });
    const folder = await screen.findByLabelText<HTMLInputElement>('Folder');
    return { done, folder };
  };

  const name = async (folder: HTMLInputElement, directory: string) => {
    fireEvent.change(folder, { target: { value: directory } });
    await screen.findByText(/All members of the group lab/);
  };

  it('is offered of kernels of ours that can be changed and are seen', async () => {
    const isOffered = async (change: Partial<IKernel>) => {
      await list(aKernel(change));
      return fake.commands.isVisible(CommandIDs.shareKernel, {
        slug: 'debian-12'
      });
    };
    expect(await isOffered({})).toBe(true);
    expect(await isOffered({ ours: false })).toBe(false);
    expect(await isOffered({ read_only: true })).toBe(false);
    await list(shared);
    expect(
      fake.commands.isVisible(CommandIDs.shareKernel, { id: shared.id })
    ).toBe(false);
  });

  it('shows what it means, sends it, and goes there the next time, too', async () => {
    await list(aKernel());
    fake.server.on('POST', /share$/, {
      status: 202,
      body: aTask({ job: 'share', share: { directory: '/project/lab' } })
    });
    const { done, folder } = await open();
    expect(screen.getByText('Share Debian 12')).toBeTruthy();
    expect(folder.value).toBe('');
    expect(button('Share').getAttribute('aria-disabled')).toBe('true');
    await name(folder, ' /project/lab ');
    fireEvent.click(button('Share'));
    await done;
    expect(bodies(/share$/)).toEqual([
      { directory: '/project/lab', environment: [] }
    ]);
    const again = await open();
    expect(again.folder.value.trim()).toBe('/project/lab');
    fireEvent.click(button('Cancel'));
    await again.done;
    expect(bodies(/share$/)).toHaveLength(1);
  });

  it('copies the line that colleagues run', async () => {
    const copied = jest
      .spyOn(Clipboard, 'copyToSystem')
      .mockImplementation(() => undefined);
    await list(aKernel());
    const { done, folder } = await open();
    await name(folder, '/project/lab');
    fireEvent.click(button('Copy line'));
    expect(copied).toHaveBeenCalledWith('echo it');
    expect(told).toEqual([['info', 'Copied to the clipboard.']]);
    fireEvent.click(button('Cancel'));
    await done;
  });

  it('stays, with what was typed, and says why it was refused', async () => {
    await list(aKernel());
    fake.server.on('POST', /share$/, {
      status: 409,
      body: {
        code: 'slug_taken',
        message: 'debian-12 is shared from there already.',
        hint: 'Withdraw it first.'
      }
    });
    const { done, folder } = await open();
    await name(folder, '/project/lab');
    fireEvent.click(button('Share'));
    await screen.findByText(
      'debian-12 is shared from there already. Withdraw it first.'
    );
    expect(folder.value).toBe('/project/lab');
    fireEvent.click(button('Cancel'));
    await done;
    expect(told).toEqual([]);
  });

  it('tries an ended task again with its folder, and dismisses it then', async () => {
    const failed = aTask({
      id: '1'.repeat(12),
      job: 'share',
      state: 'failed',
      share: { directory: '/project/old', environment: ['HF_TOKEN'] }
    });
    fake.server
      .on('GET', /tasks$/, { body: { tasks: [failed] } })
      .on('DELETE', /tasks\//, { body: failed })
      .on('POST', /share$/, {
        status: 202,
        body: aTask({ id: '2'.repeat(12), job: 'share' })
      });
    await fake.model.start();
    const { done, folder } = await open({ task: failed.id });
    expect(folder.value).toBe('/project/old');
    expect(
      (await screen.findByLabelText<HTMLInputElement>(/HF_TOKEN/)).checked
    ).toBe(true);
    fireEvent.click(button('Share'));
    await done;
    expect(bodies(/share$/)).toEqual([
      { directory: '/project/old', environment: ['HF_TOKEN'] }
    ]);
    expect(fake.server.count('DELETE', new RegExp(failed.id))).toBe(1);
  });
});

describe('Withdraw', () => {
  const begin = async () => {
    await list(aKernel(), shared);
    const done = fake.commands.execute(CommandIDs.withdrawKernel, {
      slug: shared.slug,
      id: shared.id
    });
    await screen.findByText('Withdraw Debian 12 of the lab');
    return { done };
  };

  it('is offered of what this user shares, and does nothing to others', async () => {
    await list(aKernel(), shared);
    const own = { slug: 'debian-12' };
    expect(fake.commands.isVisible(CommandIDs.withdrawKernel, own)).toBe(false);
    expect(
      fake.commands.isVisible(CommandIDs.withdrawKernel, { id: shared.id })
    ).toBe(true);
    await fake.commands.execute(CommandIDs.withdrawKernel, own);
    expect(document.querySelector('.jp-Dialog')).toBeNull();
    expect(bodies(/withdraw$/)).toEqual([]);
  });

  it('says what goes and what stays, and does nothing when that is not wanted', async () => {
    const { done } = await begin();
    expect(document.body.textContent).toContain(
      'It goes from /project/lab/kernels/debian-12 at once'
    );
    expect(document.body.textContent).toContain('Your own kernel stays.');
    fireEvent.click(button('Cancel'));
    await done;
    expect(bodies(/withdraw$/)).toEqual([]);
    expect(told).toEqual([]);
  });

  it('names the folder to the server part, and says what is free again', async () => {
    fake.server.on('POST', /withdraw$/, { body: { freed_bytes: 3e9 } });
    const { done } = await begin();
    fake.server.on('GET', /kernels$/, { body: { kernels: [aKernel()] } });
    fireEvent.click(button('Withdraw'));
    await done;
    expect(bodies(/debian-12\/withdraw$/)).toEqual([
      { resource_dir: '/project/lab/kernels/debian-12' }
    ]);
    expect(told).toEqual([
      [
        'success',
        'Debian 12 of the lab is no longer shared; 3.0 GB are free again.'
      ]
    ]);
    await waitFor(() => expect(fake.model.kernels).toHaveLength(1));
  });

  it.each([
    [
      {
        status: 409,
        body: { code: 'not_ours', message: 'Not yours.', hint: 'Ask lab.' }
      },
      'Not yours. Ask lab.'
    ],
    [
      { status: 502, text: '<html>' },
      'The kernel cannot be withdrawn. The Jupyter server does not answer. Try again in a moment.'
    ]
  ])('says why it could not be done: %j', async (answer, text) => {
    fake.server.on('POST', /withdraw$/, answer);
    const { done } = await begin();
    fireEvent.click(button('Withdraw'));
    await done;
    await settle();
    expect(told).toEqual([['error', text]]);
    expect(fake.model.kernels).toHaveLength(2);
  });
});
