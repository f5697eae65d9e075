import type { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { IBindRow } from '../model/formValues';
import type { IProblem } from '../model/problem';
import { IconButton } from './iconButton';
import { ProblemLine } from './problemLine';

/** What a path looks like, in any language. */
const EXAMPLE = '/project/lab/data';

/** Folders to mount, and how to change them. */
export interface IBindRowsProps {
  trans: TranslationBundle;
  rows: readonly IBindRow[];
  problem: IProblem | undefined;
  onAdd: () => void;
  onEdit: (key: number, change: Partial<Omit<IBindRow, 'key'>>) => void;
  onRemove: (key: number) => void;
  onLeave: () => void;
}

/** Draws the folders that a kernel sees beside its image. */
export function BindRows(props: IBindRowsProps): JSX.Element {
  const { trans, rows, problem } = props;
  return (
    <fieldset className="jp-ContainerKernels-binds">
      <legend>{trans.__('Extra folders')}</legend>
      {rows.map((row, index) => (
        <div
          key={row.key}
          className="jp-ContainerKernels-bind"
          role="group"
          aria-label={trans.__('Folder %1', index + 1)}
        >
          <label>
            <span>{trans.__('Folder on this machine')}</span>
            <input
              type="text"
              className="jp-mod-styled"
              value={row.source}
              placeholder={EXAMPLE}
              spellCheck={false}
              autoComplete="off"
              onChange={event =>
                props.onEdit(row.key, { source: event.target.value })
              }
              onBlur={props.onLeave}
            />
          </label>
          <label>
            <span>{trans.__('Appears as')}</span>
            <input
              type="text"
              className="jp-mod-styled"
              value={row.destination}
              placeholder={row.source || trans.__('the same path')}
              spellCheck={false}
              autoComplete="off"
              onChange={event =>
                props.onEdit(row.key, { destination: event.target.value })
              }
              onBlur={props.onLeave}
            />
          </label>
          <label className="jp-ContainerKernels-check">
            <input
              type="checkbox"
              checked={row.readOnly}
              onChange={event =>
                props.onEdit(row.key, { readOnly: event.target.checked })
              }
            />
            {trans.__('Read only')}
          </label>
          <IconButton
            icon={closeIcon}
            label={trans.__('Remove folder %1', index + 1)}
            onClick={() => props.onRemove(row.key)}
          />
        </div>
      ))}
      <ProblemLine problem={problem} />
      <button
        type="button"
        className="jp-ContainerKernels-link"
        onClick={props.onAdd}
      >
        {trans.__('Add folder')}
      </button>
    </fieldset>
  );
}
