import { nullTranslator } from '@jupyterlab/translation';
import {
  cleanup,
  fireEvent,
  render,
  screen,
  within
} from '@testing-library/react';
import React from 'react';

import {
  aDiagnosis,
  aFailedLog,
  aKernel,
  aRunningLog,
  aTroubledStart
} from '../../testing/samples';
import { FailureCard, IFailureCardProps } from '../failureCard';

const trans = nullTranslator.load('');

function show(change: Partial<IFailureCardProps> = {}) {
  const actions = {
    onRepair: jest.fn(),
    onShowKernelLog: jest.fn(),
    onCopyReport: jest.fn(),
    onDismissStart: jest.fn()
  };
  render(
    <FailureCard
      trans={trans}
      start={aTroubledStart()}
      kernel={aKernel()}
      disks={[]}
      isBeingMended={false}
      {...actions}
      {...change}
    />
  );
  return actions;
}

/** A start that failed for a reason with these remedies. */
const failed = (remedies: ReturnType<typeof aDiagnosis>['remedies']) =>
  aTroubledStart({
    log: aFailedLog({ diagnosis: aDiagnosis({ remedies }) })
  });

const buttons = () =>
  screen.getAllByRole('button').map(each => each.textContent);

afterEach(cleanup);

describe('the card of a failed start', () => {
  it('says what, then why, then what to do, and the lines last', () => {
    show();
    const card = screen.getByRole('region', {
      name: 'Debian 12 could not start'
    });
    const text = card.textContent ?? '';
    const places = [
      'Debian 12 could not start',
      'The image /scratch/x.sif is not there on node1.',
      'Put it back',
      'Find it',
      'Last lines',
      'container-kernels:'
    ].map(part => text.indexOf(part));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
    expect(within(card).getByRole('heading').textContent).toContain(
      'could not start'
    );
  });

  it('has the remedies as buttons, in their order', () => {
    const actions = show({
      start: failed(['reinstall', 'pull', 'relink'])
    });
    expect(buttons()).toEqual([
      'Install packages again',
      'Pull again',
      'Find it',
      'Show log',
      'Copy report',
      'Dismiss'
    ]);
    for (const name of buttons()) {
      fireEvent.click(screen.getByText(name as string));
    }
    expect(actions.onRepair.mock.calls).toEqual([
      ['debian-12', 'reinstall'],
      ['debian-12', 'pull'],
      ['debian-12', 'relink']
    ]);
    expect(actions.onShowKernelLog).toHaveBeenCalledWith('debian-12');
    expect(actions.onCopyReport.mock.calls[0][0].slug).toBe('debian-12');
    expect(actions.onDismissStart).toHaveBeenCalledWith('debian-12');
  });

  it('does not offer to pull a file of the user’s own', () => {
    const kernel = aKernel();
    show({
      kernel: { ...kernel, image: { ...kernel.image, source: '/x/y.sif' } }
    });
    expect(buttons()).not.toContain('Pull again');
  });

  it('says how much room there is where that is the trouble', () => {
    show({
      start: failed(['free_space']),
      disks: [
        {
          purpose: 'packages',
          path: '/home/u',
          free_bytes: 12_000_000,
          total_bytes: 50_000_000_000,
          quota: null
        },
        {
          purpose: 'kernels',
          path: '/home/u',
          free_bytes: 12_000_000,
          total_bytes: 50_000_000_000,
          quota: null
        },
        {
          purpose: 'images',
          path: '/scratch',
          free_bytes: null,
          total_bytes: null,
          quota: null
        }
      ]
    });
    expect(
      screen.getByText('Free: 12.0 MB of 50.0 GB for packages, kernels')
    ).toBeTruthy();
    expect(buttons()).toEqual(['Show log', 'Copy report', 'Dismiss']);
  });

  it('offers no second repair while one runs', () => {
    show({ isBeingMended: true });
    expect(screen.getByText('It is being mended.')).toBeTruthy();
    expect(buttons()).toEqual(['Show log', 'Copy report', 'Dismiss']);
  });

  it('is milder while a kernel is only slow', () => {
    show({ start: aTroubledStart({ kind: 'slow', log: aRunningLog() }) });
    const card = screen.getByRole('region', {
      name: 'Debian 12 has not answered for 10 seconds'
    });
    expect(card.className).toContain('jp-mod-slow');
    expect(card.textContent).toContain('It is still starting on node1.');
    expect(buttons()).toEqual(['Show log', 'Copy report', 'Dismiss']);
  });

  it('says why a kernel that runs cannot answer', () => {
    const log = aRunningLog();
    const diagnosis = {
      cause: 'port_in_use',
      message: 'A port was taken.',
      hint: 'Restart the kernel.',
      remedies: [],
      lines: []
    };
    const start = { ...log.start, diagnosis };
    show({ start: aTroubledStart({ kind: 'slow', log: { ...log, start } }) });
    const card = screen.getByRole('region');
    expect(card.textContent).toContain('A port was taken. Restart the kernel.');
    expect(card.textContent).not.toContain('still starting');
  });
});
