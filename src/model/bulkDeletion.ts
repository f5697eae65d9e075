import type { TranslationBundle } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';

import type { IKernel } from '../api/types';
import type { IContainerKernels, IRemovals } from '../tokens';
import { formatBytes } from './format';
import { removalFolder } from './kernelAccess';
import type { IProblem } from './problem';
import { imageKey } from './tableRows';

/** Kernels that no longer work. What does not answer is not among them. */
export function staleKernels(kernels: readonly IKernel[]): readonly IKernel[] {
  return kernels.filter(each => each.status.level === 'stale');
}

/**
 * How many bytes deleting kernels frees. What others share counts only when
 * all who use it go, and then once. Nothing of kernels that others made goes
 * but their folder.
 */
export function freedBytes(kernels: readonly IKernel[]): number {
  const ours = kernels.filter(each => each.ours);
  const users = new Map<string, number>();
  for (const kernel of ours) {
    const key = imageKey(kernel);
    users.set(key, (users.get(key) ?? 0) + 1);
  }
  const images = new Set<string>();
  const packages = new Set<string>();
  let bytes = 0;
  for (const kernel of ours) {
    const { image, status } = kernel;
    const key = imageKey(kernel);
    const going = users.get(key) ?? 0;
    const isThere = image.stored && status.code !== 'image_missing';
    if (isThere && going >= image.used_by && !images.has(key)) {
      images.add(key);
      bytes += image.size_bytes ?? 0;
    }
    const { shared_by, size_bytes } = kernel.packages;
    if (shared_by <= 1) {
      bytes += size_bytes ?? 0;
    } else if (going >= shared_by && !packages.has(key)) {
      packages.add(key);
      bytes += size_bytes ?? 0;
    }
  }
  return bytes;
}

/** A kernel that may go. */
export interface IDeletionItem {
  readonly kernel: IKernel;
  readonly isTicked: boolean;
  /** Why it cannot go, or `null` when it can. */
  readonly obstacle: string | null;
  /** Why it did not go when that was tried. */
  readonly failure: IProblem | null;
}

/** What somebody chooses to delete, and what becomes of it. */
export class BulkDeletion {
  /** @param _options - What may go, and how. */
  constructor(private _options: BulkDeletion.IOptions) {
    const { trans } = _options;
    this._items = _options.kernels.map(kernel => {
      const obstacle = kernel.read_only
        ? trans.__('It belongs to the system or a project.')
        : null;
      return {
        kernel,
        obstacle,
        isTicked: !obstacle && _options.isTicked(kernel),
        failure: null
      };
    });
  }

  /** All that may go, in the order in which they were given. */
  get items(): readonly IDeletionItem[] {
    return this._items;
  }

  /** Something changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The kernels that are to go. */
  get going(): readonly IKernel[] {
    return this._items.filter(each => each.isTicked).map(each => each.kernel);
  }

  /** How many of them run. */
  get running(): number {
    return this.going.filter(each => each.running > 0).length;
  }

  /** Whether those that run are shut down. */
  get shutDown(): boolean {
    return this._shutDown;
  }

  set shutDown(shutDown: boolean) {
    this._shutDown = shutDown;
    this._changed.emit();
  }

  /** What the button says. */
  get deed(): string {
    const { trans } = this._options;
    const going = this.going;
    return trans.__(
      'Delete %1, free %2',
      String(going.length),
      formatBytes(freedBytes(going), trans)
    );
  }

  /** Why it cannot be done now, or `null` when it can. */
  get obstacle(): string | null {
    const { trans } = this._options;
    if (this._isBusy) {
      return trans.__('Deleting…');
    }
    if (!this.going.length) {
      return trans.__('Nothing is ticked.');
    }
    if (this.running > 0 && !this._shutDown) {
      return trans._n(
        '%1 of them runs: confirm that it is shut down.',
        '%1 of them run: confirm that they are shut down.',
        this.running
      );
    }
    return null;
  }

  /** Ticks some, or no longer. */
  tick(ids: readonly string[], isTicked: boolean): void {
    this._items = this._items.map(each =>
      ids.includes(each.kernel.id) && !each.obstacle
        ? { ...each, isTicked }
        : each
    );
    this._changed.emit();
  }

  /** Does it. Tells whether all went; what did not stays, with its reason. */
  async do(): Promise<boolean> {
    const going = this.going;
    this._isBusy = true;
    this._changed.emit();
    try {
      const { refused } = await this._options.removeAll(
        going.map(kernel => ({
          slug: kernel.slug,
          displayName: kernel.display_name,
          request: {
            delete_image: kernel.ours,
            shut_down: kernel.running > 0 && this._shutDown,
            resource_dir: removalFolder(kernel)
          }
        }))
      );
      const failures = [...refused];
      this._items = this._items.flatMap(item => {
        if (!item.isTicked) {
          return [item];
        }
        const index = failures.findIndex(
          each =>
            each.slug === item.kernel.slug &&
            each.displayName === item.kernel.display_name
        );
        const [failure] = index < 0 ? [] : failures.splice(index, 1);
        return failure ? [{ ...item, failure: failure.error }] : [];
      });
      return refused.length === 0;
    } finally {
      this._isBusy = false;
      this._changed.emit();
    }
  }

  private _items: readonly IDeletionItem[];
  private _shutDown = false;
  private _isBusy = false;
  private _changed = new Signal<this, void>(this);
}

/** What a deletion is made of. */
export namespace BulkDeletion {
  /** What may go, and how. */
  export interface IOptions {
    trans: TranslationBundle;
    kernels: readonly IKernel[];
    /** What is ticked at first. */
    isTicked: (kernel: IKernel) => boolean;
    removeAll: (
      ...args: Parameters<IContainerKernels['removeAll']>
    ) => Promise<IRemovals>;
  }
}
