import type { IJobInfo } from '../api/types';
import type { ITaskState } from '../tokens';

/**
 * How many seconds a session has left, if what a task does now takes longer
 * than that.
 *
 * @param job - The job in which the session runs, if it runs in one.
 * @param now - Milliseconds since the epoch.
 */
export function endsTooSoon(
  task: Pick<ITaskState, 'eta'>,
  job: Pick<IJobInfo, 'ends'> | null | undefined,
  now: number
): number | null {
  if (!job?.ends || task.eta === null) {
    return null;
  }
  const left = Math.max(0, (Date.parse(job.ends) - now) / 1000);
  return task.eta > left ? left : null;
}
