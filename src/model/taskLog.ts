import type { ILogChunk } from '../api/types';
import type { ILogState } from '../tokens';
import { readableLog } from './logText';

/** How many characters of a log are kept on screen. */
const KEPT = 400_000;

/**
 * The log of a task, read piece by piece from where the last piece ended.
 */
export class TaskLog implements ILogState {
  /**
   * @param read - Reads a piece from a byte offset.
   */
  constructor(read: (offset: number) => Promise<ILogChunk>) {
    this._read = read;
  }

  get text(): string {
    return this._text;
  }

  get path(): string {
    return this._path;
  }

  get droppedBytes(): number {
    return this._dropped;
  }

  /**
   * Reads until the end that the server part knows. While a reading is under
   * way another one waits for it and then reads on.
   *
   * @returns Whether there is new text. It is false when a reading failed; the
   * next one begins where this one ended.
   */
  async catchUp(): Promise<boolean> {
    const before = this._offset;
    this._pending = this._pending.then(
      () => this._readOn(),
      () => this._readOn()
    );
    try {
      await this._pending;
    } catch {
      // The same piece is asked for again next time.
    }
    return this._offset !== before;
  }

  private async _readOn(): Promise<void> {
    for (;;) {
      const chunk = await this._read(this._offset);
      this._path = chunk.path;
      if (chunk.next_offset > this._offset) {
        this._raw += chunk.text;
        this._offset = chunk.next_offset;
        if (this._raw.length > KEPT) {
          const cut = this._raw.indexOf('\n', this._raw.length - KEPT) + 1;
          this._dropped += new TextEncoder().encode(
            this._raw.slice(0, cut)
          ).length;
          this._raw = this._raw.slice(cut);
        }
        this._text = readableLog(this._raw);
      }
      if (chunk.next_offset >= chunk.size_bytes || !chunk.text) {
        return;
      }
    }
  }

  private _read: (offset: number) => Promise<ILogChunk>;
  private _offset = 0;
  private _raw = '';
  private _text = '';
  private _path = '';
  private _dropped = 0;
  private _pending: Promise<void> = Promise.resolve();
}
