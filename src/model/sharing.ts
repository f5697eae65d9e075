import type { TranslationBundle } from '@jupyterlab/translation';
import { Debouncer } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import type { ISharePlan, IShareRequest, ITask } from '../api/types';
import { IProblem, refusalOf } from './problem';

/** How long after the last key it is asked what sharing means, in ms. */
const PAUSE_MS = 400;

/** What somebody types while sharing a kernel, and what that means. */
export class Sharing {
  /** @param _options - What it begins with, and whom it asks. */
  constructor(private _options: Sharing.IOptions) {
    this._debouncer = new Debouncer(() => this._ask(), PAUSE_MS);
    this.setDirectory(_options.initial.directory);
    this._handedOn = new Set(_options.initial.environment);
  }

  /** Emitted when anything of it changes. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** As it was typed. */
  get directory(): string {
    return this._directory;
  }

  /** What it means, once that is known. */
  get plan(): ISharePlan | null {
    return this._plan;
  }

  /** Why it cannot be shared from there, or why that did not begin. */
  get problem(): IProblem | null {
    return this._failure ?? this._problem;
  }

  /** Variables that are handed on though they look like passwords. */
  get handedOn(): ReadonlySet<string> {
    return this._handedOn;
  }

  /** All variables that look like passwords. */
  get suspects(): readonly string[] {
    const left = this._plan?.left_out ?? [];
    return [...new Set([...left, ...this._handedOn])].sort();
  }

  /** What is sent. */
  get request(): IShareRequest {
    return {
      directory: this._directory.trim(),
      environment: [...this._handedOn]
    };
  }

  /** Why it cannot be done, or `null` when it can. */
  get obstacle(): string | null {
    const { trans } = this._options;
    if (this._isBusy) {
      return trans.__('Sharing…');
    }
    if (!this._directory.trim()) {
      return trans.__('Name a folder.');
    }
    return this._plan || this._problem
      ? null
      : trans.__('Looking at the folder…');
  }

  /** Takes over the folder, as it is typed; what that means is asked soon. */
  setDirectory(directory: string): void {
    this._directory = directory;
    this._plan = null;
    this._problem = null;
    this._failure = null;
    this._asked += 1; // what was asked before is no longer of interest
    this._changed.emit();
    void this._debouncer.invoke().catch(() => undefined);
  }

  /** Hands a variable on or leaves it out. */
  handOn(name: string, isHandedOn: boolean): void {
    if (isHandedOn) {
      this._handedOn.add(name);
    } else {
      this._handedOn.delete(name);
    }
    this._changed.emit();
  }

  /**
   * Begins it. Where the folder would not do, it is looked at once more:
   * nothing is shared before its owner has seen what that means.
   *
   * @returns Whether it was begun. Never rejects: see `problem`.
   */
  async do(): Promise<boolean> {
    this._failure = null;
    if (!this._plan) {
      this._problem = null;
      this._changed.emit();
      await this._ask();
      return false;
    }
    this._isBusy = true;
    this._changed.emit();
    try {
      await this._options.share(this.request);
      return true;
    } catch (error) {
      this._failure = refusalOf(error, this._options.trans);
      return false;
    } finally {
      this._isBusy = false;
      this._changed.emit();
    }
  }

  /** Asks and tells nothing any more. */
  dispose(): void {
    this._asked += 1;
    this._debouncer.dispose();
    Signal.clearData(this);
  }

  private async _ask(): Promise<void> {
    if (!this._directory.trim()) {
      return;
    }
    const asked = this._asked;
    let plan: ISharePlan | null = null;
    let problem: IProblem | null = null;
    try {
      plan = await this._options.plan({ directory: this._directory.trim() });
    } catch (error) {
      problem = refusalOf(error, this._options.trans);
    }
    if (asked === this._asked) {
      this._plan = plan;
      this._problem = problem;
      this._changed.emit();
    }
  }

  private _changed = new Signal<this, void>(this);
  private _debouncer: Debouncer<void, void>;
  private _directory = '';
  private _plan: ISharePlan | null = null;
  /** What is wrong with the folder. */
  private _problem: IProblem | null = null;
  /** Why it was not begun. */
  private _failure: IProblem | null = null;
  private _handedOn = new Set<string>();
  private _asked = 0;
  private _isBusy = false;
}

/** What it is made of. */
export namespace Sharing {
  /** What it works with. */
  export interface IOptions {
    /** The language of what is wrong. */
    trans: TranslationBundle;
    /** What stands in the form at first. */
    initial: IShareRequest;
    /** Rejects with `message` and `hint`. */
    plan: (request: IShareRequest) => Promise<ISharePlan>;
    /** Rejects with `message` and `hint`. */
    share: (request: IShareRequest) => Promise<ITask>;
  }
}
