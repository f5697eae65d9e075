import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { addContainerUrl } from '../components/icons';
import { CommandIDs } from '../tokens';

/** After the default kernel (rank 0), before all others (rank infinity). */
const RANK = 1_000;

/**
 * The tile that adds a container kernel, among those of kernels. Its place
 * stays, however many kernels there are.
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
      rank: RANK,
      kernelIconUrl: addContainerUrl
    });
  }
};
