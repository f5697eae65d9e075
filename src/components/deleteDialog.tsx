import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import type { IRemoval } from '../api/types';
import { Deletion, IDeletionOptions } from '../model/deletion';
import { DeedDialog } from './deedDialog';
import { DeleteView } from './deleteView';
import { useStateChanged } from './useStateChanged';

/**
 * Shows what deleting a kernel removes and asks whether to do it.
 *
 * @returns What was deleted, or `null`.
 */
export async function showDeleteDialog(
  options: IDeletionOptions
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
      {...deletion.choice}
      hasTrash={deletion.hasTrash}
      failure={deletion.failure}
      onDeleteImage={deleteImage => deletion.choose({ deleteImage })}
      onShutDown={shutDown => deletion.choose({ shutDown })}
      onPurge={purge => deletion.choose({ purge })}
    />
  );
}
