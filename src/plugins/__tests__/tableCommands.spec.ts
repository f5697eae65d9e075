import { Dialog, Notification } from '@jupyterlab/apputils';
import { fireEvent, screen } from '@testing-library/dom';

import type { IKernel } from '../../api/types';
import { PanelView } from '../../model/panelView';
import { FakeApp } from '../../testing/app';
import { aKernel, aTask, someInfo } from '../../testing/samples';
import { CommandIDs } from '../../tokens';
import { addTableCommands } from '../tableCommands';

const foreign = aKernel({
  slug: 'old',
  display_name: 'Old',
  ours: false,
  maker: 'jkrollout2',
  gpu: 'on',
  resource_dir: '/home/u/kernels/old',
  binds: [{ source: '/scratch', destination: null, read_only: false }]
});

const stale = aKernel({
  slug: 'gone',
  display_name: 'Gone',
  status: {
    code: 'packages_missing',
    level: 'stale',
    message: 'Its packages are gone.',
    hint: '',
    remedies: ['reinstall']
  }
});

const unknown = aKernel({
  slug: 'far',
  display_name: 'Far',
  status: {
    code: 'unknown',
    level: 'unknown',
    message: 'The file system does not answer.',
    hint: '',
    remedies: []
  }
});

describe('the commands of the table', () => {
  let fake: FakeApp;
  let view: PanelView;
  let ran: [string, unknown][];

  beforeEach(async () => {
    fake = new FakeApp();
    view = new PanelView();
    ran = [];
    const kernels: IKernel[] = [aKernel(), foreign, stale, unknown];
    fake.server
      .on('GET', /info/, { body: someInfo() })
      .on('GET', /tasks$/, { body: { tasks: [] } })
      .on('GET', /kernels$/, { body: { kernels } });
    await fake.model.refresh();
    for (const id of [
      CommandIDs.openPanel,
      CommandIDs.addKernel,
      CommandIDs.deleteKernel
    ]) {
      fake.commands.addCommand(id, {
        execute: args => {
          ran.push([id, args]);
          return id === CommandIDs.addKernel ? aTask() : undefined;
        }
      });
    }
    addTableCommands({
      app: fake.app,
      kernels: fake.model,
      trans: (await import('@jupyterlab/translation')).nullTranslator.load(''),
      view
    });
  });

  afterEach(() => {
    Dialog.flush();
    fake.model.dispose();
    jest.restoreAllMocks();
  });

  it.each([
    CommandIDs.checkKernel,
    CommandIDs.showDetails,
    CommandIDs.adoptKernel,
    CommandIDs.cleanUp,
    CommandIDs.toggleColumn
  ])('%s has a label, a caption and described arguments', async id => {
    expect(fake.commands.label(id)).not.toBe('');
    expect(fake.commands.caption(id)).not.toBe('');
    expect((await fake.commands.describedBy(id)).args).toMatchObject({
      type: 'object'
    });
  });

  it('check a kernel of ours, and say why one cannot be checked', async () => {
    const toast = jest.spyOn(Notification, 'error').mockReturnValue('');
    fake.server.on('POST', /check$/, {
      status: 202,
      body: aTask({ job: 'check' })
    });
    await fake.commands.execute(CommandIDs.checkKernel, { slug: 'debian-12' });
    expect(
      fake.server.asked.find(asked => asked.path.endsWith('/check'))?.body
    ).toEqual({ updates: true });
    expect(
      fake.commands.isEnabled(CommandIDs.checkKernel, { slug: 'old' })
    ).toBe(false);
    fake.server.on('POST', /check$/, {
      status: 501,
      body: { code: 'runtime_missing', message: 'No Apptainer.', hint: '' }
    });
    await fake.commands.execute(CommandIDs.checkKernel, { slug: 'debian-12' });
    expect(toast.mock.calls[0][0]).toBe('No Apptainer.');
  });

  it('show the details of a row in the panel', async () => {
    await fake.commands.execute(CommandIDs.showDetails, { slug: 'gone' });
    expect(view.details).toBe('gone');
    expect(ran).toEqual([[CommandIDs.openPanel, {}]]);
  });

  it('show and hide columns', async () => {
    const args = { column: 'maker' };
    expect(fake.commands.isToggled(CommandIDs.toggleColumn, args)).toBe(false);
    await fake.commands.execute(CommandIDs.toggleColumn, args);
    expect(fake.commands.isToggled(CommandIDs.toggleColumn, args)).toBe(true);
    expect(view.columns).toContain('maker');
  });

  it('repair a kernel of others by one beside it, then offer to delete the old', async () => {
    const toast = jest.spyOn(Notification, 'info').mockReturnValue('');
    expect(
      fake.commands.isVisible(CommandIDs.adoptKernel, { slug: 'gone' })
    ).toBe(false);
    await fake.commands.execute(CommandIDs.adoptKernel, { slug: 'old' });
    expect(ran).toEqual([
      [
        CommandIDs.addKernel,
        {
          request: {
            image: foreign.image.path,
            display_name: 'Old',
            gpu: 'on',
            binds: foreign.binds,
            environment: {},
            isolated: true
          }
        }
      ]
    ]);
    fake.server
      .on('POST', /check$/, { status: 202, body: aTask() })
      .on('GET', /tasks$/, {
        body: { tasks: [aTask({ seq: 2, state: 'done' })] }
      });
    await fake.model.check('x'); // the page knows the task
    await fake.model.refresh();
    const [message, options] = toast.mock.calls[0];
    expect(message).toBe('The old Old, made by jkrollout2, is still there.');
    options?.actions?.[0].callback(new MouseEvent('click'));
    expect(ran[1]).toEqual([
      CommandIDs.deleteKernel,
      { slug: 'old', id: 'old' }
    ]);
  });

  it('clean up what no longer works, and only that', async () => {
    fake.server.on('DELETE', /kernels/, {
      body: { slug: 'gone', removal: [], freed_bytes: 1, undo: null }
    });
    const cleaning = fake.commands.execute(CommandIDs.cleanUp);
    await screen.findByText('All 2');
    const boxes = screen
      .getAllByRole<HTMLInputElement>('checkbox', { hidden: true })
      .map(box => [box.closest('label')?.textContent, box.checked]);
    expect(boxes).toEqual([
      ['All 2', false],
      ['Gone▲Packages missing8.1 GB', true],
      ['Far◌Unknown8.1 GB', false]
    ]);
    expect(screen.getByText(/Nobody can tell whether it works/)).toBeTruthy();
    fireEvent.click(screen.getByText('Delete 1, free 8.1 GB'));
    await cleaning;
    const asked = fake.server.asked.filter(each => each.method === 'DELETE');
    expect(asked.map(each => each.path)).toEqual([
      'container-kernels/kernels/gone'
    ]);
  });

  it('delete those that were chosen, and keep what is refused in sight', async () => {
    fake.server.on('DELETE', /kernels/, {
      status: 409,
      body: { code: 'kernel_running', message: 'It runs.', hint: 'Stop it.' }
    });
    void fake.commands.execute(CommandIDs.cleanUp, { ids: ['old', 'gone'] });
    await screen.findByText('All 2');
    expect(screen.getByText(/jkrollout2 made it/)).toBeTruthy();
    fireEvent.click(screen.getByText('Delete 2, free 8.1 GB'));
    expect(await screen.findAllByText('It runs. Stop it.')).toHaveLength(2);
    expect(
      fake.server.asked
        .filter(each => each.method === 'DELETE')
        .map(each => (each.body as { resource_dir: string }).resource_dir)
    ).toEqual(['/home/u/kernels/old', null]);
  });
});
