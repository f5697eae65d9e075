import { nullTranslator } from '@jupyterlab/translation';
import { act, fireEvent, render, screen } from '@testing-library/react';
import React from 'react';

import type { IDiagnostics, IFinding } from '../../api/types';
import { DiagnosticsReader } from '../../model/diagnostics';
import { DiagnosticsTab } from '../diagnosticsTab';

const trans = nullTranslator.load('container-kernels');

function finding(title: string, state: IFinding['state']): IFinding {
  return {
    area: 'node',
    title,
    state,
    found: `${title} is\nso`,
    meaning: `${title} means this.`,
    action: ''
  };
}

function some(...findings: IFinding[]): IDiagnostics {
  return { created: '2026-03-01T12:00:00Z', findings, report: 'the report' };
}

async function show(...answers: (IDiagnostics | Error)[]) {
  const ask = jest.fn(async () => {
    const answer = answers.shift();
    if (!answer || answer instanceof Error) {
      throw answer;
    }
    return answer;
  });
  const onCopy = jest.fn();
  const reader = new DiagnosticsReader(ask);
  await act(async () => {
    render(<DiagnosticsTab trans={trans} reader={reader} onCopy={onCopy} />);
  });
  return { ask, onCopy };
}

const titles = () =>
  screen.getAllByRole('heading').map(each => each.textContent);

it('shows what needs attention first, in shapes and words', async () => {
  await show(
    some(
      finding('GPU', 'ok'),
      finding('Disks', 'unknown'),
      finding('FUSE', 'warning'),
      finding('Runtime', 'problem')
    )
  );
  expect(titles()).toEqual([
    '▲RuntimeProblem',
    '◆FUSEWorth knowing',
    '◌DisksUnknown',
    '●GPUFine'
  ]);
  expect(screen.getByRole('status').textContent).toBe(
    '1 problem keeps kernels from working here.'
  );
  expect(screen.getByText('Runtime means this.')).toBeTruthy();
  expect(screen.getByText(/^Runtime is\s+so$/)).toBeTruthy();
});

it.each([
  [
    some(finding('FUSE', 'warning')),
    'Kernels can work here. 1 thing is worth knowing.'
  ],
  [some(finding('GPU', 'ok')), 'Nothing stands in the way of kernels here.']
])('sums up %#', async (value, text) => {
  await show(value);
  expect(screen.getByRole('status').textContent).toBe(text);
});

it('copies the report that the server part made', async () => {
  const { onCopy } = await show(some(finding('GPU', 'ok')));
  fireEvent.click(screen.getByRole('button', { name: 'Copy report' }));
  expect(onCopy).toHaveBeenCalledWith('the report');
});

it('says why it cannot be read, keeps what it knows, and looks again', async () => {
  const { ask } = await show(
    some(finding('GPU', 'ok')),
    new Error('There is no connection.'),
    some(finding('GPU', 'warning'))
  );
  const again = screen.getByRole('button', { name: 'Look again' });
  await act(async () => fireEvent.click(again));
  expect(screen.getByText('There is no connection.')).toBeTruthy();
  expect(titles()).toEqual(['●GPUFine']);
  await act(async () => fireEvent.click(again));
  expect(screen.queryByText('There is no connection.')).toBeNull();
  expect(titles()).toEqual(['◆GPUWorth knowing']);
  expect(ask).toHaveBeenCalledTimes(3);
});

it('has nothing to copy before it has read', async () => {
  await show(new Error('no'));
  expect(
    screen.getByRole<HTMLButtonElement>('button', { name: 'Copy report' })
      .disabled
  ).toBe(true);
});
