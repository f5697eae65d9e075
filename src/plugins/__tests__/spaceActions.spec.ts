import { Dialog, Notification } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, screen } from '@testing-library/dom';

import type { ISpaceItem } from '../../api/types';
import { FakeApp } from '../../testing/app';
import { settle } from '../../testing/page';
import { aSpaceItem, someSpace } from '../../testing/samples';
import { makeSpaceActions } from '../spaceActions';

describe('freeing space', () => {
  let fake: FakeApp;
  let shown: [string, string][];

  beforeEach(() => {
    shown = [];
    fake = new FakeApp();
    for (const kind of ['success', 'error'] as const) {
      jest.spyOn(Notification, kind).mockImplementation((...[message]) => {
        shown.push([kind, String(message)]);
        return '';
      });
    }
  });

  afterEach(() => {
    Dialog.flush();
    jest.restoreAllMocks();
    fake.model.dispose();
  });

  const actions = () => makeSpaceActions(fake.model, nullTranslator.load(''));

  const item = (kind: ISpaceItem['kind']) =>
    someSpace().items.find(
      each => each.kind === kind && each.removable
    ) as ISpaceItem;

  it('removes nothing before somebody has confirmed it', async () => {
    actions().onFree([item('image')]);
    await settle();
    expect(screen.getByText('Remove docker.io/library/r:4?')).toBeTruthy();
    fireEvent.click(screen.getByText('Cancel'));
    await settle();
    expect(fake.server.asked).toEqual([]);
    expect(shown).toEqual([]);
  });

  it('asks once for several, and says what was freed and what not', async () => {
    const trash = [
      item('trash'),
      aSpaceItem({ id: 'b'.repeat(16), kind: 'trash', title: 'Other' })
    ];
    fake.server
      .on('DELETE', /4444$/, { body: { freed_bytes: 7_600_000_000 } })
      .on('DELETE', /bbbb$/, {
        status: 504,
        body: { code: 'timed_out', message: 'It is silent.', hint: 'Wait.' }
      });
    actions().onFree(trash);
    await settle();
    expect(screen.getByText('Empty the trash?')).toBeTruthy();
    fireEvent.click(screen.getByText('Free 10.9 GB'));
    await settle();
    expect(shown).toEqual([
      ['success', '7.6 GB freed.'],
      ['error', 'Other was not removed. It is silent. Wait.']
    ]);
  });

  it('says why a kernel cannot be put back', async () => {
    fake.server.on('POST', /restore$/, {
      status: 409,
      body: { code: 'slug_taken', message: 'Taken.', hint: 'Rename it.' }
    });
    actions().onRestore(item('trash'));
    await settle();
    expect(shown).toEqual([
      ['error', 'Old PyTorch could not be put back. Taken. Rename it.']
    ]);
  });

  it('says that a kernel is back', async () => {
    fake.server.on('POST', /restore$/, {
      body: { slug: 'old', display_name: 'Old PyTorch' }
    });
    actions().onRestore(item('trash'));
    await settle();
    expect(shown).toEqual([['success', 'Old PyTorch is back.']]);
  });
});
