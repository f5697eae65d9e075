import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Clipboard, InputDialog, Notification } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import {
  ITranslator,
  nullTranslator,
  TranslationBundle
} from '@jupyterlab/translation';
import {
  consoleIcon,
  deleteIcon,
  notebookIcon,
  refreshIcon,
  textEditorIcon
} from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { IError, RepairAction } from '../api/types';
import { addContainerIcon } from '../components/icons';
import { formatBytes } from '../model/format';
import { CommandIDs, IContainerKernels } from '../tokens';

/** The arguments of a command that is about one kernel. */
const SLUG_ARGS = {
  type: 'object',
  properties: {
    slug: {
      type: 'string',
      description:
        "The kernel's name in Jupyter. Left out, it is the row that the context menu was opened on."
    }
  }
} as const;

/** JupyterLab's own commands that start something with a kernel. */
const NEW_NOTEBOOK = 'notebook:create-new';
const NEW_CONSOLE = 'console:create';

/**
 * The commands on kernels: add, start, look at, delete.
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
    addFormCommand(app, kernels, documents, trans);
    addStartCommands(app, trans);
    addRowCommands(app, kernels, trans);
    addRepairCommand(app, kernels, documents, trans);
  }
};

/** The kernel that a command is about. */
function slugOf(
  app: JupyterFrontEnd,
  args: ReadonlyPartialJSONObject
): string | undefined {
  if (typeof args.slug === 'string') {
    return args.slug;
  }
  return app.contextMenuHitTest(node => !!node.dataset.slug)?.dataset.slug;
}

/** Shows an error that belongs to nothing on screen. */
function complain(error: unknown, fallback: string): void {
  const { message, hint } = error as Partial<IError>;
  Notification.error([message ?? fallback, hint].filter(Boolean).join(' '));
}

function addFormCommand(
  app: JupyterFrontEnd,
  kernels: IContainerKernels,
  documents: IDocumentManager | null,
  trans: TranslationBundle
): void {
  let isOpen = false;
  app.commands.addCommand(CommandIDs.addKernel, {
    label: args =>
      args['isMenu']
        ? trans.__('Container Kernel…')
        : trans.__('Add container kernel'),
    caption: trans.__('Make a kernel from a container image'),
    icon: addContainerIcon,
    describedBy: {
      args: {
        type: 'object',
        properties: {
          image: {
            type: 'string',
            description: 'What stands in the image field at first.'
          },
          task: {
            type: 'string',
            description:
              'The id of an ended task: its request stands in the form, and it is dismissed when the new one has begun.'
          },
          isMenu: {
            type: 'boolean',
            description: 'Whether the label stands in the menu of new things.'
          }
        }
      }
    },
    execute: async args => {
      if (isOpen) {
        return;
      }
      isOpen = true;
      try {
        const [{ showAddDialog }, { AddForm }, { makeFileChooser }] =
          await Promise.all([
            import('../components/addDialog'),
            import('../model/addForm'),
            import('./fileChooser')
          ]);
        const ended = kernels.tasks.find(each => each.task.id === args.task);
        const specs = app.serviceManager.kernelspecs.specs?.kernelspecs ?? {};
        const form = new AddForm({
          trans,
          resolve: (image, signal) => kernels.resolve(image, signal),
          inspect: (image, signal) => kernels.inspect(image, signal),
          takenSlugs: Object.keys(specs),
          initial:
            ended?.task.request ??
            (typeof args.image === 'string' ? { image: args.image } : undefined)
        });
        form.info = kernels.info;
        kernels.getInfo().then(
          info => {
            form.info = info;
          },
          () => undefined // the form works without
        );
        const task = await showAddDialog({
          trans,
          form,
          add: request => kernels.add(request),
          chooseFile: documents
            ? makeFileChooser({ kernels, documents, trans })
            : undefined
        });
        form.dispose();
        if (task && ended) {
          await kernels.endTask(ended.task.id).catch(() => undefined);
        }
      } finally {
        isOpen = false;
      }
    }
  });
}

function addStartCommands(
  app: JupyterFrontEnd,
  trans: TranslationBundle
): void {
  app.commands.addCommand(CommandIDs.startNotebook, {
    label: trans.__('Start notebook'),
    caption: trans.__('Open a new notebook with this container kernel'),
    icon: notebookIcon,
    describedBy: { args: SLUG_ARGS },
    isVisible: () => app.commands.hasCommand(NEW_NOTEBOOK),
    execute: async args => {
      const slug = slugOf(app, args);
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
      const slug = slugOf(app, args);
      if (slug) {
        await app.commands.execute(NEW_CONSOLE, {
          kernelPreference: { name: slug },
          activate: true
        });
      }
    }
  });
}

function addRowCommands(
  app: JupyterFrontEnd,
  kernels: IContainerKernels,
  trans: TranslationBundle
): void {
  app.commands.addCommand(CommandIDs.showLog, {
    label: trans.__('Log of the last start'),
    caption: trans.__('Show what the last start of this kernel wrote'),
    icon: textEditorIcon,
    describedBy: { args: SLUG_ARGS },
    execute: async args => {
      const slug = slugOf(app, args);
      if (!slug) {
        return;
      }
      try {
        const [{ showLogDialog }, log] = await Promise.all([
          import('../components/logDialog'),
          kernels.getKernelLog(slug)
        ]);
        await showLogDialog({
          trans,
          displayName: displayNameOf(app, kernels, slug),
          log,
          onCopy: text => Clipboard.copyToSystem(text)
        });
      } catch (error) {
        complain(error, trans.__('The log cannot be read.'));
      }
    }
  });

  app.commands.addCommand(CommandIDs.deleteKernel, {
    label: trans.__('Delete'),
    caption: trans.__('Delete this container kernel, after asking'),
    icon: deleteIcon,
    describedBy: { args: SLUG_ARGS },
    execute: async args => {
      const slug = slugOf(app, args);
      if (!slug) {
        return;
      }
      try {
        const [{ showDeleteDialog }, details] = await Promise.all([
          import('../components/deleteDialog'),
          kernels.getDetails(slug)
        ]);
        const removal = await showDeleteDialog({
          trans,
          details,
          remove: request => kernels.remove(slug, request),
          getDetails: () => kernels.getDetails(slug)
        });
        if (removal) {
          Notification.success(
            trans.__(
              'Deleted %1. %2 freed.',
              details.kernel.display_name,
              formatBytes(removal.freed_bytes, trans)
            ),
            { autoClose: 5000 }
          );
        }
      } catch (error) {
        complain(error, trans.__('The kernel cannot be deleted.'));
      }
    }
  });

  app.commands.addCommand(CommandIDs.refresh, {
    label: trans.__('Refresh container kernels'),
    caption: trans.__('Read the container kernels and tasks again'),
    icon: refreshIcon,
    describedBy: { args: { type: 'object', properties: {} } },
    execute: () => kernels.refresh()
  });
}

/** What a command that mends a kernel takes. */
const REPAIR_ACTIONS: readonly RepairAction[] = ['relink', 'pull', 'reinstall'];

function addRepairCommand(
  app: JupyterFrontEnd,
  kernels: IContainerKernels,
  documents: IDocumentManager | null,
  trans: TranslationBundle
): void {
  /** Asks where the image is now. */
  const askForImage = async (): Promise<string | null> => {
    if (documents) {
      const { makeFileChooser } = await import('./fileChooser');
      return makeFileChooser({ kernels, documents, trans })();
    }
    const { value } = await InputDialog.getText({
      title: trans.__('Where is the image now?'),
      label: trans.__('The path of the image file')
    });
    return value;
  };

  app.commands.addCommand(CommandIDs.repairKernel, {
    label: args => {
      switch (args.action as RepairAction | undefined) {
        case 'relink':
          return trans.__('Choose the image’s new place…');
        case 'pull':
          return trans.__('Pull the image again');
        case 'reinstall':
          return trans.__('Install packages again');
        default:
          return trans.__('Mend container kernel');
      }
    },
    caption: trans.__('Mend this container kernel'),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          ...SLUG_ARGS.properties,
          action: {
            type: 'string',
            enum: [...REPAIR_ACTIONS],
            description: 'How to mend it.'
          },
          image: {
            type: 'string',
            description:
              'For “relink”: the path of the image file. Left out, it is asked for.'
          }
        }
      }
    },
    execute: async args => {
      const slug = slugOf(app, args);
      const action = REPAIR_ACTIONS.find(each => each === args.action);
      if (!slug || !action) {
        return;
      }
      try {
        let image: string | null = null;
        if (action === 'relink') {
          image =
            typeof args.image === 'string' ? args.image : await askForImage();
          if (!image) {
            return;
          }
        }
        await kernels.repair(slug, { action, image });
      } catch (error) {
        complain(error, trans.__('The kernel cannot be mended.'));
      }
    }
  });
}

function displayNameOf(
  app: JupyterFrontEnd,
  kernels: IContainerKernels,
  slug: string
): string {
  return (
    kernels.kernels?.find(kernel => kernel.slug === slug)?.display_name ??
    app.serviceManager.kernelspecs.specs?.kernelspecs[slug]?.display_name ??
    slug
  );
}
