import { ISignal, Signal } from '@lumino/signaling';

import type { IKernelEvent } from '../api/events';
import type { IRemoval, IRemoveRequest } from '../api/types';
import type {
  IDoomedKernel,
  IRefusedKernel,
  IRemovals,
  IRemovedKernel
} from '../tokens';
import { problemOf } from './problem';

/** How kernels are deleted, and what follows from that. */
export interface IRemovalsOptions {
  /** Deletes one. Rejects with why it was not. */
  request: (slug: string, request: IRemoveRequest) => Promise<IRemoval>;
  /** What a kernel is called, by its name in Jupyter and perhaps its folder. */
  nameOf: (slug: string, folder?: string | null) => string;
  /** One was deleted: it is not to be seen any more. */
  onGone: (slug: string, folder?: string | null) => void;
  /** All that were to go together have been dealt with. */
  onEnd: (removed: readonly IRemovedKernel[]) => void;
}

/** Deletes kernels, and knows which of them this page has deleted itself. */
export class Removals {
  /** @param _options - How, and what follows. */
  constructor(private _options: IRemovalsOptions) {}

  /** This page deleted kernels, together if they were chosen together. */
  get removed(): ISignal<this, readonly IRemovedKernel[]> {
    return this._removed;
  }

  /** Deletes one. Rejects with why it was not. */
  async remove(slug: string, request: IRemoveRequest): Promise<IRemoval> {
    const displayName = this._options.nameOf(slug, request.resource_dir);
    const removal = await this._remove(slug, request);
    this._end([{ slug, displayName, removal }]);
    return removal;
  }

  /** Deletes several, one after the other. Never rejects. */
  async removeAll(kernels: readonly IDoomedKernel[]): Promise<IRemovals> {
    const removed: IRemovedKernel[] = [];
    const refused: IRefusedKernel[] = [];
    for (const { slug, displayName, request } of kernels) {
      try {
        const removal = await this._remove(slug, request);
        removed.push({ slug, displayName, removal });
      } catch (error) {
        refused.push({ slug, displayName, error: problemOf(error) });
      }
    }
    if (removed.length) {
      this._end(removed);
    }
    return { removed, refused };
  }

  /** Whether an event tells only that what this page has deleted is gone. */
  isKnown({ slug, present }: IKernelEvent): boolean {
    return this._own.delete(slug) && !present;
  }

  /** Tells of nothing any more. */
  dispose(): void {
    Signal.clearData(this);
  }

  private async _remove(
    slug: string,
    request: IRemoveRequest
  ): Promise<IRemoval> {
    this._own.add(slug);
    try {
      const removal = await this._options.request(slug, request);
      this._options.onGone(slug, request.resource_dir);
      return removal;
    } catch (error) {
      this._own.delete(slug);
      throw error;
    }
  }

  private _end(removed: readonly IRemovedKernel[]): void {
    this._options.onEnd(removed);
    this._removed.emit(removed);
  }

  /** What this page deletes, by slug, until the server tells it of that. */
  private _own = new Set<string>();
  private _removed = new Signal<this, readonly IRemovedKernel[]>(this);
}
