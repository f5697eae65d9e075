import type { Event, Kernel } from '@jupyterlab/services';
import { Signal, Stream } from '@lumino/signaling';

import { ContainerKernelsClient } from '../../api/client';
import {
  KERNEL_EVENT_SCHEMA,
  ServerEvents,
  TASK_EVENT_SCHEMA
} from '../../api/events';
import type { IKernel, ITask } from '../../api/types';
import { setPageHidden } from '../../testing/page';
import { aFailedLog, aKernel, aTask, someInfo } from '../../testing/samples';
import { FakeServer } from '../../testing/server';
import { FakeSpecs } from '../../testing/specs';
import { ContainerKernelsModel } from '../model';

const TASKS = 'container-kernels/tasks';
const KERNELS = 'container-kernels/kernels';

describe('ContainerKernelsModel', () => {
  let server: FakeServer;
  let specs: FakeSpecs;
  let stream: Stream<unknown, Event.Emission>;
  let running: Signal<never, Kernel.IModel[]>;
  let model: ContainerKernelsModel;
  let tasks: ITask[];
  let kernels: IKernel[];
  let ended: ITask[];

  beforeEach(() => {
    jest.useFakeTimers();
    setPageHidden(false);
    tasks = [];
    kernels = [];
    ended = [];
    server = new FakeServer()
      .on('GET', TASKS, () => ({ body: { tasks } }))
      .on('GET', KERNELS, () => ({ body: { kernels } }))
      .on('GET', 'container-kernels/info', { body: someInfo() });
    specs = new FakeSpecs();
    specs.read();
    stream = new Stream<unknown, Event.Emission>({});
    running = new Signal<never, Kernel.IModel[]>({} as never);
    model = new ContainerKernelsModel({
      client: new ContainerKernelsClient(server.settings),
      events: new ServerEvents({ stream } as unknown as Event.IManager),
      specs,
      kernels: { runningChanged: running }
    });
    model.taskEnded.connect((_, task) => {
      ended.push(task);
    });
  });

  afterEach(() => {
    model.dispose();
    jest.useRealTimers();
  });

  const pass = (milliseconds: number) =>
    jest.advanceTimersByTimeAsync(milliseconds);

  const emit = (seq: number, state = 'running', id = aTask().id) =>
    stream.emit({ schema_id: TASK_EVENT_SCHEMA, task_id: id, seq, state });

  const tell = (slug: string, present: boolean) =>
    stream.emit({ schema_id: KERNEL_EVENT_SCHEMA, slug, present });

  describe('while nothing runs and nobody looks', () => {
    it('asks nothing before it is started', async () => {
      await pass(600_000);
      expect(server.asked).toHaveLength(0);
    });

    it('asks once when the page was loaded, and then never again', async () => {
      await model.start();
      await pass(600_000);
      setPageHidden(true);
      setPageHidden(false);
      await pass(600_000);
      expect(server.asked.map(asked => asked.path)).toEqual([TASKS]);
    });

    it('asks nothing when kernels start or kernelspecs change', async () => {
      await model.start();
      specs.read();
      running.emit([{ name: 'python3' } as Kernel.IModel]);
      await pass(60_000);
      expect(server.asked).toHaveLength(1);
    });

    it('does not ask again and again when nobody answers', async () => {
      server.on('GET', TASKS, { status: 502, text: '<html>' });
      await model.start();
      await pass(600_000);
      expect(server.asked).toHaveLength(1);
      expect(model.connection).toBe('lost');
    });
  });

  describe('while a task runs', () => {
    beforeEach(async () => {
      tasks = [aTask()];
      await model.start();
    });

    it('reads it every second, until it ends', async () => {
      await pass(5_100);
      expect(server.count('GET', TASKS)).toBe(6);
      tasks = [aTask({ seq: 9, state: 'failed' })];
      await pass(1_000);
      const before = server.asked.length;
      await pass(60_000);
      expect(server.asked).toHaveLength(before);
      expect(ended.map(task => task.state)).toEqual(['failed']);
    });

    it('reads nothing while the page is hidden, and at once when it is shown', async () => {
      setPageHidden(true);
      await pass(60_000);
      expect(server.count('GET', TASKS)).toBe(1);
      setPageHidden(false);
      await pass(0);
      expect(server.count('GET', TASKS)).toBe(2);
    });

    it('reads it soon after an event', async () => {
      await pass(300);
      tasks = [aTask({ seq: 2, message: 'Unpacking' })];
      emit(2);
      await pass(250);
      expect(model.tasks[0].task.message).toBe('Unpacking');
    });

    it('does not read for an event of what it knows already', async () => {
      emit(1);
      await pass(500);
      expect(server.count('GET', TASKS)).toBe(1);
    });

    it('reads a few times a second at most, however many events come', async () => {
      for (let seq = 2; seq < 102; seq++) {
        emit(seq);
        await pass(10);
      }
      expect(server.count('GET', TASKS)).toBeLessThanOrEqual(8);
    });

    it('in a hidden page reads for the end of a task only', async () => {
      setPageHidden(true);
      emit(2, 'running');
      await pass(500);
      expect(server.count('GET', TASKS)).toBe(1);
      tasks = [aTask({ seq: 3, state: 'done' })];
      emit(3, 'done');
      await pass(500);
      expect(ended).toHaveLength(1);
    });

    it.each([
      ['a proxy without a server', { status: 502, text: '<html>502' }],
      ['a login page', { status: 200, text: '<html>Log in' }],
      ['no network', new Error('Failed to fetch')],
      ['a 404 of a proxy', { status: 404, text: '<html>404' }]
    ])('takes %s for a lost connection, not for the end', async (_, answer) => {
      server.on('GET', TASKS, () => answer);
      await pass(3_000);
      expect(model.connection).toBe('lost');
      expect(model.tasks[0].task.state).toBe('running');
      expect(ended).toEqual([]);
    });

    it('asks less and less often while nobody answers, and then goes on', async () => {
      server.on('GET', TASKS, { status: 502, text: '' });
      await pass(120_000);
      const tries = server.count('GET', TASKS);
      expect(tries).toBeLessThan(30);
      server.on('GET', TASKS, () => ({ body: { tasks } }));
      await pass(31_000);
      expect(model.connection).toBe('ok');
    });

    it('never goes back when an older answer comes late', async () => {
      let late: (() => void) | undefined;
      server.on(
        'GET',
        TASKS,
        () =>
          new Promise(resolve => {
            late = () => resolve({ body: { tasks: [aTask({ seq: 1 })] } });
          })
      );
      await pass(1_000);
      server.on('GET', TASKS, {
        body: { tasks: [aTask({ seq: 7, message: 'new' })] }
      });
      emit(7);
      await pass(300);
      late?.();
      await pass(0);
      expect(model.tasks[0].task.message).toBe('new');
    });

    it('makes JupyterLab show the kernel within a second of its end', async () => {
      specs.onServer.add('debian-12');
      tasks = [aTask({ seq: 9, state: 'done' })];
      await pass(1_000);
      expect(specs.listed).toContain('debian-12');
    });

    it('does the same for a task of another page that ended in between', async () => {
      specs.onServer.add('other');
      tasks = [
        aTask({ seq: 2 }),
        aTask({ id: 'f'.repeat(32), slug: 'other', state: 'done' })
      ];
      await pass(1_000);
      expect(specs.listed).toContain('other');
      expect(ended).toEqual([]); // no toast for what nobody here saw running
    });

    it('looks for new kernels when the task was dismissed elsewhere', async () => {
      specs.onServer.add('debian-12');
      tasks = [];
      await pass(1_100);
      expect(specs.listed).toContain('debian-12');
      expect(model.tasks).toHaveLength(0);
    });

    it('is not disturbed by a task that cannot be read', async () => {
      const complain = jest.spyOn(console, 'error').mockImplementation();
      server.on('GET', TASKS, {
        body: { tasks: [{ id: 'x' }, aTask({ seq: 4, message: 'good' })] }
      });
      await pass(1_000);
      expect(model.tasks[0].task.message).toBe('good');
      complain.mockRestore();
    });
  });

  it('begins to watch when another page starts a task', async () => {
    await model.start();
    tasks = [aTask()];
    emit(1);
    await pass(300);
    expect(model.tasks).toHaveLength(1);
    tasks = [aTask({ seq: 5, state: 'done' })];
    await pass(1_000);
    expect(ended).toHaveLength(1);
  });

  describe('adding a kernel', () => {
    it('starts a task, tells of it and watches it', async () => {
      const started: ITask[] = [];
      model.taskStarted.connect((_, task) => {
        started.push(task);
      });
      server.on('POST', KERNELS, () => {
        tasks = [aTask()];
        return { status: 202, body: aTask() };
      });
      await model.add({ image: 'debian:12' });
      expect(started).toHaveLength(1);
      expect(model.tasks).toHaveLength(1);
      await pass(1_100);
      expect(server.count('GET', TASKS)).toBe(1);
    });

    it('hands on what the server part says', async () => {
      server.on('POST', KERNELS, {
        status: 409,
        body: { code: 'slug_taken', message: 'Taken.', hint: '' }
      });
      await expect(model.add({ image: 'debian' })).rejects.toMatchObject({
        code: 'slug_taken'
      });
      expect(model.connection).toBe('ok');
      expect(model.tasks).toHaveLength(0);
    });
  });

  describe('ending a task', () => {
    const end = `${TASKS}/${aTask().id}`;

    it('that runs cancels it and watches on until it is cancelled', async () => {
      tasks = [aTask()];
      await model.start();
      server.on('DELETE', end, () => {
        tasks = [aTask({ seq: 2, state: 'cancelling' })];
        return { body: tasks[0] };
      });
      await model.endTask(aTask().id);
      expect(model.tasks[0].task.state).toBe('cancelling');
      tasks = [aTask({ seq: 3, state: 'cancelled' })];
      await pass(1_100);
      expect(model.tasks[0].task.state).toBe('cancelled');
    });

    it('that has ended makes it go', async () => {
      tasks = [aTask({ state: 'failed' })];
      await model.start();
      server.on('DELETE', end, { body: tasks[0] });
      await model.endTask(aTask().id);
      expect(model.tasks).toHaveLength(0);
    });

    it('that another page dismissed makes it go, too', async () => {
      tasks = [aTask({ state: 'failed' })];
      await model.start();
      server.on('DELETE', end, {
        status: 404,
        body: { code: 'not_found', message: 'No such task.', hint: '' }
      });
      await model.endTask(aTask().id);
      expect(model.tasks).toHaveLength(0);
    });

    it('by retrying it sends the same request, and lets the old one go', async () => {
      tasks = [aTask({ state: 'failed' })];
      await model.start();
      server.on('DELETE', end, { body: tasks[0] });
      server.on('POST', KERNELS, {
        status: 202,
        body: aTask({ id: 'a'.repeat(32) })
      });
      await model.retry(aTask().id);
      expect(server.asked.find(asked => asked.method === 'POST')?.body).toEqual(
        aTask().request
      );
      expect(model.tasks.map(item => item.task.id)).toEqual(['a'.repeat(32)]);
    });
  });

  describe('mending a kernel', () => {
    const repair = { action: 'relink', image: '/new.sif' } as const;

    it('is tried again by the same repair', async () => {
      tasks = [aTask({ state: 'failed', repair })];
      await model.start();
      server.on('DELETE', /tasks/, { body: tasks[0] });
      server.on('POST', `${KERNELS}/debian-12/repair`, {
        status: 202,
        body: aTask({ id: 'a'.repeat(32), repair })
      });
      await model.retry(aTask().id);
      expect(server.asked.find(asked => asked.method === 'POST')?.body).toEqual(
        repair
      );
    });

    it('settles what was wrong with its start, when it is done', async () => {
      server.on('GET', `${KERNELS}/debian-12/log`, { body: aFailedLog() });
      model.starts.see({
        id: 'k',
        slug: 'debian-12',
        displayName: 'Debian 12',
        state: 'died'
      });
      await pass(10);
      expect(model.starts.troubled).toHaveLength(1);
      server.on('POST', `${KERNELS}/debian-12/repair`, {
        status: 202,
        body: aTask({ repair })
      });
      await model.repair('debian-12', repair);
      expect(model.starts.troubled).toHaveLength(1);
      tasks = [aTask({ repair, seq: 9, state: 'done' })];
      await model.start();
      expect(model.starts.troubled).toHaveLength(0);
    });
  });

  describe('sharing a kernel', () => {
    const share = { directory: '/project/lab' };
    const copy = '/project/lab/kernels/debian-12';

    it('leaves what was wrong with its own start', async () => {
      server.on('GET', `${KERNELS}/debian-12/log`, { body: aFailedLog() });
      model.starts.see({
        id: 'k',
        slug: 'debian-12',
        displayName: 'Debian 12',
        state: 'died'
      });
      await pass(10);
      server.on('POST', `${KERNELS}/debian-12/share`, {
        status: 202,
        body: aTask({ job: 'share', share })
      });
      await model.share('debian-12', share);
      tasks = [aTask({ job: 'share', share, seq: 9, state: 'done' })];
      await model.start();
      expect(ended).toHaveLength(1);
      expect(model.starts.troubled).toHaveLength(1);
    });

    it.each([
      ['with its owner’s kernel', true],
      ['alone', false]
    ])('is taken back, %s, without waiting in vain', async (_, isOwn) => {
      const own = isOwn ? [aKernel()] : [];
      kernels = [...own, aKernel({ id: 'x', resource_dir: copy })];
      specs.onServer.add('debian-12');
      specs.read();
      model.setWatched(true);
      await pass(0);
      server.on('POST', `${KERNELS}/debian-12/withdraw`, () => {
        kernels = own;
        if (!isOwn) {
          specs.onServer.delete('debian-12');
        }
        return { body: { freed_bytes: 7 } };
      });
      await model.withdraw('debian-12', copy);
      tell('debian-12', isOwn);
      await pass(0);
      expect(specs.listed.includes('debian-12')).toBe(isOwn);
      expect(model.kernels).toEqual(own);
      const { refreshes } = specs;
      await pass(60_000);
      expect(specs.refreshes).toBe(refreshes);
    });
  });

  describe('deleting a kernel', () => {
    it('that is hidden says its own name, and leaves what is wrong with the other', async () => {
      const hidden = '/usr/share/jupyter/kernels/debian-12';
      kernels = [
        aKernel(),
        aKernel({ id: 'x', display_name: 'Old', resource_dir: hidden })
      ];
      server
        .on('GET', `${KERNELS}/debian-12/log`, { body: aFailedLog() })
        .on('DELETE', `${KERNELS}/debian-12`, {
          body: { slug: 'debian-12', removal: [], freed_bytes: 7, undo: null }
        });
      model.setWatched(true);
      model.starts.see({
        id: 'k',
        slug: 'debian-12',
        displayName: 'Debian 12',
        state: 'died'
      });
      await pass(10);
      const removed: string[] = [];
      model.removed.connect((_, all) =>
        removed.push(...all.map(each => each.displayName))
      );
      await model.remove('debian-12', { resource_dir: hidden });
      expect(removed).toEqual(['Old']);
      expect(model.starts.troubled).toHaveLength(1);
      await model.remove('debian-12', {});
      expect(removed).toEqual(['Old', 'Debian 12']);
      expect(model.starts.troubled).toHaveLength(0);
    });

    it('makes its row and its tile go at once', async () => {
      kernels = [aKernel(), aKernel({ slug: 'other' })];
      specs.onServer.add('debian-12');
      specs.read();
      model.setWatched(true);
      await pass(0);
      server.on('DELETE', `${KERNELS}/debian-12`, () => {
        specs.onServer.delete('debian-12');
        kernels = [aKernel({ slug: 'other' })];
        return {
          body: { slug: 'debian-12', removal: [], freed_bytes: 7, undo: null }
        };
      });
      let before: string | undefined;
      specs.refresh = async () => {
        before ??= server.asked[server.asked.length - 1].method;
        specs.read();
      };
      await model.remove('debian-12', { delete_image: true });
      expect(before).toBe('DELETE'); // nothing else was asked in between
      expect(model.kernels?.map(each => each.slug)).toEqual(['other']);
      await pass(0);
      expect(specs.listed).not.toContain('debian-12');
    });

    it('is seen at once when another page of this user does it', async () => {
      specs.onServer.add('debian-12');
      specs.read();
      kernels = [aKernel()];
      model.setWatched(true);
      await pass(0);
      specs.onServer.delete('debian-12');
      kernels = [];
      tell('debian-12', false);
      await pass(0);
      expect(specs.listed).not.toContain('debian-12');
      expect(model.kernels).toEqual([]);
      specs.onServer.add('debian-12');
      tell('debian-12', true);
      await pass(0);
      expect(specs.listed).toContain('debian-12');
    });

    it('asks nothing more when the server tells of what this page did', async () => {
      kernels = [aKernel()];
      model.setWatched(true);
      await pass(0);
      server.on('DELETE', `${KERNELS}/debian-12`, {
        body: { slug: 'debian-12', removal: [], freed_bytes: 7, undo: null }
      });
      await model.remove('debian-12', {});
      await pass(0);
      const count = server.asked.length;
      tell('debian-12', false);
      await pass(0);
      expect(server.asked).toHaveLength(count);
    });
  });

  it('no longer says that a deleted kernel is ready', async () => {
    tasks = [aTask({ state: 'done' })];
    await model.start();
    server.on('DELETE', `${KERNELS}/debian-12`, {
      body: { slug: 'debian-12', removal: [], freed_bytes: 7, undo: null }
    });
    server.on('DELETE', `${TASKS}/${aTask().id}`, { body: tasks[0] });
    await model.remove('debian-12', {});
    await pass(0);
    expect(model.tasks).toHaveLength(0);
  });

  describe('while somebody looks', () => {
    beforeEach(async () => {
      kernels = [aKernel()];
      model.setWatched(true);
      await pass(0);
    });

    it('has read the kernels, the tasks and what the server part offers', () => {
      expect(model.kernels).toEqual([aKernel()]);
      expect(model.info).toEqual(someInfo());
      expect(model.connection).toBe('ok');
      expect(server.asked.map(asked => asked.path).sort()).toEqual([
        'container-kernels/info',
        KERNELS,
        TASKS
      ]);
    });

    it('asks nothing by itself', async () => {
      await pass(600_000);
      expect(server.asked).toHaveLength(3);
    });

    it('reads the kernels again when one of ours starts', async () => {
      running.emit([{ name: 'debian-12' } as Kernel.IModel]);
      running.emit([{ name: 'debian-12' } as Kernel.IModel]);
      await pass(0);
      expect(server.count('GET', KERNELS)).toBe(2);
    });

    it('reads once more, not more often, what changed while it read', async () => {
      let answer: (body: unknown) => void = () => undefined;
      server.on(
        'GET',
        KERNELS,
        () => new Promise(done => (answer = body => done({ body })))
      );
      void model.refresh();
      await pass(0);
      running.emit([{ name: 'debian-12' } as Kernel.IModel]);
      running.emit([]);
      await pass(0);
      expect(server.count('GET', KERNELS)).toBe(2);
      answer({ kernels: [] });
      await pass(0);
      expect(model.kernels).toEqual([aKernel()]); // it was asked too early
      expect(server.count('GET', KERNELS)).toBe(3);
      answer({ kernels: [] });
      await pass(0);
      expect(model.kernels).toEqual([]);
      expect(server.count('GET', KERNELS)).toBe(3);
    });

    it('keeps what it has while nobody answers, and reads again when somebody does', async () => {
      server.on('GET', KERNELS, { status: 503, text: '' });
      await model.refresh();
      expect(model.connection).toBe('lost');
      expect(model.kernels).toEqual([aKernel()]);
      kernels = [];
      server.on('GET', KERNELS, () => ({ body: { kernels } }));
      await pass(2_000);
      expect(model.connection).toBe('ok');
      expect(model.kernels).toEqual([]);
    });

    it('says when the server part refuses, and forgets it when it does not', async () => {
      server.on('GET', KERNELS, {
        status: 403,
        body: { code: 'forbidden', message: 'No.', hint: 'Ask.' }
      });
      await model.refresh();
      expect(model.error?.message).toBe('No.');
      server.on('GET', KERNELS, { body: { kernels } });
      await model.refresh();
      expect(model.error).toBeNull();
    });

    it('counts the kernels that cannot be read', async () => {
      const complain = jest.spyOn(console, 'error').mockImplementation();
      server.on('GET', KERNELS, {
        body: { kernels: [aKernel(), { slug: 'x' }] }
      });
      await model.refresh();
      expect(model.kernels).toHaveLength(1);
      expect(model.unreadable).toBe(1);
      complain.mockRestore();
    });

    it('lets what ended well go by itself after a while', async () => {
      const id = 'd'.repeat(32);
      tasks = [
        aTask({ id, state: 'done', ended: '2020-01-01T00:00:00Z' }),
        aTask({ state: 'failed', ended: '2020-01-01T00:00:00Z' })
      ];
      server.on('DELETE', `${TASKS}/${id}`, { body: tasks[0] });
      await model.refresh();
      await pass(0);
      expect(model.tasks.map(item => item.task.state)).toEqual(['failed']);
    });
  });

  it('says when the server part is missing', async () => {
    server.on('GET', /.*/, { status: 404, text: '<html>404' });
    model.setWatched(true);
    await pass(0);
    expect(model.connection).toBe('missing');
    await pass(600_000);
    expect(server.asked.length).toBeLessThanOrEqual(3);
  });

  it('follows the end of a log that is shown', async () => {
    let log = 'one\n';
    server.on('GET', /\/log/, asked => {
      const offset = Number(asked.path.split('=')[1]);
      return {
        body: {
          text: log.slice(offset),
          offset,
          next_offset: log.length,
          size_bytes: log.length,
          path: '/log'
        }
      };
    });
    tasks = [aTask({ log_bytes: 4 })];
    await model.start();
    model.showLog(aTask().id, true);
    await pass(0);
    expect(model.logs.get(aTask().id)?.text).toBe('one\n');
    log += 'two\n';
    tasks = [aTask({ seq: 2, log_bytes: 8 })];
    await pass(1_000);
    expect(model.logs.get(aTask().id)?.text).toBe('one\ntwo\n');
    expect(server.count('GET', /\/log/)).toBe(2);
    model.showLog(aTask().id, false);
    expect(model.logs.size).toBe(0);
  });

  it('asks what the server part offers once', async () => {
    await model.getInfo();
    await model.getInfo();
    expect(server.count('GET', 'container-kernels/info')).toBe(1);
  });

  it('asks again as long as the runtime is being looked for, and no longer', async () => {
    const [runtime] = someInfo().runtimes;
    const looking = { ...runtime, available: false, searching: true };
    let info = someInfo({ runtimes: [looking] });
    server.on('GET', 'container-kernels/info', () => ({ body: info }));
    await model.getInfo();
    await pass(2_000);
    expect(server.count('GET', 'container-kernels/info')).toBe(2);
    info = someInfo();
    await pass(2_000);
    expect(model.info).toEqual(info);
    await pass(60_000);
    expect(server.count('GET', 'container-kernels/info')).toBe(3);
  });

  it('learns what came of the search though nobody answers for a while', async () => {
    const [runtime] = someInfo().runtimes;
    const looking = { ...runtime, available: false, searching: true };
    const searching = { body: someInfo({ runtimes: [looking] }) };
    server.on('GET', 'container-kernels/info', searching);
    await model.getInfo();
    server.on('GET', 'container-kernels/info', { status: 502 });
    await pass(6_000);
    server.on('GET', 'container-kernels/info', searching);
    await pass(2_000);
    server.on('GET', 'container-kernels/info', { status: 502 });
    await pass(3_600_000);
    const count = server.count('GET', 'container-kernels/info');
    await pass(3_600_000);
    expect(server.count('GET', 'container-kernels/info')).toBe(count);
    server.on('GET', 'container-kernels/info', { body: someInfo() });
    await model.getInfo(); // somebody wants to know
    expect(model.info).toEqual(someInfo());
  });
});
