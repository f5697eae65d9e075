import type { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon } from '@jupyterlab/ui-components';
import React, { useId } from 'react';

import type {
  IBind,
  IKernel,
  IKernelDetails,
  IKernelStatus
} from '../api/types';
import { languageName, runtimeName } from '../model/columns';
import { formatAgo, formatBytes, formatDate } from '../model/format';
import { isChangeable, isSeen } from '../model/kernelAccess';
import type { IProblem } from '../model/problem';
import { IconButton } from './iconButton';
import type { IKernelActions } from './kernelRow';
import { noteLook, StatusMark, statusLook } from './kernelStatus';
import { ProblemLine } from './problemLine';
import { Remedies } from './remedies';

/** All that is known of a kernel, and what can be done with it. */
export interface IKernelDetailsProps {
  trans: TranslationBundle;
  kernel: IKernel;
  /** What was read of it; `null` until then. */
  details: IKernelDetails | null;
  /** Why it cannot be read. */
  problem: IProblem | null;
  now: number;
  /** Whether a task works on it. */
  isBusy: boolean;
  onClose: () => void;
  onCopy: (text: string) => void;
  actions: Pick<IKernelActions, 'onCheck' | 'onRemedy' | 'onShowKernelLog'>;
}

/** Draws all that is known of a kernel. */
export function KernelDetails(props: IKernelDetailsProps): JSX.Element {
  const { trans, kernel, details, actions } = props;
  const title = useId();
  return (
    <section
      className="jp-ContainerKernels-details"
      aria-labelledby={title}
      tabIndex={-1}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.preventDefault();
          event.stopPropagation();
          props.onClose();
        }
      }}
    >
      <header className="jp-ContainerKernels-detailsHead">
        <h2 id={title} title={kernel.display_name}>
          {kernel.display_name}
        </h2>
        <StatusMark look={statusLook(kernel, trans)} />
        <span className="jp-ContainerKernels-spacer" />
        {isChangeable(kernel) && (
          <button
            type="button"
            className="jp-ContainerKernels-link"
            title={trans.__('Start it, to see whether it works')}
            disabled={props.isBusy}
            onClick={() => actions.onCheck([kernel])}
          >
            {trans.__('Check')}
          </button>
        )}
        {kernel.ours && isSeen(kernel) && (
          <button
            type="button"
            className="jp-ContainerKernels-link"
            onClick={() => actions.onShowKernelLog(kernel.slug)}
          >
            {trans.__('Log of the last start')}
          </button>
        )}
        <IconButton
          icon={closeIcon}
          label={trans.__('Close details')}
          onClick={props.onClose}
        />
      </header>
      <div className="jp-ContainerKernels-detailsBody">
        <Troubles {...props} />
        <ProblemLine problem={props.problem} />
        <div className="jp-ContainerKernels-facts">
          <KernelFacts {...props} />
          <ImageFacts {...props} />
          <RunFacts {...props} />
          <PackageFacts {...props} />
        </div>
        {details?.command && (
          <Text
            trans={trans}
            title={trans.__('Recipe')}
            text={details.command}
            copy={trans.__('Copy as command')}
            onCopy={props.onCopy}
          />
        )}
        {details && details.argv.length > 0 && (
          <Text
            trans={trans}
            title={trans.__('What Jupyter starts')}
            text={details.argv.join(' ')}
          />
        )}
        {details && details.files.length > 0 && (
          <section>
            <h3>{trans.__('Files')}</h3>
            <ul className="jp-ContainerKernels-files">
              {details.files.map(file => (
                <li key={file.path}>
                  <span className="jp-ContainerKernels-path">{file.path}</span>
                  <span>{formatBytes(file.size_bytes, trans)}</span>
                </li>
              ))}
            </ul>
          </section>
        )}
      </div>
    </section>
  );
}

/** What is wrong, or worth knowing, each with what mends it. */
function Troubles(props: IKernelDetailsProps): JSX.Element | null {
  const { trans, kernel } = props;
  const all: readonly IKernelStatus[] = [kernel.status, ...kernel.notes];
  const worth = all.filter(each => each.message);
  return worth.length ? (
    <ul
      className="jp-ContainerKernels-troubles"
      aria-label={trans.__('What is worth knowing')}
    >
      {worth.map((each, index) => (
        <li key={`${each.code} ${index}`}>
          <StatusMark look={noteLook(each, trans)} />
          <span>
            {each.message}{' '}
            <span className="jp-ContainerKernels-hint">{each.hint}</span>{' '}
            <span className="jp-ContainerKernels-links">
              <Remedies
                trans={trans}
                kernel={kernel}
                remedies={each.remedies}
                isBusy={props.isBusy && each.remedies.length > 0}
                onRemedy={props.actions.onRemedy}
              />
            </span>
          </span>
        </li>
      ))}
    </ul>
  ) : null;
}

function KernelFacts(props: IKernelDetailsProps): JSX.Element {
  const { trans, kernel, now } = props;
  const when = (date: string) =>
    trans.__('%1 (%2)', formatAgo(date, now, trans), formatDate(date));
  return (
    <Facts
      title={trans.__('Kernel')}
      facts={[
        [trans.__('Name in Jupyter'), kernel.slug],
        [trans.__('Made by'), kernel.maker],
        [trans.__('Belongs to'), kernel.owner ?? ''],
        [trans.__('Created'), when(kernel.created)],
        [
          trans.__('Last used'),
          kernel.last_used ? when(kernel.last_used) : trans.__('not known')
        ],
        [
          trans.__('Running'),
          kernel.running ? String(kernel.running) : trans.__('no')
        ],
        [
          trans.__('Answered in'),
          kernel.start_s === null
            ? ''
            : trans.__('%1 s when it was added', kernel.start_s.toFixed(1))
        ],
        [trans.__('Folder'), kernel.resource_dir]
      ]}
    />
  );
}

function ImageFacts(props: IKernelDetailsProps): JSX.Element {
  const { trans, kernel } = props;
  const { image } = kernel;
  const size =
    image.size_bytes === null ? '' : formatBytes(image.size_bytes, trans);
  return (
    <Facts
      title={trans.__('Image')}
      facts={[
        [trans.__('As given'), image.reference],
        [
          trans.__('In full'),
          image.source === image.reference ? '' : image.source
        ],
        [trans.__('Digest'), image.digest ?? ''],
        [
          image.unpacked ? trans.__('Image folder') : trans.__('File'),
          image.path
        ],
        [
          trans.__('Size'),
          size && image.used_by > 1
            ? trans.__('%1, shared by %2 kernels', size, String(image.used_by))
            : size
        ],
        [
          trans.__('Kept'),
          image.path
            ? image.stored
              ? trans.__('with the images of Container Kernels')
              : trans.__('where you keep it')
            : ''
        ]
      ]}
    />
  );
}

function RunFacts(props: IKernelDetailsProps): JSX.Element {
  const { trans, kernel } = props;
  const gpu = {
    auto: trans.__('automatic: with the GPU where there is one'),
    on: trans.__('on'),
    off: trans.__('off')
  }[kernel.gpu];
  return (
    <Facts
      title={trans.__('How it runs')}
      facts={[
        [trans.__('Language'), languageName(kernel)],
        [trans.__('Interpreter'), kernel.interpreter],
        [trans.__('Runtime'), runtimeName(kernel)],
        [trans.__('Found at'), kernel.runtime.path],
        [
          trans.__('GPU'),
          kernel.gpu_name
            ? trans.__('%1; it saw %2', gpu, kernel.gpu_name)
            : gpu
        ],
        [
          trans.__('Folders'),
          kernel.binds.map(each => folder(each, trans)).join('\n')
        ],
        [
          trans.__('Environment'),
          Object.entries(kernel.environment)
            .map(([name, value]) => `${name}=${value}`)
            .join('\n')
        ],
        [
          trans.__('Your packages and settings'),
          kernel.isolated ? trans.__('kept out') : trans.__('not kept out')
        ]
      ]}
    />
  );
}

function folder(bind: IBind, trans: TranslationBundle): string {
  return [
    bind.source,
    bind.destination && bind.destination !== bind.source
      ? ` → ${bind.destination}`
      : '',
    bind.read_only ? ` (${trans.__('read only')})` : ''
  ].join('');
}

function PackageFacts(props: IKernelDetailsProps): JSX.Element | null {
  const { trans, kernel } = props;
  const { path, size_bytes, installed, added, shared_by } = kernel.packages;
  if (!path && !installed.length && !added.length) {
    return null;
  }
  const size = size_bytes === null ? '' : formatBytes(size_bytes, trans);
  return (
    <Facts
      title={trans.__('Packages')}
      facts={[
        [trans.__('Installed for it'), installed.join(', ')],
        [trans.__('Added by you'), added.join(', ')],
        [
          trans.__('Size'),
          size && shared_by > 1
            ? trans.__('%1, shared by %2 kernels', size, String(shared_by))
            : size
        ],
        [trans.__('Folder'), path ?? '']
      ]}
    />
  );
}

/** Draws names and what is known by them; what is empty is left out. */
function Facts(props: {
  title: string;
  facts: readonly (readonly [string, string])[];
}): JSX.Element {
  return (
    <section>
      <h3>{props.title}</h3>
      <dl>
        {props.facts
          .filter(([, value]) => value)
          .map(([name, value]) => (
            <React.Fragment key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </React.Fragment>
          ))}
      </dl>
    </section>
  );
}

/** Draws a text as it is typed, perhaps with a button that copies it. */
function Text(props: {
  trans: TranslationBundle;
  title: string;
  text: string;
  copy?: string;
  onCopy?: (text: string) => void;
}): JSX.Element {
  return (
    <section>
      <h3>
        {props.title}
        {props.copy && (
          <button
            type="button"
            className="jp-ContainerKernels-link"
            onClick={() => props.onCopy?.(props.text)}
          >
            {props.copy}
          </button>
        )}
      </h3>
      <pre
        className="jp-ContainerKernels-logText"
        tabIndex={0}
        aria-label={props.title}
      >
        {props.text}
      </pre>
    </section>
  );
}
