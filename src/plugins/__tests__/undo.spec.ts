import { Notification } from '@jupyterlab/apputils';

import { FakeApp } from '../../testing/app';
import { settle } from '../../testing/page';
import { aRemoval } from '../../testing/samples';
import { undo } from '../undo';

describe('the toast of a deletion', () => {
  let fake: FakeApp;
  let shown: [string, string][];
  let actions: Notification.IAction[];

  beforeEach(() => {
    shown = [];
    actions = [];
    fake = new FakeApp();
    for (const kind of ['success', 'error'] as const) {
      jest
        .spyOn(Notification, kind)
        .mockImplementation((...[message, options]) => {
          shown.push([kind, String(message)]);
          actions = [...(options?.actions ?? [])];
          return '';
        });
    }
    void undo.activate(fake.app, fake.model, null);
  });

  afterEach(() => {
    jest.restoreAllMocks();
    fake.model.dispose();
  });

  const remove = async (names: Record<string, string | null>) => {
    for (const [slug, id] of Object.entries(names)) {
      fake.server.on('DELETE', new RegExp(`kernels/${slug}$`), {
        body: aRemoval({ slug, undo: id })
      });
    }
    await fake.model.removeAll(
      Object.keys(names).map(slug => ({
        slug,
        displayName: slug.toUpperCase(),
        request: {}
      }))
    );
  };

  const click = async () => {
    actions[0].callback(new MouseEvent('click'));
    await settle();
  };

  it('says what is gone, and puts it back', async () => {
    await remove({ r: 'a'.repeat(16) });
    expect(shown).toEqual([['success', 'Deleted R · 8.1 GB']]);
    expect(actions.map(each => each.label)).toEqual(['Undo']);
    fake.server.on(
      'POST',
      `container-kernels/trash/${'a'.repeat(16)}/restore`,
      {
        body: { slug: 'r', display_name: 'R 4' }
      }
    );
    await click();
    expect(shown[1]).toEqual(['success', 'R 4 is back.']);
  });

  it('offers nothing when nothing can be put back', async () => {
    await remove({ r: null });
    expect(shown).toEqual([['success', 'Deleted R · 8.1 GB']]);
    expect(actions).toEqual([]);
  });

  it('puts back all of several, and says which are not and why', async () => {
    await remove({ a: 'a'.repeat(16), b: 'b'.repeat(16), c: null });
    expect(shown).toEqual([['success', 'Deleted 3 kernels · 24.4 GB']]);
    fake.server
      .on('POST', /a\/restore$/, { body: { slug: 'a', display_name: 'A' } })
      .on('POST', /b\/restore$/, {
        status: 409,
        body: {
          code: 'slug_taken',
          message: 'There is a kernel named b.',
          hint: 'Delete it first.'
        }
      });
    await click();
    expect(shown.slice(1)).toEqual([
      ['success', 'A is back.'],
      [
        'error',
        'B could not be put back. There is a kernel named b. Delete it first.'
      ]
    ]);
  });
});
