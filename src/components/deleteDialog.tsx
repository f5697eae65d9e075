import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { Signal } from '@lumino/signaling';
import React from 'react';

import type { IKernelDetails, IRemoval, IRemoveRequest } from '../api/types';
import { formatBytes } from '../model/format';
import { removalFolder } from '../model/kernelAccess';
import { IProblem, problemOf } from '../model/problem';
import { DeedDialog } from './deedDialog';
import { DeleteView, freedBytes } from './deleteView';
import { useStateChanged } from './useStateChanged';

/** What is to be deleted, and how. */
export interface IDeleteDialogOptions {
  trans: TranslationBundle;
  details: IKernelDetails;
  /** Whether what is deleted can be put back. */
  hasTrash: boolean;
  /** Does it. Rejects with `code`, `message` and `hint`. */
  remove: (request: IRemoveRequest) => Promise<IRemoval>;
  /** Reads again what deleting does: it changes when a kernel starts. */
  getDetails: () => Promise<IKernelDetails>;
}

/**
 * Shows what deleting a kernel removes and asks whether to do it.
 *
 * @returns What was deleted, or `null`.
 */
export async function showDeleteDialog(
  options: IDeleteDialogOptions
): Promise<IRemoval | null> {
  const { trans } = options;
  const deletion = new Deletion(options);
  const dialog = new DeedDialog({
    title: trans.__('Delete %1', options.details.kernel.display_name),
    body: new DeletionWidget(trans, deletion),
    deed: deletion.deed,
    cancelLabel: trans.__('Cancel'),
    isDangerous: true,
    focus: 'input[name="shut_down"]',
    onAccept: () => deletion.do()
  });
  const onChanged = () => dialog.describe(deletion.deed, deletion.obstacle);
  deletion.changed.connect(onChanged);
  onChanged();
  await dialog.launch().catch(() => undefined); // it rejects when disposed of
  deletion.changed.disconnect(onChanged);
  dialog.dispose();
  return deletion.removal;
}

/** What somebody chose while the dialog is open. */
class Deletion {
  constructor(private _options: IDeleteDialogOptions) {
    this.details = _options.details;
    this.hasTrash = _options.hasTrash;
  }

  readonly changed = new Signal<this, void>(this);

  readonly hasTrash: boolean;

  details: IKernelDetails;
  deleteImage = true;
  shutDown = false;
  purge = false;
  failure: IProblem | null = null;
  removal: IRemoval | null = null;

  /** What the button says. */
  get deed(): string {
    const { trans } = this._options;
    const bytes = freedBytes(this.details, this.deleteImage);
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
    if (this.details.running.length > 0 && !this.shutDown) {
      return trans._n(
        'It runs: confirm that it is shut down.',
        'They run: confirm that they are shut down.',
        this.details.running.length
      );
    }
    return null;
  }

  choose(
    change: Partial<Pick<Deletion, 'deleteImage' | 'shutDown' | 'purge'>>
  ): void {
    Object.assign(this, change);
    this.changed.emit();
  }

  /** Does it; tells whether it was done. */
  async do(): Promise<boolean> {
    this._isBusy = true;
    this.failure = null;
    this.changed.emit();
    const { kernel } = this.details;
    try {
      this.removal = await this._options.remove({
        delete_image: this.deleteImage,
        shut_down: this.shutDown,
        purge: this.purge,
        resource_dir: removalFolder(kernel)
      });
      return true;
    } catch (error) {
      this.failure = problemOf(error);
      if (this.failure.code === 'kernel_running') {
        // One was started in the meantime: it is to be seen before it goes.
        this.shutDown = false;
        this.details = await this._options
          .getDetails()
          .catch(() => this.details);
      }
      return false;
    } finally {
      this._isBusy = false;
      this.changed.emit();
    }
  }

  private _isBusy = false;
}

class DeletionWidget extends ReactWidget {
  constructor(
    private _trans: TranslationBundle,
    private _deletion: Deletion
  ) {
    super();
  }

  protected override render(): JSX.Element {
    return <DeletionBody trans={this._trans} deletion={this._deletion} />;
  }
}

function DeletionBody(props: {
  trans: TranslationBundle;
  deletion: Deletion;
}): JSX.Element {
  const { trans, deletion } = props;
  useStateChanged(deletion.changed);
  return (
    <DeleteView
      trans={trans}
      details={deletion.details}
      deleteImage={deletion.deleteImage}
      shutDown={deletion.shutDown}
      hasTrash={deletion.hasTrash}
      purge={deletion.purge}
      failure={deletion.failure}
      onDeleteImage={deleteImage => deletion.choose({ deleteImage })}
      onShutDown={shutDown => deletion.choose({ shutDown })}
      onPurge={purge => deletion.choose({ purge })}
    />
  );
}
