import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useId, useRef } from 'react';

import type { LoginForm } from '../model/loginForm';

/** What is typed, and what is done with it. */
export interface ILoginFieldsProps {
  trans: TranslationBundle;
  login: LoginForm;
  /** What the runtime is called that keeps the password. */
  runtime: string;
  onLogIn: () => void;
  onCancel: () => void;
}

/** Draws the fields that log in to a registry. Enter sends them, not the form around them. */
export function LoginFields(props: ILoginFieldsProps): JSX.Element {
  const { trans, login } = props;
  const id = useId();
  const userInput = useRef<HTMLInputElement>(null);
  useEffect(() => userInput.current?.focus(), []);
  const send = (event: React.KeyboardEvent) => {
    if (event.key === 'Enter') {
      event.preventDefault();
      props.onLogIn();
    }
  };
  return (
    <fieldset className="jp-ContainerKernels-login" data-own-enter>
      <legend>{trans.__('Log in to %1', login.registry)}</legend>
      <div className="jp-ContainerKernels-loginRow">
        <div className="jp-ContainerKernels-field">
          <label htmlFor={`${id}-user`}>{trans.__('User name')}</label>
          <input
            ref={userInput}
            id={`${id}-user`}
            type="text"
            className="jp-mod-styled"
            value={login.user}
            spellCheck={false}
            autoComplete="off"
            autoCapitalize="off"
            onChange={event => {
              login.user = event.target.value;
            }}
            onKeyDown={send}
          />
        </div>
        <div className="jp-ContainerKernels-field">
          <label htmlFor={`${id}-password`}>
            {trans.__('Password or access token')}
          </label>
          <input
            id={`${id}-password`}
            type="password"
            className="jp-mod-styled"
            value={login.password}
            autoComplete="off"
            aria-describedby={`${id}-hint`}
            onChange={event => {
              login.password = event.target.value;
            }}
            onKeyDown={send}
          />
        </div>
        <div className="jp-ContainerKernels-loginButtons">
          <button
            type="button"
            className="jp-ContainerKernels-button"
            onClick={props.onCancel}
          >
            {trans.__('Cancel')}
          </button>
          <button
            type="button"
            className="jp-ContainerKernels-button"
            disabled={!login.isReady}
            onClick={props.onLogIn}
          >
            {login.isSending ? trans.__('Asking…') : trans.__('Log in')}
          </button>
        </div>
      </div>
      <p
        id={`${id}-hint`}
        className={
          login.problem
            ? 'jp-ContainerKernels-problem'
            : 'jp-ContainerKernels-hint'
        }
        role={login.problem ? 'alert' : undefined}
      >
        {login.problem
          ? `${login.problem.message} ${login.problem.hint}`
          : trans.__(
              'It is kept where %1 keeps it, in a file that only you can read.',
              props.runtime
            )}
      </p>
    </fieldset>
  );
}
