import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IKernel } from '../api/types';

/** Shape, colour and word of a status. */
export interface IStatusLook {
  shape: string;
  word: string;
  modifier: 'ok' | 'running' | 'error' | 'unknown';
}

/** How a kernel's status looks. */
export function statusLook(
  kernel: IKernel,
  trans: TranslationBundle
): IStatusLook {
  switch (kernel.status.code) {
    case 'ok':
      return kernel.running > 0
        ? { shape: '▶', word: trans.__('Running'), modifier: 'running' }
        : { shape: '●', word: trans.__('Ready'), modifier: 'ok' };
    case 'image_missing':
      return { shape: '▲', word: trans.__('Image missing'), modifier: 'error' };
    case 'image_not_readable':
      return {
        shape: '▲',
        word: trans.__('Image not readable'),
        modifier: 'error'
      };
    case 'runtime_missing':
      return {
        shape: '▲',
        word: trans.__('Runtime missing'),
        modifier: 'error'
      };
    default:
      return { shape: '◌', word: trans.__('Unknown'), modifier: 'unknown' };
  }
}

/** Draws a kernel's status. */
export function KernelStatus(props: {
  trans: TranslationBundle;
  kernel: IKernel;
}): JSX.Element {
  const { trans, kernel } = props;
  const { shape, word, modifier } = statusLook(kernel, trans);
  const running = trans._n(
    '%1 kernel of it runs',
    '%1 kernels of it run',
    kernel.running
  );
  return (
    <span
      className={`jp-ContainerKernels-status jp-mod-${modifier}`}
      title={
        [
          kernel.status.message,
          kernel.running > 0 ? running : '',
          kernel.start_s !== null && kernel.status.code === 'ok'
            ? trans.__(
                'It answered in %1 s when it was added.',
                kernel.start_s.toFixed(1)
              )
            : ''
        ]
          .filter(Boolean)
          .join('\n') || undefined
      }
    >
      <span className="jp-ContainerKernels-shape" aria-hidden="true">
        {shape}
      </span>
      {word}
      {kernel.running > 1 && ` (${kernel.running})`}
    </span>
  );
}
