import type { TranslationBundle } from '@jupyterlab/translation';
import {
  deleteIcon,
  refreshIcon,
  textEditorIcon
} from '@jupyterlab/ui-components';

import type { IError, IKernel } from '../api/types';
import { CommandIDs } from '../tokens';
import {
  displayNameOf,
  ICommandContext,
  ROW_ARGS,
  rowOf,
  SLUG_ARGS,
  slugOf
} from './commandContext';
import { complain, copy } from './toasts';

/** Adds the commands that look at a kernel or delete it. */
export function addRowCommands(context: ICommandContext): void {
  const { app, kernels, trans } = context;
  app.commands.addCommand(CommandIDs.showLog, {
    label: trans.__('Log of the last start'),
    caption: trans.__('Show what the last start of this kernel wrote'),
    icon: textEditorIcon,
    describedBy: { args: SLUG_ARGS },
    execute: async args => {
      const slug = slugOf(context, args);
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
          displayName: displayNameOf(context, slug),
          log,
          onCopy: text => copy(text, trans)
        });
      } catch (error) {
        complain(error, trans.__('The log cannot be read.'), trans);
      }
    }
  });

  app.commands.addCommand(CommandIDs.deleteKernel, {
    label: trans.__('Delete'),
    caption: args =>
      rowOf(context, args)?.read_only
        ? trans.__('It belongs to the system or to a project')
        : trans.__('Delete this container kernel, after asking'),
    icon: deleteIcon,
    describedBy: { args: ROW_ARGS },
    isEnabled: args => !rowOf(context, args)?.read_only,
    execute: async args => {
      const slug = slugOf(context, args);
      if (!slug) {
        return;
      }
      try {
        const row = rowOf(context, args);
        if (row?.read_only) {
          throw readOnly(row, trans);
        }
        const getDetails = () => kernels.getDetails(slug, row?.resource_dir);
        const [{ showDeleteDialog }, details, info] = await Promise.all([
          import('../components/deleteDialog'),
          getDetails(),
          kernels.info ?? kernels.getInfo().catch(() => null)
        ]);
        if (details.kernel.read_only) {
          throw readOnly(details.kernel, trans);
        }
        await showDeleteDialog({
          trans,
          details,
          hasTrash: info?.limits.trash_days !== 0,
          remove: request => kernels.remove(slug, request),
          getDetails
        });
      } catch (error) {
        complain(error, trans.__('The kernel cannot be deleted.'), trans);
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

/** Why a kernel of the system or of a project is not deleted. */
function readOnly(
  kernel: IKernel,
  trans: TranslationBundle
): Pick<IError, 'message' | 'hint'> {
  return {
    message: trans.__(
      '%1 belongs to the system or to a project and cannot be deleted here.',
      kernel.display_name
    ),
    hint: trans.__('Ask who looks after %1 to remove it.', kernel.resource_dir)
  };
}
