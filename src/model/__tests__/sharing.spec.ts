import { nullTranslator } from '@jupyterlab/translation';

import { ApiError, ConnectionLostError } from '../../api/request';
import type { ISharePlan } from '../../api/types';
import { aTask } from '../../testing/samples';
import { Sharing } from '../sharing';

const PLAN: ISharePlan = {
  directory: '/project/lab',
  readers: 'lab',
  items: [],
  left_out: [],
  remarks: [],
  line: null
};

/** Longer than it is waited for the next key. */
const PAUSE_MS = 1_000;

describe('sharing a kernel', () => {
  let plan: jest.Mock;
  let share: jest.Mock;
  let sharing: Sharing;

  beforeEach(() => {
    jest.useFakeTimers();
    plan = jest.fn(async () => PLAN);
    share = jest.fn(async () => aTask({ job: 'share' }));
  });

  afterEach(() => {
    sharing.dispose();
    jest.useRealTimers();
  });

  /** Begins with a folder, and waits until it was looked at. */
  async function begin() {
    sharing = new Sharing({
      trans: nullTranslator.load(''),
      initial: { directory: '/project/lab' },
      plan,
      share
    });
    await jest.advanceTimersByTimeAsync(PAUSE_MS);
  }

  it('asks nothing of a folder that was cleared again', async () => {
    await begin();
    plan.mockClear();
    sharing.setDirectory('/project/x');
    sharing.setDirectory('');
    await jest.advanceTimersByTimeAsync(PAUSE_MS);
    expect(plan).not.toHaveBeenCalled();
    expect(sharing.obstacle).toBe('Name a folder.');
  });

  it('sends no variable that looks like a password unless it is handed on', async () => {
    plan.mockResolvedValue({ ...PLAN, left_out: ['WANDB_API_KEY', 'A_TOKEN'] });
    await begin();
    expect(sharing.request.environment).toEqual([]);
    sharing.handOn('WANDB_API_KEY', true);
    expect([...sharing.handedOn]).toEqual(['WANDB_API_KEY']);
    // it stays in the list, where it can be left out again
    plan.mockResolvedValue({ ...PLAN, left_out: ['A_TOKEN'] });
    sharing.setDirectory('/project/other');
    await jest.advanceTimersByTimeAsync(PAUSE_MS);
    expect(sharing.suspects).toEqual(['A_TOKEN', 'WANDB_API_KEY']);
    expect(sharing.request).toEqual({
      directory: '/project/other',
      environment: ['WANDB_API_KEY']
    });
    sharing.handOn('WANDB_API_KEY', false);
    expect(sharing.request.environment).toEqual([]);
  });

  it('takes no answer for one about the folder that stands there now', async () => {
    await begin();
    let answer: (plan: ISharePlan) => void = () => undefined;
    plan.mockReturnValueOnce(
      new Promise(resolve => {
        answer = resolve;
      })
    );
    sharing.setDirectory('/project/slow');
    await jest.advanceTimersByTimeAsync(PAUSE_MS);
    sharing.setDirectory('/project/next');
    answer({ ...PLAN, directory: '/project/slow' });
    await jest.advanceTimersByTimeAsync(0);
    expect(sharing.plan).toBeNull();
    expect(sharing.obstacle).toBe('Looking at the folder…');
    await jest.advanceTimersByTimeAsync(PAUSE_MS);
    expect(sharing.plan).toBe(PLAN);
    expect(sharing.directory).toBe('/project/next');
  });

  it('says that it is being shared while that is on its way', async () => {
    await begin();
    const begun = sharing.do();
    expect(sharing.obstacle).toBe('Sharing…');
    expect(await begun).toBe(true);
    expect(sharing.obstacle).toBeNull();
  });

  it('begins when it is known what that means', async () => {
    await begin();
    expect(sharing.obstacle).toBeNull();
    expect(await sharing.do()).toBe(true);
    expect(share).toHaveBeenCalledWith({
      directory: '/project/lab',
      environment: []
    });
  });

  it('can be tried again when it could not begin', async () => {
    await begin();
    share.mockRejectedValueOnce(new ConnectionLostError('502'));
    expect(await sharing.do()).toBe(false);
    expect(sharing.problem?.message).toBe(
      'The Jupyter server does not answer.'
    );
    expect(sharing.plan).toBe(PLAN);
    expect(sharing.obstacle).toBeNull();
    expect(await sharing.do()).toBe(true);
    expect(sharing.problem).toBeNull();
  });

  it('looks at a folder again that would not do, and shows it first', async () => {
    plan.mockRejectedValueOnce(
      new ApiError('invalid_directory', 'All can change it.', 'chmod', 422)
    );
    await begin();
    expect(sharing.problem).toMatchObject({
      message: 'All can change it.',
      hint: 'chmod'
    });
    expect(sharing.obstacle).toBeNull();
    const looked = sharing.do();
    expect(sharing.obstacle).toBe('Looking at the folder…');
    expect(await looked).toBe(false);
    expect(share).not.toHaveBeenCalled();
    expect(sharing.problem).toBeNull();
    expect(sharing.plan).toBe(PLAN);
    expect(await sharing.do()).toBe(true);
  });
});
