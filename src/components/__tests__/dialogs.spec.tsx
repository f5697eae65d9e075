import { Dialog } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import { fireEvent, screen, waitFor, within } from '@testing-library/dom';

import { ApiError } from '../../api/request';
import type { IKernelDetails, IRemoval } from '../../api/types';
import { AddForm } from '../../model/addForm';
import { settle } from '../../testing/page';
import {
  aFailedLog,
  aKernel,
  aTask,
  someDetails,
  someInfo
} from '../../testing/samples';
import { showAddDialog } from '../addDialog';
import { DeedDialog } from '../deedDialog';
import { showDeleteDialog } from '../deleteDialog';
import { showLogDialog } from '../logDialog';

const trans = nullTranslator.load('');

const button = (name: string | RegExp) =>
  within(screen.getByRole('dialog'))
    .getAllByRole<HTMLButtonElement>('button', { hidden: true })
    .find(each =>
      typeof name === 'string'
        ? each.textContent === name
        : name.test(each.textContent ?? '')
    ) as HTMLButtonElement;

/** A button that cannot be pressed keeps the focus, so that keys work. */
const isBlocked = (name: string | RegExp) => {
  expect(button(name).disabled).toBe(false);
  return button(name).getAttribute('aria-disabled') === 'true';
};

beforeAll(() => {
  // jsdom takes a dialog that is not open for hidden.
  const style = document.createElement('style');
  style.textContent = 'dialog { display: flex !important }';
  document.head.append(style);
});

afterEach(() => {
  Dialog.flush();
});

describe('the dialog that adds a kernel', () => {
  const makeForm = () => {
    const form = new AddForm({
      trans,
      resolve: () => new Promise(() => undefined),
      inspect: () => new Promise(() => undefined),
      listTags: () => new Promise(() => undefined),
      logIn: () => new Promise(() => undefined),
      logOut: () => new Promise(() => undefined),
      takenSlugs: []
    });
    form.info = someInfo();
    return form;
  };

  it('says beside its button why it cannot be pressed', async () => {
    void showAddDialog({ trans, form: makeForm(), add: jest.fn() });
    await settle();
    expect(isBlocked('Add kernel')).toBe(true);
    const reason = document.getElementById(
      button('Add kernel').getAttribute('aria-describedby') as string
    );
    expect(reason?.textContent).toBe('Name an image first.');
  });

  it('moves the focus when its body is drawn late, as on a busy page', async () => {
    const body = new Widget();
    const dialog = new DeedDialog({
      title: 'Delete',
      body,
      deed: 'Delete',
      cancelLabel: 'Cancel',
      focus: 'input',
      onAccept: jest.fn()
    });
    dialog.launch().catch(() => undefined); // it rejects when it is flushed
    await settle();
    const field = document.createElement('input');
    body.node.append(field);
    await settle();
    expect(document.activeElement).toBe(field);
  });

  it('has the focus in the image field', async () => {
    void showAddDialog({ trans, form: makeForm(), add: jest.fn() });
    await settle();
    expect(document.activeElement).toBe(screen.getByLabelText('Image'));
  });

  it('is sent by Enter and closes when the server part has taken it', async () => {
    const form = makeForm();
    const add = jest.fn(async () => aTask());
    const outcome = showAddDialog({ trans, form, add });
    await settle();
    const image = screen.getByLabelText('Image');
    fireEvent.change(image, { target: { value: 'debian:12' } });
    fireEvent.keyDown(image, { key: 'Enter' });
    expect(await outcome).toEqual(aTask());
    expect(add).toHaveBeenCalledTimes(1);
    expect(screen.queryByRole('dialog')).toBeNull();
  });

  it('stays with all that was typed when the server part says no', async () => {
    const form = makeForm();
    const outcome = showAddDialog({
      trans,
      form,
      add: async () => {
        throw new ApiError('slug_taken', 'It is taken.', 'Choose.', 409);
      }
    });
    await settle();
    const image = screen.getByLabelText<HTMLInputElement>('Image');
    fireEvent.change(image, { target: { value: 'debian:12' } });
    fireEvent.keyDown(image, { key: 'Enter' });
    await settle();
    expect(screen.getByText(/It is taken/)).toBeTruthy();
    expect(image.value).toBe('debian:12');
    expect(isBlocked('Add kernel')).toBe(false);
    fireEvent.click(button('Cancel'));
    expect(await outcome).toBeNull();
  });

  it('leaves Enter to what has a use of its own for it', async () => {
    const form = makeForm();
    const add = jest.fn();
    void showAddDialog({ trans, form, add });
    await settle();
    fireEvent.change(screen.getByLabelText('Image'), {
      target: { value: 'debian:12' }
    });
    for (const place of ['Add folder', 'Environment']) {
      const node = screen.queryByLabelText(place) ?? screen.getByText(place);
      fireEvent.keyDown(node, { key: 'Enter' });
    }
    await settle();
    expect(add).not.toHaveBeenCalled();
    expect(screen.queryByRole('dialog')).not.toBeNull();
  });

  it('makes way for the file chooser and comes back with the file', async () => {
    const form = makeForm();
    form.setDisplayName('Mine');
    const chooseFile = jest.fn(async () => {
      expect(screen.queryByRole('dialog')).toBeNull();
      return '/home/u/images/x.sif';
    });
    void showAddDialog({ trans, form, add: jest.fn(), chooseFile });
    await settle();
    fireEvent.click(screen.getByText('Choose file…'));
    await settle();
    await settle();
    expect(screen.getByLabelText<HTMLInputElement>('Image').value).toBe(
      '/home/u/images/x.sif'
    );
    expect(screen.getByLabelText<HTMLInputElement>('Name').value).toBe('Mine');
  });
});

describe('the dialog that deletes a kernel', () => {
  const removal: IRemoval = {
    slug: 'debian-12',
    removal: [],
    freed_bytes: 8_125_004_000,
    undo: null
  };

  function open(
    details: IKernelDetails,
    remove = jest.fn(async () => removal),
    hasTrash = true
  ) {
    const outcome = showDeleteDialog({
      trans,
      details,
      hasTrash,
      remove,
      getDetails: async () =>
        someDetails({ running: [{ id: '1', title: 'New.ipynb' }] })
    });
    return { outcome, remove };
  }

  it('says the deed and the size on its button', async () => {
    const { outcome, remove } = open(someDetails());
    await settle();
    expect(button(/^Delete/).textContent).toBe('Delete, free 8.1 GB');
    fireEvent.click(button(/^Delete/));
    expect(await outcome).toEqual(removal);
    expect(remove).toHaveBeenCalledWith({
      delete_image: true,
      shut_down: false,
      purge: false,
      resource_dir: null
    });
  });

  it('deletes no image that it could not show', async () => {
    const { remove } = open(someDetails({ removal: [], frees_bytes: 0 }));
    await settle();
    expect(screen.getByRole('dialog').textContent).toContain(
      'cannot be told at this moment'
    );
    fireEvent.click(button('Delete'));
    await settle();
    expect(remove).toHaveBeenCalledWith({
      delete_image: false,
      shut_down: false,
      purge: false,
      resource_dir: null
    });
  });

  it('lets the image be kept', async () => {
    const { remove } = open(someDetails());
    await settle();
    fireEvent.click(screen.getByLabelText('Delete the image, too (8.1 GB)'));
    await settle();
    expect(button(/^Delete/).textContent).toBe('Delete, free 25.0 MB');
    fireEvent.click(button(/^Delete/));
    await settle();
    expect(remove).toHaveBeenCalledWith({
      delete_image: false,
      shut_down: false,
      purge: false,
      resource_dir: null
    });
  });

  it('says what stays, why, and for whom', async () => {
    const details = someDetails();
    details.removal[2] = {
      ...details.removal[2],
      goes: false,
      reason: 'Another kernel uses it.',
      used_by: ['PyTorch CPU']
    };
    open(details);
    await settle();
    const stays = screen.getByRole('list', { name: 'Stays' });
    expect(stays.textContent).toContain(
      'Another kernel uses it. Used by PyTorch CPU.'
    );
    expect(screen.queryByLabelText(/Delete the image/)).toBeNull();
    expect(button(/^Delete/).textContent).toBe('Delete, free 25.0 MB');
  });

  it('wants to know first that what runs is shut down', async () => {
    const { remove } = open(
      someDetails({ running: [{ id: '1', title: 'Work.ipynb' }] })
    );
    await settle();
    expect(screen.getByText('Work.ipynb')).toBeTruthy();
    const shutDown = screen.getByLabelText('Shut it down');
    await waitFor(() => expect(document.activeElement).toBe(shutDown));
    fireEvent.keyDown(shutDown, { key: 'Enter' });
    fireEvent.click(button(/^Delete/));
    expect(remove).not.toHaveBeenCalled();
    expect(isBlocked(/^Delete/)).toBe(true);
    fireEvent.click(shutDown);
    await settle();
    fireEvent.click(button(/^Delete/));
    await settle();
    expect(remove).toHaveBeenCalledWith({
      delete_image: true,
      shut_down: true,
      purge: false,
      resource_dir: null
    });
  });

  it('removes at once when somebody wants that, and says what it means', async () => {
    const { remove } = open(someDetails());
    await settle();
    const purge = screen.getByLabelText('Remove at once, not into the trash');
    const meaning = () =>
      document.getElementById(purge.getAttribute('aria-describedby') ?? '')
        ?.textContent;
    expect(meaning()).toContain('can be put back');
    fireEvent.click(purge);
    await settle();
    expect(meaning()).toContain('nothing can be put back');
    fireEvent.click(button(/^Delete/));
    await settle();
    expect(remove).toHaveBeenCalledWith(
      expect.objectContaining({ purge: true })
    );
  });

  it('names the folder of a kernel of others, and says that its image stays', async () => {
    const kernel = aKernel({ ours: false, maker: 'jkrollout2' });
    const [folder] = someDetails().removal;
    const { remove } = open(someDetails({ kernel, removal: [folder] }));
    await settle();
    expect(
      screen.getByText(/It was made by jkrollout2\./).textContent
    ).toContain('Only its folder goes.');
    fireEvent.click(button(/^Delete/));
    await settle();
    expect(remove).toHaveBeenCalledWith(
      expect.objectContaining({ resource_dir: kernel.resource_dir })
    );
  });

  it('shows what has started in the meantime and asks again', async () => {
    const remove = jest.fn(async (): Promise<IRemoval> => {
      throw new ApiError('kernel_running', 'It is in use.', 'Shut down.', 409);
    });
    const { outcome } = open(someDetails(), remove);
    await settle();
    expect(document.activeElement).toBe(button(/^Delete/));
    fireEvent.click(button(/^Delete/));
    await settle();
    expect(screen.getByText(/It is in use/)).toBeTruthy();
    expect(screen.getByText('New.ipynb')).toBeTruthy();
    expect(isBlocked(/^Delete/)).toBe(true);
    expect(document.activeElement).toBe(button(/^Delete/));
    fireEvent.keyDown(button(/^Delete/), { key: 'Escape' });
    expect(await outcome).toBeNull();
  });

  it('does not speak of a trash where there is none', async () => {
    open(someDetails(), undefined, false);
    await settle();
    expect(screen.getByText(/cannot be put back/)).toBeTruthy();
    expect(screen.queryByLabelText(/Remove at once/)).toBeNull();
  });

  it('has the keys from the moment on at which it is seen', async () => {
    const { outcome, remove } = open(someDetails());
    while (!screen.queryByRole('dialog')) {
      await Promise.resolve();
    }
    expect(document.activeElement).toBe(button('Cancel'));
    fireEvent.keyDown(button('Cancel'), { key: 'Enter' });
    expect(await outcome).toBeNull();
    expect(remove).not.toHaveBeenCalled();
  });

  it('deletes nothing when somebody gives up', async () => {
    const { outcome, remove } = open(someDetails());
    await settle();
    fireEvent.keyDown(button('Cancel'), { key: 'Escape' });
    expect(await outcome).toBeNull();
    expect(remove).not.toHaveBeenCalled();
  });
});

it('the dialog with a log shows it as text, and what became of the start', async () => {
  const onCopy = jest.fn();
  void showLogDialog({
    trans,
    displayName: 'Debian 12',
    log: { ...aFailedLog(), text: '\u001b[31mTraceback\u001b[0m <b>' },
    onCopy
  });
  await settle();
  expect(
    screen.getByText(
      /^▲?It failed · started .*2026.* · on node1 · exit code 69$/
    )
  ).toBeTruthy();
  expect(screen.getByText(/is not there on node1\. Put it back/)).toBeTruthy();
  expect(
    screen.getByRole('log', { name: 'Log of the last start of Debian 12' })
      .textContent
  ).toBe('Traceback <b>');
  fireEvent.click(screen.getByText('Copy log'));
  expect(onCopy).toHaveBeenCalledWith('Traceback <b>');
});
