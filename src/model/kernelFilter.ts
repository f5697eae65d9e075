import type { IKernel } from '../api/types';
import { languageName, runtimeName } from './columns';

/** All that is written of a kernel, in lower case. */
function textOf(kernel: IKernel): string {
  const { image, status, notes, packages } = kernel;
  return [
    kernel.display_name,
    kernel.slug,
    image.reference,
    image.source,
    image.path,
    image.digest,
    languageName(kernel),
    runtimeName(kernel),
    kernel.maker,
    kernel.gpu_name,
    ...[status, ...notes].flatMap(({ code, message, hint }) => [
      code.replace(/_/g, ' '),
      message,
      hint
    ]),
    ...packages.added
  ]
    .filter(Boolean)
    .join(' ')
    .toLowerCase();
}

/** What is written of kernels does not change while they are the same. */
const texts = new WeakMap<IKernel, string>();

/** The kernels that hold all words of a filter. */
export function filterKernels(
  kernels: readonly IKernel[],
  filter: string
): readonly IKernel[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) {
    return kernels;
  }
  return kernels.filter(kernel => {
    let text = texts.get(kernel);
    if (text === undefined) {
      text = textOf(kernel);
      texts.set(kernel, text);
    }
    return words.every(word => text.includes(word));
  });
}
