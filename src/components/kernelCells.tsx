import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IKernel } from '../api/types';
import {
  ColumnId,
  kernelBytes,
  languageName,
  runtimeName
} from '../model/columns';
import {
  formatAgo,
  formatBytes,
  formatDate,
  shortDigest
} from '../model/format';
import { referencePieces } from '../model/imageReference';

/** How many packages a tooltip lists. */
const MOST_ADDED = 20;

/** What a cell needs beside its kernel. */
export interface ICellContext {
  trans: TranslationBundle;
  /** Milliseconds since the epoch; what is written of times changes with it. */
  now: number;
  /** Whether "automatic" finds a GPU here. */
  hasGpu: boolean;
}

/** What stands in a cell. */
export interface ICell {
  content: React.ReactNode;
  title?: string;
}

/** What the size of a kernel is made of. */
function sizeTitle(kernel: IKernel, trans: TranslationBundle): string {
  const { image, packages } = kernel;
  const lines: string[] = [];
  if (image.size_bytes !== null && packages.size_bytes) {
    lines.push(
      trans.__(
        'Image %1, packages that were installed for it %2',
        formatBytes(image.size_bytes, trans),
        formatBytes(packages.size_bytes, trans)
      )
    );
  }
  if (image.used_by > 1) {
    lines.push(trans.__('%1 kernels share the image', String(image.used_by)));
  }
  if (packages.shared_by > 1) {
    lines.push(
      trans.__('%1 kernels share the packages', String(packages.shared_by))
    );
  }
  const { added } = packages;
  if (added.length) {
    const more = added.length - MOST_ADDED;
    lines.push(
      trans.__('Added by you: %1', added.slice(0, MOST_ADDED).join(', ')) +
        (more > 0 ? ` ${trans._n('and %1 more', 'and %1 more', more)}` : '')
    );
  }
  return lines.join('\n');
}

/** What the GPU is, and how it was chosen. */
function gpuTitle(kernel: IKernel, trans: TranslationBundle): string {
  const automatic =
    kernel.gpu === 'auto' &&
    trans.__('Automatic: with the GPU where there is one');
  const seen =
    kernel.gpu_name !== null &&
    trans.__('It saw %1 when it was added.', kernel.gpu_name);
  return [seen, automatic].filter(Boolean).join('\n');
}

function time(date: string | null, context: ICellContext): ICell {
  return date
    ? {
        content: (
          <time dateTime={date}>
            {formatAgo(date, context.now, context.trans)}
          </time>
        ),
        title: formatDate(date)
      }
    : { content: '–' };
}

/** What stands in a cell of a column that is not drawn in a way of its own. */
export function cell(
  column: Exclude<ColumnId, 'name' | 'status' | 'image'>,
  kernel: IKernel,
  context: ICellContext
): ICell {
  const { trans } = context;
  switch (column) {
    case 'hardware': {
      const usesGpu =
        kernel.gpu === 'on' || (kernel.gpu === 'auto' && context.hasGpu);
      return {
        content: usesGpu ? trans.__('GPU') : trans.__('CPU'),
        title: gpuTitle(kernel, trans)
      };
    }
    case 'language':
      return { content: languageName(kernel), title: kernel.interpreter };
    case 'runtime':
      return { content: runtimeName(kernel), title: kernel.runtime.path };
    case 'size': {
      const bytes = kernelBytes(kernel);
      return {
        content: bytes === null ? '–' : formatBytes(bytes, trans),
        title: sizeTitle(kernel, trans)
      };
    }
    case 'used':
      return kernel.last_used
        ? time(kernel.last_used, context)
        : {
            content: '–',
            title: trans.__('Nothing tells that it was ever started.')
          };
    case 'created':
      return time(kernel.created, context);
    case 'maker':
      return { content: kernel.maker, title: kernel.maker };
    case 'running':
      return { content: kernel.running || '–' };
  }
}

/** Draws the image of a kernel: name, tag and digest in short. */
export function ImageCell(props: { kernel: IKernel }): JSX.Element {
  const { reference, digest } = props.kernel.image;
  return (
    <>
      <Reference reference={reference} />
      {digest && (
        <code className="jp-ContainerKernels-digest">
          {shortDigest(digest)}
        </code>
      )}
    </>
  );
}

/** Draws a reference in short, its tag in full as long as there is room. */
export function Reference(props: { reference: string }): JSX.Element {
  const { name, middle, end } = referencePieces(props.reference);
  return (
    <span className="jp-ContainerKernels-reference">
      {name && <span className="jp-ContainerKernels-imageName">{name}</span>}
      {end && (
        <span className="jp-ContainerKernels-imageTag">
          {middle && <span>{middle}</span>}
          <span className="jp-ContainerKernels-imageEnd">{end}</span>
        </span>
      )}
    </span>
  );
}
