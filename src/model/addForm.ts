import { VDomModel } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';

import { ApiError, ConnectionLostError } from '../api/request';
import type {
  GpuChoice,
  IAddRequest,
  IInfo,
  IInspection,
  ILogin,
  ILoginRequest,
  IResolution,
  IResolveRequest,
  ISiteImage,
  ITagList,
  ITask,
  PullWay
} from '../api/types';
import { suggestDisplayName } from './displayName';
import { IImageReference, readReference, unwrap } from './imageReference';
import { formatEnvironment } from './environment';
import { LoginForm } from './loginForm';
import { IProblem, problemOf, refusalOf } from './problem';
import { Answer, Question } from './question';
import { freeSlug } from './slug';
import { TagCompletion } from './tagCompletion';
import {
  checkForm,
  checkImageDir,
  Field,
  fieldOfError,
  FIELDS,
  IBindRow,
  IFormValues,
  Problems,
  toRequest
} from './validation';

/** How long nobody types before the server part is asked, in milliseconds. */
export const TYPING_PAUSE = 600;

/** What cannot be changed of a kernel that exists. */
const NOT_SHOWN: readonly Field[] = [
  'image',
  'slug',
  'interpreter',
  'imageDir'
];

/** Characters that a tile has room for, until the server part tells. */
const DISPLAY_NAME_LENGTH = 100;

/**
 * What somebody types to add a kernel. It outlives the dialog, so that nothing
 * typed is lost when a file is chosen or the server part says no.
 */
export class AddForm extends VDomModel {
  constructor(options: AddForm.IOptions) {
    super();
    this._trans = options.trans;
    this._resolution = new Question(
      (image, signal) =>
        options.resolve(image, signal, {
          image_dir: checkImageDir(this._values.imageDir, this._trans)
            ? null
            : this.request.image_dir,
          by_runtime: this.request.by_runtime
        }),
      () => {
        this._learnReach();
        this._lookInside();
        this.stateChanged.emit();
      }
    );
    this._inspection = new Question(options.inspect, () =>
      this.stateChanged.emit()
    );
    this._tags = new TagCompletion(options.listTags, options.trans, () =>
      this.stateChanged.emit()
    );
    this._logIn = options.logIn;
    this._logOut = options.logOut;
    this._takenSlugs = options.takenSlugs;
    this._isImageFixed = options.isImageFixed ?? false;
    const initial = options.initial;
    if (initial) {
      this._values = {
        image: initial.image,
        displayName: initial.display_name ?? '',
        slug: initial.slug ?? '',
        gpu: initial.gpu ?? 'auto',
        binds: (initial.binds ?? []).map(bind => ({
          key: this._nextKey++,
          source: bind.source,
          destination: bind.destination ?? '',
          readOnly: bind.read_only
        })),
        interpreter: initial.interpreter ?? '',
        environment: formatEnvironment(initial.environment ?? {}),
        isolated: initial.isolated ?? true,
        imageDir: initial.image_dir ?? '',
        byRuntime: initial.by_runtime ?? false
      };
      const { pull_from } = initial;
      this._pullFrom =
        pull_from === 'job' || pull_from === 'login' ? pull_from : 'here';
      this._isNameOwn = !!initial.display_name;
      const { slug, binds, interpreter, environment } = this._values;
      const { isolated, imageDir, byRuntime } = this._values;
      this._isMoreOpen =
        !!(slug || binds.length || interpreter || environment) ||
        !isolated ||
        !!imageDir ||
        byRuntime;
      if (!this._isImageFixed) {
        this._imageChanged(true);
      }
      if (this._pullFrom !== 'here') {
        this._unreachable = this._image?.registry ?? null;
      }
    }
    this._check();
  }

  /** Whether it is about a kernel that exists: its image cannot be changed. */
  get isImageFixed(): boolean {
    return this._isImageFixed;
  }

  /** What would be sent now. */
  get request(): IAddRequest {
    const request = toRequest(this._values);
    return this.pullWays.length
      ? { ...request, pull_from: this.pullFrom }
      : request;
  }

  /**
   * From where the image can be pulled, when this node cannot reach its
   * registry and somebody may choose; else none.
   */
  get pullWays(): readonly PullWay[] {
    const pull = this._info?.pull;
    return pull?.policy === 'auto' && pull.ways.length > 1 && this._isFar
      ? pull.ways
      : [];
  }

  /** What the site has chosen for all images that come from elsewhere. */
  get ruledPull(): 'job' | 'login' | null {
    const policy = this._info?.pull.policy;
    const { answer } = this._resolution;
    const isComing =
      this._isFar || (answer.state === 'known' && !answer.value.stored);
    return isComing && (policy === 'job' || policy === 'login') ? policy : null;
  }

  /** From where it will be pulled, when somebody may choose. */
  get pullFrom(): PullWay {
    return this.pullWays.includes(this._pullFrom) ? this._pullFrom : 'here';
  }

  /** What is typed. */
  get values(): Readonly<IFormValues> {
    return this._values;
  }

  /** The image, when what is typed names one. */
  get image(): IImageReference | null {
    return this._image;
  }

  /** The kernel name that will be made when none is typed. */
  get automaticSlug(): string {
    return freeSlug(this._values.displayName, this._takenSlugs);
  }

  /** What the server part offers, or `null` until it told. */
  get info(): IInfo | null {
    return this._info;
  }

  set info(info: IInfo | null) {
    this._info = info;
    this._check();
  }

  /** What the container runtime is called. */
  get runtimeTitle(): string {
    return (
      this._info?.runtimes.find(each => each.available)?.title ??
      this._trans.__('the container runtime')
    );
  }

  /** What the server part says of the image. */
  get resolution(): Answer<IResolution> {
    return this._resolution.answer;
  }

  /** What the image field may become, while a tag is typed. */
  get completions(): readonly string[] {
    return this._tags.options;
  }

  /** The registry at which a login may help with the image, or `null`. */
  get loginRegistry(): string | null {
    const { answer } = this._resolution;
    const code =
      this._refusals.image?.code ??
      (answer.state === 'refused' ? answer.problem.code : undefined);
    const isHelpful = code === 'login_needed' || code === 'rate_limited';
    return (isHelpful && this._image?.registry) || null;
  }

  /** What is typed to log in, or `null` while nobody does. */
  get login(): LoginForm | null {
    return this._login;
  }

  /** Why nobody was logged out. */
  get logoutProblem(): IProblem | null {
    return this._logoutProblem;
  }

  /** Whether what most people never need is unfolded. */
  get isMoreOpen(): boolean {
    return this._isMoreOpen;
  }

  set isMoreOpen(open: boolean) {
    this._isMoreOpen = open;
    this._lookInside();
    this.stateChanged.emit();
  }

  /** What is known of the interpreters in the image. */
  get inspection(): Answer<IInspection> {
    return this._inspection.answer;
  }

  /** Whether the request is on its way. */
  get isSubmitting(): boolean {
    return this._isSubmitting;
  }

  /** What to say about a field now: nothing while somebody still types. */
  problem(field: Field): IProblem | undefined {
    const { answer } = this._resolution;
    const isRefused =
      answer.state === 'refused' &&
      answer.problem.code === 'invalid_image_dir' &&
      field === 'imageDir';
    return (
      this._refusals[field] ??
      (this._settled.has(field) ? this._problems[field] : undefined) ??
      (isRefused ? answer.problem : undefined)
    );
  }

  /** What the server part said that is about no field. */
  get failure(): IProblem | null {
    return this._failure;
  }

  /** Why the form cannot be sent, or `null` when it can. */
  get obstacle(): string | null {
    if (this._isSubmitting) {
      return this._trans.__('Asking the server…');
    }
    if (this._info && !this._info.runtimes.some(each => each.available)) {
      return this._info.runtimes.some(each => each.searching)
        ? this._trans.__('The container runtime is still being looked for.')
        : this._trans.__('There is no container runtime here.');
    }
    const first = FIELDS.find(field => this._problems[field]);
    return first ? (this._problems[first] as IProblem).message : null;
  }

  /**
   * Takes over what somebody typed into the image field.
   *
   * @param typed - The whole text.
   * @param pasted - Whether it came at once: then it is looked at at once, and
   * a command line is taken down to the image in it.
   */
  setImage(typed: string, pasted = false): void {
    this._values = { ...this._values, image: pasted ? unwrap(typed) : typed };
    delete this._refusals.image;
    this._imageChanged(pasted);
  }

  /**
   * Takes an image of the site, with its name unless somebody typed another
   * one, and with what it says of the GPU.
   */
  choose(offered: ISiteImage): void {
    this._values = { ...this._values, gpu: offered.gpu };
    this.setImage(offered.image, true);
    if (!this._isNameOwn) {
      this._edit({ displayName: offered.title });
    }
  }

  /** Asks for a name and a password for the image's registry. */
  openLogin(): void {
    const registry = this.loginRegistry;
    if (registry !== null) {
      this._login = new LoginForm(registry, {
        trans: this._trans,
        logIn: this._logIn,
        onChange: () => this.stateChanged.emit()
      });
      this.stateChanged.emit();
    }
  }

  /** Asks no longer. */
  closeLogin(): void {
    this._login = null;
    this.stateChanged.emit();
  }

  /** Logs in with what is typed; then the image is looked at anew. */
  async logIn(): Promise<void> {
    const login = this._login;
    if (login && (await login.submit()) && this._login === login) {
      this._lookAnew();
    }
  }

  /** Has the password for the image's registry removed. */
  async logOut(): Promise<void> {
    const image = this._image;
    if (!image) {
      return;
    }
    this._logoutProblem = null;
    try {
      await this._logOut(image.registry);
    } catch (error) {
      this._logoutProblem = refusalOf(error, this._trans);
      this.stateChanged.emit();
      return;
    }
    if (this._image === image) {
      this._lookAnew();
    }
  }

  /** Takes over what somebody typed into the name field. */
  setDisplayName(displayName: string): void {
    this._isNameOwn = displayName !== '';
    this._edit({ displayName }, 'displayName');
  }

  /** Takes over the kernel name. */
  setSlug(slug: string): void {
    this._edit({ slug }, 'slug');
  }

  /** Takes over whether the kernel gets the GPU. */
  setGpu(gpu: GpuChoice): void {
    this._edit({ gpu });
  }

  /** Takes over the path of the interpreter inside the image. */
  setInterpreter(interpreter: string): void {
    this._edit({ interpreter }, 'interpreter');
  }

  /** Takes over the variables. */
  setEnvironment(environment: string): void {
    this._edit({ environment }, 'environment');
  }

  /** Takes over whether what is the host's is kept out. */
  setIsolated(isolated: boolean): void {
    this._edit({ isolated });
  }

  /** Takes over where the image is to lie; whether it fits is asked anew. */
  setImageDir(imageDir: string, now = false): void {
    this._isMoreOpen ||= now;
    this._dropAnswer();
    this._edit({ imageDir }, 'imageDir');
    this._settled.delete('imageDir');
    this._lookLater(now);
  }

  /** Takes over whether the runtime makes the image file itself. */
  setByRuntime(byRuntime: boolean): void {
    this._dropAnswer();
    this._edit({ byRuntime });
    this._lookLater(true);
  }

  /** Takes over from where the image is pulled. */
  setPullFrom(way: PullWay): void {
    this._pullFrom = way;
    this.stateChanged.emit();
  }

  /** Adds an empty row for a folder. */
  addBind(): void {
    this._edit({
      binds: [
        ...this._values.binds,
        { key: this._nextKey++, source: '', destination: '', readOnly: false }
      ]
    });
  }

  /** Changes the row of a folder. */
  editBind(key: number, change: Partial<Omit<IBindRow, 'key'>>): void {
    this._edit(
      {
        binds: this._values.binds.map(row =>
          row.key === key ? { ...row, ...change } : row
        )
      },
      'binds'
    );
  }

  /** Removes the row of a folder. */
  removeBind(key: number): void {
    this._edit({ binds: this._values.binds.filter(row => row.key !== key) });
  }

  /** Somebody leaves a field: what is wrong with it is said now. */
  settle(field: Field): void {
    if (field === 'image') {
      const image = unwrap(this._values.image);
      if (image !== this._values.image) {
        this._values = { ...this._values, image };
      }
      if (!image) {
        return; // an empty form is not wrong, it is new
      }
    }
    this._settled.add(field);
    this._check();
  }

  /**
   * Sends the form.
   *
   * @param add - Sends it.
   *
   * @returns The task, or `null` when the server part said no; then the
   * reason stands at its field.
   */
  async submit(
    add: (request: IAddRequest) => Promise<ITask>
  ): Promise<ITask | null> {
    for (const field of FIELDS) {
      this._settled.add(field);
    }
    this._check();
    if (this.obstacle !== null) {
      return null;
    }
    this._isSubmitting = true;
    this._failure = null;
    this._refusals = {};
    this.stateChanged.emit();
    try {
      return await add(this.request);
    } catch (error) {
      this._refuse(error);
      return null;
    } finally {
      this._isSubmitting = false;
      this.stateChanged.emit();
    }
  }

  /** Gives up what is being asked. */
  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    clearTimeout(this._timer);
    this._resolution.drop();
    this._inspection.drop();
    this._tags.drop();
    super.dispose();
  }

  /** Whether the server's node cannot reach the registry, as was last told. */
  private get _isFar(): boolean {
    return this._image !== null && this._image.registry === this._unreachable;
  }

  /** Keeps what an answer tells of the registry until the next one. */
  private _learnReach(): void {
    const { answer } = this._resolution;
    if (answer.state === 'known') {
      this._unreachable = null;
    } else if (
      answer.state === 'refused' &&
      answer.problem.code !== 'invalid_image_dir' // that is of the folder
    ) {
      this._unreachable =
        answer.problem.code === 'registry_unreachable'
          ? (this._image?.registry ?? null)
          : null;
    }
  }

  /** What was told is of another folder, or of another way to get the image. */
  private _dropAnswer(): void {
    this._resolution.drop(this._image !== null);
  }

  private _edit(change: Partial<IFormValues>, field?: Field): void {
    this._values = { ...this._values, ...change };
    if (field) {
      delete this._refusals[field];
    }
    if (field === 'displayName' || field === 'slug') {
      this._settled.add(field); // these are right or wrong at any moment
    }
    this._check();
  }

  private _imageChanged(now: boolean, isOther = true): void {
    this._settled.delete('image');
    const read = readReference(this._values.image, this._trans);
    this._image = 'image' in read ? read.image : null;
    this._login = null;
    this._logoutProblem = null;
    this._tags.look(this._values.image);
    if (isOther && !this._isNameOwn) {
      this._values = {
        ...this._values,
        displayName: this._image ? suggestDisplayName(this._image) : ''
      };
      delete this._refusals.displayName;
    }
    this._dropAnswer();
    this._inspection.drop();
    delete this._refusals.interpreter; // that was about another image
    this._lookLater(now, () => this.settle('image'));
    this._check();
  }

  /** Asks what the image is when nobody types any more. */
  private _lookLater(now: boolean, before?: () => void): void {
    clearTimeout(this._timer);
    this._timer = setTimeout(
      () => {
        before?.();
        if (this._image) {
          void this._resolution.put(this._image.text);
        }
      },
      now ? 0 : TYPING_PAUSE
    );
  }

  /** The registry knows another user now. */
  private _lookAnew(): void {
    if (this.isDisposed) {
      return;
    }
    this._tags.forget();
    this._imageChanged(true, false);
  }

  /** Asks for the interpreters where somebody sees the answer. */
  private _lookInside(): void {
    const { answer } = this._resolution;
    if (!this._isMoreOpen || !this._image || answer.state !== 'known') {
      return;
    }
    const { stored, reference } = answer.value;
    const isHere = stored || reference.startsWith('/');
    if (isHere && this._inspection.about !== this._image.text) {
      void this._inspection.put(this._image.text);
    }
  }

  private _check(): void {
    this._problems = checkForm(
      this._values,
      {
        displayNameLength:
          this._info?.limits.display_name_length ?? DISPLAY_NAME_LENGTH,
        takenSlugs: this._takenSlugs
      },
      this._trans
    );
    if (!this._image && this._problems.displayName && !this._isNameOwn) {
      delete this._problems.displayName; // it comes with the image
    }
    if (this._isImageFixed) {
      delete this._problems.image; // it is what it is
    }
    this.stateChanged.emit();
  }

  private _refuse(error: unknown): void {
    const trans = this._trans;
    if (error instanceof ApiError) {
      const problem = problemOf(error);
      const field = fieldOfError(error.code);
      if (!field || (this._isImageFixed && NOT_SHOWN.includes(field))) {
        this._failure = problem;
        return;
      }
      this._refusals[field] = problem;
      if (field !== 'image' && field !== 'displayName') {
        this._isMoreOpen = true;
      }
      return;
    }
    this._failure =
      error instanceof ConnectionLostError
        ? {
            message: trans.__('The Jupyter server does not answer.'),
            hint: trans.__('Nothing you typed is lost: try again in a moment.')
          }
        : {
            message: this._isImageFixed
              ? trans.__('That could not be sent.')
              : trans.__('The kernel could not be added.'),
            hint: error instanceof Error ? error.message : String(error)
          };
  }

  private _trans: TranslationBundle;
  private _resolution: Question<IResolution>;
  private _inspection: Question<IInspection>;
  private _tags: TagCompletion;
  private _logIn: AddForm.IOptions['logIn'];
  private _logOut: AddForm.IOptions['logOut'];
  private _login: LoginForm | null = null;
  private _logoutProblem: IProblem | null = null;
  private _takenSlugs: readonly string[];
  private _isImageFixed: boolean;
  private _values: IFormValues = {
    image: '',
    displayName: '',
    slug: '',
    gpu: 'auto',
    binds: [],
    interpreter: '',
    environment: '',
    isolated: true,
    imageDir: '',
    byRuntime: false
  };
  private _image: IImageReference | null = null;
  private _info: IInfo | null = null;
  private _problems: Problems = {};
  private _refusals: Problems = {};
  private _settled = new Set<Field>();
  private _failure: IProblem | null = null;
  private _isNameOwn = false;
  private _isMoreOpen = false;
  private _isSubmitting = false;
  private _pullFrom: PullWay = 'here';
  /** The registry that this node could not reach when it was last asked. */
  private _unreachable: string | null = null;
  private _nextKey = 1;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}

/** What the form is made of. */
export namespace AddForm {
  /** How to make one. */
  export interface IOptions {
    /** The language of what is wrong. */
    trans: TranslationBundle;
    /** Asks the server part what an image is. */
    resolve: (
      image: string,
      signal: AbortSignal,
      choice: Omit<IResolveRequest, 'image'>
    ) => Promise<IResolution>;
    /** Asks the server part what interpreters an image holds. */
    inspect: (image: string, signal: AbortSignal) => Promise<IInspection>;
    /** Asks the server part for the tags of an image. */
    listTags: (image: string, signal: AbortSignal) => Promise<ITagList>;
    /** Logs in to a registry. */
    logIn: (request: ILoginRequest) => Promise<ILogin>;
    /** Logs out of a registry. */
    logOut: (registry: string) => Promise<unknown>;
    /** Names of kernels that exist. */
    takenSlugs: readonly string[];
    /** What to begin with. */
    initial?: IAddRequest;
    /** Whether it is about a kernel that exists: its image stays. */
    isImageFixed?: boolean;
  }
}
