import type { IError } from './error';
import type { IAddRequest, IEditRequest, IRepairRequest } from './requests';
import type { IShareRequest } from './sharing';

/** A step of a task. */
export interface IPhase {
  name: 'resolve' | 'acquire' | 'inspect' | 'install' | 'verify' | 'publish';
  state: 'waiting' | 'running' | 'done' | 'skipped' | 'failed';
  duration_s: number | null;
}

/** How far the running phase is. */
export interface IProgress {
  done_bytes: number;
  total_bytes: number | null;
}

/** A kernel that is being added or mended, or the end of it. */
export interface ITask {
  id: string;
  /** Grows with each change. */
  seq: number;
  state:
    'running' | 'cancelling' | 'done' | 'failed' | 'cancelled' | 'interrupted';
  display_name: string;
  /** A kernel of that name exists only when the task is done. */
  slug: string;
  /** What was asked for, to retry or edit it. */
  request: IAddRequest;
  job: 'add' | 'repair' | 'edit' | 'duplicate' | 'check' | 'share';
  /** Set when it mends a kernel that exists. */
  repair: IRepairRequest | null;
  /** Set when it changes a kernel, or makes another one like it. */
  edit: IEditRequest | null;
  phases: IPhase[];
  /** The name of the running (or failed) phase. */
  phase: string | null;
  /** What happens right now, in a few words. */
  message: string;
  progress: IProgress | null;
  error: IError | null;
  created: string;
  ended: string | null;
  log_bytes: number;
  /** The kernel of which it makes another one, when it does. */
  original: string | null;
  /** A line that the user has to run on a login node for it to go on. */
  command?: string | null;
  /** Set when it shares a kernel. */
  share?: IShareRequest | null;
}

/** Tasks that run, and ended ones that nobody dismissed. */
export interface ITaskList {
  tasks: ITask[];
}

/** A piece of a log. */
export interface ILogChunk {
  text: string;
  /** Where the piece begins, in bytes. */
  offset: number;
  next_offset: number;
  size_bytes: number;
  /** Where the log lies on the server's machine. */
  path: string;
}
