import type { TranslationBundle } from '@jupyterlab/translation';

import { ConnectionLostError, EndpointMissingError } from '../api/request';
import type { ErrorCode, IError } from '../api/types';

/** What is wrong, and what would be right. */
export interface IProblem {
  message: string;
  /** May be empty. */
  hint: string;
  /** What the server part calls it, if it said so. */
  code?: ErrorCode;
}

/**
 * What is known of why something failed.
 *
 * @param error - Whatever was thrown: one of ours tells what to do, too.
 */
export function problemOf(error: unknown): IProblem {
  const { code, message, hint } = (error ?? {}) as Partial<IError>;
  return {
    message: message ?? String(error),
    hint: hint ?? '',
    ...(code && { code })
  };
}

/** The same, in words for people when nobody answered. */
export function refusalOf(error: unknown, trans: TranslationBundle): IProblem {
  return error instanceof ConnectionLostError ||
    error instanceof EndpointMissingError
    ? {
        message: trans.__('The Jupyter server does not answer.'),
        hint: trans.__('Try again in a moment.')
      }
    : problemOf(error);
}
