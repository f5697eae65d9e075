import {
  ILabShell,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import type { ISessionContext } from '@jupyterlab/apputils';
import type { Kernel, Session } from '@jupyterlab/services';
import type { Widget } from '@lumino/widgets';

import { hasAnswered, kernelState } from '../model/kernelState';
import { IContainerKernels } from '../tokens';

/**
 * Watches the kernels of notebooks and consoles, and of whatever else in the
 * window has a session.
 */
export const starts: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-container-kernels:starts',
  description: 'Tells why a container kernel could not start.',
  autoStart: true,
  requires: [IContainerKernels],
  optional: [ILabShell],
  activate: (
    app: JupyterFrontEnd,
    kernels: IContainerKernels,
    labShell: ILabShell | null
  ): void => {
    const sessions = new Sessions(app, kernels);
    app.shell.currentChanged?.connect(sessions.look, sessions);
    // What is opened, or put back, behind something else.
    labShell?.layoutModified.connect(sessions.look, sessions);
    void app.restored.then(() => sessions.look());
  }
};

/** The sessions of the widgets that are open. */
class Sessions {
  constructor(
    private _app: JupyterFrontEnd,
    private _kernels: IContainerKernels
  ) {}

  /** Begins to watch what is new. */
  look(): void {
    for (const widget of this._app.shell.widgets('main')) {
      const context = sessionOf(widget);
      if (context && !this._known.has(context)) {
        this._known.add(context);
        this._watch(context);
      }
    }
  }

  private _watch(context: ISessionContext): void {
    context.statusChanged.connect(this._onChanged, this);
    context.connectionStatusChanged.connect(this._onChanged, this);
    context.kernelChanged.connect(this._onKernelChanged, this);
    context.disposed.connect(this._onDisposed, this);
    this._onChanged(context);
  }

  private _onChanged(context: ISessionContext): void {
    const { kernelspecs, kernels } = this._app.serviceManager;
    const kernel = context.session?.kernel;
    const spec = kernelspecs.specs?.kernelspecs[kernel?.name ?? ''];
    if (!kernel || !spec?.metadata?.container_kernels) {
      return;
    }
    const isNew = this._ids.get(context) !== kernel.id;
    const state =
      isNew && hasAnswered(kernel.id, kernels.running())
        ? 'answered'
        : kernelState(kernel, context.isRestarting);
    if (state) {
      this._ids.set(context, kernel.id);
      this._kernels.starts.see({
        id: kernel.id,
        slug: kernel.name,
        displayName: spec.display_name,
        state
      });
    }
  }

  private _onKernelChanged(
    context: ISessionContext,
    change: Session.ISessionConnection.IKernelChangedArgs
  ): void {
    const before: Kernel.IKernelConnection | null = change.oldValue;
    if (before && before.id !== change.newValue?.id) {
      this._forget(context);
    }
    this._onChanged(context);
  }

  private _onDisposed(context: ISessionContext): void {
    this._forget(context);
  }

  /** A kernel may be in two places; the last one to go takes it along. */
  private _forget(context: ISessionContext): void {
    const id = this._ids.get(context);
    this._ids.delete(context);
    if (id !== undefined && ![...this._ids.values()].includes(id)) {
      this._kernels.starts.forget(id);
    }
  }

  private _known = new WeakSet<ISessionContext>();
  private _ids = new Map<ISessionContext, string>();
}

/** The session of a notebook or a console. */
function sessionOf(widget: Widget): ISessionContext | undefined {
  const { sessionContext } = widget as { sessionContext?: ISessionContext };
  return sessionContext?.statusChanged ? sessionContext : undefined;
}
