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
import type { IPullOffer } from '../../api/types';
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
  async function show(pull: IPullOffer, error: ApiError | null = FAR) {
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
      takenSlugs: []
    });
    form.info = someInfo({ pull });
    render(<AddFormView trans={trans} form={form} />);
    await act(async () => {
      form.setImage('debian:12', true);
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
