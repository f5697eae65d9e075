import { ApiError } from '../api/request';
import type { IError, IKernel } from '../api/types';
import type { IRows } from '../api/validate';
import type { ServerLink } from './serverLink';

/**
 * The kernels as they were last read. They are read while somebody looks; who
 * looks later reads them then.
 */
export class KernelList {
  /**
   * @param _request - Asks the server part.
   * @param _link - Learns how that went, unless who reads tells it.
   * @param _changed - Something of the state changed.
   */
  constructor(
    private _request: () => Promise<IRows<IKernel>>,
    private _link: ServerLink,
    private _changed: () => void
  ) {}

  /** The kernels, or `null` until they were read. */
  get rows(): readonly IKernel[] | null {
    return this._rows;
  }

  /** How many kernels the server part told of that could not be read. */
  get unreadable(): number {
    return this._unreadable;
  }

  /** Why the kernels cannot be read, when the server part refuses. */
  get error(): IError | null {
    return this._error;
  }

  /**
   * The kernel that Jupyter sees by a name, or the one in a folder.
   *
   * @param slug - The kernel's name in Jupyter.
   * @param folder - Its folder, where it is known by that.
   */
  find(slug: string, folder?: string | null): IKernel | undefined {
    return this._rows?.find(each => isIt(each, slug, folder));
  }

  /** Says whether somebody looks. Who begins to look reads. */
  setWatched(watched: boolean): void {
    this._isWatched = watched;
  }

  /**
   * Reads them. Rejects when that was not possible. While that is under way it
   * is done once more, as what is on its way may not know what is new.
   */
  read(): Promise<void> {
    if (this._reading) {
      this._isOld = true;
    }
    this._reading ??= this._read().finally(() => {
      this._reading = null;
    });
    return this._reading;
  }

  /** Reads them if somebody looks. Never rejects. */
  readSoon(): void {
    if (this._isWatched) {
      this._link.ask(() => this.read()).catch(() => undefined);
    }
  }

  /**
   * Takes out what was deleted, before they are read again.
   *
   * @param slug - The kernel's name in Jupyter.
   * @param folder - Its folder, where it was deleted by that.
   */
  drop(slug: string, folder?: string | null): void {
    this._rows = this._rows?.filter(each => !isIt(each, slug, folder)) ?? null;
    this._isOld = true; // what is on its way may still hold it
    this._changed();
  }

  /**
   * Takes over the names of the kernels that run. When one of ours was started
   * or shut down, all are read again.
   */
  see(running: readonly string[]): void {
    const ours = new Set(this._rows?.map(kernel => kernel.slug));
    const names = running
      .filter(name => ours.has(name))
      .sort()
      .join();
    if (names !== this._running) {
      this._running = names;
      this.readSoon();
    }
  }

  private async _read(): Promise<void> {
    try {
      do {
        this._isOld = false;
        const { rows, problems } = await this._request();
        if (!this._isOld) {
          this._rows = rows;
          this._unreadable = problems.length;
          this._error = null;
        }
      } while (this._isOld);
    } catch (error) {
      if (error instanceof ApiError) {
        this._error = error;
      }
      throw error;
    } finally {
      this._changed();
    }
  }

  private _rows: readonly IKernel[] | null = null;
  private _unreadable = 0;
  private _error: IError | null = null;
  private _reading: Promise<void> | null = null;
  private _isOld = false;
  private _isWatched = false;
  private _running = '';
}

function isIt(kernel: IKernel, slug: string, folder?: string | null): boolean {
  return folder ? kernel.resource_dir === folder : kernel.id === slug;
}
