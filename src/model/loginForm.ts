import type { TranslationBundle } from '@jupyterlab/translation';

import type { ILogin, ILoginRequest } from '../api/types';
import { IProblem, refusalOf } from './problem';

/**
 * A name and a password for one registry, while somebody types them. The
 * password is dropped as soon as it was sent.
 */
export class LoginForm {
  /**
   * @param registry - The registry's name.
   * @param _options - How to send it, and whom to tell.
   */
  constructor(
    readonly registry: string,
    private _options: LoginForm.IOptions
  ) {}

  /** The name, as typed. */
  get user(): string {
    return this._user;
  }

  set user(user: string) {
    this._user = user;
    this._options.onChange();
  }

  /** The password, as typed. */
  get password(): string {
    return this._password;
  }

  set password(password: string) {
    this._password = password;
    this._options.onChange();
  }

  /** Whether it can be sent. */
  get isReady(): boolean {
    return !this._isSending && !!this._user.trim() && !!this._password;
  }

  /** Whether it is on its way. */
  get isSending(): boolean {
    return this._isSending;
  }

  /** Why the last try failed. */
  get problem(): IProblem | null {
    return this._problem;
  }

  /** Sends it. Tells whether the registry took it. */
  async submit(): Promise<boolean> {
    if (!this.isReady) {
      return false;
    }
    const request = {
      registry: this.registry,
      user: this._user.trim(),
      password: this._password
    };
    this._isSending = true;
    this._problem = null;
    this._options.onChange();
    try {
      await this._options.logIn(request);
      return true;
    } catch (error) {
      this._problem = refusalOf(error, this._options.trans);
      return false;
    } finally {
      this._isSending = false;
      this._password = '';
      this._options.onChange();
    }
  }

  private _user = '';
  private _password = '';
  private _isSending = false;
  private _problem: IProblem | null = null;
}

/** What the form is made of. */
export namespace LoginForm {
  /** How to send it, and whom to tell. */
  export interface IOptions {
    trans: TranslationBundle;
    logIn: (request: ILoginRequest) => Promise<ILogin>;
    onChange: () => void;
  }
}
