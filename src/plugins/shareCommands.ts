import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import { shareIcon, undoIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { formatBytes } from '../model/format';
import { isChangeable } from '../model/kernelAccess';
import { CommandIDs } from '../tokens';
import {
  displayNameOf,
  ICommandContext,
  ROW_ARGS,
  rowOf,
  slugOf
} from './commandContext';
import { complain, copy, GOOD_NEWS } from './toasts';

/** Adds the commands that share a kernel with others and take it back. */
export function addShareCommands(context: ICommandContext): void {
  const { app, kernels, trans } = context;
  /** From where this page has shared last: the next one goes there, too. */
  let last = '';
  const isWritable = (args: ReadonlyPartialJSONObject) => {
    const row = rowOf(context, args);
    return !row || isChangeable(row);
  };
  const isShared = (args: ReadonlyPartialJSONObject) =>
    rowOf(context, args)?.withdrawable ?? false;

  app.commands.addCommand(CommandIDs.shareKernel, {
    label: trans.__('Share…'),
    caption: trans.__('Let colleagues use this kernel'),
    icon: shareIcon,
    describedBy: {
      args: {
        ...ROW_ARGS,
        properties: {
          ...ROW_ARGS.properties,
          task: {
            type: 'string',
            description:
              'The id of an ended task: what it was to share stands in the form, and it is dismissed when the new one has begun.'
          }
        }
      }
    },
    isVisible: isWritable,
    execute: async args => {
      const ended = kernels.tasks.find(each => each.task.id === args.task);
      const slug = ended?.task.slug ?? slugOf(context, args);
      if (!slug) {
        return;
      }
      const [{ showShareDialog }, { Sharing }] = await Promise.all([
        import('../components/shareDialog'),
        import('../model/sharing')
      ]);
      const sharing = new Sharing({
        trans,
        initial: ended?.task.share ?? { directory: last },
        plan: request => kernels.planShare(slug, request),
        share: request => kernels.share(slug, request)
      });
      try {
        const isDone = await showShareDialog({
          trans,
          displayName: displayNameOf(context, slug),
          sharing,
          onCopy: text => copy(text, trans)
        });
        if (isDone) {
          last = sharing.directory;
          if (ended) {
            await kernels.endTask(ended.task.id).catch(() => undefined);
          }
        }
      } finally {
        sharing.dispose();
      }
    }
  });

  app.commands.addCommand(CommandIDs.withdrawKernel, {
    label: trans.__('Withdraw'),
    caption: trans.__('No longer share this kernel, after asking'),
    icon: undoIcon,
    describedBy: { args: ROW_ARGS },
    isVisible: isShared,
    execute: async args => {
      const row = rowOf(context, args);
      if (!row?.withdrawable) {
        return;
      }
      const { button } = await showDialog({
        title: trans.__('Withdraw %1', row.display_name),
        body: trans.__(
          'It goes from %1 at once, with what was copied there. Where colleagues run it, it may end. Your own kernel stays.',
          row.resource_dir
        ),
        buttons: [
          Dialog.cancelButton({ label: trans.__('Cancel') }),
          Dialog.warnButton({ label: trans.__('Withdraw') })
        ]
      });
      if (!button.accept) {
        return;
      }
      try {
        const freed = await kernels.withdraw(row.slug, row.resource_dir);
        Notification.success(
          trans.__(
            '%1 is no longer shared; %2 are free again.',
            row.display_name,
            formatBytes(freed.freed_bytes, trans)
          ),
          { autoClose: GOOD_NEWS }
        );
      } catch (error) {
        complain(error, trans.__('The kernel cannot be withdrawn.'), trans);
      }
    }
  });
}
