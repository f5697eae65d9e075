import type { Event } from '@jupyterlab/services';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

/** The schema of the events that the server part emits. */
export const TASK_EVENT_SCHEMA =
  'https://schema.jupyter.org/container-kernels/task/v1';

/** The schema of what the server part tells of kernels. */
export const KERNEL_EVENT_SCHEMA =
  'https://schema.jupyter.org/container-kernels/kernel/v1';

/** A task changed. A hint to read it again, not the truth. */
export interface ITaskEvent {
  task_id: string;
  seq: number;
  state: string;
}

/** A kernel was deleted or put back, by whatever page of this user. */
export interface IKernelEvent {
  /** The kernel's name in Jupyter. */
  slug: string;
  /** Whether it is there now. */
  present: boolean;
}

/**
 * Our events among all those of the Jupyter server.
 */
export class ServerEvents implements IDisposable {
  /**
   * @param events - JupyterLab's own connection to the server's event bus.
   */
  constructor(events: Event.IManager) {
    this._stream = events.stream;
    this._stream.connect(this._onEvent, this);
  }

  /** A task changed. */
  get taskChanged(): ISignal<this, ITaskEvent> {
    return this._taskChanged;
  }

  /** A kernel was deleted or put back. */
  get kernelChanged(): ISignal<this, IKernelEvent> {
    return this._kernelChanged;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._stream.disconnect(this._onEvent, this);
    Signal.clearData(this);
  }

  private _onEvent(_: unknown, event: Event.Emission): void {
    const { schema_id, task_id, seq, state, slug, present } = event as Record<
      string,
      unknown
    >;
    if (
      schema_id === TASK_EVENT_SCHEMA &&
      typeof task_id === 'string' &&
      typeof seq === 'number' &&
      typeof state === 'string'
    ) {
      this._taskChanged.emit({ task_id, seq, state });
    } else if (
      schema_id === KERNEL_EVENT_SCHEMA &&
      typeof slug === 'string' &&
      typeof present === 'boolean'
    ) {
      this._kernelChanged.emit({ slug, present });
    }
  }

  private _stream: Event.Stream;
  private _taskChanged = new Signal<this, ITaskEvent>(this);
  private _kernelChanged = new Signal<this, IKernelEvent>(this);
  private _isDisposed = false;
}
