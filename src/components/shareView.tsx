import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useId } from 'react';

import type { IShareItem, ISharePlan } from '../api/types';
import { formatBytes } from '../model/format';
import type { IProblem } from '../model/problem';
import { LineToRun } from './lineToRun';
import { ProblemLine } from './problemLine';

/** What sharing a kernel means, and what somebody chose. */
export interface IShareViewProps {
  trans: TranslationBundle;
  directory: string;
  /** `null` until it is known. */
  plan: ISharePlan | null;
  problem: IProblem | null;
  /** Variables that look like passwords. */
  suspects: readonly string[];
  /** Those of them that are handed on all the same. */
  handedOn: ReadonlySet<string>;
  onDirectory: (directory: string) => void;
  onHandOn: (name: string, isHandedOn: boolean) => void;
  onCopy: (text: string) => void;
}

/** Draws the form that asks from where a kernel is to be shared. */
export function ShareView(props: IShareViewProps): JSX.Element {
  const { trans, plan, problem } = props;
  const field = useId();
  const answer = useId();
  return (
    <div className="jp-ContainerKernels-sharing">
      <div className="jp-ContainerKernels-field">
        <label htmlFor={field}>{trans.__('Folder')}</label>
        <input
          id={field}
          name="directory"
          className="jp-mod-styled"
          type="text"
          spellCheck={false}
          placeholder={trans.__('/project/lab/jupyter')}
          value={props.directory}
          aria-describedby={answer}
          aria-invalid={problem !== null}
          onChange={event => props.onDirectory(event.target.value)}
        />
        <div id={answer} className="jp-ContainerKernels-answer">
          {problem ? (
            <ProblemLine problem={problem} />
          ) : plan ? (
            <p role="status">{readersOf(plan, trans)}</p>
          ) : (
            <p>
              {trans.__(
                'One that your colleagues can read and you alone can change. It is made if it is not there.'
              )}
            </p>
          )}
        </div>
      </div>
      {plan && <Meaning {...props} plan={plan} />}
    </div>
  );
}

function readersOf(plan: ISharePlan, trans: TranslationBundle): string {
  return plan.readers
    ? trans.__(
        'All members of the group %1 can use it, and nobody but you can change it.',
        plan.readers
      )
    : trans.__(
        'All users of this machine can use it, and nobody but you can change it.'
      );
}

/** What is copied, what is left out, and what colleagues have to do. */
function Meaning(props: IShareViewProps & { plan: ISharePlan }): JSX.Element {
  const { trans, plan } = props;
  const copied = plan.items.filter(item => item.copied);
  const stays = plan.items.filter(item => !item.copied);
  const bytes = copied.reduce((sum, item) => sum + item.size_bytes, 0);
  return (
    <>
      {copied.length > 0 && (
        <Items
          trans={trans}
          title={trans.__(
            'Copied to the folder, %1',
            formatBytes(bytes, trans)
          )}
          items={copied}
        />
      )}
      {stays.length > 0 && (
        <Items
          trans={trans}
          title={trans.__('Used where it lies, as they can read it there')}
          items={stays}
        />
      )}
      {props.suspects.length > 0 && (
        <section>
          <h3>{trans.__('Left out, as they look like passwords')}</h3>
          {props.suspects.map(name => (
            <label key={name} className="jp-ContainerKernels-check">
              <input
                type="checkbox"
                checked={props.handedOn.has(name)}
                onChange={event => props.onHandOn(name, event.target.checked)}
              />
              {trans.__('Hand on %1 all the same', name)}
            </label>
          ))}
        </section>
      )}
      {plan.remarks.map(remark => (
        <p key={remark} className="jp-ContainerKernels-hint">
          {remark}
        </p>
      ))}
      <section>
        <h3>{trans.__('What your colleagues have to do')}</h3>
        {plan.line === null ? (
          <p>
            {trans.__(
              'Nothing, if their JupyterLab looks for kernels where yours does.'
            )}
          </p>
        ) : (
          <>
            <p>
              {trans.__(
                'Run this line once in a terminal, then start JupyterLab again:'
              )}
            </p>
            <LineToRun
              trans={trans}
              line={plan.line}
              label={trans.__('Line for your colleagues')}
              onCopy={props.onCopy}
            />
          </>
        )}
      </section>
    </>
  );
}

function Items(props: {
  trans: TranslationBundle;
  title: string;
  items: readonly IShareItem[];
}): JSX.Element {
  const { trans, title, items } = props;
  return (
    <section className="jp-ContainerKernels-items">
      <h3>{title}</h3>
      <ul aria-label={title}>
        {items.map(item => (
          <li key={item.path} title={item.path}>
            <span className="jp-ContainerKernels-itemName">
              {item.what === 'image'
                ? trans.__('The image')
                : trans.__('Packages')}
              <span className="jp-ContainerKernels-path">{item.path}</span>
            </span>
            <span className="jp-ContainerKernels-itemSize">
              {item.size_bytes > 0 && formatBytes(item.size_bytes, trans)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
