import type { TranslationBundle } from '@jupyterlab/translation';

import type { ILogin, ILoginRequest } from '../api/types';
import { LoginForm } from './loginForm';
import { IProblem, refusalOf } from './problem';

/** Logs in to the registry of an image, and out of it. */
export class RegistryLogin {
  /** @param _options - How to do it, and whom to tell. */
  constructor(private _options: RegistryLogin.IOptions) {}

  /** What is typed to log in, or `null` while nobody does. */
  get form(): LoginForm | null {
    return this._form;
  }

  /** Why nobody was logged out. */
  get logoutProblem(): IProblem | null {
    return this._logoutProblem;
  }

  /** Asks for a name and a password. */
  open(registry: string): void {
    const { trans, logIn, onChange } = this._options;
    this._form = new LoginForm(registry, { trans, logIn, onChange });
    onChange();
  }

  /** Asks no longer. */
  close(): void {
    this._form = null;
    this._options.onChange();
  }

  /** Another image is named: what was typed or said was of another one. */
  reset(): void {
    this._form = null;
    this._logoutProblem = null;
  }

  /** Logs in with what is typed. Tells whether that changed who asks. */
  async logIn(): Promise<boolean> {
    const form = this._form;
    return !!form && (await form.submit()) && this._form === form;
  }

  /** Has the password for a registry removed. Tells whether it was. */
  async logOut(registry: string): Promise<boolean> {
    this._logoutProblem = null;
    try {
      await this._options.logOut(registry);
      return true;
    } catch (error) {
      this._logoutProblem = refusalOf(error, this._options.trans);
      this._options.onChange();
      return false;
    }
  }

  private _form: LoginForm | null = null;
  private _logoutProblem: IProblem | null = null;
}

/** What a login is made of. */
export namespace RegistryLogin {
  /** How it is done. */
  export interface IRequests {
    /** Logs in to a registry. */
    logIn: (request: ILoginRequest) => Promise<ILogin>;
    /** Logs out of a registry. */
    logOut: (registry: string) => Promise<unknown>;
  }

  /** How to do it, and whom to tell. */
  export interface IOptions extends IRequests {
    /** The language of what is wrong. */
    trans: TranslationBundle;
    /** Something changed. */
    onChange: () => void;
  }
}
