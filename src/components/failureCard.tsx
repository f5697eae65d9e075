import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IDiskRoom, IKernel, ISupport, RepairAction } from '../api/types';
import { formatBytes } from '../model/format';
import { purposeName } from '../model/spaceWords';
import { lastLines, startTitle } from '../model/startLog';
import type { ITroubledStart } from '../tokens';
import { remedyLabel, remedyTitle } from './remedies';
import { SupportLine } from './supportLine';

/** Of the remedies, those that are a repair. */
const REPAIRS: ReadonlySet<string> = new Set<RepairAction>([
  'relink',
  'pull',
  'update',
  'reinstall',
  'find_runtime'
]);

/** What somebody can do about a start with which something is wrong. */
export interface IStartActions {
  onRepair: (slug: string, action: RepairAction) => void;
  onShowKernelLog: (slug: string) => void;
  onCopyReport: (start: ITroubledStart) => void;
  onDismissStart: (slug: string) => void;
}

/** A start with which something is wrong, and what can be done. */
export interface IFailureCardProps extends IStartActions {
  trans: TranslationBundle;
  start: ITroubledStart;
  /** What is known of the kernel. */
  kernel: IKernel | undefined;
  /** The room on the disks. */
  disks: readonly IDiskRoom[];
  /** Whom to ask. */
  support?: ISupport | null;
  /** Whether a task mends it. */
  isBeingMended: boolean;
}

/** Draws what happened to a kernel's start, why, and what to do now. */
export function FailureCard(props: IFailureCardProps): JSX.Element {
  const { trans, start } = props;
  const { diagnosis, node } = start.log.start;
  const title = startTitle(start, trans);
  const isSlow = start.kind === 'slow';
  const lines = lastLines(start);
  return (
    <section
      className={`jp-ContainerKernels-card jp-mod-${isSlow ? 'slow' : 'failed'}`}
      aria-label={title}
      data-start={start.slug}
      tabIndex={-1}
    >
      <h3 className="jp-ContainerKernels-cardTitle">
        <span className="jp-ContainerKernels-shape" aria-hidden="true">
          {isSlow ? '◔' : '▲'}
        </span>
        {title}
      </h3>
      <div className="jp-ContainerKernels-cardBody">
        {isSlow && !diagnosis ? (
          <p>
            {node === null
              ? trans.__('It is still starting.')
              : trans.__('It is still starting on %1.', node)}{' '}
            <span className="jp-ContainerKernels-hint">
              {trans.__(
                'The first start from a slow file system may take a minute.'
              )}
            </span>
          </p>
        ) : (
          diagnosis && (
            <p>
              {diagnosis.message}{' '}
              <span className="jp-ContainerKernels-hint">{diagnosis.hint}</span>
            </p>
          )
        )}
        {!isSlow && <SupportLine trans={trans} support={props.support} />}
        {diagnosis?.remedies.includes('free_space') && (
          <Room trans={trans} disks={props.disks} />
        )}
        <div className="jp-ContainerKernels-cardActions">
          <Remedies {...props} />
          <button
            type="button"
            className="jp-ContainerKernels-button"
            onClick={() => props.onShowKernelLog(start.slug)}
          >
            {trans.__('Show log')}
          </button>
          <button
            type="button"
            className="jp-ContainerKernels-button"
            onClick={() => props.onCopyReport(start)}
          >
            {trans.__('Copy report')}
          </button>
          <button
            type="button"
            className="jp-ContainerKernels-button"
            onClick={() => props.onDismissStart(start.slug)}
          >
            {trans.__('Dismiss')}
          </button>
        </div>
        {lines.length > 0 && (
          <details className="jp-ContainerKernels-more" open>
            <summary>{trans.__('Last lines')}</summary>
            <pre
              className="jp-ContainerKernels-logText"
              tabIndex={0}
              aria-label={trans.__('Last lines of %1', start.displayName)}
            >
              {lines.join('\n')}
            </pre>
          </details>
        )}
      </div>
    </section>
  );
}

/** The buttons that mend it, best first, or that this is being done. */
function Remedies(props: IFailureCardProps): JSX.Element {
  const { trans, start, kernel } = props;
  if (props.isBeingMended) {
    return (
      <span className="jp-ContainerKernels-hint">
        {trans.__('It is being mended.')}
      </span>
    );
  }
  // Nobody knows where a file of the user's own came from.
  const isOwnFile = kernel?.image.source.startsWith('/') ?? false;
  const actions = (start.log.start.diagnosis?.remedies ?? []).filter(
    (remedy): remedy is RepairAction =>
      REPAIRS.has(remedy) && !(remedy === 'pull' && isOwnFile)
  );
  return (
    <>
      {actions.map(action => (
        <button
          key={action}
          type="button"
          className="jp-ContainerKernels-button"
          title={remedyTitle(action, trans)}
          onClick={() => props.onRepair(start.slug, action)}
        >
          {remedyLabel(action, trans)}
        </button>
      ))}
    </>
  );
}

/** `Free: 0.2 GB of 50 GB for kernels and packages · …` */
function Room(props: {
  trans: TranslationBundle;
  disks: readonly IDiskRoom[];
}): JSX.Element | null {
  const { trans } = props;
  // Folders on one disk have the same room.
  const rooms = new Map<string, string[]>();
  for (const { purpose, free_bytes, total_bytes } of props.disks) {
    if (free_bytes !== null) {
      const free = formatBytes(free_bytes, trans);
      const room =
        total_bytes === null
          ? free
          : trans.__('%1 of %2', free, formatBytes(total_bytes, trans));
      rooms.set(room, [
        ...(rooms.get(room) ?? []),
        purposeName(purpose, trans)
      ]);
    }
  }
  return rooms.size ? (
    <p
      className="jp-ContainerKernels-hint"
      title={props.disks.map(disk => disk.path).join('\n')}
    >
      {trans.__(
        'Free: %1',
        [...rooms]
          .map(([room, names]) => trans.__('%1 for %2', room, names.join(', ')))
          .join(' · ')
      )}
    </p>
  ) : null;
}
