import { Dialog, Notification } from '@jupyterlab/apputils';
import { fireEvent, screen } from '@testing-library/dom';

import schema from '../../../schema/commands.json';
import { FakeApp } from '../../testing/app';
import { aTask, someDetails, someInfo } from '../../testing/samples';
import { CommandIDs } from '../../tokens';
import { commands } from '../commands';

const settle = () => new Promise(done => setTimeout(done, 50));

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
      { action: 'reinstall', image: null }
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
      isolated: true
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

  it('delete after asking, and say what was freed', async () => {
    const toast = jest.spyOn(Notification, 'success').mockReturnValue('');
    fake.server
      .on('GET', /kernels\/debian-12$/, { body: someDetails() })
      .on('DELETE', /kernels/, {
        body: {
          slug: 'debian-12',
          removal: [],
          freed_bytes: 8_125_004_000,
          undo: null
        }
      });
    const deleting = fake.commands.execute(CommandIDs.deleteKernel, {
      slug: 'debian-12'
    });
    await settle();
    fireEvent.click(screen.getByText('Delete, free 8.1 GB'));
    await settle();
    await deleting;
    expect(toast.mock.calls[0][0]).toBe('Deleted Debian 12. 8.1 GB freed.');
    toast.mockRestore();
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
