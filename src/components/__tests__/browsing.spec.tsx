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

import type { IKernel, IKernelStatus, StatusCode } from '../../api/types';
import { PanelView, PanelViewState } from '../../model/panelView';
import { Starts } from '../../model/starts';
import { aKernel, someDetails, someInfo } from '../../testing/samples';
import { noteLook } from '../kernelStatus';
import { IPanelActions, IPanelProps, Panel } from '../panel';

const trans = nullTranslator.load('');

const actions = {
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
  onMenu: jest.fn(),
  onCleanUp: jest.fn(),
  onChooseColumns: jest.fn(),
  onRepair: jest.fn(),
  onCopyReport: jest.fn(),
  onDismissStart: jest.fn(),
  onCopy: jest.fn()
} satisfies IPanelActions;

function status(
  level: IKernelStatus['level'],
  code: StatusCode,
  remedies: IKernelStatus['remedies'] = []
): IKernelStatus {
  return { code, level, message: 'What is wrong.', hint: 'Do this.', remedies };
}

function show(
  kernels: IKernel[],
  look: Partial<PanelViewState> = {},
  more: Partial<IPanelProps> = {}
) {
  const view = new PanelView();
  view.look(look);
  const draw = (shown: IKernel[]) => (
    <Panel
      trans={trans}
      state={{
        info: someInfo(),
        kernels: shown,
        unreadable: 0,
        tasks: [],
        logs: new Map(),
        starts: new Starts(() => new Promise(() => undefined)),
        connection: 'ok',
        loginNeeded: false,
        error: null
      }}
      view={view}
      onLook={change => view.look(change)}
      now={Date.parse('2026-03-01T12:00:00Z')}
      iconUrl={() => null}
      hasConsole={true}
      actions={actions}
      {...more}
    />
  );
  const drawn = render(draw(kernels));
  view.changed.connect(() => {
    act(() => drawn.rerender(draw(kernels)));
  });
  return { view, redraw: (shown: IKernel[]) => drawn.rerender(draw(shown)) };
}

// By attributes, not by roles: to find those in a thousand rows takes seconds.
const names = () =>
  Array.from(
    document.querySelectorAll('[role="rowheader"]'),
    each => each.getAttribute('aria-label') ?? each.textContent
  );

const row = (name: string) =>
  document
    .querySelector(`[role="rowheader"][aria-label="${name}"]`)
    ?.closest('tr') as HTMLElement;

beforeEach(() => jest.clearAllMocks());
afterEach(cleanup);

describe('the table', () => {
  const kernels = [
    aKernel({ slug: 'b', display_name: 'B' }),
    aKernel({ slug: 'a', display_name: 'A', maker: 'jkrollout2' }),
    aKernel({ slug: 'c', display_name: 'C' })
  ];

  it('is sorted by a click on a name, and says how', () => {
    show(kernels);
    const header = screen.getByRole('columnheader', { name: 'Name' });
    expect(header.getAttribute('aria-sort')).toBe('none');
    const button = within(header).getByRole('button');
    fireEvent.click(button);
    expect(header.getAttribute('aria-sort')).toBe('ascending');
    expect(names()).toEqual(['A', 'B', 'C']);
    fireEvent.click(button);
    expect(header.getAttribute('aria-sort')).toBe('descending');
    expect(names()).toEqual(['C', 'B', 'A']);
    fireEvent.click(button);
    expect(names()).toEqual(['B', 'A', 'C']);
  });

  it('has the columns that were chosen', () => {
    show(kernels, { columns: ['maker'] });
    expect(
      screen.getAllByRole('columnheader').map(each => each.textContent)
    ).toEqual(['Name', 'Status', 'Image', 'Made by', 'Actions']);
    expect(within(row('A')).getByText('jkrollout2')).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Columns' }));
    expect(actions.onChooseColumns).toHaveBeenCalledTimes(1);
  });

  it('puts kernels of one image together', () => {
    const other = { ...aKernel().image, digest: null, path: '/x.sif' };
    show([kernels[0], { ...kernels[1], image: other }, kernels[2]]);
    fireEvent.click(screen.getByRole('button', { name: 'Group by image' }));
    expect(names()).toEqual([
      'debian:12@4e1c0de2 kernels',
      'B',
      'C',
      'debian:121 kernel',
      'A'
    ]);
    act(() => row('B').focus());
    fireEvent.keyDown(row('B'), { key: 'End' });
    expect(document.activeElement).toBe(row('A'));
  });

  it('draws what is in sight of a thousand rows, and goes to the last by a key', () => {
    const many = Array.from({ length: 1000 }, (_, index) =>
      aKernel({ slug: `k${index}`, display_name: `Kernel ${index}` })
    );
    show(many);
    const grid = screen.getByRole('grid');
    expect(grid.getAttribute('aria-rowcount')).toBe('1001');
    expect(names().length).toBeLessThan(80);
    act(() => row('Kernel 0').focus());
    fireEvent.keyDown(row('Kernel 0'), { key: 'End' });
    expect(document.activeElement).toBe(row('Kernel 999'));
    expect(row('Kernel 999').getAttribute('aria-rowindex')).toBe('1001');
    expect(names().length).toBeLessThan(80);
    fireEvent.keyDown(row('Kernel 999'), { key: 'Home' });
    expect(document.activeElement).toBe(row('Kernel 0'));
  });

  it('tells kernels of one name apart, and starts only what Jupyter sees', () => {
    const hidden = aKernel({
      slug: 'a',
      id: 'a@/usr',
      display_name: 'Hidden',
      status: status('note', 'shadowed')
    });
    show([...kernels, hidden]);
    expect(within(row('Hidden')).getByText('What is wrong.')).toBeTruthy();
    expect(within(row('Hidden')).queryByLabelText('Start notebook')).toBeNull();
    fireEvent.keyDown(row('Hidden'), { key: 'Delete' });
    expect(actions.onDelete).toHaveBeenLastCalledWith(hidden);
  });

  it('tells from where a kernel is shared that works', () => {
    const note: IKernelStatus = {
      ...status('note', 'read_only'),
      message: 'You share it from /lab.'
    };
    const notes = [note];
    const name = 'Lent';
    show([
      aKernel({ id: 'a@/lab', display_name: name, withdrawable: true, notes })
    ]);
    expect(within(row(name)).getByText('Shared')).toBeTruthy();
    expect(within(row(name)).getByText('You share it from /lab.')).toBeTruthy();
  });

  it('has no button that deletes a kernel of the system', () => {
    show([aKernel({ read_only: true })]);
    expect(screen.queryByRole('button', { name: 'Delete' })).toBeNull();
  });
});

describe('a selection', () => {
  const kernels = ['a', 'b', 'c'].map(slug =>
    aKernel({ slug, display_name: slug })
  );
  const selected = () =>
    kernels
      .map(each => each.slug)
      .filter(slug => row(slug).getAttribute('aria-selected') === 'true');

  it('is made by keys', () => {
    show(kernels);
    act(() => row('a').focus());
    fireEvent.keyDown(row('a'), { key: ' ' });
    expect(selected()).toEqual(['a']);
    fireEvent.keyDown(row('a'), { key: 'ArrowDown', shiftKey: true });
    expect(selected()).toEqual(['a', 'b']);
    fireEvent.keyDown(row('b'), { key: 'a', ctrlKey: true });
    expect(selected()).toEqual(['a', 'b', 'c']);
    fireEvent.keyDown(row('b'), { key: 'Delete' });
    expect(actions.onDeleteThese).toHaveBeenLastCalledWith(kernels);
    fireEvent.keyDown(row('b'), { key: 'Escape' });
    expect(selected()).toEqual([]);
    fireEvent.keyDown(row('b'), { key: 'Delete' });
    expect(actions.onDelete).toHaveBeenLastCalledWith(kernels[1]);
  });

  it('is made by clicks, and says what can be done with it', () => {
    const { redraw } = show(kernels);
    fireEvent.click(screen.getByRole('checkbox', { name: 'Select a' }));
    fireEvent.click(row('c'), { shiftKey: true });
    expect(selected()).toEqual(['a', 'b', 'c']);
    fireEvent.click(row('b'), { ctrlKey: true });
    expect(selected()).toEqual(['a', 'c']);
    const group = screen.getByRole('group', { name: 'Selected kernels' });
    expect(group.textContent).toContain('2 selected');
    fireEvent.click(within(group).getByText('Check'));
    expect(actions.onCheck).toHaveBeenCalledWith([kernels[0], kernels[2]]);
    fireEvent.click(within(group).getByText('Delete…'));
    expect(actions.onDeleteThese).toHaveBeenCalledWith([
      kernels[0],
      kernels[2]
    ]);
    redraw(kernels.slice(0, 2)); // c is gone, and no longer selected
    expect(screen.getByText('1 selected')).toBeTruthy();
    fireEvent.click(screen.getByRole('checkbox', { name: 'Select all' }));
    expect(screen.getByText('2 selected')).toBeTruthy();
  });

  it('moves the focus to the next row when its row goes', () => {
    const { redraw } = show(kernels);
    act(() => row('b').focus());
    redraw([kernels[0], kernels[2]]);
    expect(row('c').tabIndex).toBe(0);
  });
});

describe('a status', () => {
  const codes: StatusCode[] = [
    'ok',
    'never_started',
    'image_missing',
    'image_changed',
    'image_damaged',
    'image_not_readable',
    'image_writable',
    'packages_missing',
    'packages_incomplete',
    'other_python',
    'runtime_missing',
    'runtime_changed',
    'bind_missing',
    'invalid_kernel_json',
    'shadowed',
    'hidden',
    'read_only',
    'unsafe',
    'update_available',
    'does_not_start',
    'unknown'
  ];

  it('has a word of its own for every code', () => {
    const words = codes.map(
      code => noteLook(status('stale', code), trans).word
    );
    expect(words.every(Boolean)).toBe(true);
    expect(new Set(words).size).toBe(codes.length);
  });

  it('has a shape and a colour of its own for how bad it is', () => {
    const looks = (['ok', 'note', 'stale', 'unknown'] as const).map(level =>
      noteLook(status(level, 'unsafe'), trans)
    );
    expect(new Set(looks.map(each => each.shape)).size).toBe(4);
    expect(new Set(looks.map(each => each.modifier)).size).toBe(4);
  });

  it('comes with the two best things that mend it', () => {
    const kernel = aKernel({
      status: status('stale', 'image_missing', ['relink', 'pull', 'edit'])
    });
    show([kernel]);
    const line = within(row('Debian 12'));
    expect(line.getByText('What is wrong.')).toBeTruthy();
    expect(line.queryByRole('button', { name: 'Edit' })).toBeNull();
    fireEvent.click(line.getByRole('button', { name: 'Pull again' }));
    expect(actions.onRemedy).toHaveBeenCalledWith(kernel, 'pull');
    fireEvent.click(line.getByRole('button', { name: 'Find it' }));
    expect(actions.onRemedy).toHaveBeenLastCalledWith(kernel, 'relink');
  });

  it('of a kernel that works leaves its image in sight', () => {
    show([aKernel({ status: status('note', 'update_available', ['update']) })]);
    const line = within(row('Debian 12'));
    expect(line.getByText('Update available')).toBeTruthy();
    expect(line.getByText('debian')).toBeTruthy();
    expect(line.getByRole('button', { name: 'Update' })).toBeTruthy();
  });

  it('that says that kernels no longer work offers to clean up', () => {
    show([
      aKernel({ slug: 'x', status: status('stale', 'packages_missing') }),
      aKernel({ slug: 'y', status: status('unknown', 'unknown') })
    ]);
    expect(
      screen.getByText(/1 kernel no longer works \(8\.1 GB\)/)
    ).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Clean up…' }));
    expect(actions.onCleanUp).toHaveBeenCalledTimes(1);
  });

  it('that is fine says nothing of cleaning up', () => {
    show([aKernel()]);
    expect(screen.queryByRole('button', { name: 'Clean up…' })).toBeNull();
  });
});

describe('details', () => {
  const kernel = aKernel({
    notes: [status('note', 'image_writable', ['edit'])],
    binds: [{ source: '/scratch', destination: '/data', read_only: true }]
  });
  const open = () => screen.queryByRole('region', { name: 'Debian 12' });

  it('are shown by a key or a button, and closed by Escape', () => {
    show([kernel]);
    expect(open()).toBeNull();
    fireEvent.keyDown(row('Debian 12'), { key: 'ArrowRight' });
    expect(open()).toBeTruthy();
    fireEvent.keyDown(row('Debian 12'), { key: 'Escape' });
    expect(open()).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Details' }));
    fireEvent.keyDown(open() as HTMLElement, { key: 'Escape' });
    expect(open()).toBeNull();
  });

  it('say all that is known, and copy the recipe', () => {
    const value = someDetails({ kernel });
    show(
      [kernel],
      { details: kernel.id },
      { details: { value, problem: null } }
    );
    const region = within(open() as HTMLElement);
    expect(region.getByText('/scratch → /data (read only)')).toBeTruthy();
    expect(region.getByText('ipykernel==7.1.0')).toBeTruthy();
    expect(region.getByText(value.files[0].path)).toBeTruthy();
    fireEvent.click(region.getByRole('button', { name: 'Edit' }));
    expect(actions.onRemedy).toHaveBeenLastCalledWith(kernel, 'edit');
    fireEvent.click(region.getByRole('button', { name: 'Copy as command' }));
    expect(actions.onCopy).toHaveBeenCalledWith(value.command);
    fireEvent.click(
      region.getByRole('button', { name: 'Log of the last start' })
    );
    expect(actions.onShowKernelLog).toHaveBeenCalledWith('debian-12');
  });

  it('say why more cannot be read', () => {
    show(
      [kernel],
      { details: kernel.id },
      {
        details: {
          value: null,
          problem: { message: 'It does not answer.', hint: 'Wait.' }
        }
      }
    );
    expect(screen.getByRole('alert').textContent).toBe(
      'It does not answer. Wait.'
    );
  });

  it('follow the row that has the focus', () => {
    const { view } = show([kernel, aKernel({ slug: 'x', display_name: 'X' })], {
      details: kernel.id
    });
    act(() => row('X').focus());
    expect(view.details).toBe('x');
    expect(screen.getByRole('region', { name: 'X' })).toBeTruthy();
  });
});
