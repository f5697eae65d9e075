import { VDomModel } from '@jupyterlab/ui-components';
import type { Kernel } from '@jupyterlab/services';
import { ISignal, Signal } from '@lumino/signaling';

import type { ContainerKernelsClient } from '../api/client';
import type { TaskEvents } from '../api/events';
import {
  ApiError,
  ConnectionLostError,
  EndpointMissingError
} from '../api/request';
import type {
  IAddRequest,
  ICheckRequest,
  IEditRequest,
  IError,
  IFreed,
  IInfo,
  IInspection,
  IKernel,
  IKernelDetails,
  IKernelLog,
  IRemoval,
  IRemoveRequest,
  IRepairRequest,
  IResolution,
  IRestored,
  ITask
} from '../api/types';
import type {
  Connection,
  IContainerKernels,
  IDoomedKernel,
  ILogState,
  IRefusedKernel,
  IRemovals,
  IRemovedKernel
} from '../tokens';
import { ISpecs, KernelspecWatcher } from './kernelspecs';
import { INews, Neighbours } from './neighbours';
import { SpaceModel } from './space';
import { Starts } from './starts';
import { isActive, isOldNews, TaskModel } from './task';
import { IChange, TaskList } from './taskList';
import { TaskLog } from './taskLog';
import { TaskWatcher } from './taskWatcher';

/**
 * The state of the extension in this page.
 *
 * It makes no request by itself while nothing runs and nobody looks.
 */
export class ContainerKernelsModel
  extends VDomModel
  implements IContainerKernels
{
  constructor(options: ContainerKernelsModel.IOptions) {
    super();
    this._client = options.client;
    this._specs = options.specs;
    this._runningKernels = options.kernels;
    this._kernelspecs = new KernelspecWatcher(options.specs);
    this._watcher = new TaskWatcher(
      {
        read: () => this._readTasks(),
        seq: id => this._tasks.find(id)?.task.seq,
        isBusy: () => this._tasks.anyActive,
        isWanted: () => this._isWatched && this._connection === 'lost'
      },
      options.events
    );
    this._starts = new Starts(slug => this.getKernelLog(slug));
    this._space = new SpaceModel(
      () => this._ask(() => this._client.getSpace()),
      () => this.stateChanged.emit()
    );
    this._starts.changed.connect(this._onStartsChanged, this);
    this._neighbours = options.neighbours ?? null;
    this._neighbours?.heard.connect(this._onNews, this);
    this._specs.specsChanged.connect(this._onSpecsChanged, this);
    this._runningKernels.runningChanged.connect(this._onRunningChanged, this);
  }

  get info(): IInfo | null {
    return this._info;
  }

  get kernels(): readonly IKernel[] | null {
    return this._kernels;
  }

  get unreadable(): number {
    return this._unreadable;
  }

  get tasks(): readonly TaskModel[] {
    return this._tasks.items;
  }

  get connection(): Connection {
    return this._connection;
  }

  get loginNeeded(): boolean {
    return this._loginNeeded;
  }

  get error(): IError | null {
    return this._error;
  }

  get starts(): Starts {
    return this._starts;
  }

  get space(): SpaceModel {
    return this._space;
  }

  get isRefreshing(): boolean {
    return this._refreshing !== null;
  }

  get taskStarted(): ISignal<this, ITask> {
    return this._taskStarted;
  }

  get taskEnded(): ISignal<this, ITask> {
    return this._taskEnded;
  }

  get removed(): ISignal<this, readonly IRemovedKernel[]> {
    return this._removed;
  }

  get logs(): ReadonlyMap<string, ILogState> {
    return this._logs;
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._watcher.dispose();
    this._kernelspecs.dispose();
    this._neighbours?.dispose();
    this._starts.dispose();
    this._specs.specsChanged.disconnect(this._onSpecsChanged, this);
    this._runningKernels.runningChanged.disconnect(
      this._onRunningChanged,
      this
    );
    super.dispose();
  }

  /** Reads the tasks once: what ran before the page was loaded runs on. */
  async start(): Promise<void> {
    await this._readTasks().catch(() => undefined);
  }

  async refresh(): Promise<void> {
    this._refreshing ??= this._refresh().finally(() => {
      this._refreshing = null;
      this.stateChanged.emit();
    });
    this.stateChanged.emit();
    await this._refreshing;
  }

  setWatched(watched: boolean): void {
    if (this._isWatched === watched) {
      return;
    }
    this._isWatched = watched;
    this._space.setVisible(watched);
    this._watcher.adjust();
    if (watched) {
      void this.refresh();
    }
  }

  async getInfo(): Promise<IInfo> {
    return this._info ?? (await this._ask(() => this._readInfo()));
  }

  resolve(image: string, signal?: AbortSignal): Promise<IResolution> {
    return this._client.resolve(image, signal);
  }

  inspect(image: string, signal?: AbortSignal): Promise<IInspection> {
    return this._client.inspect(image, signal);
  }

  add(request: IAddRequest): Promise<ITask> {
    return this._begin(() => this._client.addKernel(request));
  }

  repair(slug: string, request: IRepairRequest): Promise<ITask> {
    return this._begin(() => this._client.repairKernel(slug, request));
  }

  edit(slug: string, request: IEditRequest): Promise<ITask> {
    return this._begin(() => this._client.editKernel(slug, request));
  }

  async duplicate(slug: string, request: IEditRequest): Promise<ITask> {
    const task = await this._begin(() =>
      this._client.duplicateKernel(slug, request)
    );
    this._originals.set(task.id, slug);
    return task;
  }

  originalOf(id: string): string | undefined {
    return this._originals.get(id);
  }

  check(slug: string, request: ICheckRequest = {}): Promise<ITask> {
    return this._begin(() => this._client.checkKernel(slug, request));
  }

  async retry(id: string): Promise<ITask> {
    const failed = this._tasks.find(id)?.task;
    if (!failed) {
      throw new Error(`There is no task ${id}`);
    }
    const task = await this._redo(failed);
    // The new task tells the story now. If the old one stays, no harm is done.
    await this.endTask(id).catch(() => undefined);
    return task;
  }

  async endTask(id: string): Promise<void> {
    const wasActive = this._tasks.find(id)?.isActive ?? false;
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
      this._takeOver(this._tasks.update(task));
      void this._readTasks().catch(() => undefined);
    } else {
      this._forget(id);
    }
  }

  showLog(id: string, shown: boolean): void {
    if (!shown) {
      this._logs.delete(id);
      this.stateChanged.emit();
      return;
    }
    if (!this._logs.has(id)) {
      this._logs.set(
        id,
        new TaskLog(offset => this._client.getTaskLog(id, offset))
      );
      this._readLogs();
      this.stateChanged.emit();
    }
  }

  getDetails(slug: string): Promise<IKernelDetails> {
    return this._ask(() => this._client.getKernel(slug));
  }

  async remove(slug: string, request: IRemoveRequest): Promise<IRemoval> {
    const displayName = this._displayName(slug);
    const removal = await this._remove(slug, request);
    this._removed.emit([{ slug, displayName, removal }]);
    return removal;
  }

  async removeAll(kernels: readonly IDoomedKernel[]): Promise<IRemovals> {
    const removed: IRemovedKernel[] = [];
    const refused: IRefusedKernel[] = [];
    for (const { slug, displayName, request } of kernels) {
      try {
        const removal = await this._remove(slug, request);
        removed.push({ slug, displayName, removal });
      } catch (error) {
        const { message, hint } = error as Partial<IError>;
        refused.push({
          slug,
          displayName,
          error: { message: message ?? String(error), hint: hint ?? '' }
        });
      }
    }
    if (removed.length) {
      this._removed.emit(removed);
    }
    return { removed, refused };
  }

  async restore(id: string): Promise<IRestored> {
    const restored = await this._space.changing(id, () =>
      this._ask(() => this._client.restoreKernel(id))
    );
    this._expect({ slug: restored.slug, present: true });
    this._readKernelsSoon();
    return restored;
  }

  setSpaceWatched(watched: boolean): void {
    this._space.setWatched(watched);
  }

  refreshSpace(): Promise<void> {
    return this._space.read();
  }

  free(id: string): Promise<IFreed> {
    return this._space.changing(id, () =>
      this._ask(() => this._client.freeSpace(id))
    );
  }

  getKernelLog(slug: string): Promise<IKernelLog> {
    return this._ask(() => this._client.getKernelLog(slug));
  }

  private async _remove(
    slug: string,
    request: IRemoveRequest
  ): Promise<IRemoval> {
    const removal = await this._ask(() =>
      this._client.removeKernel(slug, request)
    );
    const { resource_dir } = request;
    const isIt = (each: IKernel) =>
      resource_dir ? each.resource_dir === resource_dir : each.id === slug;
    const rest = this._kernels?.filter(each => !isIt(each)) ?? null;
    if (rest?.some(each => each.slug === slug)) {
      void this._kernelspecs.nudge(); // another one of that name is seen now
    } else {
      this._expect({ slug, present: false });
    }
    this._kernels = rest;
    this._starts.settle(slug);
    this.stateChanged.emit();
    this._readKernelsSoon();
    this._space.readSoon();
    // The news that it is ready is no longer true.
    for (const { task } of this._tasks.items) {
      if (task.slug === slug && task.state === 'done') {
        this.endTask(task.id).catch(() => undefined);
      }
    }
    return removal;
  }

  /** Makes this page and its neighbours see that a kernel came or went. */
  private _expect(news: INews): void {
    this._kernelspecs.expect(news.slug, news.present);
    this._neighbours?.tell(news);
  }

  private _onNews(_: unknown, { slug, present }: INews): void {
    this._kernelspecs.expect(slug, present);
    this._readKernelsSoon();
    this._space.readSoon();
  }

  private _displayName(slug: string): string {
    return (
      this._kernels?.find(each => each.id === slug)?.display_name ??
      this._specs.specs?.kernelspecs[slug]?.display_name ??
      slug
    );
  }

  private _redo(task: ITask): Promise<ITask> {
    const { slug, repair, edit } = task;
    if (task.job === 'repair' && repair) {
      return this.repair(slug, repair);
    }
    if (task.job === 'edit' && edit) {
      return this.edit(slug, edit);
    }
    if (task.job === 'check') {
      return this.check(slug);
    }
    const original = this._originals.get(task.id);
    return task.job === 'duplicate' && edit && original !== undefined
      ? this.duplicate(original, edit)
      : this.add(task.request); // it says all, the image is here already
  }

  private async _begin(start: () => Promise<ITask>): Promise<ITask> {
    const task = await this._ask(start);
    this._taskStarted.emit(task);
    if (!isActive(task)) {
      this._taskEnded.emit(task); // it was that quick
    }
    this._takeOver(this._tasks.update(task));
    return task;
  }

  private async _refresh(): Promise<void> {
    try {
      await this._ask(async () => {
        await Promise.all([this._readKernels(), this._readInfo()]);
      });
      await this._readTasks();
      this._tidy();
      this._space.readSoon();
    } catch {
      // `connection` and `error` tell.
    }
  }

  private async _readInfo(): Promise<IInfo> {
    this._info = await this._client.getInfo();
    this.stateChanged.emit();
    return this._info;
  }

  private async _readKernels(): Promise<void> {
    try {
      const { rows, problems } = await this._client.listKernels();
      this._kernels = rows;
      this._unreadable = problems.length;
      this._error = null;
    } catch (error) {
      if (error instanceof ApiError) {
        this._error = error;
      }
      throw error;
    } finally {
      this.stateChanged.emit();
    }
  }

  /** Reads the kernels if somebody looks; who looks later reads them then. */
  private _readKernelsSoon(): void {
    if (this._isWatched) {
      this._ask(() => this._readKernels()).catch(() => undefined);
    }
  }

  private async _readTasks(): Promise<void> {
    const asked = this._tasks.mark();
    const { rows } = await this._ask(() => this._client.listTasks());
    this._takeOver(this._tasks.replace(rows, asked));
  }

  /** Tells whether somebody answers, whatever is asked. */
  private async _ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      const answer = await question();
      this._setConnection('ok');
      return answer;
    } catch (error) {
      if (error instanceof ConnectionLostError) {
        this._loginNeeded = error.loginNeeded;
        this._setConnection('lost');
      } else if (error instanceof EndpointMissingError) {
        // Once it was there: then it is the way to it that is gone.
        this._setConnection(this._wasThere ? 'lost' : 'missing');
      } else if (error instanceof ApiError) {
        this._setConnection('ok');
      } else {
        console.error(error);
      }
      throw error;
    }
  }

  private _setConnection(connection: Connection): void {
    const before = this._connection;
    this._wasThere ||= connection === 'ok';
    this._connection = connection;
    if (before !== connection) {
      this._watcher.adjust();
      this.stateChanged.emit();
      if (before === 'lost' && connection === 'ok' && this._isWatched) {
        void this.refresh();
      }
    }
  }

  private _takeOver(change: IChange): void {
    this._watcher.adjust();
    this._readLogs();
    for (const task of change.published) {
      this._kernelspecs.expect(
        task.slug,
        true,
        task.job === 'edit' ? task.display_name : undefined
      );
      this._starts.settle(task.slug); // it has just answered
    }
    if (change.vanished.length) {
      void this._kernelspecs.nudge();
    }
    if (
      change.published.length ||
      change.vanished.length ||
      change.ended.some(task => task.job === 'check')
    ) {
      this._readKernelsSoon();
      this._space.readSoon();
    }
    if (change.changed) {
      this.stateChanged.emit();
    }
    for (const task of change.ended) {
      this._taskEnded.emit(task);
    }
  }

  private _forget(id: string): void {
    this._tasks.remove(id);
    this._logs.delete(id);
    this._watcher.adjust();
    this.stateChanged.emit();
  }

  /** Dismisses what is no news any more. */
  private _tidy(): void {
    for (const { task } of this._tasks.items) {
      if (isOldNews(task, Date.now())) {
        this.endTask(task.id).catch(() => undefined);
      }
    }
  }

  private _readLogs(): void {
    for (const [id, log] of this._logs) {
      const size = this._tasks.find(id)?.task.log_bytes ?? 0;
      if (size !== this._logSizes.get(log)) {
        void log.catchUp().then(changed => {
          if (changed) {
            this._logSizes.set(log, size);
            this.stateChanged.emit();
          }
        });
      }
    }
  }

  private _onStartsChanged(): void {
    this.stateChanged.emit();
  }

  private _onSpecsChanged(): void {
    this._readKernelsSoon();
  }

  /** Reads the kernels again when one of ours was started or shut down. */
  private _onRunningChanged(_: unknown, models: Kernel.IModel[]): void {
    const ours = new Set(this._kernels?.map(kernel => kernel.slug));
    const running = models
      .map(model => model.name)
      .filter(name => ours.has(name))
      .sort()
      .join();
    if (running !== this._running) {
      this._running = running;
      this._readKernelsSoon();
    }
  }

  private _client: ContainerKernelsClient;
  private _specs: ISpecs;
  private _runningKernels: ContainerKernelsModel.IRunning;
  private _kernelspecs: KernelspecWatcher;
  private _neighbours: Neighbours | null;
  private _watcher: TaskWatcher;
  private _starts: Starts;
  private _space: SpaceModel;
  private _tasks = new TaskList();
  /** Of which kernel a task of this page makes another one, by its id. */
  private _originals = new Map<string, string>();
  private _logs = new Map<string, TaskLog>();
  private _logSizes = new WeakMap<TaskLog, number>();
  private _info: IInfo | null = null;
  private _kernels: IKernel[] | null = null;
  private _unreadable = 0;
  private _connection: Connection = 'unknown';
  private _wasThere = false;
  private _loginNeeded = false;
  private _error: IError | null = null;
  private _refreshing: Promise<void> | null = null;
  private _isWatched = false;
  private _running = '';
  private _taskStarted = new Signal<this, ITask>(this);
  private _taskEnded = new Signal<this, ITask>(this);
  private _removed = new Signal<this, readonly IRemovedKernel[]>(this);
}

/** What the model is made of. */
export namespace ContainerKernelsModel {
  /** What is needed of JupyterLab's list of running kernels. */
  export type IRunning = Pick<Kernel.IManager, 'runningChanged'>;

  /** The parts that the model works with. */
  export interface IOptions {
    /** The server part. */
    client: ContainerKernelsClient;
    /** Its hints that a task changed. */
    events: TaskEvents;
    /** JupyterLab's list of kernelspecs. */
    specs: ISpecs;
    /** JupyterLab's list of running kernels. */
    kernels: IRunning;
    /** The other pages of this browser; left out, none is told. */
    neighbours?: Neighbours;
  }
}
