import {
  ApiError,
  ConnectionLostError,
  EndpointMissingError
} from '../api/request';
import type { Connection } from '../tokens';

/**
 * Whether the server part answers, as all that is asked tells.
 */
export class ServerLink {
  /** @param _changed - It changed; gets what it was. */
  constructor(private _changed: (before: Connection) => void) {}

  /** Whether it answered last time. */
  get state(): Connection {
    return this._state;
  }

  /** Whether logging in again may bring the connection back. */
  get loginNeeded(): boolean {
    return this._loginNeeded;
  }

  /**
   * Asks, and learns from how it went.
   *
   * @param question - Asks the server part. What it rejects with is passed on.
   */
  async ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      const answer = await question();
      this._set('ok');
      return answer;
    } catch (error) {
      if (error instanceof ConnectionLostError) {
        this._loginNeeded = error.loginNeeded;
        this._set('lost');
      } else if (error instanceof EndpointMissingError) {
        // Once it was there: then it is the way to it that is gone.
        this._set(this._wasThere ? 'lost' : 'missing');
      } else if (error instanceof ApiError) {
        this._set('ok');
      } else {
        console.error(error);
      }
      throw error;
    }
  }

  private _set(state: Connection): void {
    const before = this._state;
    this._wasThere ||= state === 'ok';
    this._state = state;
    if (before !== state) {
      this._changed(before);
    }
  }

  private _state: Connection = 'unknown';
  private _wasThere = false;
  private _loginNeeded = false;
}
