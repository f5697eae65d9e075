import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useId } from 'react';

import type { GpuChoice } from '../api/types';
import type { AddForm } from '../model/addForm';
import { FieldProblem } from './fieldProblem';
import { TilePreview } from './tilePreview';

interface INameFieldsProps {
  trans: TranslationBundle;
  form: AddForm;
}

/** Draws the name, the choice of the GPU and the tile as it will look. */
export function NameFields(props: INameFieldsProps): JSX.Element {
  const { trans, form } = props;
  const id = useId();
  const { displayName } = form.values;
  const problem = form.problem('displayName');
  return (
    <div className="jp-ContainerKernels-columns">
      <div>
        <div className="jp-ContainerKernels-field">
          <label htmlFor={`${id}-name`}>{trans.__('Name')}</label>
          <input
            id={`${id}-name`}
            name="display_name"
            type="text"
            className="jp-mod-styled"
            value={displayName}
            autoComplete="off"
            aria-invalid={!!problem}
            aria-describedby={problem && `${id}-name-problem`}
            onChange={event => form.setDisplayName(event.target.value)}
            onBlur={() => form.settle('displayName')}
          />
          <FieldProblem
            form={form}
            field="displayName"
            id={`${id}-name-problem`}
          />
        </div>
        <GpuField {...props} />
      </div>
      <TilePreview trans={trans} name={displayName.trim()} />
    </div>
  );
}

function GpuField(props: INameFieldsProps): JSX.Element {
  const { trans, form } = props;
  const id = useId();
  const gpu = form.info?.gpu;
  const automatic =
    gpu === undefined
      ? trans.__('Automatic')
      : gpu.vendor === null
        ? trans.__('Automatic: no GPU here')
        : trans.__(
            'Automatic: %1 here',
            [...new Set(gpu.names)].join(', ') || gpu.vendor.toUpperCase()
          );
  const choices: [GpuChoice, string][] = [
    ['auto', automatic],
    ['on', trans.__('On')],
    ['off', trans.__('Off')]
  ];
  return (
    <fieldset className="jp-ContainerKernels-field" role="radiogroup">
      <legend>{trans.__('GPU')}</legend>
      <div className="jp-ContainerKernels-choices">
        {choices.map(([value, label]) => (
          <label key={value} className="jp-ContainerKernels-check">
            <input
              type="radio"
              name={`${id}-gpu`}
              value={value}
              checked={form.values.gpu === value}
              onChange={() => form.setGpu(value)}
            />
            {label}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
