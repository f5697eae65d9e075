import type { ITask } from '../api/types';
import { isActive, TaskModel } from './task';

/** What one reading of the tasks brought. */
export interface IChange {
  /** Whether anything is to be drawn again. */
  changed: boolean;
  /** Tasks that ended, and that this page started or saw running. */
  ended: ITask[];
  /**
   * Tasks that are done and were not before. Unlike `ended` this holds tasks
   * that ran and ended between two readings.
   */
  published: ITask[];
  /** Tasks that ran when last seen and are gone: dismissed somewhere else. */
  vanished: ITask[];
}

function noChange(): IChange {
  return { changed: false, ended: [], published: [], vanished: [] };
}

/**
 * The tasks, newest first. Whatever order the answers come in, a task never
 * goes back to an older state, and one that was dismissed never comes back.
 */
export class TaskList {
  /** @param now - The time in milliseconds. */
  constructor(now: () => number = Date.now) {
    this._now = now;
  }

  /** The tasks, newest first. */
  get items(): readonly TaskModel[] {
    return this._items;
  }

  /** Whether any of them still does something. */
  get anyActive(): boolean {
    return this._items.some(item => item.isActive);
  }

  /** The task with an id. */
  find(id: string): TaskModel | undefined {
    return this._items.find(item => item.task.id === id);
  }

  /**
   * Takes over one task.
   *
   * @returns What changed by that.
   */
  update(task: ITask): IChange {
    const change = noChange();
    this._merge(task, change);
    return change;
  }

  /**
   * Takes over the answer to "all tasks".
   *
   * @param tasks - All that the server part knows.
   * @param asked - When it was asked, as `mark()` told. Tasks that came to be
   * known later are kept though they are not in the answer.
   */
  replace(tasks: ITask[], asked: number): IChange {
    const change = noChange();
    for (const task of tasks) {
      this._merge(task, change);
    }
    const ids = new Set(tasks.map(task => task.id));
    const kept = this._items.filter(
      item =>
        ids.has(item.task.id) || (this._known.get(item.task.id) ?? 0) > asked
    );
    if (kept.length !== this._items.length) {
      change.vanished = this._items
        .filter(item => item.isActive && !kept.includes(item))
        .map(item => item.task);
      this._items = kept;
      change.changed = true;
    }
    this._isFirst = false;
    return change;
  }

  /** A mark for `replace`: what is known from now on is newer. */
  mark(): number {
    return this._clock;
  }

  /** Forgets a task for good. */
  remove(id: string): void {
    this._removed.add(id);
    this._items = this._items.filter(item => item.task.id !== id);
  }

  private _merge(task: ITask, change: IChange): void {
    if (this._removed.has(task.id)) {
      return;
    }
    const item = this.find(task.id);
    const wasActive = item?.isActive ?? false;
    if (item) {
      change.changed = item.update(task, this._now()) || change.changed;
    } else {
      this._items = [...this._items, new TaskModel(task, this._now())].sort(
        (a, b) => b.task.created.localeCompare(a.task.created)
      );
      this._known.set(task.id, ++this._clock);
      change.changed = true;
    }
    const current = item?.task ?? task;
    if (wasActive && !isActive(current)) {
      change.ended.push(current);
    }
    // The first reading brings what was published before this page was there.
    if (current.state === 'done' && (item ? wasActive : !this._isFirst)) {
      change.published.push(current);
    }
  }

  private _now: () => number;
  private _items: TaskModel[] = [];
  private _known = new Map<string, number>();
  private _removed = new Set<string>();
  private _clock = 0;
  private _isFirst = true;
}
