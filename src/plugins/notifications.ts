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
import { startTitle } from '../model/startLog';
import { CommandIDs, IContainerKernels, ITroubledStart } from '../tokens';

/**
 * One toast when a task starts and one when it ends, and one when a kernel
 * could not start.
 */
export const notifications: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-container-kernels:notifications',
  description:
    'Tells when a kernel is being added, when it is ready and when it could not start.',
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
    kernels.starts.appeared.connect(this._onTrouble, this);
    kernels.starts.settled.connect(this._onSettled, this);
  }

  private _onStarted(_: unknown, task: ITask): void {
    const trans = this._trans;
    Notification.info(
      task.repair
        ? trans.__('Mending %1…', task.display_name)
        : trans.__('Adding %1…', task.display_name),
      {
        autoClose: 5000,
        actions: [this._action(trans.__('Show'), CommandIDs.openPanel)]
      }
    );
  }

  private _onEnded(_: unknown, task: ITask): void {
    const trans = this._trans;
    const show = this._action(trans.__('Show'), CommandIDs.openPanel);
    switch (task.state) {
      case 'done':
        this._replace(
          task.slug,
          Notification.success(trans.__('%1 is ready.', task.display_name), {
            autoClose: false,
            actions: [
              this._action(
                trans.__('Open notebook'),
                CommandIDs.startNotebook,
                { slug: task.slug }
              )
            ]
          })
        );
        break;
      case 'failed':
      case 'interrupted':
        Notification.error(this._failure(task), {
          autoClose: false,
          actions: [show]
        });
        break;
      default:
        break; // who cancels needs no news of it
    }
  }

  private _failure(task: ITask): string {
    const trans = this._trans;
    const reason = (task.error?.message ?? task.message).split('\n')[0];
    return task.repair
      ? trans.__('%1 could not be mended. %2', task.display_name, reason)
      : trans.__('%1 could not be added. %2', task.display_name, reason);
  }

  private _onTrouble(_: unknown, start: ITroubledStart): void {
    const trans = this._trans;
    const { slug } = start;
    const title = startTitle(start, trans);
    const options: Notification.IOptions<null> = {
      autoClose: false,
      actions: [this._action(trans.__('Show'), CommandIDs.openPanel, { slug })]
    };
    this._replace(
      slug,
      start.kind === 'slow'
        ? Notification.warning(`${title}.`, options)
        : Notification.error(
            `${title}. ${start.log.start.diagnosis?.message ?? ''}`.trim(),
            options
          )
    );
  }

  private _onSettled(_: unknown, slug: string): void {
    this._dismiss(slug);
  }

  /** Says of a kernel that it is ready, or that it is not: the last counts. */
  private _replace(slug: string, id: string): void {
    this._dismiss(slug);
    this._said.set(slug, id);
  }

  private _dismiss(slug: string): void {
    const id = this._said.get(slug);
    if (id !== undefined) {
      this._said.delete(slug);
      Notification.dismiss(id);
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

  private _said = new Map<string, string>();
}
