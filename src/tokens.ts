import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';

import type {
  IAddRequest,
  ICheckRequest,
  IDiagnostics,
  IEditRequest,
  IError,
  IFreed,
  IInfo,
  IKernel,
  IKernelDetails,
  IKernelLog,
  ILogin,
  ILoginRequest,
  IInspection,
  IRemoval,
  IRemoveRequest,
  IRepairRequest,
  IResolution,
  IResolveRequest,
  IRestored,
  ISharePlan,
  IShareRequest,
  ISpace,
  ITagList,
  ITask
} from './api/types';

/**
 * Whether the server part answers.
 *
 * - `unknown`: it was not asked yet;
 * - `ok`: it answered last time;
 * - `lost`: something else answered, or nothing; asked again by itself;
 * - `missing`: the Jupyter server does not know the server part.
 */
export type Connection = 'unknown' | 'ok' | 'lost' | 'missing';

/** A task, and what can be told from watching it. */
export interface ITaskState {
  readonly task: ITask;
  /** Whether it still does something. */
  readonly isActive: boolean;
  /** Bytes a second, or `null` while that is not known. */
  readonly rate: number | null;
  /** Seconds until the phase ends, or `null` while that is not known. */
  readonly eta: number | null;
  /** From 0 to 1, or `null` while that is not known. */
  readonly fraction: number | null;
}

/** A log that grows. */
export interface ILogState {
  readonly text: string;
  /** Where it lies on the server's machine; empty until it was read. */
  readonly path: string;
  /** Bytes at the beginning that are no longer kept here. */
  readonly droppedBytes: number;
}

/**
 * What can be seen of a kernel that was started.
 *
 * - `starting`: it has not answered yet;
 * - `restarting`: somebody restarts it;
 * - `answered`: it answers;
 * - `died`: it has died, and Jupyter starts it again or has given up.
 */
export type KernelState = 'starting' | 'restarting' | 'answered' | 'died';

/** A kernel of ours that was started, as a page sees it. */
export interface IStartedKernel {
  /** Of the kernel that runs. */
  readonly id: string;
  /** The kernel's name in Jupyter. */
  readonly slug: string;
  readonly displayName: string;
  readonly state: KernelState;
}

/**
 * A start with which something is wrong.
 *
 * - `failed`: the kernel could not start;
 * - `stopped`: it had started, and ended later;
 * - `slow`: it has not answered yet.
 */
export interface ITroubledStart {
  readonly slug: string;
  readonly displayName: string;
  readonly kind: 'failed' | 'stopped' | 'slow';
  /** What it wrote, and what became of it. */
  readonly log: IKernelLog;
}

/** The starts of container kernels, watched by who starts them. */
export interface IStarts {
  /** What is wrong, one of a kernel, the newest first. */
  readonly troubled: readonly ITroubledStart[];

  /** Something is wrong that nobody was told yet. */
  readonly appeared: ISignal<unknown, ITroubledStart>;

  /** What was wrong with a kernel (its `slug`) no longer is. */
  readonly settled: ISignal<unknown, string>;

  /** Takes over what is seen of a kernel, whenever that changes. */
  see(kernel: IStartedKernel): void;

  /** A kernel, by its id, is gone or no longer looked at. */
  forget(id: string): void;

  /** Somebody has seen what is wrong with a kernel. */
  dismiss(slug: string): void;
}

/** A kernel that is to be deleted, and how. */
export interface IDoomedKernel {
  /** The kernel's name in Jupyter. */
  readonly slug: string;
  readonly displayName: string;
  readonly request: IRemoveRequest;
}

/** A kernel that was deleted. */
export interface IRemovedKernel {
  readonly slug: string;
  readonly displayName: string;
  readonly removal: IRemoval;
}

/** A kernel that was not deleted, and why. */
export interface IRefusedKernel {
  readonly slug: string;
  readonly displayName: string;
  readonly error: Pick<IError, 'message' | 'hint'>;
}

/** What became of kernels that were to be deleted together. */
export interface IRemovals {
  readonly removed: readonly IRemovedKernel[];
  readonly refused: readonly IRefusedKernel[];
}

/** What takes room, as it was last read. */
export interface ISpaceState {
  /** What was read, or `null` until then. */
  readonly value: ISpace | null;
  /** Why it could not be read the last time, or `null`. */
  readonly problem: Pick<IError, 'message' | 'hint'> | null;
  /** Whether it is being read. */
  readonly isReading: boolean;
  /** The items that are being removed or put back, by id. */
  readonly busy: ReadonlySet<string>;
}

/**
 * The container kernels of the user and the tasks that add them.
 *
 * Methods reject with an object of `message` and, when the server part said
 * no, `code` and `hint` ({@link IError}).
 */
export interface IContainerKernels {
  /** What the server part offers, or `null` until it told. */
  readonly info: IInfo | null;

  /** The kernels, or `null` until they were read. */
  readonly kernels: readonly IKernel[] | null;

  /** How many kernels the server part told of that could not be read. */
  readonly unreadable: number;

  /** The tasks, newest first. */
  readonly tasks: readonly ITaskState[];

  /** Whether the server part answers. */
  readonly connection: Connection;

  /** Whether logging in again may bring the connection back. */
  readonly loginNeeded: boolean;

  /** Why the kernels cannot be read, when the server part refuses. */
  readonly error: IError | null;

  /** Whether the list is being read. */
  readonly isRefreshing: boolean;

  /** What is wrong with starts. */
  readonly starts: IStarts;

  /** What takes room; read while somebody looks at it. */
  readonly space: ISpaceState;

  /** Something of the above changed. */
  readonly stateChanged: ISignal<unknown, void>;

  /** This page started a task. */
  readonly taskStarted: ISignal<unknown, ITask>;

  /** A task ended that this page started or saw running. */
  readonly taskEnded: ISignal<unknown, ITask>;

  /** This page deleted kernels, together if they were chosen together. */
  readonly removed: ISignal<unknown, readonly IRemovedKernel[]>;

  /** The logs that are open, by task id. */
  readonly logs: ReadonlyMap<string, ILogState>;

  /** Read everything again. Never rejects: see `connection` and `error`. */
  refresh(): Promise<void>;

  /** Say whether somebody looks at the panel. */
  setWatched(watched: boolean): void;

  /** What the server part offers; asked once, and anew while a runtime is looked for. */
  getInfo(): Promise<IInfo>;

  /** What of node and session matters to containers. Takes some seconds. */
  getDiagnostics(): Promise<IDiagnostics>;

  /** What an image reference stands for, without downloading it. */
  resolve(
    image: string,
    signal?: AbortSignal,
    choice?: Omit<IResolveRequest, 'image'>
  ): Promise<IResolution>;

  /** The tags of an image, as far as its registry lists them. */
  listTags(image: string, signal?: AbortSignal): Promise<ITagList>;

  /** Keep a password for a registry, once that has taken it. */
  logIn(request: ILoginRequest): Promise<ILogin>;

  /** Remove the password for a registry. */
  logOut(registry: string): Promise<ILogin>;

  /** The interpreters in an image that is on the server's machine. */
  inspect(image: string, signal?: AbortSignal): Promise<IInspection>;

  /** Start adding a kernel. */
  add(request: IAddRequest): Promise<ITask>;

  /** Start mending a kernel. */
  repair(slug: string, request: IRepairRequest): Promise<ITask>;

  /** Start changing a kernel. */
  edit(slug: string, request: IEditRequest): Promise<ITask>;

  /** Start making another kernel of the same image. */
  duplicate(slug: string, request: IEditRequest): Promise<ITask>;

  /** Start a deep check of a kernel. */
  check(slug: string, request?: ICheckRequest): Promise<ITask>;

  /**
   * What sharing a kernel would copy, and for whom. Nothing is changed.
   *
   * @param slug - The kernel's name in Jupyter.
   * @param request - From where.
   */
  planShare(slug: string, request: IShareRequest): Promise<ISharePlan>;

  /** Start sharing a kernel: a copy that others use and cannot change. */
  share(slug: string, request: IShareRequest): Promise<ITask>;

  /** Take back a kernel that this user shares, by its folder. */
  withdraw(slug: string, resourceDir: string): Promise<IFreed>;

  /** Start an ended task again, in its place. */
  retry(id: string): Promise<ITask>;

  /** Cancel a task that runs, dismiss one that has ended. */
  endTask(id: string): Promise<void>;

  /** Open or close the log of a task. An open log follows its end. */
  showLog(id: string, shown: boolean): void;

  /**
   * One kernel, and what deleting it would remove and free; by its folder one
   * that Jupyter may not show.
   */
  getDetails(slug: string, directory?: string): Promise<IKernelDetails>;

  /** Delete a kernel. */
  remove(slug: string, request: IRemoveRequest): Promise<IRemoval>;

  /**
   * Delete kernels, one after the other. Never rejects: what is refused does
   * not keep the others.
   */
  removeAll(kernels: readonly IDoomedKernel[]): Promise<IRemovals>;

  /** Put a deleted kernel back: by `IRemoval.undo`, or an item of `space`. */
  restore(id: string): Promise<IRestored>;

  /** Say whether somebody looks at `space`. */
  setSpaceWatched(watched: boolean): void;

  /** Read `space` again. Never rejects: see its `problem`. */
  refreshSpace(): Promise<void>;

  /** Remove an item of `space`, at once. */
  free(id: string): Promise<IFreed>;

  /** What the last start of a kernel wrote. */
  getKernelLog(slug: string): Promise<IKernelLog>;
}

/** The container kernels of the user. */
export const IContainerKernels = new Token<IContainerKernels>(
  'jupyterlab-container-kernels:IContainerKernels',
  'The container kernels of the user and the tasks that add them.'
);

/** The command ids of the extension; what each does stands in its caption. */
export namespace CommandIDs {
  export const openPanel = 'container-kernels:open-panel';
  export const addKernel = 'container-kernels:add-kernel';
  export const startNotebook = 'container-kernels:start-notebook';
  export const startConsole = 'container-kernels:start-console';
  export const showLog = 'container-kernels:show-log';
  export const repairKernel = 'container-kernels:repair-kernel';
  export const editKernel = 'container-kernels:edit-kernel';
  export const duplicateKernel = 'container-kernels:duplicate-kernel';
  export const shareKernel = 'container-kernels:share-kernel';
  export const withdrawKernel = 'container-kernels:withdraw-kernel';
  export const deleteKernel = 'container-kernels:delete-kernel';
  export const checkKernel = 'container-kernels:check-kernel';
  export const showDetails = 'container-kernels:show-details';
  export const adoptKernel = 'container-kernels:adopt-kernel';
  export const cleanUp = 'container-kernels:clean-up';
  export const toggleColumn = 'container-kernels:toggle-column';
  export const refresh = 'container-kernels:refresh';
}
