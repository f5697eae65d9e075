import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { Event } from '@jupyterlab/services';
import { CommandRegistry } from '@lumino/commands';
import { Signal, Stream } from '@lumino/signaling';

import { ContainerKernelsClient } from '../api/client';
import { ServerEvents } from '../api/events';
import { ContainerKernelsModel } from '../model/model';
import { FakeServer } from './server';
import { FakeSpecs } from './specs';

/**
 * What plugins need of an application: real commands and a real model, over a
 * server whose answers we choose.
 */
export class FakeApp {
  readonly server = new FakeServer();
  readonly specs = new FakeSpecs();
  readonly commands = new CommandRegistry();

  /** The row that the context menu was opened on. */
  contextRow: HTMLElement | undefined;

  readonly model = new ContainerKernelsModel({
    client: new ContainerKernelsClient(this.server.settings),
    events: new ServerEvents({
      stream: new Stream<unknown, Event.Emission>({})
    } as unknown as Event.IManager),
    specs: this.specs,
    kernels: { runningChanged: new Signal({} as never) as never }
  });

  /** The same as plugins see it. */
  readonly app = {
    name: 'JupyterLab',
    commands: this.commands,
    serviceManager: {
      kernelspecs: this.specs,
      serverSettings: this.server.settings
    },
    contextMenuHitTest: (test: (node: HTMLElement) => boolean) =>
      this.contextRow && test(this.contextRow) ? this.contextRow : undefined
  } as unknown as JupyterFrontEnd;
}
