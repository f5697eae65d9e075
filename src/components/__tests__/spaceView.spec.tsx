import { nullTranslator } from '@jupyterlab/translation';
import {
  cleanup,
  fireEvent,
  render,
  screen,
  within
} from '@testing-library/react';
import React from 'react';

import type { IDiskRoom } from '../../api/types';
import { aSpaceItem, someSpace } from '../../testing/samples';
import type { ISpaceState } from '../../tokens';
import { SpaceView } from '../spaceView';

const trans = nullTranslator.load('');
const NOW = Date.parse('2026-03-01T12:00:00Z');

function show(change: Partial<ISpaceState> = {}) {
  const actions = {
    onRefresh: jest.fn(),
    onFree: jest.fn(),
    onRestore: jest.fn()
  };
  const draw = (more: Partial<ISpaceState> = {}) => (
    <SpaceView
      trans={trans}
      state={{
        value: someSpace(),
        problem: null,
        isReading: false,
        busy: new Set(),
        ...change,
        ...more
      }}
      now={NOW}
      actions={actions}
    />
  );
  const { rerender } = render(draw());
  return {
    ...actions,
    again: (more: Partial<ISpaceState>) => rerender(draw(more))
  };
}

const row = (name: RegExp) =>
  screen.getByRole('rowheader', { name }).closest('tr') as HTMLElement;

afterEach(cleanup);

describe('images and space', () => {
  it('say what is stored, and how much of it can be freed', () => {
    show();
    expect(
      screen.getByText('14.6 GB are stored, 11.3 GB of it can be freed.')
    ).toBeTruthy();
  });

  it('stand in groups, with what they are and what they take', () => {
    show();
    expect(
      [...document.querySelectorAll('th[scope="rowgroup"]')].map(
        head => head.firstChild?.textContent
      )
    ).toEqual([
      'Images',
      'Packages',
      'Trash',
      'Leftovers',
      'Cache of the container runtime'
    ]);
    expect(row(/^Images/).textContent).toContain('6.6 GB');
  });

  it('name who uses an image, and offer no button to remove it then', () => {
    show();
    const used = row(/debian:12/);
    expect(used.textContent).toContain('Debian 12, Debian 12 (GPU)');
    expect(used.textContent).toContain('1 h ago');
    expect(used.textContent).toContain('@4e1c0de');
    expect(within(used).queryByRole('button')).toBeNull();
  });

  it('offer to free what nobody uses, with the bytes', () => {
    const { onFree } = show();
    const spare = row(/r:4/);
    expect(spare.textContent).toContain('no kernel');
    const button = within(spare).getByRole('button', {
      name: 'Free 3.3 GB: docker.io/library/r:4'
    });
    expect(button.textContent).toBe('Free 3.3 GB');
    fireEvent.click(button);
    expect(onFree).toHaveBeenCalledWith([
      expect.objectContaining({ id: '2222222222222222' })
    ]);
  });

  it('let a deleted kernel be restored, or removed for good', () => {
    const { onFree, onRestore } = show();
    const deleted = row(/Old PyTorch/);
    expect(deleted.textContent).toContain('deleted 2 h ago');
    fireEvent.click(
      within(deleted).getByRole('button', { name: 'Restore Old PyTorch' })
    );
    expect(onRestore).toHaveBeenCalledTimes(1);
    fireEvent.click(
      within(deleted).getByRole('button', {
        name: 'Remove for good: Old PyTorch'
      })
    );
    expect(onFree).toHaveBeenCalledTimes(1);
  });

  it('let the whole trash be emptied when there is more than one thing in it', () => {
    const trash = (id: string) =>
      aSpaceItem({ id: id.repeat(16), kind: 'trash', title: id });
    const { onFree } = show({
      value: someSpace({ items: [trash('a'), trash('b')] })
    });
    fireEvent.click(screen.getByRole('button', { name: 'Empty, free 6.6 GB' }));
    expect(onFree.mock.calls[0][0]).toHaveLength(2);
  });

  it('block the buttons of what is being removed', () => {
    show({ busy: new Set(['4444444444444444']) });
    for (const button of within(row(/Old PyTorch/)).getAllByRole('button')) {
      expect((button as HTMLButtonElement).disabled).toBe(true);
    }
  });

  it('say that a size is not known instead of guessing', () => {
    show();
    expect(row(/Cache of Apptainer/).textContent).toContain('–');
  });

  it('name two of many kernels, and count the others', () => {
    show({
      value: someSpace({
        items: [aSpaceItem({ used_by: ['A', 'B', 'C', 'D'] })]
      })
    });
    expect(screen.getByText('A, B and 2 more')).toBeTruthy();
  });

  it('keep the focus when the line that had it is gone', () => {
    const { again } = show();
    const button = within(row(/r:4/)).getByRole('button');
    button.focus();
    fireEvent.focusIn(button);
    again({ value: someSpace({ items: [] }) });
    expect(document.activeElement?.className).toBe('jp-ContainerKernels-space');
  });
});

describe('without anything to show', () => {
  it('say so while it is read', () => {
    show({ value: null, isReading: true });
    expect(screen.getByRole('status').textContent).toBe(
      'Looking at what is stored…'
    );
  });

  it('say that nothing is stored yet', () => {
    show({ value: someSpace({ items: [] }) });
    expect(screen.getByText(/^Nothing is stored yet/)).toBeTruthy();
    expect(screen.queryByRole('table')).toBeNull();
    expect(screen.getByRole('meter')).toBeTruthy();
  });

  it('say why it cannot be read, and let it be tried again', () => {
    const { onRefresh } = show({
      value: null,
      problem: { message: '/scratch is silent.', hint: 'Wait for it.' }
    });
    expect(screen.getByText('/scratch is silent.')).toBeTruthy();
    expect(screen.queryByRole('status')).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(onRefresh).toHaveBeenCalledTimes(1);
  });
});

describe('the room on a disk', () => {
  const room = (change: Partial<IDiskRoom>): IDiskRoom => ({
    purpose: 'images',
    path: '/scratch/u/images',
    free_bytes: 9e9,
    total_bytes: 50e9,
    quota: null,
    ...change
  });

  it('is a bar with its value in words', () => {
    show({ value: someSpace({ disks: [room({})] }) });
    const meter = screen.getByRole('meter', { name: 'Disk with images' });
    expect(meter.getAttribute('aria-valuenow')).toBe('82');
    expect(meter.getAttribute('aria-valuetext')).toBe('9.0 GB of 50.0 GB free');
  });

  it('is said once for folders on one disk, and with the quota', () => {
    const quota = { used_bytes: 41e9, limit_bytes: 42e9 };
    show({
      value: someSpace({
        disks: [
          room({ quota }),
          room({
            purpose: 'packages',
            path: '/scratch/u/packages',
            quota,
            free_bytes: 9e9 - 5
          }),
          room({ purpose: 'kernels', path: '/home/u', total_bytes: 1e12 })
        ]
      })
    });
    expect(
      screen
        .getAllByRole('meter')
        .map(meter => meter.getAttribute('aria-label'))
    ).toEqual([
      'Disk with images, packages',
      'Your quota for images, packages',
      'Disk with kernels'
    ]);
    expect(
      screen.getByText('Quota: 41.0 of 42.0 GB used · nearly full')
    ).toBeTruthy();
  });

  it('is unknown where the file system does not answer', () => {
    show({
      value: someSpace({
        disks: [room({ free_bytes: null, total_bytes: null })]
      })
    });
    expect(screen.queryByRole('meter')).toBeNull();
    expect(screen.getByText('The file system does not answer.')).toBeTruthy();
  });
});
