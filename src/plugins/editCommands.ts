import { copyIcon, editIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { IEditRequest, IKernel } from '../api/types';
import { isChangeable } from '../model/kernelAccess';
import { formOf, twinOf } from '../model/kernelEdit';
import { CommandIDs } from '../tokens';
import { ICommandContext, rowOf, SLUG_ARGS, slugOf } from './commandContext';
import { followInfo } from './followInfo';
import { complain } from './toasts';

/** The arguments of the commands that open the form of a kernel. */
const EDIT_ARGS = {
  type: 'object',
  properties: {
    ...SLUG_ARGS.properties,
    task: {
      type: 'string',
      description:
        'The id of an ended task: what it was to change stands in the form, and it is dismissed when the new one has begun.'
    }
  }
} as const;

/** Adds the commands that change a kernel or make another one like it. */
export function addEditCommands(context: ICommandContext): void {
  const { app, trans } = context;
  let isOpen = false;
  const open = async (args: ReadonlyPartialJSONObject, isTwin: boolean) => {
    if (!isOpen) {
      isOpen = true;
      await openForm(context, args, isTwin).finally(() => {
        isOpen = false;
      });
    }
  };
  /** Whether it is a kernel of ours, as far as is known. */
  const isOurs = (args: ReadonlyPartialJSONObject) =>
    rowOf(context, args)?.ours ?? true;
  const isWritable = (args: ReadonlyPartialJSONObject) => {
    const row = rowOf(context, args);
    return !row || isChangeable(row);
  };

  app.commands.addCommand(CommandIDs.editKernel, {
    label: trans.__('Edit…'),
    caption: trans.__('Change name, GPU, folders or environment'),
    icon: editIcon,
    describedBy: { args: EDIT_ARGS },
    isVisible: isOurs,
    isEnabled: isWritable,
    execute: args => open(args, false)
  });

  app.commands.addCommand(CommandIDs.duplicateKernel, {
    label: trans.__('Duplicate…'),
    caption: trans.__('Make another kernel of the same image'),
    icon: copyIcon,
    describedBy: { args: EDIT_ARGS },
    isVisible: isOurs,
    isEnabled: isOurs,
    execute: args => open(args, true)
  });
}

/** Asks what to change, and begins that. */
async function openForm(
  context: ICommandContext,
  args: ReadonlyPartialJSONObject,
  isTwin: boolean
): Promise<void> {
  const { app, kernels, trans } = context;
  const ended = kernels.tasks.find(each => each.task.id === args.task)?.task;
  const slug = ended
    ? isTwin
      ? ended.original
      : ended.slug
    : slugOf(context, args);
  if (!slug) {
    return;
  }
  try {
    const [{ showEditDialog }, { AddForm }, kernel] = await Promise.all([
      import('../components/editDialog'),
      import('../model/addForm'),
      kernelOf(context, slug)
    ]);
    const names = Object.values(
      app.serviceManager.kernelspecs.specs?.kernelspecs ?? {}
    ).map(spec => spec?.display_name ?? '');
    const info = kernels.info ?? (await kernels.getInfo().catch(() => null));
    const change: IEditRequest =
      ended?.edit ?? (isTwin ? twinOf(kernel, names, info) : {});
    const form = new AddForm({
      trans,
      isImageFixed: true,
      resolve: image => kernels.resolve(image),
      inspect: image => kernels.inspect(image),
      listTags: image => kernels.listTags(image),
      logIn: request => kernels.logIn(request),
      logOut: registry => kernels.logOut(registry),
      takenSlugs: [],
      initial: formOf(kernel, change)
    });
    followInfo(kernels, form);
    const task = await showEditDialog({
      trans,
      kernel,
      isTwin,
      form,
      send: changes =>
        isTwin ? kernels.duplicate(slug, changes) : kernels.edit(slug, changes)
    }).finally(() => form.dispose());
    if (task && ended) {
      await kernels.endTask(ended.id).catch(() => undefined);
    }
  } catch (error) {
    complain(error, trans.__('The kernel cannot be changed.'), trans);
  }
}

/** The kernel, from the list where that was read. */
async function kernelOf(
  { kernels }: ICommandContext,
  slug: string
): Promise<IKernel> {
  return (
    kernels.kernels?.find(each => each.id === slug) ??
    (await kernels.getDetails(slug)).kernel
  );
}
