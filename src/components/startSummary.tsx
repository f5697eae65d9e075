import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IKernelLog } from '../api/types';
import { startTime } from '../model/startLog';

/** Draws what became of a kernel's last start. */
export function StartSummary(props: {
  trans: TranslationBundle;
  log: IKernelLog;
}): JSX.Element {
  const { trans, log } = props;
  const { state, node, exit_code, diagnosis } = log.start;
  const time = startTime(log);
  const facts = [
    stateWord(state, trans),
    time && trans.__('started %1', time),
    node && trans.__('on %1', node),
    exit_code !== null && trans.__('exit code %1', exit_code)
  ].filter(Boolean);
  const [shape, kind] = LOOKS[state];
  return (
    <div className="jp-ContainerKernels-startSummary">
      <p className={`jp-ContainerKernels-answer jp-mod-${kind}`}>
        <span className="jp-ContainerKernels-shape" aria-hidden="true">
          {shape}
        </span>
        {facts.join(' · ')}
      </p>
      {diagnosis && (
        <p className="jp-ContainerKernels-answer">
          {diagnosis.message} {diagnosis.hint}
        </p>
      )}
    </div>
  );
}

/** Shape and colour of a state; a colour never speaks alone. */
const LOOKS: Record<IKernelLog['start']['state'], [string, string]> = {
  never: ['○', 'unknown'],
  running: ['●', 'ok'],
  ended: ['○', 'unknown'],
  failed: ['▲', 'error']
};

function stateWord(
  state: IKernelLog['start']['state'],
  trans: TranslationBundle
): string {
  switch (state) {
    case 'never':
      return trans.__('It was not started yet');
    case 'running':
      return trans.__('It runs');
    case 'ended':
      return trans.__('It was shut down');
    case 'failed':
      return trans.__('It failed');
  }
}
