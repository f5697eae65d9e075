import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import type { Sharing } from '../model/sharing';
import { DeedDialog } from './deedDialog';
import { ShareView } from './shareView';
import { useStateChanged } from './useStateChanged';

/** The kernel that is shared. */
export interface IShareDialogOptions {
  trans: TranslationBundle;
  displayName: string;
  sharing: Sharing;
  onCopy: (text: string) => void;
}

/** Asks from where to share a kernel until that has begun or somebody gives up. */
export async function showShareDialog(
  options: IShareDialogOptions
): Promise<boolean> {
  const { trans, sharing } = options;
  const deed = trans.__('Share');
  const dialog = new DeedDialog({
    title: trans.__('Share %1', options.displayName),
    body: new ShareWidget(options),
    deed,
    cancelLabel: trans.__('Cancel'),
    focus: 'input[name="directory"]',
    onAccept: () => sharing.do()
  });
  const onChanged = () => dialog.describe(deed, sharing.obstacle);
  sharing.changed.connect(onChanged);
  onChanged();
  await dialog.launch().catch(() => undefined); // it rejects when disposed of
  sharing.changed.disconnect(onChanged);
  dialog.dispose();
  return dialog.isDone;
}

class ShareWidget extends ReactWidget {
  constructor(private _options: IShareDialogOptions) {
    super();
  }

  protected override render(): JSX.Element {
    return <ShareBody {...this._options} />;
  }
}

function ShareBody(props: IShareDialogOptions): JSX.Element {
  const { trans, sharing } = props;
  useStateChanged(sharing.changed);
  return (
    <ShareView
      trans={trans}
      directory={sharing.directory}
      plan={sharing.plan}
      problem={sharing.problem}
      suspects={sharing.suspects}
      handedOn={sharing.handedOn}
      onDirectory={directory => sharing.setDirectory(directory)}
      onHandOn={(name, isHandedOn) => sharing.handOn(name, isHandedOn)}
      onCopy={props.onCopy}
    />
  );
}
