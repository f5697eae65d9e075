import type { IKernel, IRemoval, ISpace, ITask } from '../../api/types';
import { FakeApp } from '../../testing/app';
import { settle } from '../../testing/page';
import {
  aKernel,
  aRemoval,
  aSpaceItem,
  aTask,
  someInfo,
  someSpace
} from '../../testing/samples';
import type { IRemovedKernel } from '../../tokens';

const SPACE = 'container-kernels/space';
const KERNELS = 'container-kernels/kernels';
const UNDO = '0123456789abcdef';

describe('what takes room', () => {
  let fake: FakeApp;
  let space: ISpace;
  let kernels: IKernel[];
  let tasks: ITask[];

  beforeEach(() => {
    fake = new FakeApp();
    space = someSpace();
    kernels = [aKernel()];
    tasks = [];
    fake.specs.onServer.add('debian-12');
    fake.specs.read();
    fake.server
      .on('GET', SPACE, () => ({ body: space }))
      .on('GET', KERNELS, () => ({ body: { kernels } }))
      .on('GET', 'container-kernels/tasks', () => ({ body: { tasks } }))
      .on('GET', /info/, { body: someInfo() });
  });

  afterEach(() => fake.model.dispose());

  const look = async () => {
    fake.model.setWatched(true);
    fake.model.setSpaceWatched(true);
    await settle();
  };

  it('is not read while nobody looks, whatever changes', async () => {
    fake.model.setWatched(true);
    await settle();
    fake.model.setWatched(false);
    fake.model.setSpaceWatched(true);
    await fake.model.refresh();
    fake.server.on('DELETE', /kernels/, { body: aRemoval() });
    await fake.model.remove('debian-12', {});
    await settle();
    expect(fake.server.count('GET', SPACE)).toBe(0);
    expect(fake.model.space.value).toBeNull();
  });

  it('is read when its tab is chosen, and when the panel comes back', async () => {
    await look();
    expect(fake.model.space.value?.items).toHaveLength(space.items.length);
    const before = fake.server.count('GET', SPACE);
    fake.model.setWatched(false);
    fake.model.setWatched(true);
    await settle();
    expect(fake.server.count('GET', SPACE)).toBe(before + 1);
  });

  it('tells why it cannot be read, and keeps what it knew', async () => {
    await look();
    const { value } = fake.model.space;
    fake.server.on('GET', SPACE, {
      status: 504,
      body: { code: 'timed_out', message: '/scratch is silent.', hint: 'Wait.' }
    });
    await fake.model.refreshSpace();
    expect(fake.model.space.problem?.message).toBe('/scratch is silent.');
    expect(fake.model.space.value).toBe(value);
  });

  it('is read once more when something changed while it was read', async () => {
    await look();
    const before = fake.server.count('GET', SPACE);
    const first = fake.model.refreshSpace();
    space = someSpace({ items: [] });
    await Promise.all([first, fake.model.refreshSpace()]);
    expect(fake.server.count('GET', SPACE)).toBe(before + 2);
    expect(fake.model.space.value?.items).toEqual([]);
  });

  it('is less by what was freed, at once', async () => {
    const item = aSpaceItem({ id: UNDO, removable: true });
    space = someSpace({ items: [item] });
    await look();
    fake.server.on('DELETE', `${SPACE}/${UNDO}`, () => {
      space = someSpace({ items: [] });
      return { body: { freed_bytes: 12 } };
    });
    const freeing = fake.model.free(UNDO);
    expect([...fake.model.space.busy]).toEqual([UNDO]);
    await expect(freeing).resolves.toEqual({ freed_bytes: 12 });
    expect(fake.model.space.value?.items).toEqual([]);
    expect(fake.model.space.busy.size).toBe(0);
  });

  it('still has what was not freed', async () => {
    space = someSpace({ items: [aSpaceItem({ id: UNDO })] });
    await look();
    fake.server.on('DELETE', `${SPACE}/${UNDO}`, {
      status: 409,
      body: { code: 'kernel_running', message: 'In use.', hint: '' }
    });
    await expect(fake.model.free(UNDO)).rejects.toThrow('In use.');
    await settle();
    expect(fake.model.space.value?.items).toHaveLength(1);
    expect(fake.model.space.busy.size).toBe(0);
  });

  it('gives a kernel back to the list and to Jupyter', async () => {
    await look();
    fake.server.on('DELETE', /kernels/, () => {
      kernels = [];
      fake.specs.onServer.delete('debian-12');
      return { body: aRemoval({ undo: UNDO }) };
    });
    await fake.model.remove('debian-12', {});
    await settle();
    expect(fake.specs.listed).not.toContain('debian-12');
    fake.server.on('POST', `container-kernels/trash/${UNDO}/restore`, () => {
      kernels = [aKernel()];
      fake.specs.onServer.add('debian-12');
      return { body: { slug: 'debian-12', display_name: 'Debian 12' } };
    });
    await fake.model.restore(UNDO);
    await settle();
    expect(fake.specs.listed).toContain('debian-12');
    expect(fake.model.kernels?.map(each => each.slug)).toEqual(['debian-12']);
  });

  it('deletes what it can of several, and tells of each', async () => {
    kernels = [aKernel(), aKernel({ slug: 'r', display_name: 'R' })];
    await look();
    const told: (readonly IRemovedKernel[])[] = [];
    fake.model.removed.connect((_, removed) => told.push(removed));
    fake.server
      .on('DELETE', `${KERNELS}/debian-12`, { body: aRemoval() })
      .on('DELETE', `${KERNELS}/r`, {
        status: 409,
        body: { code: 'kernel_running', message: 'R runs.', hint: 'Stop it.' }
      });
    const outcome = await fake.model.removeAll([
      { slug: 'r', displayName: 'R', request: {} },
      { slug: 'debian-12', displayName: 'Debian 12', request: { purge: true } }
    ]);
    expect(outcome.removed.map((each: IRemovedKernel) => each.slug)).toEqual([
      'debian-12'
    ]);
    expect(outcome.refused).toMatchObject([
      {
        slug: 'r',
        displayName: 'R',
        error: { message: 'R runs.', hint: 'Stop it.' }
      }
    ]);
    expect(told).toEqual([outcome.removed]);
  });

  it('keeps the kernel that another of its name hid', async () => {
    const hidden = aKernel({
      id: 'debian-12@/usr/share',
      resource_dir: '/usr/share/jupyter/kernels/debian-12'
    });
    kernels = [aKernel(), hidden];
    await look();
    fake.server.on('DELETE', /kernels/, () => {
      kernels = [hidden];
      return { body: aRemoval() as IRemoval };
    });
    await fake.model.remove('debian-12', {});
    expect(fake.model.kernels).toEqual([hidden]);
  });

  it.each([
    [{ repair: { action: 'pull', image: null } }, 'POST debian-12/repair'],
    [{ edit: { gpu: 'on' }, job: 'edit' }, 'PATCH debian-12'],
    [
      { edit: { gpu: 'on' }, job: 'duplicate', slug: 'x', original: 'demo' },
      'POST demo/duplicate'
    ],
    [{ edit: { gpu: 'on' }, job: 'duplicate' }, 'POST '], // of an older version
    [{ job: 'check' }, 'POST debian-12/check'],
    [{}, 'POST ']
  ] as [Partial<ITask>, string][])(
    'is changed by the same request when %j is tried again',
    async (change, expected) => {
      tasks = [aTask({ ...change, state: 'failed' })];
      await fake.model.start();
      for (const method of ['POST', 'PATCH']) {
        fake.server.on(method, /kernels/, {
          status: 202,
          body: aTask({ id: 'b'.repeat(32) })
        });
      }
      fake.server.on('DELETE', /tasks/, { body: tasks[0] });
      await fake.model.retry(tasks[0].id);
      const asked = fake.server.asked.find(each =>
        ['POST', 'PATCH'].includes(each.method)
      );
      expect(
        `${asked?.method} ${asked?.path.replace(/^.*kernels\/?/, '')}`
      ).toBe(expected);
    }
  );

  it('reads the kernels when a check has ended badly, too', async () => {
    await look();
    tasks = [aTask({ job: 'check' })];
    fake.server.on('POST', `${KERNELS}/debian-12/check`, { body: tasks[0] });
    await fake.model.check('debian-12', { updates: false });
    const before = fake.server.count('GET', KERNELS);
    tasks = [aTask({ job: 'check', state: 'failed', seq: 2 })];
    await fake.model.start();
    await settle();
    expect(fake.server.count('GET', KERNELS)).toBeGreaterThan(before);
    expect(
      fake.server.asked.find(asked => asked.path.endsWith('/check'))?.body
    ).toEqual({ updates: false });
  });
});
