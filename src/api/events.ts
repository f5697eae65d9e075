import type { Event } from '@jupyterlab/services';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

/** The schema of the events that the server part emits. */
export const TASK_EVENT_SCHEMA =
  'https://schema.jupyter.org/container-kernels/task/v1';

/** A task changed. A hint to read it again, not the truth. */
export interface ITaskEvent {
  task_id: string;
  seq: number;
  state: string;
}

/**
 * Our events among all those of the Jupyter server.
 */
export class TaskEvents implements IDisposable {
  /**
   * @param events - JupyterLab's own connection to the server's event bus.
   */
  constructor(events: Event.IManager) {
    this._stream = events.stream;
    this._stream.connect(this._onEvent, this);
  }

  /** A task changed. */
  get changed(): ISignal<this, ITaskEvent> {
    return this._changed;
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
    const { schema_id, task_id, seq, state } = event as Record<string, unknown>;
    if (
      schema_id === TASK_EVENT_SCHEMA &&
      typeof task_id === 'string' &&
      typeof seq === 'number' &&
      typeof state === 'string'
    ) {
      this._changed.emit({ task_id, seq, state });
    }
  }

  private _stream: Event.Stream;
  private _changed = new Signal<this, ITaskEvent>(this);
  private _isDisposed = false;
}
