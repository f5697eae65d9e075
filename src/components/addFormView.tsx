import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useId, useRef } from 'react';

import type { AddForm } from '../model/addForm';
import { offeredImages } from '../model/catalogue';
import { isAboutFolder } from '../model/imageInquiry';
import { CatalogueCards } from './catalogueCards';
import { ImageAnswer } from './imageAnswer';
import { LoginFields } from './loginFields';
import { MoreFields } from './moreFields';
import { NameFields } from './nameFields';
import { ProblemLine } from './problemLine';
import { PullFields } from './pullFields';
import { SiteRules } from './siteRules';
import { SupportLine } from './supportLine';
import { useStateChanged } from './useStateChanged';

/** What an image looks like, in any language. */
const EXAMPLE = 'docker://pytorch/pytorch:2.9.1-cuda12.6-cudnn9-runtime';

/** The form, and what is done outside of it. */
export interface IAddFormViewProps {
  trans: TranslationBundle;
  form: AddForm;
  /** Opens a file chooser; left out where there is none. */
  onChooseFile?: () => void;
}

/** Draws the form that adds a kernel. */
export function AddFormView(props: IAddFormViewProps): JSX.Element {
  const { trans, form } = props;
  const id = useId();
  const imageInput = useRef<HTMLInputElement>(null);
  useEffect(() => imageInput.current?.focus(), []);
  useStateChanged(form.stateChanged);
  const { values } = form;
  const site = form.info?.site;
  const imageProblem = form.problem('image');
  return (
    <div className="jp-ContainerKernels-form">
      <ProblemLine problem={form.failure} />
      {form.failure && <SupportLine trans={trans} support={site?.support} />}
      <div className="jp-ContainerKernels-field">
        <label htmlFor={`${id}-image`}>{trans.__('Image')}</label>
        <div className="jp-ContainerKernels-fieldRow">
          <input
            ref={imageInput}
            id={`${id}-image`}
            name="image"
            type="text"
            className="jp-mod-styled"
            value={values.image}
            placeholder={EXAMPLE}
            spellCheck={false}
            autoComplete="off"
            autoCapitalize="off"
            list={`${id}-tags`}
            aria-invalid={
              !!imageProblem ||
              (form.resolution.state === 'refused' &&
                !isAboutFolder(form.resolution))
            }
            aria-describedby={`${id}-answer`}
            onChange={event => {
              const { value } = event.target;
              // one that is chosen from the list is as good as pasted
              form.setImage(value, form.completions.includes(value));
            }}
            onPaste={event => {
              // A field has one line: what is pasted into an empty one is
              // looked at before the browser joins its lines.
              const input = event.currentTarget;
              const isAll =
                input.selectionStart === 0 &&
                input.selectionEnd === input.value.length;
              if (isAll) {
                event.preventDefault();
                form.setImage(event.clipboardData.getData('text'), true);
              }
            }}
            onBlur={() => form.settle('image')}
          />
          <datalist id={`${id}-tags`}>
            {form.completions.map(each => (
              <option key={each} value={each} />
            ))}
          </datalist>
          {props.onChooseFile && (
            <button
              type="button"
              className="jp-ContainerKernels-button"
              onClick={props.onChooseFile}
            >
              {trans.__('Choose file…')}
            </button>
          )}
        </div>
        <ImageAnswer
          id={`${id}-answer`}
          trans={trans}
          problem={imageProblem}
          resolution={form.resolution}
          runtime={form.runtimeTitle}
          logoutProblem={form.logoutProblem}
          onLogIn={
            form.loginRegistry !== null && !form.login
              ? () => form.openLogin()
              : undefined
          }
          onLogOut={() => void form.logOut()}
          onKeepIn={folder => {
            form.setImageDir(folder, true);
            imageInput.current?.focus(); // the button goes
          }}
        />
        {site && form.resolution.state === 'idle' && (
          <SiteRules trans={trans} site={site} />
        )}
        <CatalogueCards
          trans={trans}
          images={offeredImages(site?.catalogue ?? [], values.image)}
          onChoose={image => {
            form.choose(image);
            imageInput.current?.focus();
          }}
        />
        <PullFields trans={trans} form={form} />
        {form.login && (
          <LoginFields
            trans={trans}
            login={form.login}
            runtime={form.runtimeTitle}
            onLogIn={() => void form.logIn()}
            onCancel={() => {
              form.closeLogin();
              imageInput.current?.focus();
            }}
          />
        )}
      </div>
      <NameFields trans={trans} form={form} />
      <MoreFields trans={trans} form={form} />
    </div>
  );
}
