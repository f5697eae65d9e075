import type { Kernel } from '@jupyterlab/services';

import type { KernelState } from '../tokens';

/**
 * What is seen of a kernel, or `null` when the next moment tells.
 *
 * @param kernel - The connection to it.
 * @param isRestarting - Whether somebody restarts it.
 */
export function kernelState(
  kernel: Pick<Kernel.IKernelConnection, 'status' | 'connectionStatus'>,
  isRestarting: boolean
): KernelState | null {
  if (isRestarting) {
    return 'restarting';
  }
  switch (kernel.status) {
    case 'autorestarting':
    case 'dead':
      return 'died';
    case 'restarting': // comes right before `autorestarting`
    case 'terminating':
      return null;
    case 'idle':
    case 'busy':
      return kernel.connectionStatus === 'connected' ? 'answered' : null;
    default:
      return 'starting';
  }
}

/**
 * Whether a kernel has answered before this page knew it, as far as the
 * server's list of running kernels tells: a page may be loaded anew.
 */
export function hasAnswered(
  id: string,
  running: Iterable<Kernel.IModel>
): boolean {
  for (const model of running) {
    if (model.id === id) {
      return (
        model.execution_state === 'idle' || model.execution_state === 'busy'
      );
    }
  }
  return false;
}
