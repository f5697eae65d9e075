import { nullTranslator } from '@jupyterlab/translation';

import type { IKernel, IKernelStatus } from '../../api/types';
import { aKernel } from '../../testing/samples';
import type { IDoomedKernel, IRemovals } from '../../tokens';
import { BulkDeletion, freedBytes, staleKernels } from '../bulkDeletion';

const trans = nullTranslator.load('');

function status(
  level: IKernelStatus['level'],
  code: IKernelStatus['code'] = 'packages_missing'
): IKernelStatus {
  return { code, level, message: 'Why.', hint: '', remedies: [] };
}

/** A kernel whose image and packages so many share. */
function shared(slug: string, users: number): IKernel {
  const kernel = aKernel({ slug });
  return {
    ...kernel,
    image: { ...kernel.image, size_bytes: 1000, used_by: users },
    packages: { ...kernel.packages, size_bytes: 10, shared_by: users }
  };
}

describe('what deleting frees', () => {
  const stored = shared('a', 1);
  it.each([
    ['all of a kernel of its own', [stored], 1010],
    ['nothing that others use', [shared('a', 3), shared('b', 3)], 0],
    ['once what all of them share', [shared('a', 2), shared('b', 2)], 1010],
    ['nothing of others', [{ ...stored, ours: false }], 0],
    [
      'no image that is gone already',
      [{ ...stored, status: status('stale', 'image_missing') }],
      10
    ],
    [
      'no image of the user',
      [{ ...stored, image: { ...stored.image, stored: false } }],
      10
    ]
  ])('is %s', (_, kernels, bytes) => {
    expect(freedBytes(kernels)).toBe(bytes);
  });
});

describe('cleaning up', () => {
  const stale = { ...shared('stale', 1), status: status('stale') };
  const unknown = aKernel({ slug: 'unknown', status: status('unknown') });
  const system = aKernel({
    slug: 'system',
    read_only: true,
    status: status('stale')
  });
  const foreign = aKernel({
    slug: 'foreign',
    ours: false,
    resource_dir: '/home/u/kernels/foreign',
    status: status('stale')
  });

  function make(
    answer: Partial<IRemovals> = {},
    kernels: IKernel[] = [stale, unknown, system, foreign]
  ) {
    const asked: (readonly IDoomedKernel[])[] = [];
    const deletion = new BulkDeletion({
      trans,
      kernels,
      isTicked: kernel => kernel.status.level === 'stale',
      removeAll: async doomed => {
        asked.push(doomed);
        return { removed: [], refused: [], ...answer };
      }
    });
    return { asked, deletion };
  }

  it('never takes what does not answer for stale', () => {
    expect(staleKernels([stale, unknown])).toEqual([stale]);
  });

  it('ticks what no longer works, and says what its button does', () => {
    const { deletion } = make();
    expect(deletion.going).toEqual([stale, foreign]);
    expect(deletion.deed).toBe('Delete 2, free 1 kB');
    expect(deletion.obstacle).toBeNull();
    deletion.tick(['unknown', 'system'], true);
    expect(deletion.going.map(each => each.slug)).toEqual([
      'stale',
      'unknown',
      'foreign'
    ]);
    deletion.tick(['stale', 'unknown', 'foreign'], false);
    expect(deletion.obstacle).toBe('Nothing is ticked.');
  });

  it('names the folder of what others made, and leaves its image', async () => {
    const { deletion, asked } = make();
    expect(await deletion.do()).toBe(true);
    expect(asked[0].map(each => each.request)).toEqual([
      { delete_image: true, shut_down: false, resource_dir: null },
      {
        delete_image: false,
        shut_down: false,
        resource_dir: '/home/u/kernels/foreign'
      }
    ]);
    expect(deletion.items.map(each => each.kernel.slug)).toEqual([
      'unknown',
      'system'
    ]);
  });

  it('asks before it shuts one down', async () => {
    const { deletion, asked } = make({}, [{ ...stale, running: 2 }]);
    expect(deletion.obstacle).toMatch(/1 of them runs/);
    deletion.shutDown = true;
    expect(deletion.obstacle).toBeNull();
    await deletion.do();
    expect(asked[0][0].request.shut_down).toBe(true);
  });

  it('keeps what was refused, with the reason', async () => {
    const error = { message: 'It is in use.', hint: 'Close it.' };
    const { deletion } = make({
      refused: [{ slug: 'stale', displayName: stale.display_name, error }]
    });
    expect(await deletion.do()).toBe(false);
    expect(deletion.items[0].failure).toEqual(error);
    expect(deletion.items.map(each => each.kernel.slug)).toEqual([
      'stale',
      'unknown',
      'system'
    ]);
  });
});
