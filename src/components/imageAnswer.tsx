import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IResolution } from '../api/types';
import { formatBytes } from '../model/format';
import type { Answer } from '../model/question';
import type { IProblem } from '../model/validation';

/** What is known of the image. */
export interface IImageAnswerProps {
  id: string;
  trans: TranslationBundle;
  /** What is wrong with what is typed. */
  problem: IProblem | undefined;
  /** What the server part says. */
  resolution: Answer<IResolution>;
}

/** Draws the one line below the image field. */
export function ImageAnswer(props: IImageAnswerProps): JSX.Element {
  const { id, trans, problem, resolution } = props;
  const trouble =
    problem ??
    (resolution.state === 'refused' ? resolution.problem : undefined);
  let content: React.ReactNode;
  let kind = '';
  if (trouble) {
    kind = 'jp-mod-error';
    content = (
      <>
        <Shape>▲</Shape>
        {trouble.message} {trouble.hint}
      </>
    );
  } else if (resolution.state === 'asking') {
    content = trans.__('Asking for the image…');
  } else if (resolution.state === 'silent') {
    content = trans.__(
      'The server did not tell about the image. You can add it all the same.'
    );
  } else if (resolution.state === 'known') {
    const known = resolution.value;
    kind = known.fits === false ? 'jp-mod-warning' : 'jp-mod-ok';
    content = (
      <>
        <Shape>{known.fits === false ? '▲' : '✓'}</Shape>
        {resolutionText(known, trans)}
      </>
    );
  } else {
    content = trans.__(
      'From a registry, as pytorch/pytorch:2.9.1-cuda12.6-cudnn9-runtime, or the path of a .sif file. A pasted “docker pull …” works, too.'
    );
  }
  return (
    <p
      id={id}
      className={`jp-ContainerKernels-answer ${kind}`}
      role="status"
      aria-label={trans.__('About the image')}
    >
      {content}
    </p>
  );
}

function Shape(props: { children: string }): JSX.Element {
  return (
    <span className="jp-ContainerKernels-shape" aria-hidden="true">
      {props.children}
    </span>
  );
}

/** `3.3 GB to download · about 7.6 GB needed in /scratch/u (412 GB free) · linux/amd64` */
export function resolutionText(
  known: IResolution,
  trans: TranslationBundle
): string {
  const parts: string[] = [];
  if (known.stored) {
    parts.push(trans.__('Here already, nothing to download'));
  } else if (known.download_bytes !== null) {
    parts.push(
      trans.__('%1 to download', formatBytes(known.download_bytes, trans))
    );
  } else if (known.reference.startsWith('/')) {
    parts.push(trans.__('A file on this machine, used where it lies'));
  } else {
    parts.push(trans.__('Found'));
  }
  if (!known.stored && known.needed_bytes) {
    parts.push(needed(known, known.needed_bytes, trans));
  }
  if (known.architecture) {
    parts.push(`linux/${known.architecture}`);
  }
  return parts.join(' · ');
}

function needed(
  known: IResolution,
  bytes: number,
  trans: TranslationBundle
): string {
  const size = formatBytes(bytes, trans);
  const free =
    known.free_bytes === null ? null : formatBytes(known.free_bytes, trans);
  if (known.fits === false && free !== null) {
    return trans.__(
      'about %1 needed, but only %2 free in %3',
      size,
      free,
      known.store_path ?? ''
    );
  }
  if (free !== null && known.store_path !== null) {
    return trans.__(
      'about %1 needed in %2 (%3 free)',
      size,
      known.store_path,
      free
    );
  }
  return trans.__('about %1 needed', size);
}
