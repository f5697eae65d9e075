import { nullTranslator } from '@jupyterlab/translation';
import {
  act,
  cleanup,
  fireEvent,
  render,
  screen,
  within
} from '@testing-library/react';
import React from 'react';

import { ApiError } from '../../api/request';
import type { IFoundInterpreter, IResolution } from '../../api/types';
import { AddForm } from '../../model/addForm';
import { TAGS_PAUSE } from '../../model/tagCompletion';
import { aResolution, someInfo } from '../../testing/samples';
import { AddFormView } from '../addFormView';
import { resolutionText } from '../imageAnswer';

const trans = nullTranslator.load('');

const resolution = aResolution();

const PYTHONS: IFoundInterpreter[] = [
  {
    language: 'python',
    title: 'Python 3.12.3',
    path: '/opt/conda/bin/python',
    version: '3.12.3',
    kernel_version: '7.1.0',
    notes: ['conda']
  },
  {
    language: 'python',
    title: 'Python 3.11.2',
    path: '/usr/bin/python3',
    version: '3.11.2',
    kernel_version: null,
    notes: []
  }
];

describe('the form that adds a kernel', () => {
  let form: AddForm;
  let resolve: jest.Mock;
  let inspect: jest.Mock;
  let listTags: jest.Mock;
  let logIn: jest.Mock;
  let onChooseFile: jest.Mock;

  beforeEach(() => {
    resolve = jest.fn(async () => resolution);
    onChooseFile = jest.fn();
    inspect = jest.fn(async () => ({ interpreters: PYTHONS }));
    listTags = jest.fn(async () => ({ tags: ['13', '12'], complete: true }));
    logIn = jest.fn(async () => ({ registry: 'x', user: 'me', path: '/x' }));
    form = new AddForm({
      trans,
      resolve,
      inspect,
      listTags,
      logIn,
      logOut: jest.fn(),
      takenSlugs: ['python3']
    });
    form.info = someInfo();
    render(
      <AddFormView trans={trans} form={form} onChooseFile={onChooseFile} />
    );
  });

  afterEach(() => {
    cleanup();
    form.dispose();
  });

  const field = (name: string) => screen.getByLabelText<HTMLInputElement>(name);

  /** Pastes text over all that stands in a field. */
  async function paste(input: HTMLInputElement, text: string) {
    const event = new Event('paste', { bubbles: true, cancelable: true });
    Object.defineProperty(event, 'clipboardData', {
      value: { getData: () => text }
    });
    await act(async () => {
      fireEvent(input, event);
      await new Promise(done => setTimeout(done, 5));
    });
  }

  it('lists the Pythons of an image that is here, the best one named', async () => {
    resolve.mockResolvedValue({ ...resolution, stored: true });
    form.isMoreOpen = true;
    await paste(field('Image'), 'debian:12');
    const select = screen.getByLabelText<HTMLSelectElement>(
      'Python found in the image'
    );
    expect([...select.options].map(option => option.textContent)).toEqual([
      'Automatic (best found): Python 3.12.3 · /opt/conda/bin/python · conda · kernel package 7.1.0',
      'Python 3.12.3 · /opt/conda/bin/python · conda · kernel package 7.1.0',
      'Python 3.11.2 · /usr/bin/python3'
    ]);
    fireEvent.change(select, { target: { value: '/usr/bin/python3' } });
    expect(form.values.interpreter).toBe('/usr/bin/python3');
  });

  it('lets its path be typed while the image is not here', async () => {
    form.isMoreOpen = true;
    await paste(field('Image'), 'debian:12');
    const input = field('Python found in the image');
    expect(input.placeholder).toBe('Automatic');
    expect(screen.getByText(/Known when the image is here/)).toBeTruthy();
    fireEvent.change(input, { target: { value: 'python3' } });
    fireEvent.blur(input);
    expect(screen.getByText(/“python3” is not a full path/)).toBeTruthy();
    expect(inspect).not.toHaveBeenCalled();
  });

  it('says at the field what is wrong with a variable, and takes isolation', () => {
    act(() => {
      form.isMoreOpen = true;
    });
    const box = field('Environment');
    fireEvent.change(box, { target: { value: 'A=1\nPATH=/x' } });
    fireEvent.blur(box);
    expect(screen.getByText(/PATH cannot be set here/)).toBeTruthy();
    expect(box.getAttribute('aria-invalid')).toBe('true');
    fireEvent.click(
      screen.getByLabelText(/Keep packages and settings of my home/)
    );
    expect(form.values.isolated).toBe(false);
  });

  it('takes a folder in which the image fits, and says what to know of it', async () => {
    resolve.mockResolvedValueOnce({
      ...resolution,
      verdict: 'fits_elsewhere',
      elsewhere: {
        path: '/scratch/u',
        needed_bytes: 1,
        free_bytes: 9e10,
        setting: 'images_dir'
      }
    });
    await paste(field('Image'), 'debian:12');
    resolve.mockResolvedValueOnce({ ...resolution, caution: 'Swept.' });
    await act(async () => {
      const keep = screen.getByText('Keep it in /scratch/u');
      keep.focus();
      fireEvent.click(keep);
      await new Promise(done => setTimeout(done, 5));
    });
    expect(field('Folder for the image').value).toBe('/scratch/u');
    expect(resolve.mock.lastCall?.[2]).toEqual({
      image_dir: '/scratch/u',
      by_runtime: false
    });
    expect(screen.getByText('Swept.')).toBeTruthy();
    expect(document.activeElement).toBe(field('Image'));
    fireEvent.click(screen.getByLabelText(/Let Apptainer make it itself/));
    expect(form.values.byRuntime).toBe(true);
  });

  it('has a label for every field', () => {
    for (const name of ['Image', 'Name', 'Kernel name']) {
      expect(field(name).tagName).toBe('INPUT');
    }
    const gpu = screen.getByRole('radiogroup', { name: 'GPU' });
    expect(
      within(gpu)
        .getAllByRole('radio')
        .map(radio => (radio as HTMLInputElement).value)
    ).toEqual(['auto', 'on', 'off']);
  });

  it('takes a pasted command line down to the image and asks about it', async () => {
    await paste(field('Image'), 'docker pull \\\n  debian:12\n');
    expect(field('Image').value).toBe('debian:12');
    expect(field('Name').value).toBe('Debian 12');
    expect(resolve).toHaveBeenCalledWith(
      'debian:12',
      expect.anything(),
      expect.anything()
    );
    expect(
      screen.getByRole('status', { name: 'About the image' }).textContent
    ).toBe(
      '✓3.3 GB to download · about 7.6 GB needed in /scratch/mst3k (412 GB free) · linux/amd64'
    );
  });

  it('shows in its one line what the server part has against the image', async () => {
    resolve.mockRejectedValue(
      new ApiError('image_not_found', 'There is no tag 99.', 'Try 12.', 422)
    );
    await paste(field('Image'), 'debian:99');
    expect(
      screen.getByRole('status', { name: 'About the image' }).textContent
    ).toBe('▲There is no tag 99. Try 12.');
    expect(field('Image').getAttribute('aria-invalid')).toBe('true');
  });

  it('draws the tile as it will look', () => {
    fireEvent.change(field('Image'), { target: { value: 'debian:12' } });
    expect(
      screen.getByRole('img', { name: 'The tile as it will look: Debian 12' })
    ).toBeTruthy();
    fireEvent.change(field('Name'), { target: { value: '<b>"x"</b>' } });
    expect(
      screen.getByRole('img', {
        name: 'The tile as it will look: <b>"x"</b>'
      }).textContent
    ).toBe('<b>"x"</b>');
  });

  it('says what "automatic" finds', () => {
    expect(
      screen.getByLabelText('Automatic: NVIDIA A100-SXM4-40GB here')
    ).toBeTruthy();
    act(() => {
      form.info = someInfo({ gpu: { vendor: null, names: [] } });
    });
    expect(screen.getByLabelText('Automatic: no GPU here')).toBeTruthy();
  });

  it('offers the kernel name that will be made', () => {
    fireEvent.change(field('Image'), { target: { value: 'python:3' } });
    expect(field('Kernel name').placeholder).toBe('python-3');
  });

  it('marks a name that is wrong, at the name', () => {
    fireEvent.change(field('Kernel name'), { target: { value: 'python3' } });
    const input = field('Kernel name');
    expect(input.getAttribute('aria-invalid')).toBe('true');
    const hint = document.getElementById(
      input.getAttribute('aria-describedby') as string
    );
    expect(hint?.textContent).toContain('There is a kernel named python3');
  });

  it('adds, fills and removes folders', () => {
    fireEvent.click(screen.getByRole('button', { name: 'Add folder' }));
    const row = screen.getByRole('group', { name: 'Folder 1' });
    fireEvent.change(within(row).getByLabelText('Folder on this machine'), {
      target: { value: '/a, b:c' }
    });
    fireEvent.change(within(row).getByLabelText('Appears as'), {
      target: { value: '/data' }
    });
    fireEvent.click(within(row).getByLabelText('Read only'));
    expect(form.values.binds).toEqual([
      {
        key: expect.any(Number),
        source: '/a, b:c',
        destination: '/data',
        readOnly: true
      }
    ]);
    fireEvent.click(screen.getByRole('button', { name: 'Remove folder 1' }));
    expect(form.values.binds).toEqual([]);
  });

  it('opens the file chooser', () => {
    fireEvent.click(screen.getByRole('button', { name: 'Choose file…' }));
    expect(onChooseFile).toHaveBeenCalled();
  });

  it('has no button for a file chooser that is not there', () => {
    cleanup();
    render(<AddFormView trans={trans} form={form} />);
    expect(screen.queryByRole('button', { name: 'Choose file…' })).toBeNull();
  });

  it('offers tags as completions of the field', async () => {
    await paste(field('Image'), 'debian:1');
    await act(async () => {
      await new Promise(done => setTimeout(done, TAGS_PAUSE + 20));
    });
    const list = field('Image').list as HTMLDataListElement;
    expect([...list.options].map(option => option.value)).toEqual([
      'debian:13',
      'debian:12'
    ]);
    resolve.mockClear();
    await act(async () => {
      fireEvent.change(field('Image'), { target: { value: 'debian:13' } });
      await new Promise(done => setTimeout(done, 5));
    });
    expect(resolve).toHaveBeenCalledWith(
      'debian:13',
      expect.anything(),
      expect.anything()
    );
  });

  it('asks for a password beside the reason, and sends it by Enter', async () => {
    resolve.mockRejectedValue(
      new ApiError('login_needed', 'quay.io does not let you.', 'Log in.', 422)
    );
    await paste(field('Image'), 'quay.io/a/b:1');
    fireEvent.click(screen.getByRole('button', { name: 'Log in…' }));
    const group = screen.getByRole('group', { name: 'Log in to quay.io' });
    expect(document.activeElement).toBe(field('User name'));
    const password = field('Password or access token');
    expect(password.type).toBe('password');
    fireEvent.change(field('User name'), { target: { value: 'me' } });
    fireEvent.change(password, { target: { value: 'wrong' } });
    logIn.mockRejectedValueOnce(
      new ApiError('login_needed', 'It does not take that.', 'Check.', 422)
    );
    await act(async () => {
      fireEvent.keyDown(password, { key: 'Enter' });
    });
    expect(within(group).getByRole('alert').textContent).toBe(
      'It does not take that. Check.'
    );
    fireEvent.change(password, { target: { value: 'secret' } });
    resolve.mockResolvedValue({ ...resolution, user: 'me' });
    await act(async () => {
      fireEvent.click(within(group).getByRole('button', { name: 'Log in' }));
      await new Promise(done => setTimeout(done, 5));
    });
    expect(screen.queryByRole('group', { name: /Log in/ })).toBeNull();
    expect(screen.getByText(/Asked as me/)).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Log out' }));
  });

  it('offers no password where none helps', async () => {
    resolve.mockRejectedValue(
      new ApiError('image_not_found', 'No tag.', 'Take another.', 422)
    );
    await paste(field('Image'), 'quay.io/a/b:1');
    expect(screen.getByText(/No tag/)).toBeTruthy();
    expect(screen.queryByRole('button', { name: 'Log in…' })).toBeNull();
  });

  it('says what the maker calls the image', async () => {
    resolve.mockResolvedValue({
      ...resolution,
      title: 'Debian',
      description: 'A small one'
    });
    await paste(field('Image'), 'debian:12');
    expect(screen.getByText('Debian: A small one')).toBeTruthy();
  });

  it('shows what the maker calls the image as text, whatever it is', async () => {
    const title = '<script>window.hurt = 1</script>';
    const description = '<img src="x" onerror="window.hurt = 1">';
    resolve.mockResolvedValue({ ...resolution, title, description });
    await paste(field('Image'), 'debian:12');
    const shown = screen.getByText(`${title}: ${description}`);
    expect(shown.children).toHaveLength(0);
    expect(document.querySelector('script, img[onerror]')).toBeNull();
    expect(window).not.toHaveProperty('hurt');
  });
});

describe('what is known of an image', () => {
  const place = {
    path: '/scratch/mst3k',
    needed_bytes: 8_100_000_000,
    free_bytes: 2_300_000_000
  };

  it.each<[string, Partial<IResolution>, string]>([
    [
      'fits',
      {},
      '3.3 GB to download · about 7.6 GB needed in /scratch/mst3k (412 GB free) · linux/amd64'
    ],
    [
      'is here',
      { stored: true, download_bytes: 0, place: null },
      'Here already: nothing to download, adding takes seconds · linux/amd64'
    ],
    [
      'is in the cache of the runtime',
      { download_bytes: 0 },
      'In Apptainer’s cache: nothing to download, adding takes seconds · about 7.6 GB needed in /scratch/mst3k (412 GB free) · linux/amd64'
    ],
    [
      'does not fit',
      { verdict: 'too_large', place },
      '3.3 GB to download · does not fit: needs about 8.1 GB in /scratch/mst3k, 2.3 GB free · linux/amd64'
    ],
    [
      'fits elsewhere',
      {
        verdict: 'fits_elsewhere',
        place,
        elsewhere: {
          ...place,
          path: '/project/u',
          free_bytes: 90e9,
          setting: 'images_dir'
        }
      },
      '3.3 GB to download · does not fit: needs about 8.1 GB in /scratch/mst3k, 2.3 GB free · fits if kept in /project/u (90.0 GB free) · linux/amd64'
    ],
    [
      'fits with temporary files elsewhere',
      {
        verdict: 'fits_elsewhere',
        place: { ...place, path: '/tmp' },
        elsewhere: {
          ...place,
          path: '/project/u',
          free_bytes: 90e9,
          setting: 'temporary_dir'
        }
      },
      '3.3 GB to download · does not fit: needs about 8.1 GB in /tmp, 2.3 GB free · fits with temporary files in /project/u (90.0 GB free): name it in ContainerKernelsApp.temporary_dir · linux/amd64'
    ],
    [
      'has no known size',
      {
        verdict: 'unknown',
        download_bytes: null,
        place: null,
        architecture: null
      },
      'Found'
    ],
    [
      'is a file',
      { reference: '/project/x.sif', stored: true, place: null },
      'A file on this machine, used where it lies · linux/amd64'
    ],
    [
      'lies unpacked in a folder',
      {
        reference: '/project/x',
        stored: true,
        unpacked: true,
        place: null,
        architecture: null
      },
      'An image folder on this machine, used where it lies'
    ],
    [
      'has no known room',
      { verdict: 'unknown', place: { ...place, free_bytes: null } },
      '3.3 GB to download · about 8.1 GB needed in /scratch/mst3k · linux/amd64'
    ]
  ])('an image that %s', (_, change, text) => {
    expect(
      resolutionText({ ...resolution, ...change }, 'Apptainer', trans)
    ).toBe(text);
  });
});
