import type { IKernel } from '../api/types';

/** An image that heads the kernels that use it. */
export interface IImageGroup {
  readonly kind: 'image';
  readonly key: string;
  /** The first of the kernels. */
  readonly kernel: IKernel;
  readonly count: number;
}

/** A kernel in a row of its own. */
export interface IKernelItem {
  readonly kind: 'kernel';
  readonly key: string;
  readonly kernel: IKernel;
}

/** A row of the table. */
export type TableRow = IImageGroup | IKernelItem;

/** What tells the image of a kernel from other images. */
export function imageKey(kernel: IKernel): string {
  const { digest, path, source, reference } = kernel.image;
  return digest ?? (path || source || reference);
}

/**
 * The rows of a table.
 *
 * @param kernels - In order.
 * @param isGrouped - Whether kernels of one image stand together, below it;
 * the images come in the order of their first kernels.
 */
export function tableRows(
  kernels: readonly IKernel[],
  isGrouped: boolean
): readonly TableRow[] {
  const row = (kernel: IKernel): IKernelItem => ({
    kind: 'kernel',
    key: kernel.id,
    kernel
  });
  if (!isGrouped) {
    return kernels.map(row);
  }
  const groups = new Map<string, IKernel[]>();
  for (const kernel of kernels) {
    const key = imageKey(kernel);
    groups.set(key, [...(groups.get(key) ?? []), kernel]);
  }
  return [...groups].flatMap(([key, members]) => [
    {
      kind: 'image' as const,
      key: `image ${key}`,
      kernel: members[0],
      count: members.length
    },
    ...members.map(row)
  ]);
}

/** Rows of a table that is longer than what can be seen of it. */
export interface IRowWindow {
  /** The first row to draw. */
  readonly first: number;
  /** The one after the last row to draw. */
  readonly end: number;
}

/** Windows move by so many rows, so that scrolling draws seldom. */
const STEP = 8;

/**
 * Which rows to draw.
 *
 * @param top - How far the first row lies above the view, in pixels.
 * @param height - Of the view, in pixels.
 * @param rowHeight - In pixels.
 * @param count - How many rows there are.
 */
export function rowWindow(
  top: number,
  height: number,
  rowHeight: number,
  count: number
): IRowWindow {
  const seen = Math.max(STEP, Math.ceil(height / rowHeight));
  const first = Math.floor(top / rowHeight) - Math.ceil(seen / 2);
  const start = Math.min(
    Math.max(0, Math.floor(first / STEP) * STEP),
    Math.max(0, count - seen)
  );
  const end = Math.ceil((first + 2 * seen) / STEP) * STEP;
  return { first: start, end: Math.min(count, Math.max(end, start + seen)) };
}
