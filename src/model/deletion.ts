import type { TranslationBundle } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';

import type {
  IKernelDetails,
  IRemoval,
  IRemovalItem,
  IRemoveRequest
} from '../api/types';
import { formatBytes } from './format';
import { removalFolder } from './kernelAccess';
import { IProblem, problemOf } from './problem';

/** A kernel that is to be deleted, and how. */
export interface IDeletionOptions {
  trans: TranslationBundle;
  details: IKernelDetails;
  /** Whether what is deleted can be put back. */
  hasTrash: boolean;
  /** Does it. Rejects with `code`, `message` and `hint`. */
  remove: (request: IRemoveRequest) => Promise<IRemoval>;
  /** Reads again what deleting does: it changes when a kernel starts. */
  getDetails: () => Promise<IKernelDetails>;
}

/** What somebody can choose of a deletion. */
export interface IDeletionChoice {
  /** Whether the image goes, too. */
  deleteImage: boolean;
  /** Whether what runs is shut down. */
  shutDown: boolean;
  /** At once, instead of into the trash. */
  purge: boolean;
}

/**
 * Whether something goes with a kernel.
 *
 * @param deleteImage - Whether its image is to go.
 */
export function goes(item: IRemovalItem, deleteImage: boolean): boolean {
  return item.goes && (item.what !== 'image' || deleteImage);
}

/** What somebody chooses of a deletion, and what becomes of it. */
export class Deletion {
  /** @param _options - What is to go, and how. */
  constructor(private _options: IDeletionOptions) {
    this._details = _options.details;
  }

  /** Something of the below changed. */
  readonly changed = new Signal<this, void>(this);

  /** What is known of the kernel, and what deleting it does. */
  get details(): IKernelDetails {
    return this._details;
  }

  /** Whether what is deleted can be put back. */
  get hasTrash(): boolean {
    return this._options.hasTrash;
  }

  /** What somebody chose. */
  get choice(): Readonly<IDeletionChoice> {
    return this._choice;
  }

  /** Why it could not be done when that was tried. */
  get failure(): IProblem | null {
    return this._failure;
  }

  /** What was deleted, once it was. */
  get removal(): IRemoval | null {
    return this._removal;
  }

  /** What the button says. */
  get deed(): string {
    const { trans } = this._options;
    const bytes = this._details.removal
      .filter(item => goes(item, this._choice.deleteImage))
      .reduce((sum, item) => sum + item.size_bytes, 0);
    if (!bytes) {
      return trans.__('Delete'); // of what others made, little may be known
    }
    return trans.__('Delete, free %1', formatBytes(bytes, trans));
  }

  /** Why it cannot be done, or `null` when it can. */
  get obstacle(): string | null {
    const { trans } = this._options;
    if (this._isBusy) {
      return trans.__('Deleting…');
    }
    if (this._details.running.length > 0 && !this._choice.shutDown) {
      return trans._n(
        'It runs: confirm that it is shut down.',
        'They run: confirm that they are shut down.',
        this._details.running.length
      );
    }
    return null;
  }

  /** Takes over what somebody chose. */
  choose(change: Partial<IDeletionChoice>): void {
    this._choice = { ...this._choice, ...change };
    this.changed.emit();
  }

  /** Does it; tells whether it was done. */
  async do(): Promise<boolean> {
    this._isBusy = true;
    this._failure = null;
    this.changed.emit();
    const { deleteImage, shutDown, purge } = this._choice;
    const showsImage = this._details.removal.some(
      each => each.what === 'image'
    );
    try {
      this._removal = await this._options.remove({
        delete_image: deleteImage && showsImage,
        shut_down: shutDown,
        purge,
        resource_dir: removalFolder(this._details.kernel)
      });
      return true;
    } catch (error) {
      this._failure = problemOf(error);
      if (this._failure.code === 'kernel_running') {
        // One was started in the meantime: it is to be seen before it goes.
        this._choice = { ...this._choice, shutDown: false };
        this._details = await this._options
          .getDetails()
          .catch(() => this._details);
      }
      return false;
    } finally {
      this._isBusy = false;
      this.changed.emit();
    }
  }

  private _details: IKernelDetails;
  private _choice: IDeletionChoice = {
    deleteImage: true,
    shutDown: false,
    purge: false
  };
  private _failure: IProblem | null = null;
  private _removal: IRemoval | null = null;
  private _isBusy = false;
}
