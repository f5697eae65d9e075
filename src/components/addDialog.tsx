import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import type { IAddRequest, ITask } from '../api/types';
import type { AddForm } from '../model/addForm';
import { AddFormView } from './addFormView';
import { DeedDialog } from './deedDialog';

/** The form, and what is done outside of it. */
export interface IAddDialogOptions {
  trans: TranslationBundle;
  form: AddForm;
  /** Sends it. */
  add: (request: IAddRequest) => Promise<ITask>;
  /**
   * Lets somebody choose a file of the server's machine; left out where that
   * is not possible.
   *
   * @returns Its absolute path, or `null`.
   */
  chooseFile?: () => Promise<string | null>;
}

/**
 * Asks what to add until the server part has taken it or somebody gives up.
 *
 * @returns The task, or `null`.
 */
export async function showAddDialog(
  options: IAddDialogOptions
): Promise<ITask | null> {
  const { form, chooseFile } = options;
  for (;;) {
    const outcome = await launch(options);
    if (outcome !== 'choose') {
      return outcome;
    }
    // Two dialogs cannot be open at once: the form keeps what was typed.
    const path = await chooseFile?.();
    if (path) {
      form.setImage(path, true);
    }
  }
}

async function launch(
  options: IAddDialogOptions
): Promise<ITask | null | 'choose'> {
  const { trans, form, add, chooseFile } = options;
  let outcome: ITask | null | 'choose' = null;
  const body = new FormWidget(
    trans,
    form,
    chooseFile &&
      (() => {
        outcome = 'choose';
        dialog.reject();
      })
  );
  const dialog = new DeedDialog({
    title: trans.__('Add container kernel'),
    body,
    deed: trans.__('Add kernel'),
    cancelLabel: trans.__('Cancel'),
    focus: 'input[name="image"]',
    onAccept: async () => {
      outcome = await form.submit(add);
      return outcome !== null;
    }
  });
  const onStateChanged = () => {
    dialog.describe(trans.__('Add kernel'), form.obstacle);
  };
  form.stateChanged.connect(onStateChanged);
  onStateChanged();
  await dialog.launch().catch(() => undefined); // it rejects when disposed of
  form.stateChanged.disconnect(onStateChanged);
  dialog.dispose();
  return outcome;
}

class FormWidget extends ReactWidget {
  constructor(
    private _trans: TranslationBundle,
    private _form: AddForm,
    private _onChooseFile: (() => void) | undefined
  ) {
    super();
  }

  protected override render(): JSX.Element {
    return (
      <AddFormView
        trans={this._trans}
        form={this._form}
        onChooseFile={this._onChooseFile}
      />
    );
  }
}
