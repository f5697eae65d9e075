import { nullTranslator } from '@jupyterlab/translation';

import type { IDiskRoom, ISpaceItem } from '../../api/types';
import { aSpaceItem } from '../../testing/samples';
import {
  disksOf,
  freeLabel,
  freeQuestion,
  kindName,
  kindNote,
  purposeName,
  SPACE_KINDS,
  sumOf
} from '../spaceWords';

const trans = nullTranslator.load('');

const room = (change: Partial<IDiskRoom>): IDiskRoom => ({
  purpose: 'images',
  path: '/home/u/images',
  free_bytes: 9_000_000,
  total_bytes: 50_000_000,
  quota: null,
  ...change
});

describe('things that take room', () => {
  it('have a name and a note of their own for each kind', () => {
    const names = SPACE_KINDS.map(kind => kindName(kind, trans));
    const notes = SPACE_KINDS.map(kind => kindNote(kind, trans));
    expect(names).toEqual([
      'Images',
      'Packages',
      'Trash',
      'Leftovers',
      'Layers of images',
      'Cache of the container runtime'
    ]);
    expect(new Set(notes).size).toBe(SPACE_KINDS.length);
  });

  it('count with what is known of their sizes', () => {
    const known = aSpaceItem({ size_bytes: 3_300_000_000 });
    const unknown = aSpaceItem({ size_bytes: null });
    expect(sumOf([known, unknown])).toBe(3_300_000_000);
    expect(freeLabel([known, unknown], trans)).toBe('Free 3.3 GB');
  });

  it('of which no size is known promise no room', () => {
    expect(freeLabel([aSpaceItem({ size_bytes: null })], trans)).toBe('Remove');
    expect(freeLabel([aSpaceItem({ size_bytes: 0 })], trans)).toBe('Remove');
  });

  it.each<[ISpaceItem['kind'], number, string, RegExp]>([
    ['trash', 1, 'Remove T for good?', /cannot be put back/],
    ['trash', 2, 'Empty the trash?', /^2 deleted kernels go, .* put back/],
    ['leftover', 1, 'Remove T?', /cannot be put back/],
    ['leftover', 3, 'Remove 3 leftovers?', /cannot be put back/],
    ['image', 1, 'Remove T?', /No kernel uses this image.*downloads it again/],
    ['packages', 1, 'Remove T?', /No kernel uses.*installs them again/],
    ['layers', 1, 'Remove the layers that are kept?', /Kernels keep working/],
    ['runtime_cache', 1, 'Empty the cache?', /Kernels keep working/]
  ])(
    'of kind %s, %i of them, are removed after “%s”',
    (kind, n, title, body) => {
      const items = Array.from({ length: n }, () =>
        aSpaceItem({ kind, title: 'T', size_bytes: 1_000_000 })
      );
      const question = freeQuestion(items, trans);
      expect(question.title).toBe(title);
      expect(question.body).toMatch(body);
      expect(question.deed).toBe(freeLabel(items, trans));
    }
  );
});

describe('folders', () => {
  it('are said by what they are for', () => {
    const purposes = ['kernels', 'images', 'packages', 'temporary'] as const;
    expect(purposes.map(each => purposeName(each, trans))).toEqual([
      'kernels',
      'images',
      'packages',
      'temporary files'
    ]);
  });

  it('with the same room lie on one disk, which others may fill meanwhile', () => {
    const disks = disksOf([
      room({ purpose: 'kernels', path: '/home/u/kernels' }),
      room({ purpose: 'images', free_bytes: 9_000_000 - 200_000 })
    ]);
    expect(disks).toHaveLength(1);
    expect(disks[0].purposes).toEqual(['kernels', 'images']);
    expect(disks[0].paths).toEqual(['/home/u/kernels', '/home/u/images']);
  });

  it.each<[string, Partial<IDiskRoom>]>([
    ['other free room', { free_bytes: 5_000_000 }],
    ['another size', { total_bytes: 60_000_000 }],
    [
      'a quota of its own',
      { quota: { limit_bytes: 1_000_000 } as IDiskRoom['quota'] }
    ],
    ['room that nobody knows', { free_bytes: null, total_bytes: null }]
  ])('with %s are another disk', (_, change) => {
    expect(
      disksOf([room({ path: '/a' }), room({ path: '/b', ...change })])
    ).toHaveLength(2);
  });

  it('that do not answer are one disk only when they are one folder', () => {
    const silent = { free_bytes: null, total_bytes: null };
    expect(
      disksOf([
        room({ path: '/a', ...silent }),
        room({ path: '/a', ...silent, purpose: 'kernels' }),
        room({ path: '/b', ...silent })
      ])
    ).toHaveLength(2);
  });
});
