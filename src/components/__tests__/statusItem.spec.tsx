import { nullTranslator } from '@jupyterlab/translation';
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import React from 'react';

import { TaskModel } from '../../model/task';
import { aTask } from '../../testing/samples';
import { StatusItem } from '../statusItem';

const trans = nullTranslator.load('');

const half = aTask({ progress: { done_bytes: 1, total_bytes: 2 } });

function show(...tasks: TaskModel[]) {
  const onClick = jest.fn();
  render(<StatusItem trans={trans} tasks={tasks} onClick={onClick} />);
  return onClick;
}

afterEach(cleanup);

describe('the item in the status bar', () => {
  it('is empty when nothing runs', () => {
    show(new TaskModel(aTask({ state: 'failed' }), 0));
    expect(screen.queryByRole('button')).toBeNull();
  });

  it('names the one task and says how far it is', () => {
    const onClick = show(new TaskModel(half, 0));
    const item = screen.getByRole('button', { name: /Debian 12 50 %/ });
    expect(screen.getByRole<HTMLProgressElement>('progressbar').value).toBe(
      0.5
    );
    fireEvent.click(item);
    expect(onClick).toHaveBeenCalled();
  });

  it('counts several tasks', () => {
    show(new TaskModel(half, 0), new TaskModel(aTask(), 0));
    expect(
      screen.getByRole('button', { name: /Adding 2 kernels/ })
    ).toBeTruthy();
  });

  it('has a bar without an end when that is not known', () => {
    show(new TaskModel(aTask(), 0));
    expect(screen.getByRole('progressbar').hasAttribute('value')).toBe(false);
  });
});
