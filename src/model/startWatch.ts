import type { IDisposable } from '@lumino/disposable';

import type { IKernelLog } from '../api/types';
import type { ITroubledStart, KernelState } from '../tokens';
import { ranFor } from './startLog';

/** How long a kernel may take before its log is read, in milliseconds. */
const PATIENCE = 1_500;

/** The gap between two readings, in milliseconds. */
const GAP = 1_500;

/** The gap once it is known to be slow, in milliseconds. */
const SLOW_GAP = 4_000;

/** From when on it is said that a kernel does not answer, in milliseconds. */
const SLOW = 10_000;

/** For how long the log is read, in milliseconds. */
const ATTENTION = 20_000;

/** The same while it is shown that the kernel is slow. */
const SLOW_ATTENTION = 180_000;

/** A kernel that ended after this had started, in seconds. */
const LONG = 60;

/** A kernel that had answered ran for at least this, in seconds. */
const ANSWERED = 2;

/** What a watch reads and whom it tells. */
export interface IStartWatchOptions {
  /** Reads the log of the last start. */
  readLog(): Promise<IKernelLog>;
  /**
   * Something is wrong with an attempt.
   *
   * @returns Whether that is so: `false` for what was known of another one.
   */
  onTrouble(
    attempt: number,
    kind: ITroubledStart['kind'],
    log: IKernelLog
  ): boolean;
  /** The kernel answers. */
  onAnswer(attempt: number): void;
}

/**
 * Watches the starts of one running kernel. It reads the log only while a
 * start takes long or after a death, and not at all when all is well.
 */
export class StartWatch implements IDisposable {
  constructor(options: IStartWatchOptions) {
    this._options = options;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    clearTimeout(this._timer);
  }

  /** Takes over what is seen of the kernel. */
  see(state: KernelState): void {
    const wasRestarting = this._isRestarting;
    this._isRestarting = state === 'restarting';
    switch (state) {
      case 'restarting':
        if (!wasRestarting) {
          this._begin(PATIENCE);
        }
        break;
      case 'starting':
        // Of a kernel that has answered only the connection is lost.
        if (this._phase === 'new') {
          this._begin(PATIENCE);
        }
        break;
      case 'answered':
        clearTimeout(this._timer);
        if (this._phase === 'starting') {
          this._options.onAnswer(this._attempt);
        }
        this._phase = 'answered';
        break;
      case 'died':
        if (this._phase !== 'starting') {
          const hadAnswered = this._phase === 'answered';
          this._begin(0);
          this._hadAnswered = hadAnswered;
        } else if (!this._isTold) {
          this._schedule(0);
        }
        break;
    }
  }

  private _begin(delay: number): void {
    this._phase = 'starting';
    this._attempt++;
    this._begun = Date.now();
    this._isTold = false;
    this._isSlow = false;
    this._hadAnswered = false;
    this._schedule(delay);
  }

  private _schedule(delay: number): void {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => void this._look(), delay);
  }

  private async _look(): Promise<void> {
    const attempt = this._attempt;
    const log = await this._options.readLog().catch(() => null);
    if (
      this._isDisposed ||
      this._attempt !== attempt ||
      this._phase !== 'starting' ||
      this._isTold
    ) {
      return;
    }
    const elapsed = Date.now() - this._begun;
    if (log?.start.state === 'failed' && log.start.diagnosis) {
      this._isTold = this._options.onTrouble(attempt, this._kind(log), log);
    } else if (log?.start.state === 'running' && elapsed >= SLOW) {
      this._isSlow = true;
      this._options.onTrouble(attempt, 'slow', log);
    }
    const attention = this._isSlow ? SLOW_ATTENTION : ATTENTION;
    if (!this._isTold && elapsed < attention) {
      this._schedule(elapsed < ATTENTION ? GAP : SLOW_GAP);
    }
  }

  private _kind(log: IKernelLog): 'failed' | 'stopped' {
    const seconds = ranFor(log) ?? 0;
    return seconds >= (this._hadAnswered ? ANSWERED : LONG)
      ? 'stopped'
      : 'failed';
  }

  private _options: IStartWatchOptions;
  private _phase: 'new' | 'starting' | 'answered' = 'new';
  private _attempt = 0;
  private _begun = 0;
  private _isTold = false;
  private _isSlow = false;
  private _isRestarting = false;
  private _hadAnswered = false;
  private _isDisposed = false;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}
