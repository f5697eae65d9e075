import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { addContainerUrl } from '../components/icons';
import { CommandIDs } from '../tokens';

/**
 * The tile that adds a container kernel, after those of the kernels.
 */
export const launcher: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-container-kernels:launcher',
  description: 'Adds a tile to the Launcher.',
  autoStart: true,
  optional: [ILauncher, ITranslator],
  activate: (
    _app: JupyterFrontEnd,
    launcher: ILauncher | null,
    translator: ITranslator | null
  ): void => {
    // The category has the name that JupyterLab itself gives it.
    const trans = (translator ?? nullTranslator).load('jupyterlab');
    launcher?.add({
      command: CommandIDs.addKernel,
      category: trans.__('Notebook'),
      rank: Number.MAX_SAFE_INTEGER,
      kernelIconUrl: addContainerUrl
    });
  }
};
