import type { TranslationBundle } from '@jupyterlab/translation';

import type { IDiskRoom, ISpaceItem } from '../api/types';
import { formatBytes } from './format';

/** A kind of things that take room. */
export type SpaceKind = ISpaceItem['kind'];

/** All kinds, in the order in which they stand. */
export const SPACE_KINDS: readonly SpaceKind[] = [
  'image',
  'packages',
  'trash',
  'leftover',
  'layers',
  'runtime_cache'
];

/** What several things of a kind are called. */
export function kindName(kind: SpaceKind, trans: TranslationBundle): string {
  switch (kind) {
    case 'image':
      return trans.__('Images');
    case 'packages':
      return trans.__('Packages');
    case 'trash':
      return trans.__('Trash');
    case 'leftover':
      return trans.__('Leftovers');
    case 'layers':
      return trans.__('Layers of images');
    case 'runtime_cache':
      return trans.__('Cache of the container runtime');
  }
}

/** What they are, in a sentence. */
export function kindNote(kind: SpaceKind, trans: TranslationBundle): string {
  switch (kind) {
    case 'image':
      return trans.__('What kernels run in.');
    case 'packages':
      return trans.__('What was installed for kernels beside their images.');
    case 'trash':
      return trans.__('Deleted kernels that can be put back.');
    case 'leftover':
      return trans.__('What nothing refers to any longer.');
    case 'layers':
      return trans.__('Kept for images that share some of them.');
    case 'runtime_cache':
      return trans.__('What it downloaded, to be quicker the next time.');
  }
}

/** What a folder is for, in a list. */
export function purposeName(
  purpose: IDiskRoom['purpose'],
  trans: TranslationBundle
): string {
  switch (purpose) {
    case 'kernels':
      return trans.__('kernels');
    case 'images':
      return trans.__('images');
    case 'packages':
      return trans.__('packages');
    case 'temporary':
      return trans.__('temporary files');
  }
}

/** The bytes of things whose size is known. */
export function sumOf(items: readonly ISpaceItem[]): number {
  return items.reduce((sum, item) => sum + (item.size_bytes ?? 0), 0);
}

/** What the button says that removes things: `Free 3.3 GB`. */
export function freeLabel(
  items: readonly ISpaceItem[],
  trans: TranslationBundle
): string {
  const bytes = sumOf(items);
  return bytes > 0
    ? trans.__('Free %1', formatBytes(bytes, trans))
    : trans.__('Remove');
}

/** What is asked before things of one kind are removed. */
export function freeQuestion(
  items: readonly ISpaceItem[],
  trans: TranslationBundle
): { title: string; body: string; deed: string } {
  const [{ kind, title }] = items;
  const one = items.length === 1;
  const deed = freeLabel(items, trans);
  switch (kind) {
    case 'trash':
      return {
        title: one
          ? trans.__('Remove %1 for good?', title)
          : trans.__('Empty the trash?'),
        body: one
          ? trans.__('What was deleted with it goes, and cannot be put back.')
          : trans._n(
              '%1 deleted kernel goes, and cannot be put back.',
              '%1 deleted kernels go, and cannot be put back.',
              items.length
            ),
        deed
      };
    case 'image':
      return {
        title: trans.__('Remove %1?', title),
        body: trans.__(
          'No kernel uses this image. Adding one with it downloads it again.'
        ),
        deed
      };
    case 'packages':
      return {
        title: trans.__('Remove %1?', title),
        body: trans.__(
          'No kernel uses these packages. Adding one installs them again.'
        ),
        deed
      };
    case 'layers':
      return {
        title: trans.__('Remove the layers that are kept?'),
        body: trans.__(
          'Kernels keep working. The next image that shares some of them is downloaded as a whole.'
        ),
        deed
      };
    case 'runtime_cache':
      return {
        title: trans.__('Empty the cache?'),
        body: trans.__(
          'Kernels keep working. The container runtime downloads again what it needs.'
        ),
        deed
      };
    case 'leftover':
      return {
        title: one
          ? trans.__('Remove %1?', title)
          : trans._n(
              'Remove %1 leftover?',
              'Remove %1 leftovers?',
              items.length
            ),
        body: trans.__('Nothing refers to it. It cannot be put back.'),
        deed
      };
  }
}

/** Folders that lie on one file system, and the room there. */
export interface IDisk {
  /** What the folders are for. */
  purposes: IDiskRoom['purpose'][];
  paths: string[];
  room: IDiskRoom;
}

/** By which part of a disk its free room may differ from glance to glance. */
const FLICKER = 0.005;

/**
 * Puts folders together that have the same room: they lie on one disk.
 *
 * @param rooms - Folder by folder, as the server part tells.
 */
export function disksOf(rooms: readonly IDiskRoom[]): IDisk[] {
  const disks: IDisk[] = [];
  for (const room of rooms) {
    const disk = disks.find(each => isSameDisk(each.room, room));
    if (disk) {
      disk.purposes.push(room.purpose);
      disk.paths.push(room.path);
    } else {
      disks.push({ purposes: [room.purpose], paths: [room.path], room });
    }
  }
  return disks;
}

function isSameDisk(a: IDiskRoom, b: IDiskRoom): boolean {
  // Of folders that do not answer, nobody knows whether it is one disk.
  if (a.free_bytes === null || b.free_bytes === null || !a.total_bytes) {
    return a.path === b.path;
  }
  return (
    a.total_bytes === b.total_bytes &&
    Math.abs(a.free_bytes - b.free_bytes) <= a.total_bytes * FLICKER &&
    a.quota?.limit_bytes === b.quota?.limit_bytes
  );
}
