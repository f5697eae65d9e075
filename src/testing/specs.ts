import type { KernelSpec } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';

import type { ISpecs } from '../model/kernelspecs';

/** JupyterLab's list of kernelspecs, over a server whose kernels we choose. */
export class FakeSpecs implements ISpecs {
  /** The kernels that the server has. */
  onServer = new Set<string>(['python3']);

  /** How often a refresh was asked for. */
  refreshes = 0;

  /** What a refresh does; by default it reads what the server has. */
  refresh: () => Promise<void> = async () => this.read();

  specs: KernelSpec.ISpecModels | null = null;

  readonly specsChanged = new Signal<never, KernelSpec.ISpecModels>(
    this as never
  );

  async refreshSpecs(): Promise<void> {
    this.refreshes++;
    await this.refresh();
  }

  /** Takes over what the server has. */
  read(): void {
    this.specs = {
      default: 'python3',
      kernelspecs: Object.fromEntries(
        [...this.onServer].map(name => [name, { name }])
      )
    } as unknown as KernelSpec.ISpecModels;
    this.specsChanged.emit(this.specs);
  }

  /** The names that are listed. */
  get listed(): string[] {
    return Object.keys(this.specs?.kernelspecs ?? {});
  }
}
