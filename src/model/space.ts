import type { ISpace } from '../api/types';
import type { ISpaceState } from '../tokens';
import { IProblem, problemOf } from './problem';

/**
 * What takes room on the server's machine. It is read when somebody begins to
 * look at it and after changes, and never by a clock: reading it costs walks
 * through folders.
 */
export class SpaceModel implements ISpaceState {
  /**
   * @param ask - Asks the server part.
   * @param changed - Something of the state changed.
   */
  constructor(
    private _ask: () => Promise<ISpace>,
    private _changed: () => void
  ) {}

  get value(): ISpace | null {
    return this._value;
  }

  get problem(): IProblem | null {
    return this._problem;
  }

  get isReading(): boolean {
    return this._reading !== null;
  }

  get busy(): ReadonlySet<string> {
    return this._busy;
  }

  /** Says whether its tab is chosen. */
  setWatched(watched: boolean): void {
    const began = watched && !this._isWatched;
    this._isWatched = watched;
    if (began) {
      this.readSoon();
    }
  }

  /** Says whether the panel is seen. Who shows it reads anew: see `readSoon`. */
  setVisible(visible: boolean): void {
    this._isVisible = visible;
  }

  /** Reads it if somebody looks; who looks later reads it then. */
  readSoon(): void {
    if (this._isWatched && this._isVisible) {
      void this.read();
    }
  }

  /** Reads it. Never rejects: see `problem`. */
  async read(): Promise<void> {
    if (this._reading) {
      this._isOld = true; // what is on its way may not know the change
      return this._reading;
    }
    this._reading = this._read().finally(() => {
      this._reading = null;
      this._changed();
    });
    this._changed();
    return this._reading;
  }

  /**
   * Changes one item, and reads everything again.
   *
   * @param id - The item.
   * @param change - Does it. What it rejects with is passed on.
   */
  async changing<T>(id: string, change: () => Promise<T>): Promise<T> {
    this._busy.add(id);
    this._changed();
    try {
      const result = await change();
      if (this._value) {
        const items = this._value.items.filter(each => each.id !== id);
        this._value = { ...this._value, items };
      }
      return result;
    } finally {
      this._busy.delete(id);
      this._changed();
      this.readSoon(); // when it was refused, too: it may be gone already
    }
  }

  private async _read(): Promise<void> {
    do {
      this._isOld = false;
      try {
        this._value = await this._ask();
        this._problem = null;
      } catch (error) {
        this._problem = problemOf(error);
      }
    } while (this._isOld);
  }

  private _value: ISpace | null = null;
  private _problem: IProblem | null = null;
  private _reading: Promise<void> | null = null;
  private _busy = new Set<string>();
  private _isOld = false;
  private _isWatched = false;
  private _isVisible = false;
}
