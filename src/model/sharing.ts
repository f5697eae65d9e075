import type { TranslationBundle } from '@jupyterlab/translation';
import { Debouncer } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import type { IError, ISharePlan, IShareRequest, ITask } from '../api/types';
import type { IProblem } from './validation';

/** How long after the last key it is asked what sharing means, in ms. */
const PAUSE_MS = 400;

/** What somebody types while sharing a kernel, and what that means. */
export class Sharing {
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

  /** Why it cannot be shared from there. */
  get problem(): IProblem | null {
    return this._problem;
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
    if (this._problem) {
      return trans.__('It cannot be shared from there.');
    }
    return this._plan ? null : trans.__('Looking at the folder…');
  }

  setDirectory(directory: string): void {
    this._directory = directory;
    this._plan = null;
    this._problem = null;
    this._asked += 1; // what was asked before is no longer of interest
    this._changed.emit();
    if (directory.trim()) {
      void this._debouncer.invoke().catch(() => undefined);
    }
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

  /** Begins it; tells whether it was begun. */
  async do(): Promise<boolean> {
    this._isBusy = true;
    this._changed.emit();
    try {
      await this._options.share(this.request);
      return true;
    } catch (error) {
      this._problem = problemOf(error);
      return false;
    } finally {
      this._isBusy = false;
      this._changed.emit();
    }
  }

  dispose(): void {
    this._asked += 1;
    this._debouncer.dispose();
    Signal.clearData(this);
  }

  private async _ask(): Promise<void> {
    const asked = this._asked;
    let plan: ISharePlan | null = null;
    let problem: IProblem | null = null;
    try {
      plan = await this._options.plan({ directory: this._directory.trim() });
    } catch (error) {
      problem = problemOf(error);
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
  private _problem: IProblem | null = null;
  private _handedOn = new Set<string>();
  private _asked = 0;
  private _isBusy = false;
}

export namespace Sharing {
  /** What it works with. */
  export interface IOptions {
    trans: TranslationBundle;
    /** What stands in the form at first. */
    initial: IShareRequest;
    /** Rejects with `message` and `hint`. */
    plan: (request: IShareRequest) => Promise<ISharePlan>;
    /** Rejects with `message` and `hint`. */
    share: (request: IShareRequest) => Promise<ITask>;
  }
}

function problemOf(error: unknown): IProblem {
  const { message, hint } = error as Partial<IError>;
  return { message: message ?? String(error), hint: hint ?? '' };
}
