import { aKernel } from '../../testing/samples';
import { filterKernels } from '../kernelFilter';

describe('a filter of kernels', () => {
  const debian = aKernel();
  const torch = aKernel({
    slug: 'torch',
    display_name: 'PyTorch 2.9.1',
    language: 'python',
    maker: 'somebody else',
    status: {
      code: 'image_missing',
      level: 'stale',
      message: 'The image is not there.',
      hint: 'Pull it again.',
      remedies: []
    },
    packages: { ...debian.packages, added: ['numpy==2.1'] }
  });
  const r = aKernel({ slug: 'r', display_name: 'Statistics', language: 'r' });
  const kernels = [debian, torch, r];
  const slugs = (filter: string) =>
    filterKernels(kernels, filter).map(({ slug }) => slug);

  it('that is empty leaves the list as it is', () => {
    expect(filterKernels(kernels, '  ')).toBe(kernels);
  });

  it.each([
    ['PYTORCH', ['torch']],
    ['2.9.1 else', ['torch']],
    ['python', ['debian-12', 'torch']],
    ['python numpy', ['torch']],
    ['image missing', ['torch']],
    ['pull it again', ['torch']],
    ['apptainer 1.4.5', ['debian-12', 'torch', 'r']],
    ['sha256:4e1c0de', ['debian-12', 'torch', 'r']],
    ['pytorch statistics', []]
  ])('of “%s” finds what holds all of its words', (filter, found) => {
    expect(slugs(filter)).toEqual(found);
  });

  it('looks at a kernel anew when it was listed anew', () => {
    expect(slugs('other')).toEqual([]);
    const renamed = { ...debian, display_name: 'Another' };
    expect(filterKernels([renamed], 'other')).toEqual([renamed]);
    expect(slugs('other')).toEqual([]);
  });
});
