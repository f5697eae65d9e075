import { aKernel } from '../../testing/samples';
import { adoptRequest } from '../adoption';

describe('a kernel of others that is made one of ours', () => {
  it('keeps its name, GPU, folders and variables', () => {
    const change = {
      display_name: 'Theirs',
      gpu: 'on' as const,
      binds: [{ source: '/data', destination: null, read_only: true }],
      environment: { A: '1' }
    };
    expect(adoptRequest(aKernel(change))).toMatchObject(change);
  });

  it.each([
    [{}, aKernel().image.path],
    [{ path: '' }, aKernel().image.source],
    [{ path: '', source: '' }, aKernel().image.reference]
  ])(
    'is of its image file, else of what that came from: %j',
    (change, image) => {
      const kernel = aKernel({ image: { ...aKernel().image, ...change } });
      expect(adoptRequest(kernel).image).toBe(image);
    }
  );

  it('sees no more of the host than ours do', () => {
    expect(adoptRequest(aKernel({ isolated: false })).isolated).toBe(true);
  });
});
