import { AbortedError, ApiError } from '../api/request';
import { IProblem, problemOf } from './problem';

/** What the server part says when it is asked. */
export type Answer<T> =
  | { state: 'idle' }
  | { state: 'asking' }
  | { state: 'known'; value: T }
  | { state: 'refused'; problem: IProblem }
  | { state: 'silent' };

/** A question to the server part that is given up when it is put anew. */
export class Question<T> {
  /**
   * @param _ask - Asks it.
   * @param _onAnswer - The answer has come.
   */
  constructor(
    private _ask: (about: string, signal: AbortSignal) => Promise<T>,
    private _onAnswer: () => void
  ) {}

  /** What is known by now. */
  get answer(): Answer<T> {
    return this._answer;
  }

  /** What was asked for last, or `null` when nothing is. */
  get about(): string | null {
    return this._about;
  }

  /**
   * Gives up what is being asked.
   *
   * @param isDue - Whether it will be put anew in a moment.
   */
  drop(isDue = false): void {
    this._asking?.abort();
    this._asking = null;
    this._about = null;
    this._answer = { state: isDue ? 'asking' : 'idle' };
  }

  /** Puts it. Never rejects: see `answer`. */
  async put(about: string): Promise<void> {
    this.drop(true);
    const asking = new AbortController();
    this._asking = asking;
    this._about = about;
    let answer: Answer<T>;
    try {
      answer = { state: 'known', value: await this._ask(about, asking.signal) };
    } catch (error) {
      if (error instanceof AbortedError) {
        return;
      }
      answer =
        error instanceof ApiError
          ? { state: 'refused', problem: problemOf(error) }
          : { state: 'silent' };
    }
    if (!asking.signal.aborted) {
      this._answer = answer;
      this._onAnswer();
    }
  }

  private _answer: Answer<T> = { state: 'idle' };
  private _about: string | null = null;
  private _asking: AbortController | null = null;
}
