import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

/** A kernel that a page of this user has made come or go. */
export interface INews {
  /** The kernel's name in Jupyter. */
  readonly slug: string;
  /** Whether it is there now. */
  readonly present: boolean;
}

/**
 * The other pages of this browser that show the same Jupyter server. The
 * server tells all pages of tasks, but not of what is done at once.
 */
export class Neighbours implements IDisposable {
  /** @param baseUrl - Of the Jupyter server: pages of others are not told. */
  constructor(baseUrl: string) {
    if (typeof BroadcastChannel !== 'undefined') {
      this._channel = new BroadcastChannel(`container-kernels ${baseUrl}`);
      this._channel.onmessage = event => this._onMessage(event.data);
    }
  }

  /** Another page made a kernel come or go. */
  get heard(): ISignal<this, INews> {
    return this._heard;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._channel?.close();
      Signal.clearData(this);
    }
  }

  /** Tells the other pages. */
  tell(news: INews): void {
    if (!this._isDisposed) {
      this._channel?.postMessage({ ...news });
    }
  }

  private _onMessage(data: unknown): void {
    const { slug, present } = (data ?? {}) as Record<string, unknown>;
    if (typeof slug === 'string' && typeof present === 'boolean') {
      this._heard.emit({ slug, present });
    }
  }

  private _channel: BroadcastChannel | null = null;
  private _heard = new Signal<this, INews>(this);
  private _isDisposed = false;
}
