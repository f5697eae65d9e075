import type { IKernelLog } from '../../api/types';
import { aFailedLog, aRunningLog } from '../../testing/samples';
import type { ITroubledStart, KernelState } from '../../tokens';
import { hasAnswered, kernelState } from '../kernelState';
import { Starts } from '../starts';

describe('the starts of kernels', () => {
  let starts: Starts;
  /** What reading the log answers, and how often it was read. */
  let log: IKernelLog | Error;
  let readings: number;
  let appeared: ITroubledStart[];
  let settled: string[];

  beforeEach(() => {
    jest.useFakeTimers();
    log = aRunningLog();
    readings = 0;
    appeared = [];
    settled = [];
    starts = new Starts(async () => {
      readings++;
      if (log instanceof Error) {
        throw log;
      }
      return log;
    });
    starts.appeared.connect((_, start) => appeared.push(start));
    starts.settled.connect((_, slug) => settled.push(slug));
  });

  afterEach(() => {
    starts.dispose();
    jest.useRealTimers();
  });

  const see = (state: KernelState, id = 'k1', slug = 'x') =>
    starts.see({ id, slug, displayName: 'X', state });

  const pass = (milliseconds: number) =>
    jest.advanceTimersByTimeAsync(milliseconds);

  /** What is shown, in short. */
  const shown = () => starts.troubled.map(each => each.kind);

  /** A log of a start at a second, which has failed at another. */
  const failed = (started: number, ended = started) =>
    aFailedLog(
      { started: `2026-03-01T12:00:${String(started).padStart(2, '0')}+0000` },
      `2026-03-01T12:00:${String(ended).padStart(2, '0')}+0000`
    );

  it('read nothing when a kernel answers promptly', async () => {
    see('starting');
    await pass(1400);
    see('answered');
    await pass(60_000);
    expect(readings).toBe(0);
    expect(shown()).toEqual([]);
  });

  it('read nothing of a kernel that has answered long ago, whatever becomes of the connection', async () => {
    see('answered');
    see('starting');
    await pass(60_000);
    expect(readings).toBe(0);
  });

  it('tell once why a kernel could not start, however often Jupyter tries', async () => {
    log = failed(0);
    see('starting');
    await pass(1500);
    expect(shown()).toEqual(['failed']);
    for (let again = 1; again <= 5; again++) {
      log = failed(again * 3);
      see('died');
      see('starting');
      await pass(3000);
    }
    expect(appeared).toHaveLength(1);
    expect(readings).toBe(1);
  });

  it('read on while the log says nothing yet, and stop when it tells', async () => {
    see('starting');
    await pass(1500);
    log = new Error('the connection was lost');
    await pass(1500);
    log = failed(4);
    await pass(1500);
    expect(readings).toBe(3);
    expect(shown()).toEqual(['failed']);
    await pass(60_000);
    expect(readings).toBe(3);
  });

  it('read at once when a kernel has died', async () => {
    see('starting');
    await pass(100);
    log = failed(0);
    see('died');
    await pass(0);
    expect(shown()).toEqual(['failed']);
  });

  it('give up after 20 seconds when there is nothing to see', async () => {
    log = {
      ...aRunningLog(),
      start: { ...aRunningLog().start, state: 'never' }
    };
    see('starting');
    await pass(120_000);
    expect(readings).toBeGreaterThan(10);
    expect(readings).toBeLessThan(15);
  });

  it('say after 10 seconds that a kernel has not answered, until it does', async () => {
    see('starting');
    await pass(9_900);
    expect(shown()).toEqual([]);
    await pass(1_500);
    expect(shown()).toEqual(['slow']);
    await pass(30_000);
    expect(appeared.map(each => each.kind)).toEqual(['slow']);
    see('answered');
    expect(shown()).toEqual([]);
    expect(settled).toEqual(['x']);
    const before = readings;
    await pass(60_000);
    expect(readings).toBe(before);
  });

  it('tell the cause when a slow start fails at last', async () => {
    see('starting');
    await pass(40_000);
    log = failed(0, 41);
    await pass(4_000);
    expect(appeared.map(each => each.kind)).toEqual(['slow', 'failed']);
    expect(shown()).toEqual(['failed']);
  });

  it('forget what was slow when the kernel is shut down, and read no more', async () => {
    see('starting');
    await pass(12_000);
    starts.forget('k1');
    expect(shown()).toEqual([]);
    const before = readings;
    await pass(60_000);
    expect(readings).toBe(before);
  });

  it('keep what has failed though its kernel is gone, until a later start works', async () => {
    log = failed(0);
    see('starting');
    await pass(1500);
    starts.forget('k1');
    expect(shown()).toEqual(['failed']);
    see('starting', 'k2');
    see('answered', 'k2');
    expect(shown()).toEqual([]);
    expect(settled).toEqual(['x']);
  });

  it('do not take the log of the start before for that of the next one', async () => {
    log = failed(0);
    see('starting');
    await pass(1500);
    starts.dismiss('x');
    see('starting', 'k2');
    await pass(1500);
    expect(shown()).toEqual([]);
    log = failed(9);
    await pass(1500);
    expect(shown()).toEqual(['failed']);
    expect(appeared).toHaveLength(2);
  });

  it('show one thing of a kernel: the last', async () => {
    log = failed(0);
    see('starting');
    see('starting', 'k3', 'y');
    await pass(1500);
    log = failed(9);
    see('starting', 'k2');
    await pass(1500);
    expect(starts.troubled.map(each => each.slug)).toEqual(['x', 'y']);
    expect(appeared).toHaveLength(3);
  });

  it('do not bring back what somebody dismissed, nor keep the end from them', async () => {
    see('starting');
    await pass(12_000);
    starts.dismiss('x');
    await pass(4_000);
    expect(shown()).toEqual([]);
    log = failed(0, 17);
    await pass(4_000);
    expect(shown()).toEqual(['failed']);
    starts.dismiss('x');
    log = failed(20);
    see('died');
    await pass(10_000);
    expect(shown()).toEqual([]);
  });

  it('begin anew when somebody restarts the kernel', async () => {
    log = failed(0);
    see('starting');
    await pass(1500);
    see('restarting');
    see('restarting');
    log = failed(30);
    await pass(1500);
    expect(appeared).toHaveLength(2);
    see('restarting'); // Jupyter goes on trying
    await pass(9000);
    expect(appeared).toHaveLength(2);
  });

  it('say that a kernel has stopped when it had run for long', async () => {
    see('answered');
    log = aFailedLog({}, '2026-03-01T13:30:00+0000');
    see('died');
    await pass(0);
    expect(shown()).toEqual(['stopped']);
    // Jupyter has started it again; why it stopped is still to be read.
    see('starting');
    see('answered');
    expect(shown()).toEqual(['stopped']);
    see('starting', 'k2');
    see('answered', 'k2');
    expect(shown()).toEqual([]);
  });

  it('say that it could not start when it died and cannot be started again', async () => {
    see('answered');
    log = failed(30, 30);
    see('died');
    await pass(0);
    expect(shown()).toEqual(['failed']);
  });

  it('say nothing of a kernel that died and was started again before anybody could read why', async () => {
    see('answered');
    see('died');
    await pass(1600);
    see('answered');
    await pass(60_000);
    expect(shown()).toEqual([]);
    expect(readings).toBe(2);
  });
});

describe('what is seen of a kernel', () => {
  it.each([
    ['unknown', 'connecting', 'starting'],
    ['starting', 'connected', 'starting'],
    ['idle', 'connected', 'answered'],
    ['busy', 'connected', 'answered'],
    ['idle', 'connecting', null],
    ['restarting', 'connected', null],
    ['autorestarting', 'connecting', 'died'],
    ['dead', 'disconnected', 'died']
  ] as const)('%s and %s is %s', (status, connectionStatus, state) => {
    expect(kernelState({ status, connectionStatus }, false)).toBe(state);
    expect(kernelState({ status, connectionStatus }, true)).toBe('restarting');
  });

  it('is told by the server when the page is loaded anew', () => {
    const running = [
      { id: 'a', name: 'x', execution_state: 'busy' },
      { id: 'b', name: 'x', execution_state: 'starting' }
    ];
    expect(hasAnswered('a', running)).toBe(true);
    expect(hasAnswered('b', running)).toBe(false);
    expect(hasAnswered('c', running)).toBe(false);
  });
});
