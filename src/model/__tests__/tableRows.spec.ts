import { aKernel } from '../../testing/samples';
import { rowWindow, tableRows } from '../tableRows';

describe('the rows of a table', () => {
  const other = { ...aKernel().image, digest: 'sha256:other' };
  const kernels = [
    aKernel({ slug: 'a' }),
    aKernel({ slug: 'b', image: other }),
    aKernel({ slug: 'c' })
  ];

  it('are the kernels, by their ids', () => {
    expect(tableRows(kernels, false).map(row => row.key)).toEqual([
      'a',
      'b',
      'c'
    ]);
  });

  it('stand below their images, in the order of the first kernels', () => {
    const rows = tableRows(kernels, true);
    expect(
      rows.map(row => (row.kind === 'image' ? row.count : row.key))
    ).toEqual([2, 'a', 'c', 1, 'b']);
  });

  it('are those that can be seen, and some around them', () => {
    for (let top = -400; top < 33_000; top += 77) {
      const { first, end } = rowWindow(top, 700, 32, 1000);
      const seen = Math.max(0, Math.floor(top / 32));
      const last = Math.min(1000, Math.ceil((top + 700) / 32));
      expect(first).toBeLessThanOrEqual(Math.min(seen, 999));
      expect(end).toBeGreaterThanOrEqual(Math.max(last, 1));
      expect(end - first).toBeLessThan(80);
    }
  });

  it('are all when they are few', () => {
    expect(rowWindow(0, 700, 32, 5)).toEqual({ first: 0, end: 5 });
  });
});
