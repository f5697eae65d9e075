import { VDomModel } from '@jupyterlab/ui-components';
import type { Kernel } from '@jupyterlab/services';
import type { ISignal } from '@lumino/signaling';

import type { ContainerKernelsClient } from '../api/client';
import type { IKernelEvent, ServerEvents } from '../api/events';
import type {
  IAddRequest,
  ICheckRequest,
  IDiagnostics,
  IEditRequest,
  IError,
  IFreed,
  IInfo,
  IInspection,
  IKernel,
  IKernelDetails,
  IKernelLog,
  ILogin,
  ILoginRequest,
  IRemoval,
  IRemoveRequest,
  IRepairRequest,
  IResolution,
  IResolveRequest,
  IRestored,
  ISharePlan,
  IShareRequest,
  ITagList,
  ITask
} from '../api/types';
import type {
  Connection,
  IContainerKernels,
  IDoomedKernel,
  ILogState,
  IRemovals,
  IRemovedKernel
} from '../tokens';
import { InfoReader } from './infoReader';
import { KernelList } from './kernelList';
import { ISpecs, KernelspecWatcher } from './kernelspecs';
import { Removals } from './removals';
import { ServerLink } from './serverLink';
import { SpaceModel } from './space';
import { Starts } from './starts';
import type { TaskModel } from './task';
import type { IChange } from './taskList';
import { Tasks } from './tasks';

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
    this._link = new ServerLink(before => this._onConnection(before));
    this._info = new InfoReader(
      () => this._client.getInfo(),
      this._link,
      () => this.stateChanged.emit()
    );
    this._list = new KernelList(
      () => this._client.listKernels(),
      this._link,
      () => this.stateChanged.emit()
    );
    this._tasks = new Tasks({
      client: options.client,
      link: this._link,
      events: options.events,
      isWanted: () => this._isWatched && this.connection === 'lost',
      onChange: change => this._onTasks(change),
      onDraw: () => this.stateChanged.emit()
    });
    this._removals = new Removals({
      request: (slug, request) =>
        this._ask(() => this._client.removeKernel(slug, request)),
      nameOf: (slug, folder) => this._displayName(slug, folder),
      onGone: (slug, folder) => this._list.drop(slug, folder),
      onEnd: removed => this._onRemoved(removed)
    });
    this._starts = new Starts(slug => this.getKernelLog(slug));
    this._space = new SpaceModel(
      () => this._ask(() => this._client.getSpace()),
      () => this.stateChanged.emit()
    );
    this._starts.changed.connect(this._onStartsChanged, this);
    this._events = options.events;
    this._events.kernelChanged.connect(this._onKernelEvent, this);
    this._specs.specsChanged.connect(this._onSpecsChanged, this);
    this._runningKernels.runningChanged.connect(this._onRunningChanged, this);
  }

  get info(): IInfo | null {
    return this._info.value;
  }

  get kernels(): readonly IKernel[] | null {
    return this._list.rows;
  }

  get unreadable(): number {
    return this._list.unreadable;
  }

  get tasks(): readonly TaskModel[] {
    return this._tasks.items;
  }

  get connection(): Connection {
    return this._link.state;
  }

  get loginNeeded(): boolean {
    return this._link.loginNeeded;
  }

  get error(): IError | null {
    return this._list.error;
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

  get taskStarted(): ISignal<unknown, ITask> {
    return this._tasks.started;
  }

  get taskEnded(): ISignal<unknown, ITask> {
    return this._tasks.ended;
  }

  get removed(): ISignal<unknown, readonly IRemovedKernel[]> {
    return this._removals.removed;
  }

  get logs(): ReadonlyMap<string, ILogState> {
    return this._tasks.logs;
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._info.dispose();
    this._removals.dispose();
    this._tasks.dispose();
    this._kernelspecs.dispose();
    this._starts.dispose();
    this._events.kernelChanged.disconnect(this._onKernelEvent, this);
    this._specs.specsChanged.disconnect(this._onSpecsChanged, this);
    this._runningKernels.runningChanged.disconnect(
      this._onRunningChanged,
      this
    );
    super.dispose();
  }

  /** Reads the tasks once: what ran before the page was loaded runs on. */
  async start(): Promise<void> {
    await this._tasks.read().catch(() => undefined);
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
    this._list.setWatched(watched);
    this._space.setVisible(watched);
    this._tasks.adjust();
    if (watched) {
      void this.refresh();
    }
  }

  async getInfo(): Promise<IInfo> {
    return this._info.value && !this._info.isSearching
      ? this._info.value
      : await this._ask(() => this._info.read());
  }

  getDiagnostics(): Promise<IDiagnostics> {
    return this._ask(() => this._client.getDiagnostics());
  }

  resolve(
    image: string,
    signal?: AbortSignal,
    choice?: Omit<IResolveRequest, 'image'>
  ): Promise<IResolution> {
    return this._client.resolve(image, signal, choice);
  }

  listTags(image: string, signal?: AbortSignal): Promise<ITagList> {
    return this._client.listTags(image, signal);
  }

  logIn(request: ILoginRequest): Promise<ILogin> {
    return this._client.logIn(request);
  }

  logOut(registry: string): Promise<ILogin> {
    return this._client.logOut(registry);
  }

  inspect(image: string, signal?: AbortSignal): Promise<IInspection> {
    return this._client.inspect(image, signal);
  }

  add(request: IAddRequest): Promise<ITask> {
    return this._tasks.add(request);
  }

  repair(slug: string, request: IRepairRequest): Promise<ITask> {
    return this._tasks.repair(slug, request);
  }

  edit(slug: string, request: IEditRequest): Promise<ITask> {
    return this._tasks.edit(slug, request);
  }

  duplicate(slug: string, request: IEditRequest): Promise<ITask> {
    return this._tasks.duplicate(slug, request);
  }

  check(slug: string, request: ICheckRequest = {}): Promise<ITask> {
    return this._tasks.check(slug, request);
  }

  planShare(slug: string, request: IShareRequest): Promise<ISharePlan> {
    return this._ask(() => this._client.planShare(slug, request));
  }

  share(slug: string, request: IShareRequest): Promise<ITask> {
    return this._tasks.share(slug, request);
  }

  async withdraw(slug: string, resourceDir: string): Promise<IFreed> {
    const freed = await this._ask(() =>
      this._client.withdrawKernel(slug, { resource_dir: resourceDir })
    );
    this._list.drop(slug, resourceDir);
    this._onGone(slug);
    await this.refresh();
    return freed;
  }

  retry(id: string): Promise<ITask> {
    return this._tasks.retry(id);
  }

  endTask(id: string): Promise<void> {
    return this._tasks.end(id);
  }

  showLog(id: string, shown: boolean): void {
    this._tasks.showLog(id, shown);
  }

  getDetails(slug: string, directory?: string): Promise<IKernelDetails> {
    return this._ask(() => this._client.getKernel(slug, directory));
  }

  remove(slug: string, request: IRemoveRequest): Promise<IRemoval> {
    return this._removals.remove(slug, request);
  }

  removeAll(kernels: readonly IDoomedKernel[]): Promise<IRemovals> {
    return this._removals.removeAll(kernels);
  }

  async restore(id: string): Promise<IRestored> {
    const restored = await this._space.changing(id, () =>
      this._ask(() => this._client.restoreKernel(id))
    );
    this._kernelspecs.expect(restored.slug, true);
    this._list.readSoon();
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

  /** Reads again what has changed, once for all that were deleted together. */
  private _onRemoved(removed: readonly IRemovedKernel[]): void {
    for (const { slug } of removed) {
      this._onGone(slug);
      if (!this._list.find(slug)) {
        // it was the one that Jupyter sees, and not one that this hides
        this._starts.settle(slug);
        this._tasks.retract(slug);
      }
    }
    this._readSoon();
  }

  /** Makes JupyterLab see that a kernel is gone, whose row is gone already. */
  private _onGone(slug: string): void {
    if (this._list.rows?.some(each => each.slug === slug)) {
      void this._kernelspecs.nudge(); // another one of that name is seen now
    } else {
      this._kernelspecs.expect(slug, false);
    }
  }

  private _onKernelEvent(_: unknown, event: IKernelEvent): void {
    if (this._removals.isKnown(event)) {
      return;
    }
    this._kernelspecs.expect(event.slug, event.present);
    this._readSoon();
  }

  private _displayName(slug: string, folder?: string | null): string {
    return (
      this._list.find(slug, folder)?.display_name ??
      this._specs.specs?.kernelspecs[slug]?.display_name ??
      slug
    );
  }

  private async _refresh(): Promise<void> {
    try {
      await this._ask(() =>
        Promise.all([this._list.read(), this._info.read()])
      );
      await this._tasks.read();
      this._tasks.tidy();
      this._space.readSoon();
    } catch {
      // `connection` and `error` tell.
    }
  }

  /** Reads the kernels and what takes room, if somebody looks at them. */
  private _readSoon(): void {
    this._list.readSoon();
    this._space.readSoon();
  }

  /** Tells whether somebody answers, whatever is asked. */
  private _ask<T>(question: () => Promise<T>): Promise<T> {
    return this._link.ask(question);
  }

  private _onConnection(before: Connection): void {
    this._tasks.adjust();
    this.stateChanged.emit();
    if (before === 'lost' && this.connection === 'ok' && this._isWatched) {
      void this.refresh();
    }
  }

  private _onTasks(change: IChange): void {
    for (const task of change.published) {
      this._kernelspecs.expect(
        task.slug,
        true,
        task.job === 'edit' ? task.display_name : undefined
      );
      if (task.job !== 'share') {
        this._starts.settle(task.slug); // it has just answered
      }
    }
    if (change.vanished.length) {
      void this._kernelspecs.nudge();
    }
    if (
      change.published.length ||
      change.vanished.length ||
      change.ended.some(task => task.job === 'check')
    ) {
      this._readSoon();
    }
    if (change.changed) {
      this.stateChanged.emit();
    }
  }

  private _onStartsChanged(): void {
    this.stateChanged.emit();
  }

  private _onSpecsChanged(): void {
    this._list.readSoon();
  }

  private _onRunningChanged(_: unknown, models: Kernel.IModel[]): void {
    this._list.see(models.map(model => model.name));
  }

  private _client: ContainerKernelsClient;
  private _specs: ISpecs;
  private _runningKernels: ContainerKernelsModel.IRunning;
  private _events: ServerEvents;
  private _kernelspecs: KernelspecWatcher;
  private _link: ServerLink;
  private _info: InfoReader;
  private _list: KernelList;
  private _removals: Removals;
  private _tasks: Tasks;
  private _starts: Starts;
  private _space: SpaceModel;
  private _refreshing: Promise<void> | null = null;
  private _isWatched = false;
}

/** What the model is made of. */
export namespace ContainerKernelsModel {
  /** What is needed of JupyterLab's list of running kernels. */
  export type IRunning = Pick<Kernel.IManager, 'runningChanged'>;

  /** The parts that the model works with. */
  export interface IOptions {
    /** The server part. */
    client: ContainerKernelsClient;
    /** Its hints that something changed. */
    events: ServerEvents;
    /** JupyterLab's list of kernelspecs. */
    specs: ISpecs;
    /** JupyterLab's list of running kernels. */
    kernels: IRunning;
  }
}
