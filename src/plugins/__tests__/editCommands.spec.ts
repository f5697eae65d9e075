import { Dialog, Notification } from '@jupyterlab/apputils';
import { fireEvent, screen } from '@testing-library/dom';

import type { IKernel } from '../../api/types';
import { FakeApp } from '../../testing/app';
import { settle } from '../../testing/page';
import { aKernel, aTask, someInfo } from '../../testing/samples';
import { CommandIDs } from '../../tokens';
import { commands } from '../commands';

describe('the form of a kernel that exists', () => {
  let fake: FakeApp;

  beforeEach(() => {
    fake = new FakeApp();
    void commands.activate(fake.app, fake.model, null, null);
    fake.server.on('GET', /info/, { body: someInfo() });
  });

  afterEach(() => {
    Dialog.flush();
    fake.model.dispose();
  });

  const list = async (kernel: IKernel) => {
    fake.server.on('GET', /kernels$/, { body: { kernels: [kernel] } });
    await fake.model.refresh();
  };

  const open = async (command: string, args = {}) => {
    const done = fake.commands.execute(command, { slug: 'debian-12', ...args });
    const name = await screen.findByLabelText<HTMLInputElement>('Name');
    await settle();
    return { done, name };
  };

  const button = (name: string) =>
    screen.getByText(name).closest('button') as HTMLButtonElement;

  const bodies = (method: string, path: RegExp) =>
    fake.server.asked
      .filter(each => each.method === method && path.test(each.path))
      .map(each => each.body);

  it('shows the image, and sends only what changed', async () => {
    await list(aKernel());
    fake.server.on('PATCH', /debian-12$/, {
      status: 202,
      body: aTask({ job: 'edit', edit: { display_name: 'Mine' } })
    });
    const { done, name } = await open(CommandIDs.editKernel);
    expect(name.value).toBe('Debian 12');
    expect(screen.getByText('debian:12')).toBeTruthy();
    expect(screen.queryByLabelText('Image')).toBeNull();
    expect(screen.queryByLabelText('Kernel name')).toBeNull();
    expect(screen.getByText('Nothing is changed yet.')).toBeTruthy();
    expect(button('Save').getAttribute('aria-disabled')).toBe('true');
    fireEvent.change(name, { target: { value: 'Mine' } });
    await settle();
    expect(screen.queryByText('Nothing is changed yet.')).toBeNull();
    fireEvent.click(button('Save'));
    await done;
    expect(bodies('PATCH', /./)).toEqual([{ display_name: 'Mine' }]);
  });

  it('says when the change takes effect where the kernel runs', async () => {
    await list(aKernel({ running: 1 }));
    await open(CommandIDs.editKernel);
    expect(screen.getByText(/takes effect at its next start/)).toBeTruthy();
  });

  it('keeps what was typed, and says why it was refused', async () => {
    await list(aKernel());
    fake.server.on('PATCH', /debian-12$/, {
      status: 409,
      body: {
        code: 'slug_taken',
        message: 'It is being mended.',
        hint: 'Wait for that.'
      }
    });
    const { name } = await open(CommandIDs.editKernel);
    fireEvent.change(name, { target: { value: 'Mine' } });
    await settle();
    fireEvent.click(button('Save'));
    await settle();
    expect(screen.getByRole('alert', { hidden: true }).textContent).toBe(
      'It is being mended. Wait for that.'
    );
    expect(name.value).toBe('Mine');
  });

  it('makes the twin with the GPU', async () => {
    await list(aKernel({ gpu: 'off' }));
    fake.server.on('POST', /debian-12\/duplicate$/, {
      status: 202,
      body: aTask({ job: 'duplicate' })
    });
    const { done, name } = await open(CommandIDs.duplicateKernel);
    expect(name.value).toBe('Debian 12 (GPU)');
    fireEvent.click(button('Make kernel'));
    await done;
    expect(bodies('POST', /duplicate/)).toEqual([
      { display_name: 'Debian 12 (GPU)', gpu: 'on' }
    ]);
  });

  it('opens with what a failed task was to change, and takes its place', async () => {
    await list(aKernel());
    const failed = aTask({
      job: 'edit',
      edit: { display_name: 'Mine' },
      state: 'failed'
    });
    fake.server
      .on('GET', /tasks$/, { body: { tasks: [failed] } })
      .on('DELETE', /tasks/, { body: failed })
      .on('PATCH', /debian-12$/, {
        status: 202,
        body: aTask({ id: 'b'.repeat(32), job: 'edit' })
      });
    await fake.model.start();
    const done = fake.commands.execute(CommandIDs.addKernel, {
      task: failed.id
    });
    await settle();
    expect(screen.getByLabelText<HTMLInputElement>('Name').value).toBe('Mine');
    fireEvent.click(button('Save'));
    await done;
    expect(bodies('PATCH', /./)).toEqual([{ display_name: 'Mine' }]);
    expect(fake.server.count('DELETE', /tasks/)).toBe(1);
  });

  it('is not offered for kernels of others, nor for those of the system', async () => {
    const args = { slug: 'debian-12' };
    await list(aKernel({ ours: false }));
    expect(fake.commands.isVisible(CommandIDs.editKernel, args)).toBe(false);
    expect(fake.commands.isVisible(CommandIDs.duplicateKernel, args)).toBe(
      false
    );
    await list(aKernel({ read_only: true }));
    expect(fake.commands.isEnabled(CommandIDs.editKernel, args)).toBe(false);
    expect(fake.commands.isEnabled(CommandIDs.duplicateKernel, args)).toBe(
      true
    );
  });

  it('says why it cannot be opened', async () => {
    const toast = jest.spyOn(Notification, 'error').mockReturnValue('');
    fake.server.on('GET', /kernels\//, {
      status: 404,
      body: { code: 'not_found', message: 'Gone.', hint: 'Refresh.' }
    });
    await fake.commands.execute(CommandIDs.editKernel, { slug: 'debian-12' });
    expect(toast.mock.calls[0][0]).toBe('Gone. Refresh.');
    toast.mockRestore();
  });
});
