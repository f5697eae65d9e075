import type { TranslationBundle } from '@jupyterlab/translation';
import {
  caretDownIcon,
  caretRightIcon,
  closeIcon
} from '@jupyterlab/ui-components';
import React from 'react';

import type { IPhase, ISupport, ITask } from '../api/types';
import { formatDuration } from '../model/format';
import {
  cancelOf,
  deedOf,
  outcomeOf,
  phaseName,
  progressText,
  taskLabel
} from '../model/taskWords';
import type { ILogState, ITaskState } from '../tokens';
import { IconButton } from './iconButton';
import { LineToRun } from './lineToRun';
import { LogText } from './logText';
import { SupportLine } from './supportLine';

/** What somebody can do with a task. */
export interface ITaskActions {
  onCancel: (id: string) => void;
  onDismiss: (id: string) => void;
  onRetry: (id: string) => void;
  onEdit: (id: string) => void;
  onShowLog: (id: string, shown: boolean) => void;
  onStartNotebook: (slug: string) => void;
  onCopy: (text: string) => void;
}

/** A task, and what somebody can do with it. */
export interface ITaskRowProps extends ITaskActions {
  trans: TranslationBundle;
  state: ITaskState;
  /** The log, while it is shown. */
  log: ILogState | undefined;
  /** Whom to ask. */
  support?: ISupport | null;
  /** Seconds that the session has left, if that is too short for the task. */
  sessionLeft?: number | null;
}

function phaseState(
  state: IPhase['state'],
  trans: TranslationBundle
): { word: string; shape: string } {
  switch (state) {
    case 'waiting':
      return { word: trans.__('waiting'), shape: '○' };
    case 'running':
      return { word: trans.__('running'), shape: '◐' };
    case 'done':
      return { word: trans.__('done'), shape: '✓' };
    case 'skipped':
      return { word: trans.__('not needed'), shape: '–' };
    case 'failed':
      return { word: trans.__('failed'), shape: '▲' };
  }
}

/** Draws a task: where it is, or how it ended, and what can be done. */
export function TaskRow(props: ITaskRowProps): JSX.Element {
  const { trans, state, log } = props;
  const { task } = state;
  const name = task.display_name;
  return (
    <li
      className={`jp-ContainerKernels-task jp-mod-${task.state}`}
      aria-label={taskLabel(task, trans)}
      data-task={task.id}
    >
      <div className="jp-ContainerKernels-taskHead">
        <IconButton
          icon={log ? caretDownIcon : caretRightIcon}
          label={trans.__('Log of %1', name)}
          expanded={!!log}
          onClick={() => props.onShowLog(task.id, !log)}
        />
        <span
          className="jp-ContainerKernels-taskName"
          title={task.request.image}
        >
          {state.isActive && task.job !== 'add' ? deedOf(task, trans) : name}
        </span>
        {state.isActive ? (
          <Running {...props} />
        ) : task.state === 'done' ? (
          <Done {...props} />
        ) : (
          <Ended {...props} />
        )}
      </div>
      {state.isActive && task.command && (
        <LineToRun
          trans={trans}
          line={task.command}
          label={trans.__('Line to run on a login node')}
          onCopy={props.onCopy}
        />
      )}
      {log && (
        <LogText
          trans={trans}
          label={trans.__('Log of %1', name)}
          text={log.text}
          path={log.path}
          droppedBytes={log.droppedBytes}
          follow={true}
          onCopy={props.onCopy}
        />
      )}
    </li>
  );
}

function Running(props: ITaskRowProps): JSX.Element {
  const { trans, state } = props;
  const { task } = state;
  const isCancelling = task.state === 'cancelling';
  return (
    <>
      <ol
        className="jp-ContainerKernels-phases"
        aria-label={trans.__('Phases')}
      >
        {task.phases.map(phase => {
          const { word, shape } = phaseState(phase.state, trans);
          const seconds = phase.duration_s;
          return (
            <li
              key={phase.name}
              className={`jp-ContainerKernels-phase jp-mod-${phase.state}`}
              aria-current={phase.state === 'running' ? 'step' : undefined}
              title={
                seconds === null
                  ? word
                  : trans.__('%1, %2', word, formatDuration(seconds, trans))
              }
            >
              <span className="jp-ContainerKernels-shape" aria-hidden="true">
                {shape}
              </span>
              {phaseName(phase.name, trans)}
              <span className="jp-ContainerKernels-unseen">{word}</span>
            </li>
          );
        })}
      </ol>
      <div className="jp-ContainerKernels-progress">
        <progress
          aria-label={trans.__('Progress of %1', task.display_name)}
          max={1}
          value={state.fraction ?? undefined}
        />
        <span className="jp-ContainerKernels-taskText">
          {isCancelling ? trans.__('Cancelling…') : progressText(state, trans)}
        </span>
      </div>
      <IconButton
        icon={closeIcon}
        label={trans.__('Cancel')}
        caption={cancelOf(task, trans)}
        disabled={isCancelling}
        onClick={() => props.onCancel(task.id)}
      />
      {typeof props.sessionLeft === 'number' && !isCancelling && (
        <span className="jp-ContainerKernels-taskNote" role="note">
          {trans.__(
            '▲ This takes about %1; your session ends in %2.',
            formatDuration(state.eta ?? 0, trans),
            formatDuration(props.sessionLeft, trans)
          )}
        </span>
      )}
    </>
  );
}

function Done(props: ITaskRowProps): JSX.Element {
  const { trans, state } = props;
  const { task } = state;
  return (
    <>
      <span className="jp-ContainerKernels-outcome jp-mod-ok">
        <span className="jp-ContainerKernels-shape" aria-hidden="true">
          ✓
        </span>
        {outcomeOf(task, trans)}
      </span>
      <span className="jp-ContainerKernels-spacer" />
      <span className="jp-ContainerKernels-taskActions">
        <button
          type="button"
          className="jp-ContainerKernels-button"
          onClick={() => props.onStartNotebook(task.slug)}
        >
          {trans.__('Start notebook')}
        </button>
        <Dismiss {...props} />
      </span>
    </>
  );
}

function Ended(props: ITaskRowProps): JSX.Element {
  const { trans, state } = props;
  const { task } = state;
  const isCancelled = task.state === 'cancelled';
  return (
    <>
      <span
        className={`jp-ContainerKernels-outcome ${isCancelled ? '' : 'jp-mod-error'}`}
      >
        <span className="jp-ContainerKernels-shape" aria-hidden="true">
          {isCancelled ? '–' : '▲'}
        </span>
        {outcomeOf(task, trans)}
      </span>
      <span className="jp-ContainerKernels-spacer" />
      <span className="jp-ContainerKernels-taskActions">
        <button
          type="button"
          className="jp-ContainerKernels-button"
          onClick={() => props.onRetry(task.id)}
        >
          {task.state === 'interrupted'
            ? trans.__('Continue')
            : trans.__('Retry')}
        </button>
        {isEditable(task) && (
          <button
            type="button"
            className="jp-ContainerKernels-button"
            onClick={() => props.onEdit(task.id)}
          >
            {trans.__('Edit and retry')}
          </button>
        )}
        <Dismiss {...props} />
      </span>
      {!isCancelled && (
        <p className="jp-ContainerKernels-reason">
          {task.error ? task.error.message : task.message}{' '}
          {task.error?.hint && (
            <span className="jp-ContainerKernels-hint">{task.error.hint}</span>
          )}
        </p>
      )}
      {task.error && <SupportLine trans={trans} support={props.support} />}
    </>
  );
}

/** Whether what was asked for can be changed in a form. */
function isEditable(task: ITask): boolean {
  return task.job !== 'repair' && task.job !== 'check';
}

function Dismiss(props: ITaskRowProps): JSX.Element {
  const { trans, state } = props;
  return (
    <button
      type="button"
      className="jp-ContainerKernels-button"
      onClick={() => props.onDismiss(state.task.id)}
    >
      {trans.__('Dismiss')}
    </button>
  );
}
