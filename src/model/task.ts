import type { ITask } from '../api/types';
import type { ITaskState } from '../tokens';

/** Over how many milliseconds the rate is averaged. */
const WINDOW = 8_000;

/** From how many milliseconds on a rate says something. */
const MINIMUM = 900;

interface ISample {
  time: number;
  bytes: number;
}

/**
 * A task as it was last read, and the rate at which it moves.
 */
export class TaskModel implements ITaskState {
  /**
   * @param task - As read.
   * @param now - When that was, in milliseconds.
   */
  constructor(task: ITask, now: number) {
    this._task = task;
    this._sample(now);
  }

  get task(): ITask {
    return this._task;
  }

  get isActive(): boolean {
    return isActive(this._task);
  }

  get rate(): number | null {
    if (!this.isActive || this._samples.length < 2) {
      return null;
    }
    const first = this._samples[0];
    const last = this._samples[this._samples.length - 1];
    const time = last.time - first.time;
    return time < MINIMUM ? null : ((last.bytes - first.bytes) / time) * 1000;
  }

  get eta(): number | null {
    const progress = this._task.progress;
    const rate = this.rate;
    if (!progress || progress.total_bytes === null || !rate) {
      return null;
    }
    return Math.max(0, progress.total_bytes - progress.done_bytes) / rate;
  }

  get fraction(): number | null {
    const progress = this._task.progress;
    if (!progress || !progress.total_bytes) {
      return null;
    }
    return Math.min(1, progress.done_bytes / progress.total_bytes);
  }

  /**
   * Takes over a newer state. An older one never overwrites a newer one.
   *
   * @param task - As read.
   * @param now - When that was, in milliseconds.
   *
   * @returns Whether anything changed.
   */
  update(task: ITask, now: number): boolean {
    if (task.seq < this._task.seq) {
      return false;
    }
    if (task.phase !== this._task.phase) {
      this._samples = [];
    }
    const changed = task.seq !== this._task.seq;
    this._task = task;
    const rate = this.rate;
    this._sample(now);
    return changed || rate !== this.rate;
  }

  private _sample(time: number): void {
    const bytes = this._task.progress?.done_bytes;
    if (bytes === undefined) {
      this._samples = [];
      return;
    }
    const last = this._samples[this._samples.length - 1];
    if (last && (bytes < last.bytes || time < last.time)) {
      this._samples = [];
    }
    this._samples.push({ time, bytes });
    while (this._samples.length > 2 && time - this._samples[0].time > WINDOW) {
      this._samples.shift();
    }
  }

  private _task: ITask;
  private _samples: ISample[] = [];
}

/** Whether a task still does something. */
export function isActive(task: ITask): boolean {
  return task.state === 'running' || task.state === 'cancelling';
}

/** For how many milliseconds it is news that a task ended well. */
const NEWS = 2 * 60_000;

/**
 * Whether a task ended well, or as somebody wanted, and that is no news any
 * more: the kernel itself tells of it.
 *
 * @param now - Milliseconds since the epoch.
 */
export function isOldNews(task: ITask, now: number): boolean {
  return (
    (task.state === 'done' || task.state === 'cancelled') &&
    task.ended !== null &&
    now - Date.parse(task.ended) > NEWS
  );
}
