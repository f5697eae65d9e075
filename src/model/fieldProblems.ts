import type { IProblem } from './problem';
import { Field, FIELDS, Problems } from './validation';

/**
 * What is wrong with the fields of a form: what was found here, said as soon
 * as nobody types there any more, and what the server part said no to.
 */
export class FieldProblems {
  /** The first that keeps the form from being sent. */
  get first(): IProblem | undefined {
    const field = FIELDS.find(each => this._found[each]);
    return field && this._found[field];
  }

  /** What to say about a field now: nothing while somebody still types. */
  of(field: Field): IProblem | undefined {
    return (
      this._refusals[field] ??
      (this._settled.has(field) ? this._found[field] : undefined)
    );
  }

  /** What the server part said no to. */
  refused(field: Field): IProblem | undefined {
    return this._refusals[field];
  }

  /** Takes over what is found wrong, in all fields. */
  find(problems: Problems): void {
    this._found = problems;
  }

  /** Nobody types in these fields any more. */
  settle(...fields: readonly Field[]): void {
    fields.forEach(field => this._settled.add(field));
  }

  /** Somebody types in a field again. */
  unsettle(field: Field): void {
    this._settled.delete(field);
  }

  /** The server part says no to what is in a field. */
  refuse(field: Field, problem: IProblem): void {
    this._refusals[field] = problem;
  }

  /** What the server part said no to has changed: of a field, or of all. */
  forgive(field?: Field): void {
    if (field) {
      delete this._refusals[field];
    } else {
      this._refusals = {};
    }
  }

  private _found: Problems = {};
  private _refusals: Problems = {};
  private _settled = new Set<Field>();
}
