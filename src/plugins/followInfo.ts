import type { AddForm } from '../model/addForm';
import type { IContainerKernels } from '../tokens';

/**
 * Tells a form what the server part offers, as long as the form is there: a
 * runtime may still be looked for when it is opened.
 *
 * @param kernels - Knows, or asks.
 * @param form - Works without, too.
 */
export function followInfo(
  kernels: Pick<IContainerKernels, 'info' | 'getInfo' | 'stateChanged'>,
  form: AddForm
): void {
  const take = () => {
    if (form.isDisposed) {
      kernels.stateChanged.disconnect(take);
    } else if (form.info !== kernels.info) {
      form.info = kernels.info;
    }
  };
  kernels.stateChanged.connect(take);
  take();
  kernels.getInfo().catch(() => undefined);
}
