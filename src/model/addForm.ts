import { VDomModel } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';

import { ApiError, ConnectionLostError } from '../api/request';
import type {
  GpuChoice,
  IAddRequest,
  IInfo,
  IInspection,
  IResolution,
  ISiteImage,
  ITask,
  PullWay
} from '../api/types';
import { suggestDisplayName } from './displayName';
import { FieldProblems } from './fieldProblems';
import {
  hasMore,
  IBindRow,
  IFormValues,
  toRequest,
  valuesOf,
  withEmptyBind
} from './formValues';
import { ImageInquiry, isAboutFolder } from './imageInquiry';
import { IImageReference, unwrap } from './imageReference';
import type { LoginForm } from './loginForm';
import { IProblem, problemOf } from './problem';
import type { Answer } from './question';
import { RegistryLogin } from './registryLogin';
import { freeSlug } from './slug';
import {
  checkForm,
  checkImageDir,
  Field,
  fieldOfError,
  FIELDS
} from './validation';

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
    this._takenSlugs = options.takenSlugs;
    this._isImageFixed = options.isImageFixed ?? false;
    const onChange = () => this.stateChanged.emit();
    this._inquiry = new ImageInquiry({
      ...options,
      choice: () => ({
        image_dir: checkImageDir(this._values.imageDir, this._trans)
          ? null
          : this.request.image_dir,
        by_runtime: this.request.by_runtime
      }),
      isInsideSeen: () => this._isMoreOpen,
      onChange
    });
    this._login = new RegistryLogin({ ...options, onChange });
    const { initial } = options;
    if (initial) {
      this._values = valuesOf(initial);
      this._isNameOwn = !!initial.display_name;
      this._isMoreOpen = hasMore(this._values);
      if (!this._isImageFixed) {
        this._imageChanged(true);
      }
      const { pull_from } = initial;
      if (pull_from === 'job' || pull_from === 'login') {
        this._pullFrom = pull_from;
        this._inquiry.assumeFar(); // as it was when that was chosen
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
    return pull?.policy === 'auto' &&
      pull.ways.length > 1 &&
      this._inquiry.isFar
      ? pull.ways
      : [];
  }

  /** What the site has chosen for all images that come from elsewhere. */
  get ruledPull(): 'job' | 'login' | null {
    const policy = this._info?.pull.policy;
    const { resolution } = this;
    const isComing =
      this._inquiry.isFar ||
      (resolution.state === 'known' && !resolution.value.stored);
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
    return this._inquiry.image;
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
    return this._inquiry.resolution;
  }

  /** What the image field may become, while a tag is typed. */
  get completions(): readonly string[] {
    return this._inquiry.completions;
  }

  /** The registry at which a login may help with the image, or `null`. */
  get loginRegistry(): string | null {
    const { image, resolution } = this;
    const code =
      this._problems.refused('image')?.code ??
      (resolution.state === 'refused' ? resolution.problem.code : undefined);
    const isHelpful = code === 'login_needed' || code === 'rate_limited';
    return (isHelpful && image?.registry) || null;
  }

  /** What is typed to log in, or `null` while nobody does. */
  get login(): LoginForm | null {
    return this._login.form;
  }

  /** Why nobody was logged out. */
  get logoutProblem(): IProblem | null {
    return this._login.logoutProblem;
  }

  /** Whether what most people never need is unfolded. */
  get isMoreOpen(): boolean {
    return this._isMoreOpen;
  }

  set isMoreOpen(open: boolean) {
    this._isMoreOpen = open;
    this._inquiry.lookInside();
    this.stateChanged.emit();
  }

  /** What is known of the interpreters in the image. */
  get inspection(): Answer<IInspection> {
    return this._inquiry.inspection;
  }

  /** Whether the request is on its way. */
  get isSubmitting(): boolean {
    return this._isSubmitting;
  }

  /** What to say about a field now: nothing while somebody still types. */
  problem(field: Field): IProblem | undefined {
    const { resolution } = this;
    return (
      this._problems.of(field) ??
      (field === 'imageDir' &&
      resolution.state === 'refused' &&
      isAboutFolder(resolution)
        ? resolution.problem
        : undefined)
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
    return this._problems.first?.message ?? null;
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
    this._problems.forgive('image');
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
      this._login.open(registry);
    }
  }

  /** Asks no longer. */
  closeLogin(): void {
    this._login.close();
  }

  /** Logs in with what is typed; then the image is looked at anew. */
  async logIn(): Promise<void> {
    if (await this._login.logIn()) {
      this._lookAnew();
    }
  }

  /** Has the password for the image's registry removed. */
  async logOut(): Promise<void> {
    const { image } = this;
    if (
      image &&
      (await this._login.logOut(image.registry)) &&
      this.image === image
    ) {
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
    this._problems.unsettle('imageDir');
    this._inquiry.dropAnswer();
    this._edit({ imageDir }, 'imageDir');
    this._inquiry.ask(now);
  }

  /** Takes over whether the runtime makes the image file itself. */
  setByRuntime(byRuntime: boolean): void {
    this._inquiry.dropAnswer();
    this._edit({ byRuntime });
    this._inquiry.ask(true);
  }

  /** Takes over from where the image is pulled. */
  setPullFrom(way: PullWay): void {
    this._pullFrom = way;
    this.stateChanged.emit();
  }

  /** Adds an empty row for a folder. */
  addBind(): void {
    this._edit({ binds: withEmptyBind(this._values.binds) });
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
    this._problems.settle(field);
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
    this._problems.settle(...FIELDS);
    this._check();
    if (this.obstacle !== null) {
      return null;
    }
    this._isSubmitting = true;
    this._failure = null;
    this._problems.forgive();
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
    this._inquiry.dispose();
    super.dispose();
  }

  private _edit(change: Partial<IFormValues>, field?: Field): void {
    this._values = { ...this._values, ...change };
    if (field) {
      this._problems.forgive(field);
    }
    if (field === 'displayName' || field === 'slug') {
      this._problems.settle(field); // these are right or wrong at any moment
    }
    this._check();
  }

  private _imageChanged(now: boolean, isOther = true): void {
    this._problems.unsettle('image');
    this._inquiry.read(this._values.image);
    this._login.reset();
    if (isOther && !this._isNameOwn) {
      this._values = {
        ...this._values,
        displayName: this.image ? suggestDisplayName(this.image) : ''
      };
      this._problems.forgive('displayName');
    }
    this._problems.forgive('interpreter'); // that was about another image
    this._inquiry.ask(now, () => this.settle('image'));
    this._check();
  }

  /** The registry knows another user now. */
  private _lookAnew(): void {
    if (this.isDisposed) {
      return;
    }
    this._inquiry.forgetTags();
    this._imageChanged(true, false);
  }

  private _check(): void {
    const problems = checkForm(
      this._values,
      {
        displayNameLength:
          this._info?.limits.display_name_length ?? DISPLAY_NAME_LENGTH,
        takenSlugs: this._takenSlugs
      },
      this._trans
    );
    if (!this.image && problems.displayName && !this._isNameOwn) {
      delete problems.displayName; // it comes with the image
    }
    if (this._isImageFixed) {
      delete problems.image; // it is what it is
    }
    this._problems.find(problems);
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
      this._problems.refuse(field, problem);
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
  private _inquiry: ImageInquiry;
  private _login: RegistryLogin;
  private _takenSlugs: readonly string[];
  private _isImageFixed: boolean;
  private _values = valuesOf({ image: '' });
  private _info: IInfo | null = null;
  private _problems = new FieldProblems();
  private _failure: IProblem | null = null;
  private _isNameOwn = false;
  private _isMoreOpen = false;
  private _isSubmitting = false;
  private _pullFrom: PullWay = 'here';
}

/** What the form is made of. */
export namespace AddForm {
  /** How to make one. */
  export interface IOptions
    extends ImageInquiry.IQuestions, RegistryLogin.IRequests {
    /** The language of what is wrong. */
    trans: TranslationBundle;
    /** Names of kernels that exist. */
    takenSlugs: readonly string[];
    /** What to begin with. */
    initial?: IAddRequest;
    /** Whether it is about a kernel that exists: its image stays. */
    isImageFixed?: boolean;
  }
}
