import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { ISpaceItem } from '../api/types';
import type { ISpaceActions } from '../components/spaceView';
import { formatBytes } from '../model/format';
import { freeQuestion } from '../model/spaceWords';
import type { IContainerKernels } from '../tokens';
import { GOOD_NEWS, reasonText } from './toasts';

/**
 * Makes what is done about what takes room.
 *
 * @param kernels - Does it.
 */
export function makeSpaceActions(
  kernels: IContainerKernels,
  trans: TranslationBundle
): ISpaceActions {
  return {
    onRefresh: () => void kernels.refreshSpace(),
    onFree: items => void free(kernels, items, trans),
    onRestore: item => void restore(kernels, item, trans)
  };
}

/** Asks once, removes, and says what that freed and what was refused. */
async function free(
  kernels: IContainerKernels,
  items: readonly ISpaceItem[],
  trans: TranslationBundle
): Promise<void> {
  const { title, body, deed } = freeQuestion(items, trans);
  const { button } = await showDialog({
    title,
    body,
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.warnButton({ label: deed })
    ]
  });
  if (!button.accept) {
    return;
  }
  let bytes = 0;
  let done = 0;
  const refused: string[] = [];
  for (const item of items) {
    try {
      bytes += (await kernels.free(item.id)).freed_bytes;
      done++;
    } catch (error) {
      refused.push(
        reasonText(trans.__('%1 was not removed.', item.title), error, trans)
      );
    }
  }
  if (done) {
    Notification.success(trans.__('%1 freed.', formatBytes(bytes, trans)), {
      autoClose: GOOD_NEWS
    });
  }
  if (refused.length) {
    Notification.error(refused.join('\n'), { autoClose: false });
  }
}

async function restore(
  kernels: IContainerKernels,
  item: ISpaceItem,
  trans: TranslationBundle
): Promise<void> {
  try {
    const { display_name } = await kernels.restore(item.id);
    Notification.success(trans.__('%1 is back.', display_name), {
      autoClose: GOOD_NEWS
    });
  } catch (error) {
    Notification.error(
      reasonText(
        trans.__('%1 could not be put back.', item.title),
        error,
        trans
      ),
      { autoClose: false }
    );
  }
}
