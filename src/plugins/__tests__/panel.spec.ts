import type { JupyterFrontEnd } from '@jupyterlab/application';
import { fireEvent, screen, waitFor } from '@testing-library/dom';
import { Widget } from '@lumino/widgets';

import { PANEL_ID } from '../../components/panelWidget';
import { FakeApp } from '../../testing/app';
import { aKernel, aTask, someInfo } from '../../testing/samples';
import { CommandIDs } from '../../tokens';
import { panel } from '../panel';

describe('the panel', () => {
  let fake: FakeApp;
  let widgets: Widget[];
  let ran: [string, unknown][];
  let saved: [string, unknown][];

  beforeEach(() => {
    fake = new FakeApp();
    widgets = [];
    ran = [];
    const shell = {
      widgets: () => widgets[Symbol.iterator](),
      add: (widget: Widget) => {
        widgets.push(widget);
        Widget.attach(widget, document.body);
      },
      activateById: (id: string) => {
        widgets.find(widget => widget.id === id)?.activate();
      }
    };
    (fake.app as { shell: unknown }).shell =
      shell as unknown as JupyterFrontEnd.IShell;
    for (const id of [
      CommandIDs.addKernel,
      CommandIDs.startNotebook,
      CommandIDs.startConsole,
      CommandIDs.showLog,
      CommandIDs.deleteKernel,
      CommandIDs.refresh
    ]) {
      fake.commands.addCommand(id, {
        label: id,
        execute: args => {
          ran.push([id, args]);
        }
      });
    }
    fake.server
      .on('GET', /info/, { body: someInfo() })
      .on('GET', /tasks$/, { body: { tasks: [] } })
      .on('GET', /kernels$/, {
        body: {
          kernels: [
            aKernel(),
            aKernel({ slug: 'r', display_name: 'Bioconductor' })
          ]
        }
      });
    saved = [];
    void panel.activate(fake.app, fake.model, null, null, {
      fetch: async () => ({ sort: { column: 'name', isDescending: false } }),
      save: async (id: string, value: unknown) => {
        saved.push([id, value]);
      }
    });
  });

  afterEach(() => {
    widgets.forEach(widget => widget.dispose());
    fake.model.dispose();
  });

  const open = () => fake.commands.execute(CommandIDs.openPanel);

  it('is one, however often it is opened', async () => {
    await Promise.all([open(), open()]);
    await open();
    expect(widgets.map(widget => widget.id)).toEqual([PANEL_ID]);
  });

  it('is made anew after it was closed', async () => {
    await open();
    widgets.pop()?.dispose();
    await open();
    expect(widgets).toHaveLength(1);
    expect(widgets[0].isAttached).toBe(true);
  });

  it('asks for the kernels when it is shown, and for nothing once it is hidden', async () => {
    await open();
    expect(
      await screen.findByRole('rowheader', { name: 'Debian 12' })
    ).toBeTruthy();
    await waitFor(() => expect(fake.server.asked).toHaveLength(3));
    widgets[0].hide();
    fake.specs.read();
    await new Promise(done => setTimeout(done, 50));
    expect(fake.server.asked).toHaveLength(3);
    widgets[0].show();
    await waitFor(() => expect(fake.server.count('GET', /kernels$/)).toBe(2));
  });

  it('shows what the filter leaves', async () => {
    await open();
    await screen.findByRole('rowheader', { name: 'Debian 12' });
    const filter = screen.getByRole('searchbox', { name: 'Filter kernels' });
    fireEvent.change(filter, { target: { value: 'bio' } });
    await waitFor(() =>
      expect(screen.queryByRole('rowheader', { name: 'Debian 12' })).toBeNull()
    );
    expect(
      screen.getByRole('rowheader', { name: 'Bioconductor' })
    ).toBeTruthy();
  });

  it('looks as it did before, and remembers how somebody looks', async () => {
    await open();
    const header = await screen.findByRole('columnheader', { name: 'Name' });
    expect(header.getAttribute('aria-sort')).toBe('ascending');
    const names = screen.getAllByRole('rowheader');
    expect(names.map(name => name.getAttribute('aria-label'))).toEqual([
      'Bioconductor',
      'Debian 12'
    ]);
    fireEvent.click(screen.getByRole('button', { name: 'Group by image' }));
    await waitFor(() => expect(saved).toHaveLength(1));
    expect(saved[0]).toMatchObject([
      'container-kernels:view',
      { isGrouped: true, sort: { column: 'name', isDescending: false } }
    ]);
  });

  it('runs the commands on the kernel of the row', async () => {
    await open();
    const row = (await screen.findByRole('rowheader', { name: 'Bioconductor' }))
      .parentElement as HTMLElement;
    fireEvent.keyDown(row, { key: 'Enter' });
    fireEvent.keyDown(row, { key: 'Delete' });
    expect(ran).toEqual([
      [CommandIDs.startNotebook, { slug: 'r' }],
      [CommandIDs.deleteKernel, { slug: 'r' }]
    ]);
  });

  it('has a menu on the row with what can be done', async () => {
    await open();
    const [more] = await screen.findAllByRole('button', {
      name: 'More actions'
    });
    fireEvent.click(more);
    const items = screen
      .getAllByRole('menuitem')
      .filter(item => !item.classList.contains('lm-mod-hidden'))
      .map(item => item.textContent)
      .filter(Boolean);
    expect(items).toEqual([
      CommandIDs.startNotebook,
      CommandIDs.startConsole,
      'Details',
      CommandIDs.showLog,
      'Check',
      CommandIDs.deleteKernel
    ]);
  });

  it('edits, retries and dismisses what failed', async () => {
    const failed = aTask({ state: 'failed' });
    fake.server
      .on('GET', /tasks$/, { body: { tasks: [failed] } })
      .on('DELETE', /tasks/, { body: failed });
    await open();
    fireEvent.click(
      await screen.findByRole('button', { name: 'Edit and retry' })
    );
    expect(ran).toEqual([[CommandIDs.addKernel, { task: failed.id }]]);
    fireEvent.click(screen.getByRole('button', { name: 'Dismiss' }));
    await waitFor(() => expect(fake.model.tasks).toHaveLength(0));
  });
});
