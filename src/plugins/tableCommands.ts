import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { infoIcon, runIcon } from '@jupyterlab/ui-components';
import type { JSONObject, ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { IKernel, ITask } from '../api/types';
import { columnName } from '../components/tableHeader';
import { adoptRequest } from '../model/adoption';
import { BulkDeletion } from '../model/bulkDeletion';
import { ColumnId, COLUMNS } from '../model/columns';
import { isChangeable } from '../model/kernelAccess';
import type { PanelView } from '../model/panelView';
import { CommandIDs, IContainerKernels } from '../tokens';
import { ROW_ARGS, rowOf } from './commandContext';
import { complain, GOOD_NEWS } from './toasts';

/** What the commands of the table work with. */
export interface ITableContext {
  app: JupyterFrontEnd;
  kernels: IContainerKernels;
  trans: TranslationBundle;
  view: PanelView;
}

/** Adds the commands that belong to the table of kernels. */
export function addTableCommands(context: ITableContext): void {
  addLookCommands(context);
  addCheckCommand(context);
  addAdoptCommand(context);
  addCleanUpCommand(context);
}

/** The row that a command is about. */
function kernelOf(
  { app, kernels, trans }: ITableContext,
  args: ReadonlyPartialJSONObject
): IKernel | undefined {
  return rowOf({ app, kernels, trans, documents: null }, args);
}

function addLookCommands(context: ITableContext): void {
  const { app, trans, view } = context;
  app.commands.addCommand(CommandIDs.showDetails, {
    label: trans.__('Details'),
    caption: trans.__('Show all that is known of this container kernel'),
    icon: infoIcon,
    describedBy: { args: ROW_ARGS },
    execute: async args => {
      const kernel = kernelOf(context, args);
      if (kernel) {
        view.look({ tab: 'kernels', details: kernel.id });
        await app.commands.execute(CommandIDs.openPanel);
      }
    }
  });

  app.commands.addCommand(CommandIDs.toggleColumn, {
    label: args => {
      const column = columnOf(args);
      return column
        ? columnName(column, trans)
        : trans.__('Show or hide a column');
    },
    caption: trans.__('Show or hide a column of the container kernels'),
    isToggleable: true,
    isToggled: args => {
      const column = columnOf(args);
      return !!column && view.columns.includes(column);
    },
    describedBy: {
      args: {
        type: 'object',
        properties: {
          column: {
            type: 'string',
            enum: choosableColumns(),
            description: 'The column.'
          }
        },
        required: ['column']
      }
    },
    execute: args => {
      const column = columnOf(args);
      if (column) {
        view.toggleColumn(column);
      }
    }
  });
}

/** The columns that need not be shown. */
export function choosableColumns(): ColumnId[] {
  return COLUMNS.filter(each => !each.isFixed).map(each => each.id);
}

function columnOf(args: ReadonlyPartialJSONObject): ColumnId | undefined {
  return choosableColumns().find(each => each === args.column);
}

function addCheckCommand(context: ITableContext): void {
  const { app, kernels, trans } = context;
  app.commands.addCommand(CommandIDs.checkKernel, {
    label: trans.__('Check'),
    caption: trans.__('Start this container kernel, to see whether it works'),
    icon: runIcon,
    describedBy: { args: ROW_ARGS },
    isEnabled: args => {
      const kernel = kernelOf(context, args);
      return !kernel || isChangeable(kernel);
    },
    execute: async args => {
      const kernel = kernelOf(context, args);
      if (!kernel) {
        return;
      }
      try {
        await kernels.check(kernel.slug, {
          updates: !kernel.image.source.startsWith('/')
        });
      } catch (error) {
        complain(error, trans.__('The kernel cannot be checked.'), trans);
      }
    }
  });
}

function addAdoptCommand(context: ITableContext): void {
  const { app, kernels, trans } = context;
  /** Kernels of others, by the task that makes one of ours. */
  const adopted = new Map<string, IKernel>();
  kernels.taskEnded.connect((_, task: ITask) => {
    const old = adopted.get(task.id);
    adopted.delete(task.id);
    if (!old || task.state !== 'done' || old.read_only) {
      return;
    }
    Notification.info(
      trans.__(
        'The old %1, made by %2, is still there.',
        old.display_name,
        old.maker
      ),
      {
        autoClose: false,
        actions: [
          {
            label: trans.__('Delete the old one…'),
            callback: () => {
              void app.commands.execute(CommandIDs.deleteKernel, {
                slug: old.slug,
                id: old.id
              });
            }
          }
        ]
      }
    );
  });

  app.commands.addCommand(CommandIDs.adoptKernel, {
    label: trans.__('Repair…'),
    caption: trans.__(
      'Make a kernel of Container Kernels of the same image beside it'
    ),
    describedBy: { args: ROW_ARGS },
    isVisible: args => kernelOf(context, args)?.ours === false,
    execute: async args => {
      const kernel = kernelOf(context, args);
      if (!kernel) {
        return;
      }
      const task = (await app.commands.execute(CommandIDs.addKernel, {
        request: adoptRequest(kernel) as unknown as JSONObject
      })) as ITask | null | undefined;
      if (task) {
        adopted.set(task.id, kernel);
      }
    }
  });
}

function addCleanUpCommand(context: ITableContext): void {
  const { app, kernels, trans } = context;
  app.commands.addCommand(CommandIDs.cleanUp, {
    label: args =>
      args.ids
        ? trans.__('Delete container kernels…')
        : trans.__('Clean up container kernels…'),
    caption: trans.__('Delete container kernels that no longer work'),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          ids: {
            type: 'array',
            items: { type: 'string' },
            description:
              'The kernels, by their rows. Left out, they are those that no longer work.'
          }
        }
      }
    },
    execute: async args => {
      if (!kernels.kernels) {
        await kernels.refresh();
      }
      const all = kernels.kernels ?? [];
      const { ids } = args;
      const chosen = Array.isArray(ids)
        ? all.filter(each => ids.includes(each.id))
        : all.filter(({ status }) =>
            ['stale', 'unknown'].includes(status.level)
          );
      if (!chosen.length) {
        Notification.info(trans.__('There is nothing to clean up.'), {
          autoClose: GOOD_NEWS
        });
        return;
      }
      const { showBulkDeleteDialog } =
        await import('../components/bulkDeleteDialog');
      await showBulkDeleteDialog({
        trans,
        title: Array.isArray(ids)
          ? trans._n('Delete %1 kernel', 'Delete %1 kernels', chosen.length)
          : trans.__('Clean up'),
        deletion: new BulkDeletion({
          trans,
          kernels: chosen,
          isTicked: kernel =>
            Array.isArray(ids) || kernel.status.level === 'stale',
          removeAll: doomed => kernels.removeAll(doomed)
        })
      });
    }
  });
}
