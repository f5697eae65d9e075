import type { ILogChunk, ITask } from '../../api/types';
import { aTask } from '../../testing/samples';
import { TaskModel } from '../task';
import { TaskList } from '../taskList';
import { TaskLog } from '../taskLog';

/** A task that has acquired so much. */
function acquiring(seq: number, done: number, total: number | null = 1000) {
  return aTask({
    seq,
    phase: 'acquire',
    progress: { done_bytes: done, total_bytes: total }
  });
}

describe('a task', () => {
  it('never goes back to an older state', () => {
    const model = new TaskModel(acquiring(5, 500), 0);
    expect(model.update(acquiring(4, 400), 100)).toBe(false);
    expect(model.task.seq).toBe(5);
    expect(model.update(acquiring(6, 600), 200)).toBe(true);
    expect(model.task.seq).toBe(6);
  });

  it('tells its rate and the time that is left', () => {
    const model = new TaskModel(acquiring(1, 0), 0);
    expect([model.rate, model.eta]).toEqual([null, null]);
    model.update(acquiring(2, 200), 1000);
    expect(model.rate).toBe(200);
    expect(model.eta).toBe(4);
    expect(model.fraction).toBe(0.2);
  });

  it('tells no rate from two readings at nearly one time', () => {
    const model = new TaskModel(acquiring(1, 0), 0);
    model.update(acquiring(2, 200), 100);
    expect(model.rate).toBeNull();
  });

  it('forgets what was long ago when it tells the rate', () => {
    const model = new TaskModel(acquiring(1, 0), 0);
    for (let second = 1; second <= 20; second++) {
      model.update(acquiring(second + 1, second < 10 ? 0 : 500), second * 1000);
    }
    expect(model.rate).toBe(0);
    expect(model.eta).toBeNull();
  });

  it('slows down when nothing comes although its state stays', () => {
    const model = new TaskModel(acquiring(1, 0), 0);
    model.update(acquiring(2, 800), 1000);
    expect(model.rate).toBe(800);
    expect(model.update(acquiring(2, 800), 2000)).toBe(true);
    expect(model.rate).toBe(400);
  });

  it('begins anew with the next phase', () => {
    const model = new TaskModel(acquiring(1, 0), 0);
    model.update(acquiring(2, 800), 1000);
    model.update(
      aTask({
        seq: 3,
        phase: 'install',
        progress: { done_bytes: 10, total_bytes: 20 }
      }),
      2000
    );
    expect(model.rate).toBeNull();
    expect(model.fraction).toBe(0.5);
  });

  it('without a known end has a rate but neither fraction nor end', () => {
    const model = new TaskModel(acquiring(1, 0, null), 0);
    model.update(acquiring(2, 500, null), 1000);
    expect([model.rate, model.eta, model.fraction]).toEqual([500, null, null]);
  });

  it('that has got more than was announced is not further than all', () => {
    expect(new TaskModel(acquiring(1, 1500), 0).fraction).toBe(1);
  });

  it.each([
    ['running', true],
    ['cancelling', true],
    ['done', false],
    ['failed', false],
    ['cancelled', false],
    ['interrupted', false]
  ] as const)('that is %s does something: %s', (state, active) => {
    expect(new TaskModel(aTask({ state }), 0).isActive).toBe(active);
  });
});

describe('the list of tasks', () => {
  const task = (id: string, change: Partial<ITask> = {}) =>
    aTask({ id, ...change });

  it('has the newest first', () => {
    const list = new TaskList();
    list.replace(
      [
        task('old', { created: '2026-01-01T00:00:00Z' }),
        task('new', { created: '2026-01-02T00:00:00Z' })
      ],
      list.mark()
    );
    expect(list.items.map(item => item.task.id)).toEqual(['new', 'old']);
  });

  it('tells of the end of what was seen running, once', () => {
    const list = new TaskList();
    list.replace([task('a', { seq: 1 })], list.mark());
    const done = task('a', { seq: 2, state: 'done' });
    expect(list.replace([done], list.mark()).ended).toEqual([done]);
    expect(list.replace([done], list.mark()).ended).toEqual([]);
  });

  it('tells nothing of what had ended before the page was loaded', () => {
    const list = new TaskList();
    const change = list.replace([task('a', { state: 'done' })], list.mark());
    expect(change.ended).toEqual([]);
    expect(change.published).toEqual([]);
  });

  it('tells of a kernel that another page added between two readings', () => {
    const list = new TaskList();
    list.replace([], list.mark());
    const done = task('a', { state: 'done' });
    const change = list.replace([done], list.mark());
    expect(change.ended).toEqual([]);
    expect(change.published).toEqual([done]);
  });

  it('keeps a task that was started while the others were being read', () => {
    const list = new TaskList();
    const asked = list.mark();
    list.update(task('mine'));
    list.replace([], asked);
    expect(list.items).toHaveLength(1);
    list.replace([], list.mark());
    expect(list.items).toHaveLength(0);
  });

  it('never shows again what was dismissed, whatever answer is late', () => {
    const list = new TaskList();
    list.replace([task('a', { state: 'failed' })], list.mark());
    list.remove('a');
    list.replace([task('a', { state: 'failed' })], list.mark());
    expect(list.items).toHaveLength(0);
  });

  it('tells of a task that ran and was dismissed in another page', () => {
    const list = new TaskList();
    list.replace([task('a')], list.mark());
    expect(list.replace([], list.mark()).vanished).toHaveLength(1);
  });
});

describe('the log of a task', () => {
  /** Reads from a text as the server part does, a few bytes at once. */
  function reader(text: () => string, size = 4) {
    return jest.fn(async (offset: number): Promise<ILogChunk> => {
      const piece = text().slice(offset, offset + size);
      return {
        text: piece,
        offset,
        next_offset: offset + piece.length,
        size_bytes: text().length,
        path: '/tasks/a/log'
      };
    });
  }

  it('is read to its end, and on from there', async () => {
    let text = 'one\ntwo\n';
    const read = reader(() => text);
    const log = new TaskLog(read);
    expect(await log.catchUp()).toBe(true);
    expect(log.text).toBe('one\ntwo\n');
    expect(log.path).toBe('/tasks/a/log');
    text += 'three\n';
    await log.catchUp();
    expect(log.text).toBe('one\ntwo\nthree\n');
    expect(read.mock.calls.map(([offset]) => offset)).toEqual([0, 4, 8, 12]);
  });

  it('does not repeat a piece when asked twice at once', async () => {
    const log = new TaskLog(reader(() => 'one\ntwo\n'));
    await Promise.all([log.catchUp(), log.catchUp()]);
    expect(log.text).toBe('one\ntwo\n');
  });

  it('goes on where it was after a reading failed', async () => {
    const read = reader(() => 'one\ntwo\n');
    const log = new TaskLog(read);
    read.mockRejectedValueOnce(new Error('lost'));
    expect(await log.catchUp()).toBe(false);
    expect(await log.catchUp()).toBe(true);
    expect(log.text).toBe('one\ntwo\n');
  });

  it('keeps its end when it grows too long, and says how much is gone', async () => {
    const line = 'x'.repeat(99) + '\n';
    const log = new TaskLog(reader(() => line.repeat(5000), 200_000));
    await log.catchUp();
    expect(log.text.length).toBeLessThanOrEqual(400_000);
    expect(log.text.length + log.droppedBytes).toBe(500_000);
    expect(log.text.startsWith('xxx')).toBe(true);
  });
});
