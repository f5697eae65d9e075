import { ISignal, Signal } from '@lumino/signaling';

import type { IKernel, IKernelDetails } from '../api/types';
import { IProblem, problemOf } from './problem';

/** How long somebody has to look at a kernel before it is read, in ms. */
const PATIENCE = 120;

/** What is known of the kernel whose details are shown. */
export class DetailsReader {
  /** @param read - Reads a kernel by its name in Jupyter and its folder. */
  constructor(
    private _read: (slug: string, directory: string) => Promise<IKernelDetails>
  ) {}

  /** What was read; `null` until then. */
  get value(): IKernelDetails | null {
    return this._value;
  }

  /** Why it cannot be read, or `null`. */
  get problem(): IProblem | null {
    return this._problem;
  }

  /** Something of the above changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /**
   * Looks at a kernel, as it was last listed, or at none. It is read again
   * when it is listed anew.
   */
  show(kernel: IKernel | null): void {
    if (kernel === this._kernel) {
      return;
    }
    if (kernel?.id !== this._kernel?.id) {
      this._value = null;
      this._problem = null;
    }
    this._kernel = kernel;
    clearTimeout(this._timer);
    if (kernel) {
      this._timer = setTimeout(() => void this._ask(kernel), PATIENCE);
    }
  }

  /** Looks at none any more. */
  dispose(): void {
    this.show(null);
  }

  private async _ask(kernel: IKernel): Promise<void> {
    let value: IKernelDetails | null = null;
    let problem: IProblem | null = null;
    try {
      value = await this._read(kernel.slug, kernel.resource_dir);
    } catch (error) {
      problem = problemOf(error);
    }
    if (this._kernel?.id === kernel.id) {
      this._value = value;
      this._problem = problem;
      this._changed.emit();
    }
  }

  private _kernel: IKernel | null = null;
  private _value: IKernelDetails | null = null;
  private _problem: IProblem | null = null;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _changed = new Signal<this, void>(this);
}
