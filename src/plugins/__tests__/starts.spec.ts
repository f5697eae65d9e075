import type { ILabShell, JupyterFrontEnd } from '@jupyterlab/application';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import type { IStartedKernel } from '../../tokens';
import { FakeApp } from '../../testing/app';
import { starts } from '../starts';

/** A session as notebooks and consoles have one. */
class FakeSession {
  readonly statusChanged = new Signal<this, unknown>(this);
  readonly connectionStatusChanged = new Signal<this, unknown>(this);
  readonly kernelChanged = new Signal<this, unknown>(this);
  readonly disposed = new Signal<this, void>(this);
  isRestarting = false;
  session: { kernel: object | null } = { kernel: null };

  /** Starts another kernel, or none. */
  change(id: string | null, name = 'ours'): void {
    const oldValue = this.session.kernel;
    this.session = {
      kernel:
        id === null
          ? null
          : { id, name, status: 'unknown', connectionStatus: 'connecting' }
    };
    this.kernelChanged.emit({
      name: 'kernel',
      oldValue,
      newValue: this.session.kernel
    });
  }

  say(status: string, connectionStatus = 'connected'): void {
    Object.assign(this.session.kernel ?? {}, { status, connectionStatus });
    this.statusChanged.emit(status);
  }
}

class Notebook extends Widget {
  constructor(readonly sessionContext: FakeSession) {
    super();
  }
}

describe('the kernels of what is open', () => {
  let fake: FakeApp;
  let widgets: Widget[];
  let currentChanged: Signal<object, void>;
  let layoutModified: Signal<object, void>;
  let session: FakeSession;
  let seen: [string, string][];
  let forgotten: string[];

  beforeEach(async () => {
    fake = new FakeApp();
    session = new FakeSession();
    widgets = [new Widget(), new Notebook(session)];
    currentChanged = new Signal({});
    layoutModified = new Signal({});
    seen = [];
    forgotten = [];
    jest
      .spyOn(fake.model.starts, 'see')
      .mockImplementation((kernel: IStartedKernel) => {
        expect(kernel.displayName).toBe('Ours');
        seen.push([kernel.id, kernel.state]);
      });
    jest
      .spyOn(fake.model.starts, 'forget')
      .mockImplementation(id => forgotten.push(id));
    const spec = { display_name: 'Ours', metadata: { container_kernels: {} } };
    const app = {
      ...fake.app,
      restored: Promise.resolve(),
      shell: { widgets: () => widgets, currentChanged },
      serviceManager: {
        kernelspecs: {
          specs: {
            kernelspecs: { ours: spec, python3: { ...spec, metadata: {} } }
          }
        },
        kernels: {
          running: () => [{ id: 'old', name: 'ours', execution_state: 'busy' }]
        }
      }
    } as unknown as JupyterFrontEnd;
    await starts.activate(app, fake.model, {
      layoutModified
    } as unknown as ILabShell);
    await app.restored;
  });

  afterEach(() => {
    fake.model.dispose();
    jest.restoreAllMocks();
  });

  it('are watched from their start on', () => {
    session.change('a');
    session.say('busy');
    session.say('idle');
    expect(seen).toEqual([
      ['a', 'starting'],
      ['a', 'answered'],
      ['a', 'answered']
    ]);
  });

  it('are not watched when they are not ours', () => {
    session.change('a', 'python3');
    session.say('idle');
    expect(seen).toEqual([]);
  });

  it('are watched when another one is chosen in the kernel picker', () => {
    session.change('a');
    session.change('b');
    session.change(null);
    expect(seen).toEqual([
      ['a', 'starting'],
      ['b', 'starting']
    ]);
    expect(forgotten).toEqual(['a', 'b']);
  });

  it('are known to have answered before the page was loaded', () => {
    session.change('old');
    session.say('unknown', 'connecting');
    expect(seen).toEqual([
      ['old', 'answered'],
      ['old', 'starting']
    ]);
  });

  it('that are opened later, in front or behind, are watched once', () => {
    const [front, behind] = [new FakeSession(), new FakeSession()];
    widgets.push(new Notebook(front));
    currentChanged.emit();
    widgets.push(new Notebook(behind));
    layoutModified.emit();
    currentChanged.emit();
    front.change('a');
    behind.change('b');
    expect(seen).toEqual([
      ['a', 'starting'],
      ['b', 'starting']
    ]);
  });

  it('are forgotten when the last of their places is closed', () => {
    const other = new FakeSession();
    widgets.push(new Notebook(other));
    layoutModified.emit();
    session.change('a');
    other.change('a');
    other.disposed.emit();
    expect(forgotten).toEqual([]);
    session.disposed.emit();
    expect(forgotten).toEqual(['a']);
  });
});
