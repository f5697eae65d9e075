import type { IKernel } from '../api/types';

/** Whether Jupyter sees a kernel, so that it can be started. */
export function isSeen(kernel: IKernel): boolean {
  return kernel.id === kernel.slug;
}

/** Whether a kernel is one of ours that can be changed, checked and shared. */
export function isChangeable(kernel: IKernel): boolean {
  return kernel.ours && !kernel.read_only && isSeen(kernel);
}

/** By which folder a kernel is deleted; `null` when its name in Jupyter does. */
export function removalFolder(kernel: IKernel): string | null {
  return kernel.ours && isSeen(kernel) ? null : kernel.resource_dir;
}
