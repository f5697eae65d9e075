import { Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IKernelLog } from '../api/types';
import { readableLog } from '../model/logText';
import { LogText } from './logText';
import { StartSummary } from './startSummary';

import '../../style/dialogs.css';

/** Shows what the last start of a kernel wrote. */
export async function showLogDialog(options: {
  trans: TranslationBundle;
  displayName: string;
  log: IKernelLog;
  onCopy: (text: string) => void;
}): Promise<void> {
  const { trans, displayName, log, onCopy } = options;
  const title = trans.__('Log of the last start of %1', displayName);
  const dialog = new Dialog({
    title,
    body: (
      <div className="jp-ContainerKernels-startLog">
        <StartSummary trans={trans} log={log} />
        <LogText
          trans={trans}
          label={title}
          text={readableLog(log.text)}
          path={log.path}
          droppedBytes={log.offset}
          onCopy={onCopy}
        />
      </div>
    ),
    buttons: [Dialog.cancelButton({ label: trans.__('Close') })]
  });
  dialog.addClass('jp-ContainerKernels-dialog');
  dialog.addClass('jp-mod-log');
  dialog.node.setAttribute('aria-label', title);
  await dialog.launch().catch(() => undefined); // it rejects when disposed of
}
