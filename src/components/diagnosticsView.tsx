import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IFinding, ISupport } from '../api/types';
import { byUrgency, DiagnosticsReader } from '../model/diagnostics';
import { Banner } from './banner';
import { SupportLine } from './supportLine';

/** What of node and session matters to containers. */
export interface IDiagnosticsViewProps {
  trans: TranslationBundle;
  state: Pick<DiagnosticsReader, 'value' | 'problem' | 'isReading'>;
  /** Whom to ask. */
  support?: ISupport | null;
  onRefresh: () => void;
  onCopy: (text: string) => void;
}

/** Draws the findings, what needs attention first, and the report to copy. */
export function DiagnosticsView(props: IDiagnosticsViewProps): JSX.Element {
  const { trans, state } = props;
  const { value, problem, isReading } = state;
  return (
    <div className="jp-ContainerKernels-diagnostics" aria-busy={isReading}>
      {problem && (
        <Banner kind="error" message={problem.message} hint={problem.hint} />
      )}
      <div className="jp-ContainerKernels-diagnosticsHead">
        <p role="status">
          {isReading
            ? trans.__('Looking at this node and this session…')
            : value && summary(value.findings, trans)}
        </p>
        <button
          type="button"
          className="jp-ContainerKernels-button"
          disabled={isReading}
          onClick={props.onRefresh}
        >
          {trans.__('Look again')}
        </button>
        <button
          type="button"
          className="jp-ContainerKernels-button"
          disabled={!value}
          title={trans.__(
            'Copies all of this as text, without your name, your home directory and what logs in'
          )}
          onClick={() => value && props.onCopy(value.report)}
        >
          {trans.__('Copy report')}
        </button>
      </div>
      <SupportLine trans={trans} support={props.support} />
      {value && (
        <ul aria-label={trans.__('Findings')}>
          {byUrgency(value.findings).map(each => (
            <Finding key={each.title} trans={trans} finding={each} />
          ))}
        </ul>
      )}
    </div>
  );
}

function Finding(props: {
  trans: TranslationBundle;
  finding: IFinding;
}): JSX.Element {
  const { trans, finding } = props;
  const { shape, word, modifier } = look(finding.state, trans);
  return (
    <li className="jp-ContainerKernels-finding">
      <h3>
        <span
          className={`jp-ContainerKernels-status jp-mod-${modifier}`}
          aria-hidden="true"
        >
          <span className="jp-ContainerKernels-shape">{shape}</span>
        </span>
        {finding.title}
        <span className="jp-ContainerKernels-findingWord">{word}</span>
      </h3>
      {finding.meaning && <p>{finding.meaning}</p>}
      {finding.action && <p>{finding.action}</p>}
      <pre>{finding.found}</pre>
    </li>
  );
}

/** Shape, colour and word; a colour never speaks alone. */
function look(
  state: IFinding['state'],
  trans: TranslationBundle
): { shape: string; word: string; modifier: string } {
  return {
    ok: { shape: '●', word: trans.__('Fine'), modifier: 'ok' },
    warning: { shape: '◆', word: trans.__('Worth knowing'), modifier: 'note' },
    problem: { shape: '▲', word: trans.__('Problem'), modifier: 'error' },
    unknown: { shape: '◌', word: trans.__('Unknown'), modifier: 'unknown' }
  }[state];
}

function summary(
  findings: readonly IFinding[],
  trans: TranslationBundle
): string {
  const problems = findings.filter(each => each.state === 'problem').length;
  const others = findings.filter(each =>
    ['warning', 'unknown'].includes(each.state)
  ).length;
  if (problems > 0) {
    return trans._n(
      '%1 problem keeps kernels from working here.',
      '%1 problems keep kernels from working here.',
      problems
    );
  }
  return others > 0
    ? trans._n(
        'Kernels can work here. %1 thing is worth knowing.',
        'Kernels can work here. %1 things are worth knowing.',
        others
      )
    : trans.__('Nothing stands in the way of kernels here.');
}
