import { nullTranslator } from '@jupyterlab/translation';
import {
  act,
  cleanup,
  fireEvent,
  render,
  screen,
  within
} from '@testing-library/react';
import React from 'react';

import { Starts } from '../../model/starts';
import { TaskModel } from '../../model/task';
import { aFailedLog, aKernel, aTask, someInfo } from '../../testing/samples';
import type { ILogState } from '../../tokens';
import { filterKernels } from '../../model/kernelFilter';
import { PanelView, PanelViewState } from '../../model/panelView';
import { IPanelActions, IPanelProps, IPanelState, Panel } from '../panel';

const trans = nullTranslator.load('');

const NOW = Date.parse('2026-03-01T12:00:00Z');

function makeActions() {
  return {
    onAdd: jest.fn(),
    onRefresh: jest.fn(),
    onCancel: jest.fn(),
    onDismiss: jest.fn(),
    onRetry: jest.fn(),
    onEdit: jest.fn(),
    onShowLog: jest.fn(),
    onStartNotebook: jest.fn(),
    onStartConsole: jest.fn(),
    onShowKernelLog: jest.fn(),
    onDelete: jest.fn(),
    onDeleteThese: jest.fn(),
    onCheck: jest.fn(),
    onRemedy: jest.fn(),
    onCleanUp: jest.fn(),
    onChooseColumns: jest.fn(),
    onMenu: jest.fn(),
    onRepair: jest.fn(),
    onCopyReport: jest.fn(),
    onDismissStart: jest.fn(),
    onCopy: jest.fn()
  } satisfies IPanelActions;
}

function show(
  change: Partial<IPanelState> = {},
  look: Partial<PanelViewState> = {},
  more: Partial<IPanelProps> = {}
) {
  const actions = makeActions();
  const state: IPanelState = {
    info: someInfo(),
    kernels: [],
    unreadable: 0,
    tasks: [],
    logs: new Map(),
    starts: new Starts(() => new Promise(() => undefined)),
    connection: 'ok',
    loginNeeded: false,
    error: null,
    ...change
  };
  const view = new PanelView();
  view.look(look);
  const draw = () => (
    <Panel
      trans={trans}
      state={state}
      view={view}
      onLook={change => view.look(change)}
      now={NOW}
      iconUrl={({ slug }) => `/kernelspecs/${slug}/logo-svg.svg`}
      hasConsole={true}
      actions={actions}
      {...more}
    />
  );
  const drawn = render(draw());
  view.changed.connect(() => {
    // a new element each time: React takes the same one for unchanged
    act(() => drawn.rerender(draw()));
  });
  return actions;
}

afterEach(cleanup);

const names = (role: string) =>
  screen.queryAllByRole(role).map(element => element.textContent);

describe('the tabs', () => {
  const space = () => <p>What takes room</p>;

  it('say how many kernels there are, and show one part at a time', () => {
    const onLook = jest.fn();
    show({ kernels: [aKernel()] }, {}, { space, onLook });
    expect(names('tab')).toEqual(['Kernels 1', 'Images & space']);
    expect(screen.getByRole('tabpanel', { name: 'Kernels 1' })).toBeTruthy();
    expect(screen.queryByText('What takes room')).toBeNull();
    fireEvent.click(screen.getByRole('tab', { name: 'Images & space' }));
    expect(onLook).toHaveBeenLastCalledWith({ tab: 'space' });
    const kernels = screen.getByRole('tab', { name: 'Kernels 1' });
    fireEvent.keyDown(kernels, { key: 'ArrowRight' });
    expect(document.activeElement?.textContent).toBe('Images & space');
  });

  it('show what takes room in the place of the kernels', () => {
    show({ kernels: [aKernel()] }, { tab: 'space' }, { space });
    expect(screen.getByText('What takes room')).toBeTruthy();
    expect(screen.queryByRole('grid')).toBeNull();
  });
});

describe('an empty panel', () => {
  it('says in two sentences what this is, and has the button', () => {
    const actions = show();
    const [text] = screen.getAllByText(/A container kernel runs/);
    expect(text.textContent?.match(/\.( |$)/g)).toHaveLength(2);
    fireEvent.click(
      screen.getByRole('button', { name: 'Add container kernel' })
    );
    expect(actions.onAdd).toHaveBeenCalledTimes(1);
  });

  it('says nothing of that while the first kernel is being added', () => {
    show({ tasks: [new TaskModel(aTask(), 0)] });
    expect(screen.queryByText(/A container kernel runs/)).toBeNull();
  });

  it('is not shown before the kernels were read', () => {
    show({ kernels: null, connection: 'unknown' });
    expect(screen.queryByText(/A container kernel runs/)).toBeNull();
    expect(screen.getByText('Reading the kernels…')).toBeTruthy();
  });
});

describe('what holds for the whole panel', () => {
  it('a lost connection is said, and what was read stays', () => {
    const actions = show({ connection: 'lost', kernels: [aKernel()] });
    expect(
      screen.getByRole('group', { name: 'Connection lost, trying again…' })
    ).toBeTruthy();
    expect(screen.getByRole('rowheader', { name: 'Debian 12' })).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Try now' }));
    expect(actions.onRefresh).toHaveBeenCalled();
  });

  it('a login page is said to be one', () => {
    show({ connection: 'lost', loginNeeded: true });
    expect(screen.getByText(/log in again/)).toBeTruthy();
  });

  it('a missing server part comes with the command that turns it on', () => {
    show({ connection: 'missing', kernels: null });
    expect(screen.getByText(/jupyter server extension enable/)).toBeTruthy();
    expect(screen.queryByText('Reading the kernels…')).toBeNull();
  });

  it('a missing runtime comes with its reason', () => {
    const [runtime] = someInfo().runtimes;
    show({
      info: someInfo({
        runtimes: [
          { ...runtime, available: false, reason: 'Load its module first.' }
        ]
      })
    });
    expect(screen.getByText(/Load its module first/)).toBeTruthy();
  });

  it('a runtime that is still looked for is not said to be missing', () => {
    const [runtime] = someInfo().runtimes;
    show({
      info: someInfo({
        runtimes: [{ ...runtime, available: false, searching: true }]
      })
    });
    expect(screen.getByText('Apptainer is being looked for…')).toBeTruthy();
    expect(screen.queryByText(/No kernel can be added/)).toBeNull();
  });

  it('a runtime that is there is not spoken of', () => {
    show();
    expect(screen.queryByText(/No kernel can be added/)).toBeNull();
  });

  it('a refusal is shown in the words of the server part', () => {
    show({
      kernels: null,
      error: { code: 'forbidden', message: 'Not for you.', hint: 'Ask Ann.' }
    });
    expect(screen.getByText('Not for you.')).toBeTruthy();
    expect(screen.getByText(/Ask Ann/)).toBeTruthy();
  });

  it('kernels that could not be read are counted', () => {
    show({ kernels: [aKernel()], unreadable: 2 });
    expect(screen.getByText(/2 kernels could not be read/)).toBeTruthy();
  });

  it('there is one live region, and it is polite', () => {
    show({
      kernels: [aKernel()],
      tasks: [new TaskModel(aTask(), 0)]
    });
    const live = Array.from(
      document.querySelectorAll('[aria-live]:not([aria-live="off"])')
    );
    expect(live).toHaveLength(1);
    expect(live[0].getAttribute('aria-live')).toBe('polite');
    expect(live[0].textContent).toBe('Adding Debian 12: acquire');
  });
});

describe('a start that failed', () => {
  it('stands above all else, and is said to those who do not see it', async () => {
    const starts = new Starts(async () => aFailedLog());
    starts.see({
      id: 'k',
      slug: 'debian-12',
      displayName: 'Debian 12',
      state: 'died'
    });
    await new Promise(done => setTimeout(done, 20));
    show({
      starts,
      kernels: [aKernel()],
      tasks: [new TaskModel(aTask({ state: 'done' }), 0)]
    });
    expect(screen.queryByRole('list', { name: 'Tasks' })).toBeNull();
    expect(screen.getAllByRole('region')[1].getAttribute('aria-label')).toBe(
      'Debian 12 could not start'
    );
    expect(document.querySelector('[aria-live]')?.textContent).toBe(
      'Debian 12 could not start. The image /scratch/x.sif is not there on node1.'
    );
    starts.dispose();
  });
});

describe('a task that mends a kernel', () => {
  const repair = { action: 'relink', image: '/x.sif' } as const;

  it('says so while it runs', () => {
    show({ tasks: [new TaskModel(aTask({ repair }), 0)] });
    const row = screen.getByRole('listitem', { name: 'Mending Debian 12' });
    expect(row.textContent).toContain('Mending Debian 12');
  });

  it('can be tried again, but not edited, when it failed', () => {
    const actions = show({
      tasks: [
        new TaskModel(
          aTask({
            repair,
            state: 'failed',
            error: { code: 'verify_failed', message: 'No.', hint: '' }
          }),
          0
        )
      ]
    });
    const row = screen.getByRole('listitem', {
      name: 'Debian 12 could not be mended'
    });
    expect(row.textContent).toContain('No.');
    expect(within(row).queryByText('Edit and retry')).toBeNull();
    fireEvent.click(within(row).getByText('Retry'));
    expect(actions.onRetry).toHaveBeenCalledWith(aTask().id);
  });
});

describe('the table of kernels', () => {
  const kernels = [
    aKernel(),
    aKernel({
      slug: 'r',
      display_name: 'Bioconductor',
      language: 'R',
      language_version: '4.4.2',
      gpu: 'off',
      running: 2
    }),
    aKernel({
      slug: 'gone',
      display_name: 'TF',
      status: {
        code: 'image_missing',
        level: 'stale',
        message: 'The image is no longer at /scratch/x.sif.',
        hint: 'Pull it again.',
        remedies: ['relink', 'pull']
      }
    })
  ];

  const row = (name: string) =>
    screen
      .getByRole('rowheader', { name })
      .closest('tr') as HTMLTableRowElement;

  it('tells in tooltips what few need to know', () => {
    const kernel = aKernel({ gpu_name: 'NVIDIA A100', start_s: 1.234 });
    kernel.packages.added = ['numpy==2.1.0', 'rich==14.0'];
    show({ kernels: [kernel] });
    const line = within(row('Debian 12'));
    expect(line.getByText('GPU').title).toBe(
      'It saw NVIDIA A100 when it was added.\nAutomatic: with the GPU where there is one'
    );
    expect(line.getByText('8.1 GB').title).toMatch(
      /\nAdded by you: numpy==2\.1\.0, rich==14\.0$/
    );
    expect(line.getByText('Ready').title).toBe(
      'It answered in 1.2 s when it was added.'
    );
  });

  it('shows a kernel in a line', () => {
    show({
      kernels: [aKernel({ gpu: 'auto', last_used: '2026-03-01T10:00:00Z' })]
    });
    const cells = within(row('Debian 12'))
      .getAllByRole('gridcell')
      .map(cell => cell.textContent);
    expect(cells.slice(0, 6)).toEqual([
      '●Ready',
      'debian:12@4e1c0de',
      'GPU',
      'Python 3.11.2',
      '8.1 GB',
      '2 h ago'
    ]);
  });

  it('has the whole image, its digest and its path in the tooltip', () => {
    show({ kernels });
    const cell = within(row('Debian 12')).getAllByRole('gridcell')[1];
    expect(cell.title).toContain('docker://docker.io/library/debian:12');
    expect(cell.title).toContain(`sha256:4e1c0de${'0'.repeat(57)}`);
    expect(cell.title).toContain('images/4e1c.sif');
  });

  it('says CPU for "automatic" where there is no GPU', () => {
    show({
      kernels: [aKernel()],
      info: someInfo({ gpu: { vendor: null, names: [] } })
    });
    expect(within(row('Debian 12')).getByText('CPU')).toBeTruthy();
  });

  it('tells a status by a word, not by its colour alone', () => {
    show({ kernels });
    expect(within(row('Debian 12')).getByText('Ready')).toBeTruthy();
    expect(within(row('Bioconductor')).getByText(/Running \(2\)/)).toBeTruthy();
    expect(within(row('TF')).getByText('Image missing')).toBeTruthy();
  });

  it('says in the line what is wrong', () => {
    show({ kernels });
    expect(
      within(row('TF')).getByText(/no longer at \/scratch\/x.sif/)
    ).toBeTruthy();
    expect(within(row('TF')).getByText('Pull it again.')).toBeTruthy();
  });

  it('shows hostile names literally', () => {
    const name = '<b>"bold"</b> $(touch x) 🐍';
    show({ kernels: [aKernel({ display_name: name })] });
    expect(screen.getByRole('rowheader', { name }).textContent).toBe(name);
    expect(document.querySelector('b')).toBeNull();
  });

  it.each([
    ['Start notebook', 'onStartNotebook'],
    ['Start console', 'onStartConsole'],
    ['Log of the last start', 'onShowKernelLog']
  ] as const)('%s is a button of the row', (name, action) => {
    const actions = show({ kernels });
    fireEvent.click(within(row('TF')).getByRole('button', { name }));
    expect(actions[action]).toHaveBeenCalledWith('gone');
  });

  it('has a menu with all actions', () => {
    const actions = show({ kernels });
    const button = within(row('TF')).getByRole('button', {
      name: 'More actions'
    });
    expect(button.getAttribute('aria-haspopup')).toBe('menu');
    fireEvent.click(button);
    expect(actions.onMenu).toHaveBeenCalledWith(
      kernels[2],
      expect.any(Number),
      expect.any(Number)
    );
  });

  it('has one row that Tab leads to, and arrows move', () => {
    show({ kernels });
    const rows = ['Debian 12', 'Bioconductor', 'TF'].map(row);
    const stops = () => rows.map(each => each.tabIndex);
    expect(stops()).toEqual([0, -1, -1]);
    act(() => rows[0].focus());
    fireEvent.keyDown(rows[0], { key: 'ArrowDown' });
    expect(document.activeElement).toBe(rows[1]);
    expect(stops()).toEqual([-1, 0, -1]);
    fireEvent.keyDown(rows[1], { key: 'End' });
    expect(document.activeElement).toBe(rows[2]);
    fireEvent.keyDown(rows[2], { key: 'ArrowDown' });
    expect(document.activeElement).toBe(rows[2]);
    fireEvent.keyDown(rows[2], { key: 'Home' });
    fireEvent.keyDown(rows[0], { key: 'ArrowUp' });
    expect(document.activeElement).toBe(rows[0]);
  });

  it('starts a notebook by Enter and asks to delete by Delete', () => {
    const actions = show({ kernels });
    fireEvent.keyDown(row('TF'), { key: 'Enter' });
    expect(actions.onStartNotebook).toHaveBeenCalledWith('gone');
    fireEvent.keyDown(row('TF'), { key: 'Delete' });
    expect(actions.onDelete).toHaveBeenCalledWith(kernels[2]);
  });

  it('does not start a notebook when Enter presses a button of the row', () => {
    const actions = show({ kernels });
    fireEvent.keyDown(
      within(row('TF')).getByRole('button', { name: 'Delete' }),
      { key: 'Enter' }
    );
    expect(actions.onStartNotebook).not.toHaveBeenCalled();
  });

  it('shows a letter when there is no picture', () => {
    show({ kernels: [aKernel()] });
    const picture = row('Debian 12').querySelector('img') as HTMLImageElement;
    expect(picture.getAttribute('src')).toBe(
      '/kernelspecs/debian-12/logo-svg.svg'
    );
    fireEvent.error(picture);
    expect(row('Debian 12').querySelector('img')).toBeNull();
    expect(
      row('Debian 12').querySelector('.jp-ContainerKernels-letter')?.textContent
    ).toBe('D');
  });

  it('says so when the filter leaves none', () => {
    show({ kernels }, { filter: 'nothing like it' });
    expect(
      screen.getByText('No kernel matches “nothing like it”.')
    ).toBeTruthy();
    expect(screen.queryByRole('grid')).toBeNull();
  });

  it.each([
    ['', 3],
    ['bio', 1],
    ['BIO R', 1],
    ['debian', 3], // all are made from that image
    ['no longer', 1],
    ['bio python', 0]
  ])('the filter %j leaves %d', (filter, count) => {
    expect(filterKernels(kernels, filter)).toHaveLength(count);
  });
});

describe('a task', () => {
  const id = aTask().id;

  it('shows its phases, how far it is, and can be cancelled', () => {
    const model = new TaskModel(
      aTask({ progress: { done_bytes: 0, total_bytes: 3_200_000_000 } }),
      0
    );
    model.update(
      aTask({
        seq: 2,
        progress: { done_bytes: 1_600_000_000, total_bytes: 3_200_000_000 }
      }),
      10_000
    );
    const actions = show({ tasks: [model] });
    const item = screen.getByRole('listitem', { name: 'Adding Debian 12' });
    expect(
      within(item).getByText('1.6 of 3.2 GB · 160 MB/s · 10 s left')
    ).toBeTruthy();
    expect(
      within(item)
        .getAllByRole('listitem')
        .map(phase => phase.textContent)
    ).toEqual([
      '✓resolvedone',
      '◐acquirerunning',
      '○inspectwaiting',
      '○installwaiting',
      '○verifywaiting',
      '○publishwaiting'
    ]);
    const bar = within(item).getByRole<HTMLProgressElement>('progressbar');
    expect(bar.value).toBe(0.5);
    fireEvent.click(within(item).getByRole('button', { name: 'Cancel' }));
    expect(actions.onCancel).toHaveBeenCalledWith(id);
  });

  it('that takes longer than the session lasts says so', () => {
    const progress = { done_bytes: 0, total_bytes: 3_200_000_000 };
    const model = new TaskModel(aTask({ progress }), 0);
    model.update(
      aTask({ seq: 2, progress: { ...progress, done_bytes: 1_000_000 } }),
      10_000
    );
    const job = { id: '7', memory_bytes: 1, cores: 1 };
    const ends = (seconds: number) =>
      new Date(NOW + seconds * 1000).toISOString();
    show({
      tasks: [model],
      info: someInfo({ job: { ...job, ends: ends(240) } })
    });
    expect(screen.getByRole('note').textContent).toBe(
      '▲ This takes about 8 h 53 min; your session ends in 4 min.'
    );
    cleanup();
    show({
      tasks: [model],
      info: someInfo({ job: { ...job, ends: ends(999_999) } })
    });
    expect(screen.queryByRole('note')).toBeNull();
  });

  it('whose end is not known has a bar without one, and says what it does', () => {
    show({ tasks: [new TaskModel(aTask({ message: 'Unpacking' }), 0)] });
    expect(screen.getByText('Unpacking')).toBeTruthy();
    expect(screen.getByRole('progressbar').hasAttribute('value')).toBe(false);
  });

  it('that is being cancelled cannot be cancelled again', () => {
    show({ tasks: [new TaskModel(aTask({ state: 'cancelling' }), 0)] });
    expect(
      screen.getByRole<HTMLButtonElement>('button', { name: 'Cancel' }).disabled
    ).toBe(true);
  });

  it('that failed says what happened and what to do', () => {
    const actions = show({
      tasks: [
        new TaskModel(
          aTask({
            state: 'failed',
            error: {
              code: 'image_not_found',
              message: 'There is no tag 99.',
              hint: 'There are 11 and 12.'
            }
          }),
          0
        )
      ]
    });
    const item = screen.getByRole('listitem', {
      name: 'Debian 12 could not be added'
    });
    expect(within(item).getByText(/There is no tag 99/)).toBeTruthy();
    expect(within(item).getByText('There are 11 and 12.')).toBeTruthy();
    for (const [name, action] of [
      ['Retry', actions.onRetry],
      ['Edit and retry', actions.onEdit],
      ['Dismiss', actions.onDismiss]
    ] as const) {
      fireEvent.click(within(item).getByRole('button', { name }));
      expect(action).toHaveBeenCalledWith(id);
    }
  });

  it('that waits for a line to be run elsewhere shows it, to be copied', () => {
    const command = "jupyter-container-kernels pull 'docker://a/b'";
    const actions = show({ tasks: [new TaskModel(aTask({ command }), 0)] });
    const line = screen.getByRole('group', {
      name: 'Line to run on a login node'
    });
    expect(within(line).getByText(command)).toBeTruthy();
    fireEvent.click(within(line).getByRole('button', { name: 'Copy line' }));
    expect(actions.onCopy).toHaveBeenCalledWith(command);
  });

  it('that the server abandoned can go on', () => {
    show({
      tasks: [
        new TaskModel(
          aTask({
            state: 'interrupted',
            error: {
              code: 'interrupted',
              message: 'The server was restarted.',
              hint: ''
            }
          }),
          0
        )
      ]
    });
    expect(screen.getByText('The server was restarted.')).toBeTruthy();
    expect(screen.getByRole('button', { name: 'Continue' })).toBeTruthy();
  });

  it.each([
    ['done', '2026-03-01T11:59:30Z', 1],
    ['done', '2026-03-01T11:50:00Z', 0],
    ['cancelled', '2026-03-01T11:50:00Z', 0],
    ['failed', '2026-03-01T11:50:00Z', 1] // until somebody has read it
  ] as const)(
    'that is %s since %s is shown %d times',
    (state, ended, count) => {
      show({
        kernels: [aKernel()],
        tasks: [new TaskModel(aTask({ state, ended }), 0)]
      });
      expect(screen.queryAllByRole('list', { name: 'Tasks' })).toHaveLength(
        count
      );
    }
  );

  it('is one row, also of the hundred that a server tells of', () => {
    const tasks = Array.from(
      { length: 100 },
      (_, n) =>
        new TaskModel(
          aTask({
            id: `task-${n}`,
            display_name: `Mine ${n}`,
            state: 'failed'
          }),
          0
        )
    );
    show({ tasks });
    const list = screen.getByRole('list', { name: 'Tasks' });
    expect(
      [...list.children].map(row => row.getAttribute('data-task'))
    ).toEqual(tasks.map(each => each.task.id));
  });

  it('that is done starts a notebook', () => {
    const actions = show({
      tasks: [new TaskModel(aTask({ state: 'done' }), 0)]
    });
    fireEvent.click(screen.getByRole('button', { name: 'Start notebook' }));
    expect(actions.onStartNotebook).toHaveBeenCalledWith('debian-12');
  });

  it('unfolds its log', () => {
    const actions = show({ tasks: [new TaskModel(aTask(), 0)] });
    const button = screen.getByRole('button', { name: 'Log of Debian 12' });
    expect(button.getAttribute('aria-expanded')).toBe('false');
    fireEvent.click(button);
    expect(actions.onShowLog).toHaveBeenCalledWith(id, true);
  });

  it('shows its log, says what is left out, and copies it', () => {
    const log: ILogState = {
      text: 'one\n<b>two</b>\n',
      path: '/tasks/0/log',
      droppedBytes: 5_000
    };
    const actions = show({
      tasks: [new TaskModel(aTask(), 0)],
      logs: new Map([[id, log]])
    });
    const box = screen.getByRole('log', { name: 'Log of Debian 12' });
    expect(box.textContent).toBe('… 5 kB before this …\none\n<b>two</b>\n');
    fireEvent.click(screen.getByRole('button', { name: 'Copy log' }));
    expect(actions.onCopy).toHaveBeenCalledWith(log.text);
    fireEvent.click(screen.getByRole('button', { name: 'Log of Debian 12' }));
    expect(actions.onShowLog).toHaveBeenCalledWith(id, false);
  });
});
