import { consoleIcon, notebookIcon } from '@jupyterlab/ui-components';

import { CommandIDs } from '../tokens';
import { ICommandContext, SLUG_ARGS, slugOf } from './commandContext';

/** JupyterLab's own commands that start something with a kernel. */
const NEW_NOTEBOOK = 'notebook:create-new';
const NEW_CONSOLE = 'console:create';

/** Adds the commands that start something with a kernel. */
export function addStartCommands(context: ICommandContext): void {
  const { app, trans } = context;
  app.commands.addCommand(CommandIDs.startNotebook, {
    label: trans.__('Start notebook'),
    caption: trans.__('Open a new notebook with this container kernel'),
    icon: notebookIcon,
    describedBy: { args: SLUG_ARGS },
    isVisible: () => app.commands.hasCommand(NEW_NOTEBOOK),
    execute: async args => {
      const slug = slugOf(context, args);
      if (slug) {
        await app.commands.execute(NEW_NOTEBOOK, { kernelName: slug });
      }
    }
  });

  app.commands.addCommand(CommandIDs.startConsole, {
    label: trans.__('Start console'),
    caption: trans.__('Open a console with this container kernel'),
    icon: consoleIcon,
    describedBy: { args: SLUG_ARGS },
    isVisible: () => app.commands.hasCommand(NEW_CONSOLE),
    execute: async args => {
      const slug = slugOf(context, args);
      if (slug) {
        await app.commands.execute(NEW_CONSOLE, {
          kernelPreference: { name: slug },
          activate: true
        });
      }
    }
  });
}
