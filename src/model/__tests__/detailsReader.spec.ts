import { ConnectionLostError } from '../../api/request';
import type { IKernelDetails } from '../../api/types';
import { aKernel, someDetails } from '../../testing/samples';
import { DetailsReader } from '../detailsReader';

/** Longer than somebody has to look at a kernel. */
const LOOK_MS = 1_000;

describe('the details of a kernel', () => {
  let read: jest.Mock<Promise<IKernelDetails>, [string, string]>;
  let reader: DetailsReader;

  beforeEach(() => {
    jest.useFakeTimers();
    read = jest.fn(async (slug, _directory) =>
      someDetails({ kernel: aKernel({ slug }) })
    );
    reader = new DetailsReader(read);
  });

  afterEach(() => {
    reader.dispose();
    jest.useRealTimers();
  });

  const look = () => jest.advanceTimersByTimeAsync(LOOK_MS);

  it('are read only of the kernel at which somebody stays', async () => {
    for (const slug of ['a', 'b', 'c']) {
      reader.show(aKernel({ slug }));
    }
    await look();
    expect(read.mock.calls.map(([slug]) => slug)).toEqual(['c']);
    expect(reader.value?.kernel.slug).toBe('c');
  });

  it('are not read when nobody stays', async () => {
    reader.show(aKernel());
    reader.show(null);
    await look();
    expect(read).not.toHaveBeenCalled();
  });

  it('are never those of a kernel that was left before they came', async () => {
    let answer: (details: IKernelDetails) => void = () => undefined;
    read.mockReturnValueOnce(
      new Promise(resolve => {
        answer = resolve;
      })
    );
    reader.show(aKernel({ slug: 'slow' }));
    await look();
    reader.show(aKernel({ slug: 'next' }));
    answer(someDetails({ kernel: aKernel({ slug: 'slow' }) }));
    await jest.advanceTimersByTimeAsync(0);
    expect(reader.value).toBeNull();
    await look();
    expect(reader.value?.kernel.slug).toBe('next');
  });

  it('stay while the same kernel, listed anew, is read again', async () => {
    reader.show(aKernel());
    await look();
    const before = reader.value;
    reader.show(aKernel());
    expect(reader.value).toBe(before);
    await look();
    expect(read).toHaveBeenCalledTimes(2);
    expect(reader.value).not.toBe(before);
  });

  it('give way to why they cannot be read, and come back', async () => {
    const changed = jest.fn();
    reader.changed.connect(changed);
    read.mockRejectedValueOnce(new ConnectionLostError('502'));
    reader.show(aKernel());
    await look();
    expect(reader.value).toBeNull();
    expect(reader.problem).toBeTruthy();
    reader.show(aKernel());
    await look();
    expect(reader.value?.kernel.slug).toBe('debian-12');
    expect(reader.problem).toBeNull();
    expect(changed).toHaveBeenCalledTimes(2);
  });
});
