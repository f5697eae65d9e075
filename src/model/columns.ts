import type { IKernel, IKernelStatus } from '../api/types';
import { shortReference } from './imageReference';

/** A column of the table of kernels. */
export type ColumnId =
  | 'name'
  | 'status'
  | 'image'
  | 'hardware'
  | 'language'
  | 'runtime'
  | 'size'
  | 'used'
  | 'created'
  | 'maker'
  | 'running';

/** How a column is laid out, and what it sorts by. */
export interface IColumn {
  readonly id: ColumnId;
  /** Pixels that it takes at least. */
  readonly width: number;
  /** Which share of the rest it takes; 0 means none. */
  readonly share: number;
  /** It is always shown. */
  readonly isFixed: boolean;
  /** It is shown until somebody chooses otherwise. */
  readonly isDefault: boolean;
  /** What it sorts by; `null` comes last, whichever way it is sorted. */
  readonly key: (kernel: IKernel) => string | number | null;
}

/** By what the table is sorted. */
export interface ISort {
  readonly column: ColumnId;
  readonly isDescending: boolean;
}

/** What is worst comes first. */
const LEVELS: Record<IKernelStatus['level'], number> = {
  stale: 0,
  unknown: 1,
  note: 2,
  ok: 3
};

/** The bytes of a kernel's image and packages, or `null`. */
export function kernelBytes(kernel: IKernel): number | null {
  const { image, packages } = kernel;
  return image.size_bytes === null && packages.size_bytes === null
    ? null
    : (image.size_bytes ?? 0) + (packages.size_bytes ?? 0);
}

/** The name of a language, as people write it. */
export function languageName(kernel: IKernel): string {
  const { language, language_version } = kernel;
  const name =
    language.length === 1
      ? language.toUpperCase()
      : language.charAt(0).toUpperCase() + language.slice(1);
  return language_version ? `${name} ${language_version}` : name;
}

/** What starts a kernel, and its version. */
export function runtimeName(kernel: IKernel): string {
  const { name, version } = kernel.runtime;
  const title = name.charAt(0).toUpperCase() + name.slice(1);
  return version ? `${title} ${version}` : title;
}

function time(date: string | null): number | null {
  const milliseconds = Date.parse(date ?? '');
  return Number.isNaN(milliseconds) ? null : milliseconds;
}

function column(
  id: ColumnId,
  width: number,
  key: IColumn['key'],
  more: Partial<IColumn> = {}
): IColumn {
  return {
    id,
    width,
    key,
    share: 0,
    isFixed: false,
    isDefault: true,
    ...more
  };
}

/** All columns, in the order in which they stand. */
export const COLUMNS: readonly IColumn[] = [
  column('name', 156, kernel => kernel.display_name, {
    share: 2,
    isFixed: true
  }),
  column(
    'status',
    172,
    ({ status, running }) =>
      `${LEVELS[status.level]} ${status.code} ${running > 0 ? 0 : 1}`,
    { isFixed: true }
  ),
  column('image', 140, kernel => shortReference(kernel.image.reference), {
    share: 3,
    isFixed: true
  }),
  column('hardware', 80, kernel => ['on', 'auto', 'off'].indexOf(kernel.gpu)),
  column('language', 116, languageName),
  column('runtime', 132, runtimeName, { isDefault: false }),
  column('size', 84, kernelBytes),
  column('used', 100, kernel => time(kernel.last_used)),
  column('created', 100, kernel => time(kernel.created), { isDefault: false }),
  column('maker', 132, kernel => kernel.maker, { isDefault: false }),
  column('running', 84, kernel => kernel.running || null, { isDefault: false })
];

/** The columns that are shown until somebody chooses. */
export const DEFAULT_COLUMNS: readonly ColumnId[] = COLUMNS.filter(
  each => each.isDefault
).map(each => each.id);

/**
 * Which column gives way first where there is no room for all. What somebody
 * asked for stays longer than what is there anyway.
 */
const LEAST: readonly ColumnId[] = [
  'language',
  'used',
  'hardware',
  'size',
  'created',
  'runtime',
  'maker',
  'running'
];

/**
 * The columns for which there is room.
 *
 * @param chosen - Those that somebody wants to see.
 * @param room - In pixels; 0 when that is not known.
 */
export function fittingColumns(
  chosen: readonly ColumnId[],
  room: number
): readonly IColumn[] {
  let columns = COLUMNS.filter(
    each => each.isFixed || chosen.includes(each.id)
  );
  const width = () => columns.reduce((sum, each) => sum + each.width, 0);
  for (const id of LEAST) {
    if (!room || width() <= room) {
      break;
    }
    columns = columns.filter(each => each.id !== id);
  }
  return columns;
}

const collator = new Intl.Collator(undefined, {
  numeric: true,
  sensitivity: 'base'
});

/** The kernels in order; those that are equal stay as they were. */
export function sortKernels(
  kernels: readonly IKernel[],
  sort: ISort | null
): readonly IKernel[] {
  const by = COLUMNS.find(each => each.id === sort?.column);
  if (!sort || !by) {
    return kernels;
  }
  const sign = sort.isDescending ? -1 : 1;
  return kernels
    .map(kernel => ({ kernel, key: by.key(kernel) }))
    .sort((one, other) => {
      const [a, b] = [one.key, other.key];
      if (a === null || b === null) {
        return a === b ? 0 : a === null ? 1 : -1;
      }
      return (
        sign *
        (typeof a === 'number' && typeof b === 'number'
          ? a - b
          : collator.compare(String(a), String(b)))
      );
    })
    .map(each => each.kernel);
}

/** The next way to sort, when somebody clicks a header: up, down, as it was. */
export function nextSort(sort: ISort | null, column: ColumnId): ISort | null {
  if (sort?.column !== column) {
    return { column, isDescending: false };
  }
  return sort.isDescending ? null : { column, isDescending: true };
}
