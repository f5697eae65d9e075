import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

/** A line that somebody has to run elsewhere. */
export interface ITaskCommandProps {
  trans: TranslationBundle;
  command: string;
  onCopy: (text: string) => void;
}

/** Draws a line for which a task waits. */
export function TaskCommand(props: ITaskCommandProps): JSX.Element {
  const { trans, command } = props;
  return (
    <div
      className="jp-ContainerKernels-taskCommand"
      role="group"
      aria-label={trans.__('Line to run on a login node')}
    >
      <code tabIndex={0}>{command}</code>
      <button
        type="button"
        className="jp-ContainerKernels-button"
        onClick={() => props.onCopy(command)}
      >
        {trans.__('Copy line')}
      </button>
    </div>
  );
}
