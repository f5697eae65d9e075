import { nullTranslator } from '@jupyterlab/translation';

import { AbortedError, ApiError, ConnectionLostError } from '../../api/request';
import type {
  IAddRequest,
  IInspection,
  ILogin,
  ILoginRequest,
  IResolution,
  IResolveRequest,
  ITagList
} from '../../api/types';
import {
  aResolution,
  aSiteImage,
  aTask,
  someInfo
} from '../../testing/samples';
import { AddForm } from '../addForm';
import { toRequest } from '../formValues';
import { TYPING_PAUSE } from '../imageInquiry';
import type { LoginForm } from '../loginForm';
import { TAGS_PAUSE } from '../tagCompletion';

const resolution = aResolution();

describe('the form that adds a kernel', () => {
  let resolve: jest.Mock<
    Promise<IResolution>,
    [string, AbortSignal, Omit<IResolveRequest, 'image'>]
  >;
  let inspect: jest.Mock<Promise<IInspection>, [string, AbortSignal]>;
  let listTags: jest.Mock<Promise<ITagList>, [string, AbortSignal]>;
  let logIn: jest.Mock<Promise<ILogin>, [ILoginRequest]>;
  let logOut: jest.Mock<Promise<ILogin>, [string]>;
  let form: AddForm;

  const make = (initial?: IAddRequest) =>
    new AddForm({
      trans: nullTranslator.load(''),
      resolve,
      inspect,
      listTags,
      logIn,
      logOut,
      takenSlugs: ['python3', 'debian-12'],
      initial
    });

  beforeEach(() => {
    jest.useFakeTimers();
    resolve = jest.fn(async (_image, _signal, _choice) => resolution);
    inspect = jest.fn(async (_image, _signal) => ({ interpreters: [] }));
    listTags = jest.fn(async (_image, _signal) => ({
      tags: ['13', '12.1', '12', 'bookworm'],
      complete: true
    }));
    const login = { registry: 'quay.io', user: 'me', path: '/home/u/x.json' };
    logIn = jest.fn(async _request => login);
    logOut = jest.fn(async _registry => ({ ...login, user: null }));
    form = make();
  });

  afterEach(() => {
    form.dispose();
    jest.useRealTimers();
  });

  const pass = (milliseconds: number) =>
    jest.advanceTimersByTimeAsync(milliseconds);

  it('says at first only that an image is needed, and marks nothing', () => {
    expect(form.obstacle).toBe('Name an image first.');
    expect(form.problem('image')).toBeUndefined();
    form.settle('image');
    expect(form.problem('image')).toBeUndefined();
    expect(form.problem('displayName')).toBeUndefined();
  });

  describe('and the interpreters in the image', () => {
    const here = { ...resolution, stored: true };

    it('are asked for when the image is here and somebody looks', async () => {
      resolve.mockResolvedValue(here);
      form.setImage('debian:12', true);
      await pass(10);
      expect(inspect).not.toHaveBeenCalled();
      form.isMoreOpen = true;
      await pass(10);
      form.isMoreOpen = false;
      form.isMoreOpen = true;
      await pass(10);
      expect(inspect).toHaveBeenCalledTimes(1);
      expect(form.inspection).toEqual({
        state: 'known',
        value: { interpreters: [] }
      });
    });

    it('are asked for of a file, too, and not of what is to be pulled', async () => {
      form.isMoreOpen = true;
      form.setImage('debian:12', true);
      await pass(10);
      expect(inspect).not.toHaveBeenCalled();
      resolve.mockResolvedValue({ ...resolution, reference: '/x.sif' });
      form.setImage('/x.sif', true);
      await pass(10);
      expect(inspect.mock.calls.map(call => call[0])).toEqual(['/x.sif']);
    });

    it('are no longer asked for when the image changes', async () => {
      resolve.mockResolvedValue(here);
      inspect.mockReturnValue(new Promise(() => undefined));
      form.isMoreOpen = true;
      form.setImage('debian:12', true);
      await pass(10);
      expect(form.inspection.state).toBe('asking');
      form.setImage('debian:13');
      expect(inspect.mock.calls[0][1].aborted).toBe(true);
      expect(form.inspection.state).toBe('idle');
    });
  });

  it('brings back all that was asked for, with More open', () => {
    form.dispose();
    const request: IAddRequest = {
      image: 'debian:12',
      display_name: 'D',
      slug: null,
      gpu: 'on',
      binds: [],
      interpreter: '/usr/bin/python3',
      environment: { A: ' "1"=2 ', B_2: '' },
      isolated: false,
      image_dir: null,
      by_runtime: false
    };
    form = make(request);
    expect(form.isMoreOpen).toBe(true);
    expect(form.values.environment).toBe('A= "1"=2 \nB_2=');
    expect(toRequest(form.values)).toEqual(request);
  });

  it.each([
    ['invalid_environment', 'environment'],
    ['language_missing', 'interpreter']
  ] as const)('shows the refusal %s at its field', async (code, field) => {
    form.setImage('debian:12', true);
    await pass(10);
    await form.submit(async () => {
      throw new ApiError(code, 'No.', 'Yes.', 400);
    });
    expect(form.problem(field)).toMatchObject({
      message: 'No.',
      hint: 'Yes.'
    });
    expect(form.isMoreOpen).toBe(true);
  });

  it('takes the name from the image until somebody types one', () => {
    form.setImage('debian:12');
    expect(form.values.displayName).toBe('Debian 12');
    form.setImage('debian:13');
    expect(form.values.displayName).toBe('Debian 13');
    form.setDisplayName('Mine');
    form.setImage('debian:14');
    expect(form.values.displayName).toBe('Mine');
  });

  it('tells the kernel name that will be made', () => {
    form.setImage('debian:12');
    expect(form.automaticSlug).toBe('debian-12-2');
  });

  it('takes a pasted command line down to the image', () => {
    form.setImage('docker pull debian:12', true);
    expect(form.values.image).toBe('debian:12');
  });

  it('leaves a command line alone while it is typed, and not when it is left', () => {
    form.setImage('docker pull debian:12');
    expect(form.values.image).toBe('docker pull debian:12');
    form.settle('image');
    expect(form.values.image).toBe('debian:12');
  });

  it('does not speak of mistakes while somebody types', async () => {
    form.setImage('debian:');
    expect(form.problem('image')).toBeUndefined();
    expect(form.obstacle).toBe('After : comes a tag, such as 12 or latest.');
    await pass(TYPING_PAUSE);
    expect(form.problem('image')?.message).toContain('tag');
    form.setImage('debian:1');
    expect(form.problem('image')).toBeUndefined();
  });

  it('asks what the image is after the last key, once', async () => {
    for (const text of ['d', 'de', 'deb', 'debian']) {
      form.setImage(text);
      await pass(100);
    }
    expect(resolve).not.toHaveBeenCalled();
    expect(form.resolution.state).toBe('asking');
    await pass(TYPING_PAUSE);
    expect(resolve).toHaveBeenCalledTimes(1);
    expect(resolve.mock.calls[0][0]).toBe('debian');
    expect(form.resolution).toEqual({ state: 'known', value: resolution });
  });

  it('asks at once what was pasted', async () => {
    form.setImage('docker pull debian:12', true);
    await pass(0);
    expect(resolve.mock.calls[0][0]).toBe('debian:12');
  });

  it('asks nothing about what is no image', async () => {
    form.setImage('Debian', true);
    await pass(TYPING_PAUSE);
    expect(resolve).not.toHaveBeenCalled();
    expect(form.resolution.state).toBe('idle');
  });

  it('never shows the answer for what stood there before', async () => {
    const answers: ((value: IResolution) => void)[] = [];
    resolve.mockImplementation(
      () => new Promise(answer => answers.push(answer))
    );
    form.setImage('old', true);
    await pass(0);
    form.setImage('new', true);
    await pass(0);
    answers[1]({ ...resolution, reference: 'new' });
    answers[0]({ ...resolution, reference: 'old' });
    await pass(0);
    expect(form.resolution).toMatchObject({ value: { reference: 'new' } });
    expect(resolve.mock.calls[0][1].aborted).toBe(true);
  });

  it('can be sent while the answer is waited for', async () => {
    resolve.mockImplementation(() => new Promise(() => undefined));
    form.setImage('debian', true);
    await pass(5_000);
    expect(form.resolution.state).toBe('asking');
    expect(form.obstacle).toBeNull();
  });

  it.each([
    [
      new ApiError('image_not_found', 'No such tag.', 'Try 12.', 422),
      {
        state: 'refused',
        problem: {
          message: 'No such tag.',
          hint: 'Try 12.',
          code: 'image_not_found'
        }
      }
    ],
    [new ConnectionLostError('502'), { state: 'silent' }]
  ])('can be sent although asking brought %s', async (error, state) => {
    resolve.mockRejectedValue(error);
    form.setImage('debian', true);
    await pass(0);
    expect(form.resolution).toEqual(state);
    expect(form.obstacle).toBeNull();
  });

  it('says nothing of a question that it gave up itself', async () => {
    resolve.mockRejectedValue(new AbortedError());
    form.setImage('debian', true);
    await pass(0);
    expect(form.resolution.state).toBe('asking');
  });

  it('cannot be sent where there is no runtime, and says so', () => {
    form.setImage('debian');
    const [runtime] = someInfo().runtimes;
    form.info = someInfo({ runtimes: [{ ...runtime, available: false }] });
    expect(form.obstacle).toBe('There is no container runtime here.');
    form.info = someInfo({
      runtimes: [{ ...runtime, available: false, searching: true }]
    });
    expect(form.obstacle).toContain('still being looked for');
  });

  it('keeps to the limits of the server part', () => {
    form.setImage('debian');
    form.info = someInfo({
      limits: { ...someInfo().limits, display_name_length: 5 }
    });
    form.setDisplayName('123456');
    expect(form.problem('displayName')?.message).toContain('5 fit');
  });

  it('sends what was typed', async () => {
    form.setImage('debian:12');
    form.setGpu('on');
    form.setSlug('deb');
    form.addBind();
    const { key } = form.values.binds[0];
    form.editBind(key, { source: '/a', readOnly: true });
    form.addBind();
    const add = jest.fn(async (_: IAddRequest) => aTask());
    expect(await form.submit(add)).toEqual(aTask());
    expect(add).toHaveBeenCalledWith({
      image: 'debian:12',
      display_name: 'Debian 12',
      slug: 'deb',
      gpu: 'on',
      binds: [{ source: '/a', destination: null, read_only: true }],
      interpreter: null,
      environment: {},
      isolated: true,
      image_dir: null,
      by_runtime: false
    });
  });

  it('asks whether it fits in the folder that is chosen, and says there why not', async () => {
    const refusal = new ApiError('invalid_image_dir', 'No.', 'Because.', 422);
    form.setImage('debian', true);
    await pass(0);
    resolve.mockRejectedValueOnce(refusal);
    form.setImageDir('/nowhere');
    await pass(TYPING_PAUSE);
    expect(form.problem('image')).toBeUndefined();
    expect(form.problem('imageDir')).toMatchObject({ message: 'No.' });
    form.setImageDir('relative');
    await pass(TYPING_PAUSE);
    form.setByRuntime(true);
    await pass(0);
    form.setImageDir('/scratch/u', true);
    await pass(0);
    expect(resolve.mock.calls.map(call => call[2])).toEqual([
      { image_dir: null, by_runtime: false },
      { image_dir: '/nowhere', by_runtime: false },
      { image_dir: null, by_runtime: false },
      { image_dir: null, by_runtime: true },
      { image_dir: '/scratch/u', by_runtime: true }
    ]);
    expect(form.isMoreOpen).toBe(true);
  });

  it('never shows the answer for another folder', async () => {
    form.setImage('debian', true);
    await pass(0);
    const seen: string[] = [];
    form.stateChanged.connect(() => seen.push(form.resolution.state));
    form.setImageDir('/scratch/u');
    form.setByRuntime(true);
    expect(new Set(seen)).toEqual(new Set(['asking']));
    await pass(0);
    expect(form.resolution.state).toBe('known');
  });

  it('is sent once, however often Enter is pressed', async () => {
    form.setImage('debian');
    let answer: (() => void) | undefined;
    const add = jest.fn(
      () =>
        new Promise<never>((_, reject) => {
          answer = () => reject(new Error('no'));
        })
    );
    const first = form.submit(add);
    expect(form.obstacle).toBe('Asking the server…');
    expect(await form.submit(add)).toBeNull();
    answer?.();
    await first;
    expect(add).toHaveBeenCalledTimes(1);
  });

  it('that cannot be sent marks what is wrong', async () => {
    form.setImage('debian');
    form.addBind();
    form.editBind(form.values.binds[0].key, { source: 'relative' });
    expect(await form.submit(async () => aTask())).toBeNull();
    expect(form.problem('binds')?.message).toContain('full path');
    form.removeBind(form.values.binds[0].key);
    expect(form.obstacle).toBeNull();
  });

  it.each([
    ['image_not_found', 'image'],
    ['invalid_display_name', 'displayName'],
    ['slug_taken', 'slug'],
    ['invalid_bind', 'binds'],
    ['invalid_image_dir', 'imageDir']
  ] as const)(
    'shows %s at %s and keeps what was typed',
    async (code, field) => {
      form.setImage('debian:12');
      form.setSlug('mine');
      await form.submit(async () => {
        throw new ApiError(code, 'No.', 'Because.', 422);
      });
      expect(form.problem(field)).toMatchObject({
        message: 'No.',
        hint: 'Because.'
      });
      expect(form.failure).toBeNull();
      expect(form.values.image).toBe('debian:12');
      expect(form.values.slug).toBe('mine');
      expect(form.obstacle).toBeNull(); // it can be sent again
      expect(form.isMoreOpen).toBe(
        field !== 'image' && field !== 'displayName'
      );
    }
  );

  it('forgets what the server part said about a field once it is changed', async () => {
    form.setImage('debian:12');
    await form.submit(async () => {
      throw new ApiError('slug_taken', 'No.', '', 409);
    });
    form.setSlug('other');
    expect(form.problem('slug')).toBeUndefined();
  });

  it.each([
    [new ApiError('disk_full', 'The disk is full.', '', 507), 'full'],
    [new ConnectionLostError('502'), 'does not answer'],
    [new Error('strange'), 'could not be added']
  ])('says what is about no field', async (error, word) => {
    form.setImage('debian:12');
    await form.submit(async () => {
      throw error;
    });
    expect(form.failure?.message).toContain(word);
    expect(form.values.image).toBe('debian:12');
  });

  it('begins with what was asked for before, to be edited', () => {
    form.dispose();
    form = make({
      image: 'debian:12',
      display_name: 'Mine',
      slug: 'mine',
      gpu: 'off',
      binds: [{ source: '/a', destination: '/b', read_only: true }]
    });
    expect(form.values).toEqual({
      image: 'debian:12',
      displayName: 'Mine',
      slug: 'mine',
      gpu: 'off',
      binds: [
        {
          key: expect.any(Number),
          source: '/a',
          destination: '/b',
          readOnly: true
        }
      ],
      interpreter: '',
      environment: '',
      isolated: true,
      imageDir: '',
      byRuntime: false
    });
    expect(form.isMoreOpen).toBe(true);
    form.setImage('debian:13');
    expect(form.values.displayName).toBe('Mine');
  });

  it('asks nothing more once disposed', async () => {
    form.setImage('debian');
    form.dispose();
    await pass(TYPING_PAUSE * 2);
    expect(resolve).not.toHaveBeenCalled();
  });

  describe('and the tags of an image', () => {
    it('are asked for once, when a tag is begun', async () => {
      form.setImage('debian');
      await pass(TAGS_PAUSE);
      expect(listTags).not.toHaveBeenCalled();
      form.setImage('debian:');
      form.setImage('debian:1');
      await pass(TAGS_PAUSE);
      expect(listTags.mock.calls.map(call => call[0])).toEqual(['debian']);
      expect(form.completions).toEqual([
        'debian:13',
        'debian:12.1',
        'debian:12'
      ]);
      form.setImage('debian:12');
      expect(form.completions).toEqual(['debian:12.1', 'debian:12']);
      form.setImage('debian:w');
      expect(form.completions).toEqual(['debian:bookworm']);
      form.setImage('debian:bookworm');
      expect(form.completions).toEqual([]);
      await pass(TAGS_PAUSE);
      expect(listTags).toHaveBeenCalledTimes(1);
    });

    it('are given up when another image is typed', async () => {
      listTags.mockReturnValueOnce(new Promise(() => undefined));
      form.setImage('debian:');
      await pass(TAGS_PAUSE);
      const [, signal] = listTags.mock.calls[0];
      form.setImage('ubuntu:');
      expect(signal.aborted).toBe(true);
      await pass(TAGS_PAUSE);
      expect(form.completions[0]).toBe('ubuntu:13');
    });

    it.each([
      'localhost:50',
      '127.0.0.1:50',
      'docker://ghcr.io:4',
      'docker:',
      '/x/y:1',
      'library://a/b/c:1',
      'debian@sha256:',
      'A:1'
    ])('are not asked for while “%s” is typed', async typed => {
      form.setImage(typed);
      await pass(2 * TAGS_PAUSE);
      expect(listTags).not.toHaveBeenCalled();
    });

    it('may be missing without a word', async () => {
      listTags.mockRejectedValue(new Error('no'));
      form.setImage('docker pull 127.0.0.1:5000/a:1');
      await pass(TAGS_PAUSE);
      form.setImage('docker pull 127.0.0.1:5000/a:12');
      await pass(TAGS_PAUSE);
      expect(listTags).toHaveBeenCalledTimes(1);
      expect(form.completions).toEqual([]);
    });

    it('are asked for anew when they could not be had before', async () => {
      listTags.mockRejectedValueOnce(new Error('no'));
      form.setImage('debian:1');
      await pass(TAGS_PAUSE);
      form.setImage('debian');
      form.setImage('debian:12');
      await pass(TAGS_PAUSE);
      expect(form.completions).toEqual(['debian:12.1', 'debian:12']);
    });
  });

  describe('and a registry that wants a password', () => {
    beforeEach(async () => {
      resolve.mockRejectedValue(
        new ApiError(
          'login_needed',
          'quay.io does not let you.',
          'Log in.',
          422
        )
      );
      form.setImage('quay.io/a/b:1', true);
      await pass(10);
    });

    it('gets one, and the image is looked at anew', async () => {
      form.choose(
        aSiteImage({ image: 'quay.io/a/b:1', title: 'Tested by your site' })
      );
      await pass(10);
      expect(form.loginRegistry).toBe('quay.io');
      form.openLogin();
      const login = form.login as LoginForm;
      login.user = ' me ';
      expect(login.isReady).toBe(false);
      login.password = 'secret';
      resolve.mockResolvedValue({ ...resolution, user: 'me' });
      await form.logIn();
      await pass(10);
      expect(logIn).toHaveBeenCalledWith({
        registry: 'quay.io',
        user: 'me',
        password: 'secret'
      });
      expect(login.password).toBe('');
      expect(form.login).toBeNull();
      expect(form.resolution.state).toBe('known');
      expect(form.values.displayName).toBe('Tested by your site');
      await form.logOut();
      expect(logOut).toHaveBeenCalledWith('quay.io');
      expect(resolve).toHaveBeenCalledTimes(3);
      await pass(10);
      expect(resolve).toHaveBeenCalledTimes(4);
    });

    it('tells the tags after a login', async () => {
      listTags.mockRejectedValueOnce(new Error('no'));
      form.setImage('quay.io/a/b:1');
      await pass(TYPING_PAUSE);
      expect(form.completions).toEqual([]);
      form.openLogin();
      const login = form.login as LoginForm;
      login.user = 'me';
      login.password = 'secret';
      await form.logIn();
      await pass(TAGS_PAUSE);
      expect(form.completions[0]).toBe('quay.io/a/b:13');
    });

    it('asks for nothing when the dialog is gone before it answers', async () => {
      form.openLogin();
      const login = form.login as LoginForm;
      login.user = 'me';
      login.password = 'secret';
      const sent = form.logIn();
      form.dispose();
      await sent;
      await pass(TYPING_PAUSE);
      expect(logIn).toHaveBeenCalledTimes(1);
      expect(resolve).toHaveBeenCalledTimes(1);
    });

    it('may refuse it, and the name stays', async () => {
      form.openLogin();
      const login = form.login as LoginForm;
      login.user = 'me';
      login.password = 'wrong';
      logIn.mockRejectedValue(
        new ApiError('login_needed', 'It does not take it.', 'Check.', 422)
      );
      await form.logIn();
      expect(form.login).toBe(login);
      expect(login.problem?.message).toBe('It does not take it.');
      expect([login.user, login.password]).toEqual(['me', '']);
      form.closeLogin();
      expect(form.login).toBeNull();
    });

    it('is forgotten with the image', () => {
      form.openLogin();
      form.setImage('debian:12');
      expect(form.login).toBeNull();
      expect(form.loginRegistry).toBeNull();
      form.openLogin();
      expect(form.login).toBeNull();
    });

    it('says why nobody was logged out', async () => {
      logOut.mockRejectedValue(
        new ApiError('not_found', 'Another program keeps it.', '', 404)
      );
      await form.logOut();
      expect(form.logoutProblem?.message).toBe('Another program keeps it.');
    });
  });
});
