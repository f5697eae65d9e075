import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../tokens';

/**
 * The entries of the command palette.
 */
export const palette: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-container-kernels:palette',
  description: 'Adds entries to the command palette.',
  autoStart: true,
  optional: [ICommandPalette, ITranslator],
  activate: (
    _app: JupyterFrontEnd,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load(
      'jupyterlab_container_kernels'
    );
    const category = trans.__('Container Kernels');
    for (const command of [
      CommandIDs.addKernel,
      CommandIDs.openPanel,
      CommandIDs.cleanUp,
      CommandIDs.refresh
    ]) {
      palette?.addItem({ command, category });
    }
  }
};
