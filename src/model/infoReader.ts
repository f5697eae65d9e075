import type { IInfo } from '../api/types';
import type { ServerLink } from './serverLink';

/** The gap between two questions for a runtime that is looked for, in milliseconds. */
const SEARCH_GAP = 2_000;

/** How many of these questions in a row may stay without an answer. */
const SEARCH_TRIES = 30;

/**
 * What the server part offers, as it was last read. It is read again by itself
 * only while a runtime is looked for.
 */
export class InfoReader {
  /**
   * @param _request - Asks the server part.
   * @param _link - Learns how that went, unless who reads tells it.
   * @param _changed - It was read.
   */
  constructor(
    private _request: () => Promise<IInfo>,
    private _link: ServerLink,
    private _changed: () => void
  ) {}

  /** What was read, or `null` until then. */
  get value(): IInfo | null {
    return this._value;
  }

  /** Whether a runtime was still looked for when this was last asked. */
  get isSearching(): boolean {
    return this._value?.runtimes.some(runtime => runtime.searching) ?? false;
  }

  /** Reads it. Rejects when that was not possible. */
  read(): Promise<IInfo> {
    return this._read(SEARCH_TRIES);
  }

  /** Reads it no longer. */
  dispose(): void {
    this._isDisposed = true;
    clearTimeout(this._timer);
  }

  private async _read(tries: number): Promise<IInfo> {
    clearTimeout(this._timer);
    let left = tries - 1;
    try {
      this._value = await this._request();
      left = SEARCH_TRIES;
    } finally {
      if (!this._isDisposed && this.isSearching && left > 0) {
        // whoever asked wants to know how it ends, and it does within a minute
        clearTimeout(this._timer);
        this._timer = setTimeout(() => {
          this._link.ask(() => this._read(left)).catch(() => undefined);
        }, SEARCH_GAP);
      }
    }
    this._changed();
    return this._value;
  }

  private _value: IInfo | null = null;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _isDisposed = false;
}
