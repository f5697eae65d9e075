import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import {
  ITranslator,
  nullTranslator,
  TranslationBundle
} from '@jupyterlab/translation';

import type { ITask } from '../api/types';
import { CommandIDs, IContainerKernels } from '../tokens';

/**
 * One toast when a task starts and one when it ends.
 */
export const notifications: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-container-kernels:notifications',
  description: 'Tells when a kernel is being added and when it is ready.',
  autoStart: true,
  requires: [IContainerKernels],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    kernels: IContainerKernels,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load(
      'jupyterlab_container_kernels'
    );
    new Toasts(app, trans, kernels);
  }
};

class Toasts {
  constructor(
    private _app: JupyterFrontEnd,
    private _trans: TranslationBundle,
    kernels: IContainerKernels
  ) {
    kernels.taskStarted.connect(this._onStarted, this);
    kernels.taskEnded.connect(this._onEnded, this);
  }

  private _onStarted(_: unknown, task: ITask): void {
    const trans = this._trans;
    Notification.info(trans.__('Adding %1…', task.display_name), {
      autoClose: 5000,
      actions: [this._action(trans.__('Show'), CommandIDs.openPanel)]
    });
  }

  private _onEnded(_: unknown, task: ITask): void {
    const trans = this._trans;
    const show = this._action(trans.__('Show'), CommandIDs.openPanel);
    switch (task.state) {
      case 'done':
        Notification.success(trans.__('%1 is ready.', task.display_name), {
          autoClose: false,
          actions: [
            this._action(trans.__('Open notebook'), CommandIDs.startNotebook, {
              slug: task.slug
            })
          ]
        });
        break;
      case 'failed':
      case 'interrupted':
        Notification.error(
          trans.__(
            '%1 could not be added. %2',
            task.display_name,
            (task.error?.message ?? task.message).split('\n')[0]
          ),
          { autoClose: false, actions: [show] }
        );
        break;
      default:
        break; // who cancels needs no news of it
    }
  }

  private _action(
    label: string,
    command: string,
    args?: { slug: string }
  ): Notification.IAction {
    return {
      label,
      callback: () => {
        void this._app.commands.execute(command, args);
      }
    };
  }
}
