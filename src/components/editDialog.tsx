import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import type { IEditRequest, IKernel, ITask } from '../api/types';
import type { AddForm } from '../model/addForm';
import { changesOf, isUnchanged } from '../model/kernelEdit';
import { DeedDialog } from './deedDialog';
import { EditFormView } from './editFormView';

/** The kernel that is changed or of which another one is made. */
export interface IEditDialogOptions {
  trans: TranslationBundle;
  kernel: IKernel;
  /** Whether another kernel is made. */
  isTwin: boolean;
  /** What is typed; its image is fixed. */
  form: AddForm;
  /** Sends what is to be other than the kernel has it. */
  send: (changes: IEditRequest) => Promise<ITask>;
}

/**
 * Asks what to change until the server part has taken it or somebody gives up.
 *
 * @returns The task, or `null`.
 */
export async function showEditDialog(
  options: IEditDialogOptions
): Promise<ITask | null> {
  const { trans, kernel, isTwin, form, send } = options;
  let task: ITask | null = null;
  const deed = isTwin ? trans.__('Make kernel') : trans.__('Save');
  const dialog = new DeedDialog({
    title: isTwin
      ? trans.__('Duplicate %1', kernel.display_name)
      : trans.__('Edit %1', kernel.display_name),
    body: new EditWidget(options),
    deed,
    cancelLabel: trans.__('Cancel'),
    focus: 'input[name="display_name"]',
    onAccept: async () => {
      task = await form.submit(request => send(changesOf(kernel, request)));
      return task !== null;
    }
  });
  const onStateChanged = () => {
    const nothing =
      !isTwin && isUnchanged(changesOf(kernel, form.request))
        ? trans.__('Nothing is changed yet.')
        : null;
    dialog.describe(deed, form.obstacle ?? nothing);
  };
  form.stateChanged.connect(onStateChanged);
  onStateChanged();
  await dialog.launch().catch(() => undefined); // it rejects when disposed of
  form.stateChanged.disconnect(onStateChanged);
  dialog.dispose();
  return task;
}

class EditWidget extends ReactWidget {
  constructor(private _options: IEditDialogOptions) {
    super();
  }

  protected override render(): JSX.Element {
    const { trans, kernel, isTwin, form } = this._options;
    return (
      <EditFormView trans={trans} kernel={kernel} isTwin={isTwin} form={form} />
    );
  }
}
