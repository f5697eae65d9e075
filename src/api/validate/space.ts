import type {
  IDiskRoom,
  IFreed,
  IQuota,
  IRestored,
  ISpace,
  ISpaceItem
} from '../types';
import { flag, integer, list, oneOf, orNull, record, text } from './readers';

/** Reads the schema `DiskRoom`. */
export const diskRoom = record<IDiskRoom>({
  purpose: oneOf('kernels', 'images', 'packages', 'temporary'),
  path: text,
  free_bytes: orNull(integer),
  total_bytes: orNull(integer),
  quota: orNull(record<IQuota>({ used_bytes: integer, limit_bytes: integer }))
});

/** Reads the schema `Space`. */
export const readSpace = record<ISpace>({
  items: list(
    record<ISpaceItem>({
      id: text,
      kind: oneOf(
        'image',
        'packages',
        'trash',
        'leftover',
        'layers',
        'runtime_cache'
      ),
      title: text,
      path: text,
      detail: text,
      size_bytes: orNull(integer),
      used_by: list(text),
      created: orNull(text),
      last_used: orNull(text),
      removable: flag,
      restorable: flag
    })
  ),
  disks: list(diskRoom)
});

/** Reads the schema `Freed`. */
export const readFreed = record<IFreed>({ freed_bytes: integer });

/** Reads the schema `Restored`. */
export const readRestored = record<IRestored>({
  slug: text,
  display_name: text
});
