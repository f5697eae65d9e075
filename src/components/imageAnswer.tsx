import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IElsewhere, IPlace, IResolution } from '../api/types';
import { formatBytes } from '../model/format';
import { isAboutFolder } from '../model/imageInquiry';
import type { IProblem } from '../model/problem';
import type { Answer } from '../model/question';
import { ProblemLine } from './problemLine';

/** What is known of the image. */
export interface IImageAnswerProps {
  id: string;
  trans: TranslationBundle;
  /** What is wrong with what is typed. */
  problem: IProblem | undefined;
  /** What the server part says. */
  resolution: Answer<IResolution>;
  /** What the runtime is called. */
  runtime: string;
  /** Why nobody was logged out. */
  logoutProblem: IProblem | null;
  /** Asks for a password; left out where none helps. */
  onLogIn?: () => void;
  onLogOut: () => void;
  /** Takes a folder for the image. */
  onKeepIn: (folder: string) => void;
}

/** Draws what is known below the image field. */
export function ImageAnswer(props: IImageAnswerProps): JSX.Element {
  const { id, trans, problem, resolution, logoutProblem } = props;
  const trouble =
    problem ??
    (resolution.state === 'refused' && !isAboutFolder(resolution)
      ? resolution.problem
      : undefined);
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
  } else if (isAboutFolder(resolution)) {
    content = trans.__('The folder for the image, under More, cannot be used.');
  } else if (resolution.state === 'asking') {
    content = trans.__('Asking for the image…');
  } else if (resolution.state === 'silent') {
    content = trans.__(
      'The server did not tell about the image. You can add it all the same.'
    );
  } else if (resolution.state === 'known') {
    const known = resolution.value;
    const isTight =
      known.verdict === 'too_large' || known.verdict === 'fits_elsewhere';
    kind = isTight ? 'jp-mod-warning' : 'jp-mod-ok';
    content = (
      <>
        <Shape>{isTight ? '▲' : '✓'}</Shape>
        {resolutionText(known, props.runtime, trans)}
        {known.title && (
          <span
            className="jp-ContainerKernels-imageTitle"
            title={known.description ?? undefined}
          >
            {[known.title, known.description].filter(Boolean).join(': ')}
          </span>
        )}
      </>
    );
  } else {
    content = trans.__(
      'From a registry, as pytorch/pytorch:2.9.1-cuda12.6-cudnn9-runtime, or the path of a .sif file. A pasted “docker pull …” works, too.'
    );
  }
  const known =
    !trouble && resolution.state === 'known' ? resolution.value : null;
  const user = known?.user;
  const { elsewhere = null } = known ?? {};
  return (
    <div className="jp-ContainerKernels-answers">
      <p
        id={id}
        className={`jp-ContainerKernels-answer ${kind}`}
        role="status"
        aria-label={trans.__('About the image')}
      >
        {content}
      </p>
      {elsewhere?.setting === 'images_dir' && (
        <LinkButton onClick={() => props.onKeepIn(elsewhere.path)}>
          {trans.__('Keep it in %1', elsewhere.path)}
        </LinkButton>
      )}
      {props.onLogIn && (
        <LinkButton onClick={props.onLogIn}>{trans.__('Log in…')}</LinkButton>
      )}
      {user && (
        <p className="jp-ContainerKernels-hint">
          {trans.__('Asked as %1.', user)}{' '}
          <LinkButton onClick={props.onLogOut}>
            {trans.__('Log out')}
          </LinkButton>
        </p>
      )}
      <ProblemLine problem={logoutProblem} />
    </div>
  );
}

function LinkButton(props: {
  onClick: () => void;
  children: string;
}): JSX.Element {
  return (
    <button
      type="button"
      className="jp-ContainerKernels-link"
      onClick={props.onClick}
    >
      {props.children}
    </button>
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
  runtime: string,
  trans: TranslationBundle
): string {
  const parts = [origin(known, runtime, trans)];
  if (known.place) {
    parts.push(room(known, known.place, trans));
  }
  if (known.architecture) {
    parts.push(`linux/${known.architecture}`);
  }
  return parts.join(' · ');
}

/** Where it comes from. */
function origin(
  known: IResolution,
  runtime: string,
  trans: TranslationBundle
): string {
  if (known.reference.startsWith('/')) {
    return known.unpacked
      ? trans.__('An image folder on this machine, used where it lies')
      : trans.__('A file on this machine, used where it lies');
  }
  if (known.stored) {
    return trans.__('Here already: nothing to download, adding takes seconds');
  }
  if (known.download_bytes === 0) {
    return trans.__(
      'In %1’s cache: nothing to download, adding takes seconds',
      runtime
    );
  }
  if (known.download_bytes === null) {
    return trans.__('Found');
  }
  return trans.__('%1 to download', formatBytes(known.download_bytes, trans));
}

/** With which setting it would fit. */
function advice(elsewhere: IElsewhere, trans: TranslationBundle): string {
  const free = formatBytes(elsewhere.free_bytes ?? 0, trans);
  switch (elsewhere.setting) {
    case 'images_dir':
      return trans.__('fits if kept in %1 (%2 free)', elsewhere.path, free);
    case 'temporary_dir':
      return trans.__(
        'fits with temporary files in %1 (%2 free): name it in ContainerKernelsApp.temporary_dir',
        elsewhere.path,
        free
      );
  }
}

/** Whether there is room for it. */
function room(
  known: IResolution,
  place: IPlace,
  trans: TranslationBundle
): string {
  const needed = formatBytes(place.needed_bytes, trans);
  if (place.free_bytes === null) {
    return trans.__('about %1 needed in %2', needed, place.path);
  }
  const free = formatBytes(place.free_bytes, trans);
  switch (known.verdict) {
    case 'too_large':
      return trans.__(
        'does not fit: needs about %1 in %2, %3 free',
        needed,
        place.path,
        free
      );
    case 'fits_elsewhere':
      return [
        trans.__(
          'does not fit: needs about %1 in %2, %3 free',
          needed,
          place.path,
          free
        ),
        known.elsewhere ? advice(known.elsewhere, trans) : ''
      ]
        .filter(Boolean)
        .join(' · ');
    default:
      return trans.__(
        'about %1 needed in %2 (%3 free)',
        needed,
        place.path,
        free
      );
  }
}
