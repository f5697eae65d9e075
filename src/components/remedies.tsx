import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IKernel, Remedy } from '../api/types';

/** What mends a kernel, in a word or two. */
export function remedyLabel(remedy: Remedy, trans: TranslationBundle): string {
  switch (remedy) {
    case 'relink':
      return trans.__('Find it');
    case 'pull':
      return trans.__('Pull again');
    case 'update':
      return trans.__('Update');
    case 'reinstall':
      return trans.__('Install packages again');
    case 'find_runtime':
      return trans.__('Find runtime');
    case 'edit':
      return trans.__('Edit');
    case 'adopt':
      return trans.__('Repair');
    case 'free_space':
      return trans.__('Free space');
  }
}

/** What mending does, in a sentence. */
export function remedyTitle(remedy: Remedy, trans: TranslationBundle): string {
  switch (remedy) {
    case 'relink':
      return trans.__('Look for the image, or choose its new place');
    case 'pull':
      return trans.__('Pull the same image again');
    case 'update':
      return trans.__('Pull the newer image, try it, and use it from then on');
    case 'reinstall':
      return trans.__('Install the packages of the kernel again');
    case 'find_runtime':
      return trans.__('Use the runtime that is on this machine now');
    case 'edit':
      return trans.__('Change the settings of the kernel');
    case 'adopt':
      return trans.__('Make a kernel of Container Kernels beside it');
    case 'free_space':
      return trans.__('Show what takes room');
  }
}

/** The links that mend a kernel, best first. */
export function Remedies(props: {
  trans: TranslationBundle;
  kernel: IKernel;
  remedies: readonly Remedy[];
  /** Whether a task works on the kernel. */
  isBusy: boolean;
  tabIndex?: number;
  onRemedy: (kernel: IKernel, remedy: Remedy) => void;
}): JSX.Element {
  const { trans, kernel } = props;
  if (props.isBusy) {
    return (
      <span className="jp-ContainerKernels-hint">
        {trans.__('It is being worked on.')}
      </span>
    );
  }
  return (
    <>
      {props.remedies.map(remedy => (
        <button
          key={remedy}
          type="button"
          className="jp-ContainerKernels-link"
          title={remedyTitle(remedy, trans)}
          tabIndex={props.tabIndex}
          onClick={() => props.onRemedy(kernel, remedy)}
        >
          {remedyLabel(remedy, trans)}
        </button>
      ))}
    </>
  );
}
