import { setPageHidden } from '../../testing/page';
import { FakeSpecs } from '../../testing/specs';
import { KernelspecWatcher } from '../kernelspecs';

describe('the watcher of kernelspecs', () => {
  let specs: FakeSpecs;
  let watcher: KernelspecWatcher;

  beforeEach(() => {
    jest.useFakeTimers();
    setPageHidden(false);
    specs = new FakeSpecs();
    watcher = new KernelspecWatcher(specs);
  });

  afterEach(() => {
    watcher.dispose();
    jest.useRealTimers();
  });

  it('shows a new kernel with the first refresh', async () => {
    specs.onServer.add('new');
    watcher.expect('new', true);
    await jest.advanceTimersByTimeAsync(0);
    expect(specs.listed).toContain('new');
    expect(watcher.isSettled).toBe(true);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(specs.refreshes).toBe(1);
  });

  it('sees that a kernel is gone', async () => {
    specs.onServer.add('old');
    specs.read();
    specs.onServer.delete('old');
    watcher.expect('old', false);
    await jest.advanceTimersByTimeAsync(0);
    expect(specs.listed).not.toContain('old');
    expect(watcher.isSettled).toBe(true);
  });

  it('tries again within a second when a refresh does nothing', async () => {
    specs.onServer.add('new');
    let silent = 2;
    specs.refresh = async () => {
      if (silent-- <= 0) {
        specs.read();
      }
    };
    watcher.expect('new', true);
    await jest.advanceTimersByTimeAsync(500);
    expect(watcher.isSettled).toBe(true);
    expect(specs.refreshes).toBe(3);
  });

  it('tries again when a refresh fails', async () => {
    specs.onServer.add('new');
    specs.refresh = async () => {
      specs.refresh = async () => specs.read();
      throw new Error('502');
    };
    watcher.expect('new', true);
    await jest.advanceTimersByTimeAsync(200);
    expect(watcher.isSettled).toBe(true);
  });

  it('tries again when a refresh never ends', async () => {
    specs.onServer.add('new');
    specs.refresh = () => {
      specs.refresh = async () => specs.read();
      return new Promise(() => undefined);
    };
    watcher.expect('new', true);
    await jest.advanceTimersByTimeAsync(2_500);
    expect(watcher.isSettled).toBe(true);
  });

  it('ends when JupyterLab itself finds the kernel', async () => {
    specs.refresh = async () => undefined;
    watcher.expect('new', true);
    await jest.advanceTimersByTimeAsync(150);
    specs.onServer.add('new');
    specs.read();
    expect(watcher.isSettled).toBe(true);
  });

  it('gives up after a while, and begins anew when the page is looked at', async () => {
    specs.refresh = async () => undefined;
    watcher.expect('new', true);
    await jest.advanceTimersByTimeAsync(120_000);
    const before = specs.refreshes;
    await jest.advanceTimersByTimeAsync(120_000);
    expect(specs.refreshes).toBe(before);

    specs.onServer.add('new');
    specs.refresh = async () => specs.read();
    setPageHidden(true);
    setPageHidden(false);
    await jest.advanceTimersByTimeAsync(0);
    expect(watcher.isSettled).toBe(true);
  });

  it('in a hidden page tries once, and at once when the page is shown', async () => {
    setPageHidden(true);
    specs.onServer.add('new');
    specs.refresh = async () => undefined; // what a hidden page does
    watcher.expect('new', true);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(specs.refreshes).toBe(1);

    specs.refresh = async () => specs.read();
    setPageHidden(false);
    await jest.advanceTimersByTimeAsync(0);
    expect(watcher.isSettled).toBe(true);
  });

  it('in a hidden page whose refresh hangs, is there when the page is shown', async () => {
    setPageHidden(true);
    specs.onServer.add('new');
    specs.refresh = () => new Promise(() => undefined);
    watcher.expect('new', true);
    await jest.advanceTimersByTimeAsync(500);
    specs.refresh = async () => specs.read();
    setPageHidden(false);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(watcher.isSettled).toBe(true);
  });

  it('does nothing more once disposed', async () => {
    specs.refresh = async () => undefined;
    watcher.expect('new', true);
    await jest.advanceTimersByTimeAsync(50);
    watcher.dispose();
    const before = specs.refreshes;
    await jest.advanceTimersByTimeAsync(60_000);
    setPageHidden(false);
    expect(specs.refreshes).toBe(before);
  });

  it('looks for the new name of a kernel that was there before', async () => {
    specs.onServer.add('r');
    specs.read();
    let name = 'Before';
    specs.refresh = async () => {
      specs.read();
      (specs.specs?.kernelspecs.r as { display_name: string }).display_name =
        name;
    };
    watcher.expect('r', true, 'After');
    await jest.advanceTimersByTimeAsync(500);
    expect(watcher.isSettled).toBe(false);
    name = 'After';
    await jest.advanceTimersByTimeAsync(2_000);
    expect(watcher.isSettled).toBe(true);
  });
});
