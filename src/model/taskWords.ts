import type { TranslationBundle } from '@jupyterlab/translation';

import type { IPhase, ITask } from '../api/types';
import type { ITaskState } from '../tokens';
import { formatBytes, formatDuration, formatProgress } from './format';

/**
 * What a task is doing: `Adding PyTorch 2.9.1`.
 *
 * @param task - Whatever its state.
 */
export function deedOf(task: ITask, trans: TranslationBundle): string {
  const name = task.display_name;
  switch (task.job) {
    case 'add':
      return trans.__('Adding %1', name);
    case 'repair':
      return trans.__('Mending %1', name);
    case 'edit':
      return trans.__('Changing %1', name);
    case 'duplicate':
      return trans.__('Making %1', name);
    case 'check':
      return trans.__('Checking %1', name);
    case 'share':
      return trans.__('Sharing %1', name);
  }
}

/** What a click on its cross does: `Cancel adding PyTorch 2.9.1`. */
export function cancelOf(task: ITask, trans: TranslationBundle): string {
  const name = task.display_name;
  switch (task.job) {
    case 'add':
      return trans.__('Cancel adding %1', name);
    case 'repair':
      return trans.__('Cancel mending %1', name);
    case 'edit':
      return trans.__('Cancel changing %1', name);
    case 'duplicate':
      return trans.__('Cancel making %1', name);
    case 'check':
      return trans.__('Cancel checking %1', name);
    case 'share':
      return trans.__('Cancel sharing %1', name);
  }
}

/** How a task ended well: `PyTorch 2.9.1 is ready`. */
export function successOf(task: ITask, trans: TranslationBundle): string {
  const name = task.display_name;
  switch (task.job) {
    case 'edit':
      return trans.__('%1 was changed', name);
    case 'check':
      return trans.__('%1 works', name);
    case 'share':
      return trans.__('%1 is shared', name);
    default:
      return trans.__('%1 is ready', name);
  }
}

/** How a task failed: `PyTorch 2.9.1 could not be added`. */
export function failureOf(task: ITask, trans: TranslationBundle): string {
  const name = task.display_name;
  switch (task.job) {
    case 'add':
      return trans.__('%1 could not be added', name);
    case 'repair':
      return trans.__('%1 could not be mended', name);
    case 'edit':
      return trans.__('%1 could not be changed', name);
    case 'duplicate':
      return trans.__('%1 could not be made', name);
    case 'check':
      return trans.__('%1 did not pass its check', name);
    case 'share':
      return trans.__('%1 could not be shared', name);
  }
}

/** The end of a task beside its name: `Ready`, `could not be added`. */
export function outcomeOf(task: ITask, trans: TranslationBundle): string {
  if (task.state === 'cancelled') {
    return trans.__('Cancelled');
  }
  const isDone = task.state === 'done';
  switch (task.job) {
    case 'add':
      return isDone ? trans.__('Ready') : trans.__('could not be added');
    case 'repair':
      return isDone ? trans.__('Ready') : trans.__('could not be mended');
    case 'edit':
      return isDone ? trans.__('Changed') : trans.__('could not be changed');
    case 'duplicate':
      return isDone ? trans.__('Ready') : trans.__('could not be made');
    case 'check':
      return isDone ? trans.__('Works') : trans.__('did not pass its check');
    case 'share':
      return isDone ? trans.__('Shared') : trans.__('could not be shared');
  }
}

/** What a task does, or how it ended, in a few words. */
export function taskLabel(task: ITask, trans: TranslationBundle): string {
  const name = task.display_name;
  switch (task.state) {
    case 'running':
      return deedOf(task, trans);
    case 'cancelling':
      return trans.__('Cancelling %1', name);
    case 'done':
      return successOf(task, trans);
    case 'cancelled':
      return trans.__('%1 was cancelled', name);
    default:
      return failureOf(task, trans);
  }
}

/** The name of a phase, as people read it. */
export function phaseName(
  phase: IPhase['name'],
  trans: TranslationBundle
): string {
  switch (phase) {
    case 'resolve':
      return trans.__('resolve');
    case 'acquire':
      return trans.__('acquire');
    case 'inspect':
      return trans.__('inspect');
    case 'install':
      return trans.__('install');
    case 'verify':
      return trans.__('verify');
    case 'publish':
      return trans.__('publish');
  }
}

/** `1.9 of 3.3 GB · 64 MB/s · 22 s`, or what happens right now. */
export function progressText(
  state: ITaskState,
  trans: TranslationBundle
): string {
  const { task, rate, eta } = state;
  if (!task.progress) {
    return task.message;
  }
  const parts = [
    formatProgress(task.progress.done_bytes, task.progress.total_bytes, trans)
  ];
  if (rate !== null && rate > 0) {
    parts.push(trans.__('%1/s', formatBytes(rate, trans)));
  }
  if (eta !== null) {
    parts.push(trans.__('%1 left', formatDuration(eta, trans)));
  }
  return parts.join(' · ');
}
