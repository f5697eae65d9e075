import { ISignal, Signal } from '@lumino/signaling';

import type { IDiagnostics, IFinding } from '../api/types';
import { IProblem, problemOf } from './problem';

/** What of node and session matters to containers, read when somebody asks. */
export class DiagnosticsReader {
  /** @param _ask - Asks the server part. */
  constructor(private _ask: () => Promise<IDiagnostics>) {}

  /** What was read last, or `null`. */
  get value(): IDiagnostics | null {
    return this._value;
  }

  /** Why it could not be read. */
  get problem(): IProblem | null {
    return this._problem;
  }

  /** Whether it is being read. */
  get isReading(): boolean {
    return this._isReading;
  }

  /** Something of the above changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Reads it, unless it is being read. Never rejects: see `problem`. */
  async read(): Promise<void> {
    if (this._isReading) {
      return;
    }
    this._isReading = true;
    this._changed.emit();
    try {
      this._value = await this._ask();
      this._problem = null;
    } catch (error) {
      this._problem = problemOf(error);
    }
    this._isReading = false;
    this._changed.emit();
  }

  /** Tells of nothing any more. */
  dispose(): void {
    Signal.clearData(this);
  }

  private _value: IDiagnostics | null = null;
  private _problem: IProblem | null = null;
  private _isReading = false;
  private _changed = new Signal<this, void>(this);
}

const URGENCY: IFinding['state'][] = ['problem', 'warning', 'unknown', 'ok'];

/** Findings with what needs attention first, else as the server has them. */
export function byUrgency(findings: readonly IFinding[]): IFinding[] {
  return [...findings].sort(
    (a, b) => URGENCY.indexOf(a.state) - URGENCY.indexOf(b.state)
  );
}
