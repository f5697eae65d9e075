import { Dialog, Notification } from '@jupyterlab/apputils';
import { fireEvent, screen } from '@testing-library/dom';

import schema from '../../../schema/commands.json';
import type { IKernel, IRepairRequest } from '../../api/types';
import { FakeApp } from '../../testing/app';
import { settle } from '../../testing/page';
import {
  aKernel,
  aRemoval,
  aTask,
  someDetails,
  someInfo
} from '../../testing/samples';
import { CommandIDs } from '../../tokens';
import { commands } from '../commands';

/** All command ids in some JSON. */
function commandsIn(value: unknown): string[] {
  return [...JSON.stringify(value).matchAll(/"command":"([^"]+)"/g)].map(
    match => match[1]
  );
}

describe('the commands', () => {
  let fake: FakeApp;
  let created: [string, unknown][];

  beforeEach(() => {
    fake = new FakeApp();
    created = [];
    for (const id of ['notebook:create-new', 'console:create']) {
      fake.commands.addCommand(id, {
        execute: args => {
          created.push([id, args]);
        }
      });
    }
    fake.server.on('GET', /info/, { body: someInfo() });
    void commands.activate(fake.app, fake.model, null, null);
  });

  afterEach(() => {
    Dialog.flush();
    fake.model.dispose();
  });

  it.each([
    CommandIDs.addKernel,
    CommandIDs.startNotebook,
    CommandIDs.startConsole,
    CommandIDs.showLog,
    CommandIDs.deleteKernel,
    CommandIDs.editKernel,
    CommandIDs.duplicateKernel,
    CommandIDs.repairKernel,
    CommandIDs.refresh
  ])('%s has a label, a caption and described arguments', async id => {
    expect(fake.commands.label(id)).not.toBe('');
    expect(fake.commands.caption(id)).not.toBe('');
    expect((await fake.commands.describedBy(id)).args).toMatchObject({
      type: 'object'
    });
  });

  it('are those that the schema puts into menus and on keys', () => {
    const known: string[] = Object.values(CommandIDs);
    const used = commandsIn(schema);
    expect(used.length).toBeGreaterThan(5);
    expect(used.filter(id => !known.includes(id))).toEqual([]);
  });

  it('start a notebook and a console with the kernel', async () => {
    await fake.commands.execute(CommandIDs.startNotebook, { slug: 'x' });
    await fake.commands.execute(CommandIDs.startConsole, { slug: 'x' });
    expect(created).toEqual([
      ['notebook:create-new', { kernelName: 'x' }],
      ['console:create', { kernelPreference: { name: 'x' }, activate: true }]
    ]);
  });

  it('are about the row that the context menu was opened on', async () => {
    fake.contextRow = document.createElement('tr');
    fake.contextRow.dataset.slug = 'row';
    await fake.commands.execute(CommandIDs.startNotebook);
    expect(created).toEqual([['notebook:create-new', { kernelName: 'row' }]]);
  });

  it('do nothing when they are about no kernel', async () => {
    await fake.commands.execute(CommandIDs.startNotebook);
    await fake.commands.execute(CommandIDs.deleteKernel);
    await fake.commands.execute(CommandIDs.showLog);
    expect(created).toEqual([]);
    expect(screen.queryByRole('dialog', { hidden: true })).toBeNull();
  });

  it('mend a kernel, and do not ask where the image is when they are told', async () => {
    fake.server.on('POST', /repair$/, { status: 202, body: aTask() });
    await fake.commands.execute(CommandIDs.repairKernel, {
      slug: 'x',
      action: 'relink',
      image: '/new/x.sif'
    });
    await fake.commands.execute(CommandIDs.repairKernel, {
      slug: 'x',
      action: 'reinstall'
    });
    await fake.commands.execute(CommandIDs.repairKernel, {
      slug: 'x',
      action: 'nothing that is known'
    });
    expect(
      fake.server.asked
        .filter(asked => asked.path.endsWith('kernels/x/repair'))
        .map(asked => asked.body)
    ).toEqual([
      { action: 'relink', image: '/new/x.sif' },
      { action: 'reinstall' }
    ]);
  });

  it('hide the console where there is none', () => {
    const bare = new FakeApp();
    void commands.activate(bare.app, bare.model, null, null);
    expect(bare.commands.isVisible(CommandIDs.startConsole)).toBe(false);
    expect(fake.commands.isVisible(CommandIDs.startConsole)).toBe(true);
    bare.model.dispose();
  });

  it('open one form, however often they are called', async () => {
    void fake.commands.execute(CommandIDs.addKernel);
    void fake.commands.execute(CommandIDs.addKernel);
    await settle();
    expect(screen.getAllByRole('dialog', { hidden: true })).toHaveLength(1);
  });

  it('add what stands in the form', async () => {
    fake.server
      .on('POST', /resolve/, () => new Promise(() => undefined))
      .on('POST', /kernels$/, { status: 202, body: aTask() });
    const adding = fake.commands.execute(CommandIDs.addKernel, {
      image: 'debian:12'
    });
    await settle();
    fireEvent.keyDown(screen.getByLabelText('Image'), { key: 'Enter' });
    await settle();
    await adding;
    expect(
      fake.server.asked.find(asked => asked.path.endsWith('kernels'))?.body
    ).toEqual({
      image: 'debian:12',
      display_name: 'Debian 12',
      slug: null,
      gpu: 'auto',
      binds: [],
      interpreter: null,
      environment: {},
      isolated: true,
      image_dir: null,
      by_runtime: false
    });
    expect(fake.model.tasks).toHaveLength(1);
  });

  it('edit a failed task and let it go once the new one has begun', async () => {
    const failed = aTask({ state: 'failed' });
    fake.server
      .on('GET', /tasks$/, { body: { tasks: [failed] } })
      .on('POST', /resolve/, () => new Promise(() => undefined))
      .on('POST', /kernels$/, {
        status: 202,
        body: aTask({ id: 'a'.repeat(32) })
      })
      .on('DELETE', /tasks/, { body: failed });
    await fake.model.start();
    const adding = fake.commands.execute(CommandIDs.addKernel, {
      task: failed.id
    });
    await settle();
    const image = screen.getByLabelText<HTMLInputElement>('Image');
    expect(image.value).toBe('debian:12');
    fireEvent.keyDown(image, { key: 'Enter' });
    await settle();
    await adding;
    expect(fake.server.count('DELETE', /tasks/)).toBe(1);
    expect(fake.model.tasks.map(item => item.task.id)).toEqual([
      'a'.repeat(32)
    ]);
  });

  it('delete after asking', async () => {
    const removed = jest.fn();
    fake.model.removed.connect((_, kernels) => removed(kernels));
    fake.server
      .on('GET', /kernels\/debian-12$/, { body: someDetails() })
      .on('DELETE', /kernels/, { body: aRemoval() });
    const deleting = fake.commands.execute(CommandIDs.deleteKernel, {
      slug: 'debian-12'
    });
    await settle();
    fireEvent.click(screen.getByText('Delete, free 8.1 GB'));
    await settle();
    await deleting;
    expect(removed.mock.calls).toEqual([
      [
        [
          {
            slug: 'debian-12',
            displayName: 'debian-12',
            removal: aRemoval()
          }
        ]
      ]
    ]);
  });

  describe('with kernels that are listed', () => {
    const list = async (...kernels: IKernel[]) => {
      fake.server.on('GET', /kernels$/, { body: { kernels } });
      await fake.model.refresh();
    };

    it('do not delete what belongs to the system, and say so', async () => {
      const toast = jest.spyOn(Notification, 'error').mockReturnValue('');
      await list(aKernel({ read_only: true, ours: false }));
      const args = { slug: 'debian-12' };
      expect(fake.commands.isEnabled(CommandIDs.deleteKernel, args)).toBe(
        false
      );
      expect(fake.commands.caption(CommandIDs.deleteKernel, args)).toMatch(
        /belongs to the system/
      );
      await fake.commands.execute(CommandIDs.deleteKernel, args);
      expect(toast.mock.calls[0][0]).toMatch(/cannot be deleted here/);
      expect(screen.queryByRole('dialog')).toBeNull();
      toast.mockRestore();
    });

    it('delete the kernel of the row, though another hides it', async () => {
      const hidden = aKernel({
        id: 'debian-12@/opt',
        resource_dir: '/opt/kernels/debian-12'
      });
      await list(aKernel(), hidden);
      fake.server
        .on('GET', /kernels\/debian-12\?directory=%2Fopt/, {
          body: someDetails({
            kernel: hidden,
            removal: [
              {
                what: 'kernelspec',
                path: hidden.resource_dir,
                size_bytes: 4_000,
                goes: true,
                reason: '',
                used_by: []
              }
            ]
          })
        })
        .on('DELETE', /kernels/, { body: aRemoval() });
      const deleting = fake.commands.execute(CommandIDs.deleteKernel, {
        slug: 'debian-12',
        id: hidden.id
      });
      await settle();
      expect(screen.getByText(hidden.resource_dir)).toBeTruthy();
      fireEvent.keyDown(document.activeElement as Element, { key: 'Enter' });
      await deleting;
      expect(
        fake.server.asked.find(asked => asked.method === 'DELETE')?.body
      ).toMatchObject({ resource_dir: hidden.resource_dir });
    });
  });

  describe('that mend', () => {
    const repairs = () =>
      fake.server.asked
        .filter(asked => asked.path.endsWith('/repair'))
        .map(asked => asked.body);

    it.each(['pull', 'update', 'reinstall', 'find_runtime'])(
      'send %s as it is',
      async action => {
        fake.server.on('POST', /repair$/, { status: 202, body: aTask() });
        const args = { slug: 'debian-12', action };
        await fake.commands.execute(CommandIDs.repairKernel, args);
        expect(repairs()).toEqual([{ action }]);
        expect(fake.commands.label(CommandIDs.repairKernel, args)).not.toMatch(
          /^Mend/
        );
      }
    );

    it('let the image be looked for before they ask where it is', async () => {
      fake.server.on('POST', /repair$/, ({ body }) =>
        (body as IRepairRequest).image
          ? { status: 202, body: aTask() }
          : {
              status: 422,
              body: { code: 'image_not_found', message: 'Gone.', hint: '' }
            }
      );
      const mending = fake.commands.execute(CommandIDs.repairKernel, {
        slug: 'debian-12',
        action: 'relink'
      });
      await settle();
      const path = screen.getByLabelText('The path of the image file');
      fireEvent.change(path, { target: { value: '/new/x.sif' } });
      fireEvent.keyDown(path, { key: 'Enter' });
      await mending;
      expect(repairs()).toEqual([
        { action: 'relink' },
        { action: 'relink', image: '/new/x.sif' }
      ]);
    });

    it('do not ask where the image is when it was found', async () => {
      fake.server.on('POST', /repair$/, { status: 202, body: aTask() });
      await fake.commands.execute(CommandIDs.repairKernel, {
        slug: 'debian-12',
        action: 'relink'
      });
      expect(screen.queryByRole('dialog')).toBeNull();
      expect(repairs()).toEqual([{ action: 'relink' }]);
    });
  });

  it.each([CommandIDs.deleteKernel, CommandIDs.showLog])(
    '%s says why it cannot be done',
    async id => {
      const toast = jest.spyOn(Notification, 'error').mockReturnValue('');
      fake.server.on('GET', /kernels\//, {
        status: 404,
        body: { code: 'not_found', message: 'Gone.', hint: 'Refresh.' }
      });
      await fake.commands.execute(id, { slug: 'x' });
      expect(toast.mock.calls[0][0]).toBe('Gone. Refresh.');
      toast.mockRestore();
    }
  );
});
