import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useId } from 'react';

import type { PullWay } from '../api/types';
import type { AddForm } from '../model/addForm';

/** The form. */
export interface IPullFieldsProps {
  trans: TranslationBundle;
  form: AddForm;
}

/**
 * Draws from where the image is pulled: a choice where the server's node cannot
 * reach its registry, and what the site has chosen.
 */
export function PullFields(props: IPullFieldsProps): JSX.Element | null {
  const { trans, form } = props;
  const id = useId();
  const ruled = form.ruledPull;
  if (ruled) {
    return <p className="jp-ContainerKernels-hint">{ruleOf(ruled, trans)}</p>;
  }
  if (!form.pullWays.length) {
    return null;
  }
  return (
    <fieldset
      className="jp-ContainerKernels-field jp-ContainerKernels-pull"
      role="radiogroup"
    >
      <legend>{trans.__('Pull it')}</legend>
      {form.pullWays.map(way => (
        <label key={way} className="jp-ContainerKernels-check">
          <input
            type="radio"
            name={`${id}-pull`}
            value={way}
            checked={form.pullFrom === way}
            onChange={() => form.setPullFrom(way)}
          />
          {nameOf(way, trans)}
        </label>
      ))}
    </fieldset>
  );
}

function nameOf(way: PullWay, trans: TranslationBundle): string {
  switch (way) {
    case 'here':
      return trans.__('from here, if that works by then');
    case 'job':
      return trans.__('by a Slurm job, which may have to wait in the queue');
    case 'login':
      return trans.__(
        'on a login node: you are shown a line to run there, and the rest goes on by itself'
      );
  }
}

/** What the site has chosen for all. */
function ruleOf(way: 'job' | 'login', trans: TranslationBundle): string {
  switch (way) {
    case 'job':
      return trans.__(
        'Your site has images pulled by a Slurm job, which may have to wait in the queue.'
      );
    case 'login':
      return trans.__(
        'Your site has images pulled on a login node: you are shown a line to run there, and the rest goes on by itself.'
      );
  }
}
