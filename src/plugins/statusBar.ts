import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';

import { StatusItemWidget } from '../components/statusItem';
import { CommandIDs, IContainerKernels } from '../tokens';

/**
 * What runs, in the status bar.
 */
export const statusBar: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-container-kernels:status-bar',
  description: 'Shows the tasks that run in the status bar.',
  autoStart: true,
  requires: [IContainerKernels],
  optional: [IStatusBar, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    kernels: IContainerKernels,
    statusBar: IStatusBar | null,
    translator: ITranslator | null
  ): void => {
    if (!statusBar) {
      return;
    }
    const trans = (translator ?? nullTranslator).load(
      'jupyterlab_container_kernels'
    );
    const activity = new Activity(kernels);
    statusBar.registerStatusItem('jupyterlab-container-kernels:tasks', {
      align: 'left',
      rank: 100,
      item: new StatusItemWidget(trans, kernels, () => {
        void app.commands.execute(CommandIDs.openPanel);
      }),
      isActive: () => activity.isActive,
      activeStateChanged: activity.changed
    });
  }
};

/** Whether anything runs. */
class Activity {
  constructor(private _kernels: IContainerKernels) {
    this._kernels.stateChanged.connect(this._onStateChanged, this);
  }

  get isActive(): boolean {
    return this._isActive;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  private _onStateChanged(): void {
    const isActive = this._kernels.tasks.some(task => task.isActive);
    if (isActive !== this._isActive) {
      this._isActive = isActive;
      this._changed.emit();
    }
  }

  private _isActive = false;
  private _changed = new Signal<this, void>(this);
}
