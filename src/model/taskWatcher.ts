import { IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';

import type { ITaskEvent, ServerEvents } from '../api/events';

/** The gap between two readings while something runs, in milliseconds. */
const INTERVAL = 1_000;

/** The longest gap while nobody answers, in milliseconds. */
const LONGEST = 10_000;

/** The shortest gap between two readings that events ask for. */
const EVENT_GAP = 250;

/** How the watcher reads, and what it needs to know. */
export interface IWatched {
  /** Reads the tasks. Rejects when nobody answered. */
  read(): Promise<void>;
  /** The newest `seq` that is known of a task. */
  seq(id: string): number | undefined;
  /** Whether a task runs, as far as is known. */
  isBusy(): boolean;
  /** Whether the answer is waited for although nothing runs. */
  isWanted(): boolean;
}

/**
 * Decides when to read the tasks: by a short poll while something runs, when
 * an event arrives, and when the page becomes visible again. While nothing
 * runs there is no request at all.
 */
export class TaskWatcher implements IDisposable {
  /**
   * @param watched - What to read.
   * @param events - The hints of the server part.
   */
  constructor(watched: IWatched, events: ServerEvents) {
    this._watched = watched;
    this._events = events;
    this._poll = new Poll({
      auto: false,
      name: 'jupyterlab-container-kernels:tasks',
      factory: () => this._read(),
      frequency: { interval: INTERVAL, backoff: true, max: LONGEST },
      linger: 0,
      standby: 'when-hidden'
    });
    this._events.taskChanged.connect(this._onEvent, this);
    document.addEventListener('visibilitychange', this._onVisibility);
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  dispose(): void {
    if (this.isDisposed) {
      return;
    }
    clearTimeout(this._timer);
    this._poll.dispose();
    this._events.taskChanged.disconnect(this._onEvent, this);
    document.removeEventListener('visibilitychange', this._onVisibility);
  }

  /** Polls from now on, or no longer, as what is known asks for. */
  adjust(): void {
    const wanted = this._watched.isBusy() || this._watched.isWanted();
    if (this.isDisposed || wanted === this._isPolling) {
      return;
    }
    this._isPolling = wanted;
    // The first tick comes after one interval: what is known now is new.
    void (wanted
      ? this._poll.schedule({ phase: 'standby', interval: INTERVAL })
      : this._poll.stop());
  }

  /** Reads soon after an event, but not more often than a few times a second. */
  private _onEvent(_: ServerEvents, event: ITaskEvent): void {
    const known = this._watched.seq(event.task_id);
    if (known !== undefined && event.seq <= known) {
      return;
    }
    if (document.hidden && event.state === 'running') {
      return; // nobody sees how far it is
    }
    if (event.state !== 'running') {
      this._readQuietly(); // an end is not to wait for
      return;
    }
    if (this._timer !== undefined) {
      return;
    }
    const gap = Math.max(0, this._lastRead + EVENT_GAP - Date.now());
    this._timer = setTimeout(() => {
      this._timer = undefined;
      this._readQuietly();
    }, gap);
  }

  private _onVisibility = (): void => {
    if (!document.hidden && this._isPolling) {
      this._readQuietly();
    }
  };

  /** Whether the connection is lost is told by what is read. */
  private _readQuietly(): void {
    this._read().catch(() => undefined);
  }

  private async _read(): Promise<void> {
    this._lastRead = Date.now();
    await this._watched.read();
  }

  private _watched: IWatched;
  private _events: ServerEvents;
  private _poll: Poll;
  private _isPolling = false;
  private _lastRead = 0;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}
