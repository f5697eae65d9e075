import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { ContainerKernelsClient } from '../api/client';
import { ServerEvents } from '../api/events';
import { ContainerKernelsModel } from '../model/model';
import { IContainerKernels } from '../tokens';

/**
 * Keeps the state of kernels and tasks in this page.
 */
export const manager: JupyterFrontEndPlugin<IContainerKernels> = {
  id: 'jupyterlab-container-kernels:manager',
  description: 'The container kernels of the user and the tasks that add them.',
  autoStart: true,
  provides: IContainerKernels,
  activate: (app: JupyterFrontEnd): IContainerKernels => {
    const { serviceManager } = app;
    const model = new ContainerKernelsModel({
      client: new ContainerKernelsClient(serviceManager.serverSettings),
      events: new ServerEvents(serviceManager.events),
      specs: serviceManager.kernelspecs,
      kernels: serviceManager.kernels
    });
    // What ran before the page was loaded runs on.
    void app.restored.then(() => model.start());
    return model;
  }
};
