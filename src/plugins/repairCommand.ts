import { InputDialog } from '@jupyterlab/apputils';

import { ApiError } from '../api/request';
import type { RepairAction } from '../api/types';
import { CommandIDs } from '../tokens';
import { ICommandContext, SLUG_ARGS, slugOf } from './commandContext';
import { complain } from './toasts';

/** How a kernel can be mended. */
const REPAIR_ACTIONS: readonly RepairAction[] = [
  'relink',
  'pull',
  'update',
  'reinstall',
  'find_runtime'
];

/** Adds the command that mends a kernel. */
export function addRepairCommand(context: ICommandContext): void {
  const { app, kernels, documents, trans } = context;
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

  /** Lets the server part look for the image; tells whether it has begun. */
  const isFound = async (slug: string): Promise<boolean> => {
    try {
      await kernels.repair(slug, { action: 'relink' });
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.code === 'image_not_found') {
        return false;
      }
      throw error;
    }
  };

  app.commands.addCommand(CommandIDs.repairKernel, {
    label: args => {
      switch (args.action as RepairAction | undefined) {
        case 'relink':
          return args.ask
            ? trans.__('Choose the image’s new place…')
            : trans.__('Find the image');
        case 'pull':
          return trans.__('Pull the image again');
        case 'update':
          return trans.__('Update the image');
        case 'reinstall':
          return trans.__('Install packages again');
        case 'find_runtime':
          return trans.__('Find the container runtime again');
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
              'For “relink”: the path of the image file. Left out, it is looked for, and asked for when it is not found.'
          },
          ask: {
            type: 'boolean',
            description:
              'For “relink”: ask for the path of the image file at once.'
          }
        }
      }
    },
    execute: async args => {
      const slug = slugOf(context, args);
      const action = REPAIR_ACTIONS.find(each => each === args.action);
      if (!slug || !action) {
        return;
      }
      try {
        if (action !== 'relink') {
          await kernels.repair(slug, { action });
        } else if (typeof args.image === 'string') {
          await kernels.repair(slug, { action, image: args.image });
        } else if (args.ask || !(await isFound(slug))) {
          const image = await askForImage();
          if (image) {
            await kernels.repair(slug, { action, image });
          }
        }
      } catch (error) {
        complain(error, trans.__('The kernel cannot be mended.'), trans);
      }
    }
  });
}
