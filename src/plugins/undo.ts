import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import {
  ITranslator,
  nullTranslator,
  TranslationBundle
} from '@jupyterlab/translation';

import { formatBytes } from '../model/format';
import { IContainerKernels, IRemovedKernel } from '../tokens';
import { GOOD_NEWS, reasonText } from './toasts';

/** For how long the toast of a deletion stays, in milliseconds. */
const STAY = 20_000;

/**
 * One toast when kernels were deleted, with which they are put back.
 */
export const undo: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-container-kernels:undo',
  description: 'Tells what was deleted, and puts it back.',
  autoStart: true,
  requires: [IContainerKernels],
  optional: [ITranslator],
  activate: (
    _: JupyterFrontEnd,
    kernels: IContainerKernels,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load(
      'jupyterlab_container_kernels'
    );
    kernels.removed.connect((_, removed) => tell(kernels, removed, trans));
  }
};

/** Says what was deleted. */
function tell(
  kernels: IContainerKernels,
  removed: readonly IRemovedKernel[],
  trans: TranslationBundle
): void {
  const bytes = removed.reduce(
    (sum, each) => sum + each.removal.freed_bytes,
    0
  );
  const what =
    removed.length === 1
      ? trans.__('Deleted %1', removed[0].displayName)
      : trans._n('Deleted %1 kernel', 'Deleted %1 kernels', removed.length);
  const restorable = removed.filter(each => each.removal.undo !== null);
  const size = bytes > 0 ? [formatBytes(bytes, trans)] : [];
  Notification.success([what, ...size].join(' · '), {
    autoClose: restorable.length ? STAY : GOOD_NEWS,
    actions: restorable.length
      ? [
          {
            label: trans.__('Undo'),
            caption: trans.__('Put back what was deleted'),
            callback: () => {
              void restore(kernels, restorable, trans);
            }
          }
        ]
      : []
  });
}

/** Puts kernels back, and says which are back and which not, and why. */
async function restore(
  kernels: IContainerKernels,
  removed: readonly IRemovedKernel[],
  trans: TranslationBundle
): Promise<void> {
  const back: string[] = [];
  const refused: string[] = [];
  for (const { displayName, removal } of removed) {
    try {
      back.push((await kernels.restore(removal.undo as string)).display_name);
    } catch (error) {
      refused.push(
        reasonText(
          trans.__('%1 could not be put back.', displayName),
          error,
          trans
        )
      );
    }
  }
  if (back.length) {
    Notification.success(
      back.length === 1
        ? trans.__('%1 is back.', back[0])
        : trans._n('%1 kernel is back.', '%1 kernels are back.', back.length),
      { autoClose: GOOD_NEWS }
    );
  }
  if (refused.length) {
    Notification.error(refused.join('\n'), { autoClose: false });
  }
}
