import type { IAddRequest, ITask } from '../api/types';
import { addContainerIcon } from '../components/icons';
import { CommandIDs } from '../tokens';
import type { ICommandContext } from './commandContext';
import { followInfo } from './followInfo';

/** Adds the command that opens the form of a new kernel. */
export function addFormCommand(context: ICommandContext): void {
  const { app, kernels, documents, trans } = context;
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
          request: {
            type: 'object',
            description:
              'What stands in the form at first, as the server part takes it.'
          },
          isMenu: {
            type: 'boolean',
            description: 'Whether the label stands in the menu of new things.'
          }
        }
      }
    },
    execute: async args => {
      const ended = kernels.tasks.find(each => each.task.id === args.task);
      const form = ended && formOfTask(ended.task);
      if (form) {
        return app.commands.execute(form, { task: args.task });
      }
      if (isOpen) {
        return null;
      }
      isOpen = true;
      try {
        const [{ showAddDialog }, { AddForm }, { makeFileChooser }] =
          await Promise.all([
            import('../components/addDialog'),
            import('../model/addForm'),
            import('./fileChooser')
          ]);
        const specs = app.serviceManager.kernelspecs.specs?.kernelspecs ?? {};
        const form = new AddForm({
          trans,
          resolve: (image, signal, choice) =>
            kernels.resolve(image, signal, choice),
          inspect: (image, signal) => kernels.inspect(image, signal),
          listTags: (image, signal) => kernels.listTags(image, signal),
          logIn: request => kernels.logIn(request),
          logOut: registry => kernels.logOut(registry),
          takenSlugs: Object.keys(specs),
          initial:
            ended?.task.request ??
            (args.request as IAddRequest | undefined) ??
            (typeof args.image === 'string' ? { image: args.image } : undefined)
        });
        followInfo(kernels, form);
        const offered = kernels.info?.site.catalogue.find(
          each => each.image === args.image
        );
        if (offered) {
          form.choose(offered);
        }
        const task = await showAddDialog({
          trans,
          form,
          add: request => kernels.add(request),
          chooseFile: documents
            ? makeFileChooser({ kernels, documents, trans })
            : undefined
        }).finally(() => form.dispose());
        if (task && ended) {
          await kernels.endTask(ended.task.id).catch(() => undefined);
        }
        return task;
      } finally {
        isOpen = false;
      }
    }
  });
}

/** The command with the form of an ended task, if that is another one. */
function formOfTask(task: ITask): string | undefined {
  if (task.job === 'edit') {
    return CommandIDs.editKernel;
  }
  if (task.job === 'share') {
    return CommandIDs.shareKernel;
  }
  return task.job === 'duplicate' && task.original
    ? CommandIDs.duplicateKernel
    : undefined;
}
