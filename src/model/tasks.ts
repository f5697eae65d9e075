import { ISignal, Signal } from '@lumino/signaling';
import { IDisposable } from '@lumino/disposable';

import type { ContainerKernelsClient } from '../api/client';
import type { ServerEvents } from '../api/events';
import { ApiError } from '../api/request';
import type {
  IAddRequest,
  ICheckRequest,
  IEditRequest,
  IRepairRequest,
  IShareRequest,
  ITask
} from '../api/types';
import type { ILogState } from '../tokens';
import type { ServerLink } from './serverLink';
import { isActive, isOldNews, TaskModel } from './task';
import { IChange, TaskList } from './taskList';
import { TaskLog } from './taskLog';
import { TaskWatcher } from './taskWatcher';

/** What tasks work with. */
export interface ITasksOptions {
  client: ContainerKernelsClient;
  link: ServerLink;
  /** The hints of the server part that a task changed. */
  events: ServerEvents;
  /** Whether the answer is waited for although nothing runs. */
  isWanted: () => boolean;
  /** What a change means for all else. */
  onChange: (change: IChange) => void;
  /** Something is to be drawn again. */
  onDraw: () => void;
}

/**
 * The tasks that add, mend, change, check and share kernels: begins, follows
 * and ends them, and their logs. What a task begins with rejects as the client
 * does.
 */
export class Tasks implements IDisposable {
  constructor(private _options: ITasksOptions) {
    this._client = _options.client;
    this._watcher = new TaskWatcher(
      {
        read: () => this.read(),
        seq: id => this._list.find(id)?.task.seq,
        isBusy: () => this._list.anyActive,
        isWanted: _options.isWanted
      },
      _options.events
    );
  }

  /** The tasks, newest first. */
  get items(): readonly TaskModel[] {
    return this._list.items;
  }

  /** The logs that are open, by task id. */
  get logs(): ReadonlyMap<string, ILogState> {
    return this._logs;
  }

  /** This page started a task. */
  get started(): ISignal<this, ITask> {
    return this._started;
  }

  /** A task ended that this page started or saw running. */
  get ended(): ISignal<this, ITask> {
    return this._ended;
  }

  get isDisposed(): boolean {
    return this._watcher.isDisposed;
  }

  dispose(): void {
    this._watcher.dispose();
    Signal.clearData(this);
  }

  /** Reads them by the clock from now on, or no longer, as is called for. */
  adjust(): void {
    this._watcher.adjust();
  }

  /** Reads the tasks. */
  async read(): Promise<void> {
    const asked = this._list.mark();
    const { rows } = await this._ask(() => this._client.listTasks());
    this._takeOver(this._list.replace(rows, asked));
  }

  /** Begins to add a kernel. */
  add(request: IAddRequest): Promise<ITask> {
    return this._begin(() => this._client.addKernel(request));
  }

  /** Begins to mend a kernel. */
  repair(slug: string, request: IRepairRequest): Promise<ITask> {
    return this._begin(() => this._client.repairKernel(slug, request));
  }

  /** Begins to change a kernel. */
  edit(slug: string, request: IEditRequest): Promise<ITask> {
    return this._begin(() => this._client.editKernel(slug, request));
  }

  /** Begins to make another kernel of the same image. */
  duplicate(slug: string, request: IEditRequest): Promise<ITask> {
    return this._begin(() => this._client.duplicateKernel(slug, request));
  }

  /** Begins to share a kernel. */
  share(slug: string, request: IShareRequest): Promise<ITask> {
    return this._begin(() => this._client.shareKernel(slug, request));
  }

  /** Begins a deep check of a kernel. */
  check(slug: string, request: ICheckRequest = {}): Promise<ITask> {
    return this._begin(() => this._client.checkKernel(slug, request));
  }

  /** Starts an ended task again, in its place. */
  async retry(id: string): Promise<ITask> {
    const failed = this._list.find(id)?.task;
    if (!failed) {
      throw new Error(`There is no task ${id}`);
    }
    const task = await this._redo(failed);
    // The new task tells the story now. If the old one stays, no harm is done.
    await this.end(id).catch(() => undefined);
    return task;
  }

  /** Cancels a task that runs, dismisses one that has ended. */
  async end(id: string): Promise<void> {
    const wasActive = this._list.find(id)?.isActive ?? false;
    let task: ITask;
    try {
      task = await this._ask(() => this._client.endTask(id));
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'not_found')) {
        throw error;
      }
      this._forget(id);
      return;
    }
    if (wasActive) {
      // If it ended just before, it was dismissed: reading on tells.
      this._takeOver(this._list.update(task));
      void this.read().catch(() => undefined);
    } else {
      this._forget(id);
    }
  }

  /** Dismisses what is no news any more. */
  tidy(): void {
    this._dismiss(task => isOldNews(task, Date.now()));
  }

  /** Dismisses the news that a kernel is ready: it is deleted. */
  retract(slug: string): void {
    this._dismiss(task => task.slug === slug && task.state === 'done');
  }

  /** Opens or closes the log of a task. An open log follows its end. */
  showLog(id: string, shown: boolean): void {
    if (!shown) {
      this._logs.delete(id);
      this._options.onDraw();
      return;
    }
    if (!this._logs.has(id)) {
      this._logs.set(
        id,
        new TaskLog(offset => this._client.getTaskLog(id, offset))
      );
      this._readLogs();
      this._options.onDraw();
    }
  }

  private _ask<T>(question: () => Promise<T>): Promise<T> {
    return this._options.link.ask(question);
  }

  private _redo(task: ITask): Promise<ITask> {
    const { slug, repair, edit, original } = task;
    if (task.job === 'repair' && repair) {
      return this.repair(slug, repair);
    }
    if (task.job === 'edit' && edit) {
      return this.edit(slug, edit);
    }
    if (task.job === 'share' && task.share) {
      return this.share(slug, task.share);
    }
    if (task.job === 'check') {
      return this.check(slug);
    }
    return task.job === 'duplicate' && edit && original !== null
      ? this.duplicate(original, edit)
      : this.add(task.request); // it says all, the image is here already
  }

  private async _begin(start: () => Promise<ITask>): Promise<ITask> {
    const task = await this._ask(start);
    this._started.emit(task);
    if (!isActive(task)) {
      this._ended.emit(task); // it was that quick
    }
    this._takeOver(this._list.update(task));
    return task;
  }

  private _takeOver(change: IChange): void {
    this.adjust();
    this._readLogs();
    this._options.onChange(change);
    for (const task of change.ended) {
      this._ended.emit(task);
    }
  }

  private _dismiss(isDone: (task: ITask) => boolean): void {
    for (const { task } of this._list.items) {
      if (isDone(task)) {
        this.end(task.id).catch(() => undefined);
      }
    }
  }

  private _forget(id: string): void {
    this._list.remove(id);
    this._logs.delete(id);
    this.adjust();
    this._options.onDraw();
  }

  private _readLogs(): void {
    for (const [id, log] of this._logs) {
      const size = this._list.find(id)?.task.log_bytes ?? 0;
      if (size !== this._logSizes.get(log)) {
        void log.catchUp().then(changed => {
          if (changed) {
            this._logSizes.set(log, size);
            this._options.onDraw();
          }
        });
      }
    }
  }

  private _client: ContainerKernelsClient;
  private _watcher: TaskWatcher;
  private _list = new TaskList();
  private _logs = new Map<string, TaskLog>();
  private _logSizes = new WeakMap<TaskLog, number>();
  private _started = new Signal<this, ITask>(this);
  private _ended = new Signal<this, ITask>(this);
}
