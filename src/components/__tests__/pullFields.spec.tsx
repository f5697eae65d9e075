import { nullTranslator } from '@jupyterlab/translation';
import {
  act,
  cleanup,
  fireEvent,
  render,
  screen
} from '@testing-library/react';
import React from 'react';

import { ApiError } from '../../api/request';
import type { IAddRequest, IPullOffer } from '../../api/types';
import { AddForm } from '../../model/addForm';
import { aResolution, someInfo } from '../../testing/samples';
import { AddFormView } from '../addFormView';

const trans = nullTranslator.load('');

const FAR = new ApiError(
  'registry_unreachable',
  'There is no way to the registry docker.io from this node.',
  '',
  504
);

describe('from where an image is pulled', () => {
  let form: AddForm;
  let resolve: jest.Mock;

  beforeEach(() => jest.useFakeTimers());

  afterEach(() => {
    cleanup();
    form.dispose();
    jest.useRealTimers();
  });

  /** Shows the form for an image that this node cannot reach, or can. */
  async function show(
    pull: IPullOffer,
    error: ApiError | null = FAR,
    initial?: IAddRequest
  ) {
    resolve = jest.fn(async () => {
      if (error) {
        throw error;
      }
      return aResolution();
    });
    form = new AddForm({
      trans,
      resolve,
      inspect: jest.fn(),
      listTags: jest.fn(async () => ({ tags: [], complete: true })),
      logIn: jest.fn(),
      logOut: jest.fn(),
      takenSlugs: [],
      initial
    });
    form.info = someInfo({ pull });
    render(<AddFormView trans={trans} form={form} />);
    await act(async () => {
      if (!initial) {
        form.setImage('debian:12', true);
      }
      await jest.advanceTimersByTimeAsync(10);
    });
  }

  it('is asked where this node cannot reach the registry', async () => {
    await show({ policy: 'auto', ways: ['here', 'job', 'login'] });
    expect(
      screen.getByRole('status', { name: 'About the image' }).textContent
    ).toContain('no way');
    expect(screen.getByRole('radiogroup', { name: 'Pull it' })).toBeTruthy();
    expect(form.request.pull_from).toBe('here');
    fireEvent.click(screen.getByLabelText(/by a Slurm job/));
    expect(form.request.pull_from).toBe('job');
    expect(form.obstacle).toBeNull();
  });

  it('stays chosen while it is asked anew', async () => {
    await show({ policy: 'auto', ways: ['here', 'job', 'login'] });
    fireEvent.click(screen.getByLabelText(/by a Slurm job/));
    act(() => form.setImageDir('/scratch/u'));
    expect(form.resolution.state).toBe('asking');
    expect(screen.getByRole('radiogroup', { name: 'Pull it' })).toBeTruthy();
    expect(form.request.pull_from).toBe('job');
    act(() => form.setImage('quay.io/a/b:1', true));
    expect(form.request.pull_from).toBeUndefined();
  });

  it('is as it was when a task is tried again, before any answer', async () => {
    const initial: IAddRequest = { image: 'debian:12', pull_from: 'job' };
    const shown = show({ policy: 'auto', ways: ['here', 'job'] }, FAR, initial);
    expect(form.resolution.state).toBe('asking');
    expect(form.request.pull_from).toBe('job');
    await shown;
    expect(form.request.pull_from).toBe('job');
  });

  it('is from here where what was chosen is no longer offered', async () => {
    await show({ policy: 'auto', ways: ['here', 'login'] }, FAR, {
      image: 'debian:12',
      pull_from: 'job'
    });
    expect(form.request.pull_from).toBe('here');
  });

  it('is not asked where it can, and nothing is sent of it', async () => {
    await show({ policy: 'auto', ways: ['here', 'job', 'login'] }, null);
    expect(screen.queryByLabelText(/by a Slurm job/)).toBeNull();
    expect(form.request.pull_from).toBeUndefined();
  });

  it('is not asked where there is no other way', async () => {
    await show({ policy: 'auto', ways: ['here'] });
    expect(screen.queryByLabelText(/from here/)).toBeNull();
  });

  it('is told where the site has chosen', async () => {
    await show({ policy: 'login', ways: ['login'] });
    expect(screen.getByText(/Your site has images pulled/)).toBeTruthy();
    expect(form.request.pull_from).toBeUndefined();
  });
});
