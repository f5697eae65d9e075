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
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { ITask } from '../api/types';
import { startTitle } from '../model/startLog';
import { deedOf, failureOf, successOf } from '../model/taskWords';
import { CommandIDs, IContainerKernels, ITroubledStart } from '../tokens';
import { GOOD_NEWS } from './toasts';

/**
 * One toast when a task starts and one when it ends, one while it waits for a
 * line that its user has to run, and one when a kernel could not start.
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
    private _kernels: IContainerKernels
  ) {
    const kernels = this._kernels;
    kernels.taskStarted.connect(this._onStarted, this);
    kernels.taskEnded.connect(this._onEnded, this);
    kernels.stateChanged.connect(this._tellLines, this);
    kernels.removed.connect((_, removed) =>
      removed.forEach(each => this._dismiss(each.slug))
    );
    kernels.starts.appeared.connect(this._onTrouble, this);
    kernels.starts.settled.connect(this._onSettled, this);
  }

  private _onStarted(_: unknown, task: ITask): void {
    const trans = this._trans;
    if (task.job === 'check') {
      return; // there may be hundreds of them
    }
    Notification.info(`${deedOf(task, trans)}…`, {
      autoClose: GOOD_NEWS,
      actions: [this._action(trans.__('Show'), CommandIDs.openPanel)]
    });
  }

  private _onEnded(_: unknown, task: ITask): void {
    if (task.job === 'check') {
      this._checked.push(task);
      void Promise.resolve().then(() => this._tellChecks());
      return;
    }
    switch (task.state) {
      case 'done':
        this._tellSuccess(task);
        break;
      case 'failed':
      case 'interrupted':
        this._tellFailure(task);
        break;
      default:
        break; // who cancels needs no news of it
    }
  }

  private _tellSuccess(task: ITask): void {
    const trans = this._trans;
    const { slug } = task;
    const done = successOf(task, trans);
    if (task.job === 'edit') {
      const runs = this._kernels.kernels?.some(
        each => each.slug === slug && each.running > 0
      );
      Notification.success(
        runs
          ? trans.__('%1. It takes effect at its next start.', done)
          : `${done}.`,
        { autoClose: runs ? false : GOOD_NEWS }
      );
      return;
    }
    if (task.job === 'share') {
      Notification.success(
        task.share
          ? trans.__(
              '%1 is shared from %2.',
              task.display_name,
              task.share.directory
            )
          : `${done}.`,
        { autoClose: GOOD_NEWS }
      );
      return;
    }
    this._replace(
      slug,
      Notification.success(`${done}.`, {
        autoClose: false,
        actions: [
          this._action(trans.__('Open notebook'), CommandIDs.startNotebook, {
            slug
          })
        ]
      })
    );
  }

  private _tellFailure(task: ITask): void {
    const trans = this._trans;
    const { slug } = task;
    const actions = [this._action(trans.__('Show'), CommandIDs.openPanel)];
    if (
      task.repair?.action === 'relink' &&
      task.error?.code === 'image_not_found'
    ) {
      const args = { slug, action: 'relink', ask: true };
      actions.unshift(
        this._action(
          trans.__('Choose its new place…'),
          CommandIDs.repairKernel,
          args
        )
      );
    }
    Notification.error(this._failure(task), { autoClose: false, actions });
  }

  /** Says of a task, once, that it waits for a line, as long as it does. */
  private _tellLines(): void {
    const trans = this._trans;
    const waiting = new Map(
      this._kernels.tasks
        .filter(each => each.isActive && each.task.command)
        .map(each => [each.task.id, each.task])
    );
    for (const [id, toast] of this._waiting) {
      if (!waiting.has(id)) {
        this._waiting.delete(id);
        Notification.dismiss(toast);
      }
    }
    for (const [id, task] of waiting) {
      if (!this._waiting.has(id)) {
        const toast = Notification.warning(
          trans.__(
            '%1 waits for you to run a line on a login node.',
            task.display_name
          ),
          {
            autoClose: false,
            actions: [this._action(trans.__('Show'), CommandIDs.openPanel)]
          }
        );
        this._waiting.set(id, toast);
      }
    }
  }

  /** Says what came of checks, together, when the last of them has ended. */
  private _tellChecks(): void {
    const trans = this._trans;
    if (
      !this._checked.length ||
      this._kernels.tasks.some(
        each => each.isActive && each.task.job === 'check'
      )
    ) {
      return;
    }
    const ended = this._checked.filter(task => task.state !== 'cancelled');
    this._checked = [];
    const bad = ended.filter(task => task.state !== 'done');
    const actions = [this._action(trans.__('Show'), CommandIDs.openPanel)];
    if (bad.length === 1) {
      Notification.error(this._failure(bad[0]), { autoClose: false, actions });
    } else if (bad.length) {
      Notification.error(
        trans.__(
          '%1 of %2 kernels did not pass their check.',
          bad.length,
          ended.length
        ),
        { autoClose: false, actions }
      );
    } else if (ended.length) {
      Notification.success(
        ended.length === 1
          ? `${successOf(ended[0], trans)}.`
          : trans._n('%1 kernel works.', 'All %1 kernels work.', ended.length),
        { autoClose: GOOD_NEWS }
      );
    }
  }

  private _failure(task: ITask): string {
    const reason = (task.error?.message ?? task.message).split('\n')[0];
    return `${failureOf(task, this._trans)}. ${reason}`;
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
    args?: ReadonlyPartialJSONObject
  ): Notification.IAction {
    return {
      label,
      callback: () => {
        void this._app.commands.execute(command, args);
      }
    };
  }

  /** Checks that have ended, of which nobody was told yet. */
  private _checked: ITask[] = [];
  /** What was said of tasks that wait for a line, by the id of the task. */
  private _waiting = new Map<string, string>();
  private _said = new Map<string, string>();
}
