import type { IAddRequest, IKernel } from '../api/types';

/**
 * What makes a kernel of ours like one that others made, as far as was
 * understood of it. It gets the same name; its own form asks for the rest.
 */
export function adoptRequest(kernel: IKernel): IAddRequest {
  const { image } = kernel;
  return {
    image: image.path || image.source || image.reference,
    display_name: kernel.display_name,
    gpu: kernel.gpu,
    binds: kernel.binds,
    environment: kernel.environment,
    isolated: true
  };
}
