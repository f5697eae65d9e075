import { Clipboard, Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { IError } from '../api/types';
import { refusalOf } from '../model/problem';

/** For how long news stays that asks for nothing, in milliseconds. */
export const GOOD_NEWS = 5_000;

/** For how long it is said that a text was copied, in milliseconds. */
const COPIED = 3_000;

/** Puts a text into the clipboard, and says so. */
export function copy(text: string, trans: TranslationBundle): void {
  Clipboard.copyToSystem(text);
  Notification.info(trans.__('Copied to the clipboard.'), {
    autoClose: COPIED
  });
}

/** What could not be done, why, and what to do next. */
export function reasonText(
  what: string,
  error: unknown,
  trans: TranslationBundle
): string {
  const { message, hint } = refusalOf(error, trans);
  return [what, message, hint].filter(Boolean).join(' ');
}

/**
 * Shows an error that belongs to nothing on screen.
 *
 * @param what - What could not be done; an error of ours says that itself.
 */
export function complain(
  error: unknown,
  what: string,
  trans: TranslationBundle
): void {
  const isOurs = (error as Partial<IError> | null)?.hint !== undefined;
  Notification.error(reasonText(isOurs ? '' : what, error, trans));
}
