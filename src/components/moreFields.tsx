import type { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React, { useId } from 'react';

import type { IFoundInterpreter } from '../api/types';
import type { AddForm } from '../model/addForm';
import { BindRows } from './bindRows';
import { FieldProblem } from './fieldProblem';

/** What variables look like, in any language. */
const EXAMPLE = 'OMP_NUM_THREADS=4';

interface IMoreFieldsProps {
  trans: TranslationBundle;
  form: AddForm;
}

/** Draws the fields that most people never need, folded at first. */
export function MoreFields(props: IMoreFieldsProps): JSX.Element {
  const { trans, form } = props;
  return (
    <details
      className="jp-ContainerKernels-more"
      open={form.isMoreOpen}
      onToggle={event => {
        const open = event.currentTarget.open;
        if (open !== form.isMoreOpen) {
          form.isMoreOpen = open;
        }
      }}
    >
      <summary>{trans.__('More')}</summary>
      {!form.isImageFixed && (
        <>
          <SlugField {...props} />
          <InterpreterField {...props} />
        </>
      )}
      <BindRows
        trans={trans}
        rows={form.values.binds}
        problem={form.problem('binds')}
        onAdd={() => form.addBind()}
        onEdit={(key, change) => form.editBind(key, change)}
        onRemove={key => form.removeBind(key)}
        onLeave={() => form.settle('binds')}
      />
      {!form.isImageFixed && !!form.info?.site.binds.length && (
        <p className="jp-ContainerKernels-answer">
          {trans.__(
            'Your site adds these folders, if they are there: %1.',
            form.info.site.binds.join(', ')
          )}
        </p>
      )}
      <EnvironmentField {...props} />
      <IsolationField {...props} />
      {!form.isImageFixed && (
        <>
          <ImageDirField {...props} />
          <ByRuntimeField {...props} />
        </>
      )}
    </details>
  );
}

function SlugField(props: IMoreFieldsProps): JSX.Element {
  const { trans, form } = props;
  const id = useId();
  const problem = form.problem('slug');
  return (
    <div className="jp-ContainerKernels-field">
      <label htmlFor={`${id}-slug`}>{trans.__('Kernel name')}</label>
      <input
        id={`${id}-slug`}
        name="slug"
        type="text"
        className="jp-mod-styled"
        value={form.values.slug}
        placeholder={form.automaticSlug}
        spellCheck={false}
        autoComplete="off"
        autoCapitalize="off"
        aria-invalid={!!problem}
        aria-describedby={`${id}-hint`}
        onChange={event => form.setSlug(event.target.value)}
        onBlur={() => form.settle('slug')}
      />
      {problem ? (
        <FieldProblem form={form} field="slug" id={`${id}-hint`} />
      ) : (
        <p id={`${id}-hint`} className="jp-ContainerKernels-answer">
          {trans.__(
            'How scripts and notebooks call it. Left empty, it is made from the name.'
          )}
        </p>
      )}
    </div>
  );
}

/** A list where the image was looked into, else a path to type. */
function InterpreterField(props: IMoreFieldsProps): JSX.Element {
  const { trans, form } = props;
  const id = useId();
  const { inspection } = form;
  const problem = form.problem('interpreter');
  const value = form.values.interpreter;
  return (
    <div className="jp-ContainerKernels-field">
      <label htmlFor={`${id}-interpreter`}>
        {trans.__('Python found in the image')}
      </label>
      {inspection.state === 'known' ? (
        <HTMLSelect
          id={`${id}-interpreter`}
          name="interpreter"
          className="jp-ContainerKernels-select"
          value={value}
          aria-invalid={!!problem}
          aria-describedby={problem && `${id}-hint`}
          onChange={event => form.setInterpreter(event.target.value)}
        >
          <option value="">
            {inspection.value.interpreters.length
              ? trans.__(
                  'Automatic (best found): %1',
                  interpreterText(inspection.value.interpreters[0], trans)
                )
              : trans.__('Automatic (best found)')}
          </option>
          {inspection.value.interpreters.map(each => (
            <option key={each.path} value={each.path}>
              {interpreterText(each, trans)}
            </option>
          ))}
          {value &&
            !inspection.value.interpreters.some(
              each => each.path === value
            ) && <option value={value}>{value}</option>}
        </HTMLSelect>
      ) : (
        <input
          id={`${id}-interpreter`}
          name="interpreter"
          type="text"
          className="jp-mod-styled"
          value={value}
          placeholder={trans.__('Automatic')}
          spellCheck={false}
          autoComplete="off"
          autoCapitalize="off"
          aria-invalid={!!problem}
          aria-describedby={`${id}-hint`}
          onChange={event => form.setInterpreter(event.target.value)}
          onBlur={() => form.settle('interpreter')}
        />
      )}
      {problem ? (
        <FieldProblem form={form} field="interpreter" id={`${id}-hint`} />
      ) : (
        inspection.state !== 'known' && (
          <p
            id={`${id}-hint`}
            className="jp-ContainerKernels-answer"
            role="status"
          >
            {inspection.state === 'asking'
              ? trans.__('Looking into the image…')
              : inspection.state === 'refused'
                ? `${inspection.problem.message} ${inspection.problem.hint}`
                : trans.__(
                    'Known when the image is here; or type its path inside the image.'
                  )}
          </p>
        )
      )}
    </div>
  );
}

/** `Python 3.11.2 · /usr/bin/python3 · conda · ipykernel 7.1.0` */
function interpreterText(
  found: IFoundInterpreter,
  trans: TranslationBundle
): string {
  return [
    found.title,
    found.path,
    ...found.notes,
    found.kernel_version !== null &&
      trans.__('kernel package %1', found.kernel_version)
  ]
    .filter(Boolean)
    .join(' · ');
}

function EnvironmentField(props: IMoreFieldsProps): JSX.Element {
  const { trans, form } = props;
  const id = useId();
  const problem = form.problem('environment');
  const { environment } = form.values;
  return (
    <div className="jp-ContainerKernels-field">
      <label htmlFor={`${id}-environment`}>{trans.__('Environment')}</label>
      <textarea
        id={`${id}-environment`}
        name="environment"
        className="jp-mod-styled"
        rows={Math.min(8, Math.max(2, environment.split('\n').length))}
        value={environment}
        placeholder={EXAMPLE}
        spellCheck={false}
        autoComplete="off"
        autoCapitalize="off"
        aria-invalid={!!problem}
        aria-describedby={`${id}-hint`}
        onChange={event => form.setEnvironment(event.target.value)}
        onBlur={() => form.settle('environment')}
      />
      {problem ? (
        <FieldProblem form={form} field="environment" id={`${id}-hint`} />
      ) : (
        <p id={`${id}-hint`} className="jp-ContainerKernels-answer">
          {trans.__(
            'One NAME=value a line. Values are taken as they stand: no quotes, no $VARIABLE.'
          )}
        </p>
      )}
    </div>
  );
}

function IsolationField(props: IMoreFieldsProps): JSX.Element {
  const { trans, form } = props;
  return (
    <fieldset className="jp-ContainerKernels-field">
      <legend>{trans.__('Isolation')}</legend>
      <label className="jp-ContainerKernels-check">
        <input
          type="checkbox"
          name="isolated"
          checked={form.values.isolated}
          onChange={event => form.setIsolated(event.target.checked)}
        />
        {trans.__(
          'Keep packages and settings of my home directory out of the kernel'
        )}
      </label>
    </fieldset>
  );
}

/** Where the image is to lie. */
function ImageDirField(props: IMoreFieldsProps): JSX.Element {
  const { trans, form } = props;
  const id = useId();
  const problem = form.problem('imageDir');
  const { resolution } = form;
  const caution =
    resolution.state === 'known' ? resolution.value.caution : null;
  const usual = form.info?.disks.find(each => each.purpose === 'images')?.path;
  return (
    <div className="jp-ContainerKernels-field">
      <label htmlFor={`${id}-imageDir`}>
        {trans.__('Folder for the image')}
      </label>
      <input
        id={`${id}-imageDir`}
        name="imageDir"
        type="text"
        className="jp-mod-styled"
        value={form.values.imageDir}
        placeholder={usual}
        spellCheck={false}
        autoComplete="off"
        autoCapitalize="off"
        aria-invalid={!!problem}
        aria-describedby={`${id}-hint`}
        onChange={event => form.setImageDir(event.target.value)}
        onBlur={() => form.settle('imageDir')}
      />
      {problem ? (
        <FieldProblem form={form} field="imageDir" id={`${id}-hint`} />
      ) : (
        <p
          id={`${id}-hint`}
          className={`jp-ContainerKernels-answer ${caution ? 'jp-mod-warning' : ''}`}
          role="status"
        >
          {caution ? (
            <>
              <span className="jp-ContainerKernels-shape" aria-hidden="true">
                ▲
              </span>
              {caution}
            </>
          ) : (
            trans.__(
              'Where it is downloaded to, if it is not here yet. Left empty, it lies where your site has set.'
            )
          )}
        </p>
      )}
    </div>
  );
}

/** Who makes the image file. */
function ByRuntimeField(props: IMoreFieldsProps): JSX.Element {
  const { trans, form } = props;
  return (
    <fieldset className="jp-ContainerKernels-field">
      <legend>{trans.__('Image file')}</legend>
      <label className="jp-ContainerKernels-check">
        <input
          type="checkbox"
          name="byRuntime"
          checked={form.values.byRuntime}
          onChange={event => form.setByRuntime(event.target.checked)}
        />
        {trans.__(
          'Let %1 make it itself, which takes longer',
          form.runtimeTitle
        )}
      </label>
    </fieldset>
  );
}
