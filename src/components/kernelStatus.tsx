import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IKernel, IKernelStatus, StatusCode } from '../api/types';

/** Shape, colour and word of a status. */
export interface IStatusLook {
  shape: string;
  word: string;
  modifier: 'ok' | 'running' | 'note' | 'error' | 'unknown';
}

/** Shape and colour of how bad it is; a colour never speaks alone. */
const LEVELS: Record<
  IKernelStatus['level'],
  Pick<IStatusLook, 'shape' | 'modifier'>
> = {
  ok: { shape: '●', modifier: 'ok' },
  note: { shape: '◆', modifier: 'note' },
  stale: { shape: '▲', modifier: 'error' },
  unknown: { shape: '◌', modifier: 'unknown' }
};

/** What is the matter, in a word or two. */
export function statusWord(code: StatusCode, trans: TranslationBundle): string {
  const words: Record<StatusCode, string> = {
    ok: trans.__('Ready'),
    never_started: trans.__('Never started'),
    image_missing: trans.__('Image missing'),
    image_changed: trans.__('Image changed'),
    image_damaged: trans.__('Image damaged'),
    image_not_readable: trans.__('Image not readable'),
    image_writable: trans.__('Others can write'),
    packages_missing: trans.__('Packages missing'),
    packages_incomplete: trans.__('Packages incomplete'),
    other_python: trans.__('Other Python'),
    runtime_missing: trans.__('Runtime missing'),
    runtime_changed: trans.__('Runtime changed'),
    bind_missing: trans.__('Folder missing'),
    invalid_kernel_json: trans.__('Not valid'),
    shadowed: trans.__('Shadowed'),
    hidden: trans.__('Hidden here'),
    read_only: trans.__('Read-only'),
    unsafe: trans.__('Unsafe'),
    update_available: trans.__('Update available'),
    does_not_start: trans.__('Does not start'),
    unknown: trans.__('Unknown')
  };
  return words[code];
}

/** How one thing that is the matter looks. */
export function noteLook(
  status: IKernelStatus,
  trans: TranslationBundle
): IStatusLook {
  const look = {
    ...LEVELS[status.level],
    word: statusWord(status.code, trans)
  };
  switch (status.code) {
    case 'never_started':
      return { ...look, shape: '○', modifier: 'ok' };
    case 'update_available':
      return { ...look, shape: '↑' };
    default:
      return look;
  }
}

/** How a kernel's status looks. */
export function statusLook(
  kernel: IKernel,
  trans: TranslationBundle
): IStatusLook {
  const { status, running } = kernel;
  if (running > 0 && ['ok', 'never_started'].includes(status.code)) {
    return { shape: '▶', word: trans.__('Running'), modifier: 'running' };
  }
  const look = noteLook(status, trans);
  return kernel.withdrawable && status.code === 'ok'
    ? { ...look, word: trans.__('Shared') }
    : look;
}

/** Draws a kernel's status. */
export function KernelStatus(props: {
  trans: TranslationBundle;
  kernel: IKernel;
}): JSX.Element {
  const { trans, kernel } = props;
  const { status, notes } = kernel;
  const look = statusLook(kernel, trans);
  const title = [
    status.message,
    ...notes.map(note => note.message),
    kernel.running > 0 &&
      trans._n('%1 kernel of it runs', '%1 kernels of it run', kernel.running),
    kernel.start_s !== null &&
      status.code === 'ok' &&
      trans.__(
        'It answered in %1 s when it was added.',
        kernel.start_s.toFixed(1)
      )
  ];
  return (
    <StatusMark
      look={look}
      title={title.filter(Boolean).join('\n') || undefined}
    >
      {kernel.running > 1 && look.modifier === 'running'
        ? `(${kernel.running})`
        : null}
    </StatusMark>
  );
}

/** Draws shape and word of a status. */
export function StatusMark(props: {
  look: IStatusLook;
  title?: string;
  children?: React.ReactNode;
}): JSX.Element {
  const { shape, word, modifier } = props.look;
  return (
    <span
      className={`jp-ContainerKernels-status jp-mod-${modifier}`}
      title={props.title}
    >
      <span className="jp-ContainerKernels-shape" aria-hidden="true">
        {shape}
      </span>
      {word}
      {props.children && <> {props.children}</>}
    </span>
  );
}
