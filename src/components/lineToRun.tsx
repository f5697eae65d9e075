import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

/** A line that somebody has to run elsewhere. */
export interface ILineToRunProps {
  trans: TranslationBundle;
  line: string;
  /** Where to run it, for those who do not see what stands around it. */
  label: string;
  onCopy: (text: string) => void;
}

/** Draws a line that somebody has to run elsewhere, and copies it. */
export function LineToRun(props: ILineToRunProps): JSX.Element {
  const { trans, line } = props;
  return (
    <div
      className="jp-ContainerKernels-line"
      role="group"
      aria-label={props.label}
    >
      <code tabIndex={0}>{line}</code>
      <button
        type="button"
        className="jp-ContainerKernels-button"
        onClick={() => props.onCopy(line)}
      >
        {trans.__('Copy line')}
      </button>
    </div>
  );
}
