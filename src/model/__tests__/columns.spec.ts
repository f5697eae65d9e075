import { aKernel } from '../../testing/samples';
import {
  COLUMNS,
  DEFAULT_COLUMNS,
  fittingColumns,
  languageName,
  nextSort,
  runtimeName,
  sortKernels
} from '../columns';

const ids = (columns: readonly { id: string }[]) => columns.map(({ id }) => id);

describe('the columns', () => {
  it('are all that are chosen, where there is room or nobody knows', () => {
    expect(ids(fittingColumns(DEFAULT_COLUMNS, 0))).toEqual([
      'name',
      'status',
      'image',
      'hardware',
      'language',
      'size',
      'used'
    ]);
    const all = COLUMNS.map(each => each.id);
    expect(ids(fittingColumns(all, 4000))).toEqual(all);
  });

  it('give way one by one, but never name, status and image', () => {
    const all = COLUMNS.map(each => each.id);
    for (let room = 2000; room > 0; room -= 50) {
      const columns = fittingColumns(all, room);
      const width = columns.reduce((sum, each) => sum + each.width, 0);
      expect(width <= room || columns.length === 3).toBe(true);
      expect(ids(columns).slice(0, 3)).toEqual(['name', 'status', 'image']);
    }
  });

  it('stay longer when somebody asked for them', () => {
    const columns = ids(fittingColumns([...DEFAULT_COLUMNS, 'maker'], 680));
    expect(columns).toContain('maker');
    expect(columns).not.toContain('language');
  });
});

describe('names', () => {
  it.each([
    ['python', '3.11.2', 'Python 3.11.2'],
    ['r', '4.4.1', 'R 4.4.1'],
    ['julia', '', 'Julia']
  ])('of the language %s %s are written “%s”', (language, version, name) => {
    expect(languageName(aKernel({ language, language_version: version }))).toBe(
      name
    );
  });

  it('of a runtime lack a version that nobody knows', () => {
    const { runtime } = aKernel();
    expect(runtimeName(aKernel())).toBe('Apptainer 1.4.5');
    expect(runtimeName(aKernel({ runtime: { ...runtime, version: '' } }))).toBe(
      'Apptainer'
    );
  });
});

describe('sorting', () => {
  const kernels = [
    aKernel({ slug: 'b10', display_name: 'b 10', running: 2 }),
    aKernel({
      slug: 'a',
      display_name: 'A',
      last_used: '2026-03-01T10:00:00Z',
      status: {
        code: 'unknown',
        level: 'unknown',
        message: '',
        hint: '',
        remedies: []
      }
    }),
    aKernel({
      slug: 'b2',
      display_name: 'B 2',
      last_used: '2026-03-02T10:00:00Z',
      status: {
        code: 'image_missing',
        level: 'stale',
        message: '',
        hint: '',
        remedies: []
      }
    })
  ];
  const sorted = (column: never, isDescending = false) =>
    sortKernels(kernels, { column, isDescending }).map(each => each.slug);

  it.each([
    ['name', false, ['a', 'b2', 'b10']], // numbers as numbers
    ['name', true, ['b10', 'b2', 'a']],
    ['status', false, ['b2', 'a', 'b10']], // the worst first
    ['used', false, ['a', 'b2', 'b10']], // what is not known last,
    ['used', true, ['b2', 'a', 'b10']], // whichever way
    ['running', false, ['b10', 'a', 'b2']],
    ['size', false, ['b10', 'a', 'b2']] // equal: as they were
  ])('by %s, descending: %s', (column, isDescending, expected) => {
    expect(sorted(column as never, isDescending as boolean)).toEqual(expected);
  });

  it('by size counts what is known, and puts what is not known last', () => {
    const base = aKernel();
    const sized = (slug: string, image: number | null, own: number | null) =>
      aKernel({
        slug,
        image: { ...base.image, size_bytes: image },
        packages: { ...base.packages, size_bytes: own }
      });
    const some = [
      sized('unknown', null, null),
      sized('both', 2_000, 500),
      sized('packages alone', null, 100),
      sized('image alone', 2_100, null)
    ];
    const by = (isDescending: boolean) =>
      sortKernels(some, { column: 'size', isDescending }).map(
        each => each.slug
      );
    const known = ['packages alone', 'image alone', 'both'];
    expect(by(false)).toEqual([...known, 'unknown']);
    expect(by(true)).toEqual([...known.reverse(), 'unknown']);
  });

  it('by created puts what tells no time last', () => {
    const made = (slug: string, created: string) => aKernel({ slug, created });
    const some = [
      made('never', ''),
      made('b', '2026-03-02'),
      made('a', '2026')
    ];
    expect(
      sortKernels(some, { column: 'created', isDescending: false }).map(
        each => each.slug
      )
    ).toEqual(['a', 'b', 'never']);
  });

  it('leaves them as they were read when nobody asks', () => {
    expect(sortKernels(kernels, null)).toBe(kernels);
  });

  it('goes up, down and back by clicks', () => {
    const up = nextSort(null, 'size');
    expect(up).toEqual({ column: 'size', isDescending: false });
    const down = nextSort(up, 'size');
    expect(down).toEqual({ column: 'size', isDescending: true });
    expect(nextSort(down, 'size')).toBeNull();
    expect(nextSort(down, 'name')).toEqual({
      column: 'name',
      isDescending: false
    });
  });
});
