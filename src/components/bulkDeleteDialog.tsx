import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import type { BulkDeletion } from '../model/bulkDeletion';
import { BulkDeleteView } from './bulkDeleteView';
import { DeedDialog } from './deedDialog';
import { useStateChanged } from './useStateChanged';

/**
 * Shows kernels that may go, and deletes those that are ticked. It stays while
 * some of them did not go, and says why.
 */
export async function showBulkDeleteDialog(options: {
  trans: TranslationBundle;
  title: string;
  deletion: BulkDeletion;
}): Promise<void> {
  const { trans, title, deletion } = options;
  const dialog = new DeedDialog({
    title,
    body: new BulkDeleteWidget(trans, deletion),
    deed: deletion.deed,
    cancelLabel: trans.__('Cancel'),
    isDangerous: true,
    onAccept: () => deletion.do()
  });
  dialog.addClass('jp-mod-bulk');
  const onChanged = () => dialog.describe(deletion.deed, deletion.obstacle);
  deletion.changed.connect(onChanged);
  onChanged();
  await dialog.launch().catch(() => undefined); // it rejects when disposed of
  deletion.changed.disconnect(onChanged);
  dialog.dispose();
}

class BulkDeleteWidget extends ReactWidget {
  constructor(
    private _trans: TranslationBundle,
    private _deletion: BulkDeletion
  ) {
    super();
  }

  protected override render(): JSX.Element {
    return <BulkDeleteBody trans={this._trans} deletion={this._deletion} />;
  }
}

function BulkDeleteBody(props: {
  trans: TranslationBundle;
  deletion: BulkDeletion;
}): JSX.Element {
  const { trans, deletion } = props;
  useStateChanged(deletion.changed);
  return (
    <BulkDeleteView
      trans={trans}
      items={deletion.items}
      running={deletion.running}
      shutDown={deletion.shutDown}
      onTick={(ids, isTicked) => deletion.tick(ids, isTicked)}
      onShutDown={shutDown => {
        deletion.shutDown = shutDown;
      }}
    />
  );
}
