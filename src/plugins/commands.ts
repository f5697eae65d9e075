import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { IContainerKernels } from '../tokens';
import { addFormCommand } from './addCommand';
import type { ICommandContext } from './commandContext';
import { addEditCommands } from './editCommands';
import { addRepairCommand } from './repairCommand';
import { addRowCommands } from './rowCommands';
import { addShareCommands } from './shareCommands';
import { addStartCommands } from './startCommands';

/**
 * The commands on kernels: add, start, look at, change, mend, delete.
 */
export const commands: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-container-kernels:commands',
  description: 'Adds the commands, menu entries and shortcuts.',
  autoStart: true,
  requires: [IContainerKernels],
  optional: [ITranslator, IDocumentManager],
  activate: (
    app: JupyterFrontEnd,
    kernels: IContainerKernels,
    translator: ITranslator | null,
    documents: IDocumentManager | null
  ): void => {
    const trans = (translator ?? nullTranslator).load(
      'jupyterlab_container_kernels'
    );
    const context: ICommandContext = { app, kernels, documents, trans };
    addFormCommand(context);
    addStartCommands(context);
    addRowCommands(context);
    addEditCommands(context);
    addRepairCommand(context);
    addShareCommands(context);
  }
};
