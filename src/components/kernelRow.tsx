import type { TranslationBundle } from '@jupyterlab/translation';
import {
  consoleIcon,
  deleteIcon,
  ellipsesIcon,
  infoIcon,
  notebookIcon,
  textEditorIcon
} from '@jupyterlab/ui-components';
import React, { memo } from 'react';

import type { IKernel, Remedy } from '../api/types';
import type { IColumn } from '../model/columns';
import { isSeen } from '../model/kernelAccess';
import { IconButton } from './iconButton';
import { cell, ICellContext, ImageCell } from './kernelCells';
import { KernelIcon } from './kernelIcon';
import { KernelStatus } from './kernelStatus';
import { Remedies } from './remedies';

/** What somebody can do with kernels. */
export interface IKernelActions {
  onStartNotebook: (slug: string) => void;
  onStartConsole: (slug: string) => void;
  onShowKernelLog: (slug: string) => void;
  /** Ask whether to delete one. */
  onDelete: (kernel: IKernel) => Promise<unknown> | void;
  /** Ask whether to delete several. */
  onDeleteThese: (kernels: readonly IKernel[]) => Promise<unknown> | void;
  /** Start them, to see whether they work. */
  onCheck: (kernels: readonly IKernel[]) => void;
  onRemedy: (kernel: IKernel, remedy: Remedy) => void;
  /** All of it in a menu, at a place of the window in pixels. */
  onMenu: (kernel: IKernel, x: number, y: number) => void;
}

/** A kernel, and what somebody can do with it. */
export interface IKernelRowProps extends ICellContext {
  trans: TranslationBundle;
  kernel: IKernel;
  iconUrl: string | null;
  columns: readonly IColumn[];
  /** Whether a console can be started here. */
  hasConsole: boolean;
  /** Whether the Tab key leads to this row. */
  isCurrent: boolean;
  isSelected: boolean;
  /** Whether what can be done with it is drawn. */
  hasActions: boolean;
  /** Whether there is a box to tick. */
  hasTick: boolean;
  /** Whether a task works on it. */
  isBusy: boolean;
  /** Where it stands among all rows, from 0. */
  index: number;
  /** Where it stands in the table, in pixels. */
  top: number;
  actions: IKernelActions;
  onSelect: (id: string, selected: boolean) => void;
  onShowDetails: (id: string) => void;
}

/** How many things that mend it stand in a row. */
const MOST_REMEDIES = 2;

/** Whether what is wrong takes the place of what does not matter then. */
function isTroubled(kernel: IKernel): boolean {
  return (
    !isSeen(kernel) ||
    kernel.status.level === 'stale' ||
    kernel.status.level === 'unknown'
  );
}

/** Draws a kernel as a row of the table. */
export const KernelRow = memo((props: IKernelRowProps): JSX.Element => {
  const { trans, kernel, columns } = props;
  const { slug, status } = kernel;
  // of one that works and is not seen here, as it is shared, its note tells
  const told = (status.code === 'ok' && kernel.notes[0]) || status;
  const tabIndex = props.isCurrent ? 0 : -1;
  const remedies = (
    <Remedies
      trans={trans}
      kernel={kernel}
      remedies={status.remedies.slice(0, MOST_REMEDIES)}
      isBusy={props.isBusy && status.remedies.length > 0}
      tabIndex={tabIndex}
      onRemedy={props.actions.onRemedy}
    />
  );
  return (
    <tr
      role="row"
      className={[
        'jp-ContainerKernels-row',
        isTroubled(kernel) ? 'jp-mod-trouble' : '',
        props.isSelected ? 'jp-mod-selected' : ''
      ].join(' ')}
      style={{ top: props.top }}
      data-id={kernel.id}
      data-slug={slug}
      aria-rowindex={props.index + 2}
      aria-selected={props.isSelected}
      tabIndex={tabIndex}
    >
      <th
        role="rowheader"
        scope="row"
        className="jp-ContainerKernels-name"
        aria-label={kernel.display_name}
        title={`${kernel.display_name} (${slug})`}
      >
        {props.hasTick && (
          <input
            type="checkbox"
            className="jp-ContainerKernels-tick"
            aria-label={trans.__('Select %1', kernel.display_name)}
            checked={props.isSelected}
            tabIndex={-1}
            onChange={event => props.onSelect(kernel.id, event.target.checked)}
          />
        )}
        <KernelIcon name={kernel.display_name} url={props.iconUrl} />
        <span className="jp-ContainerKernels-nameText">
          {kernel.display_name}
        </span>
      </th>
      <td role="gridcell" className="jp-ContainerKernels-statusCell">
        <KernelStatus trans={trans} kernel={kernel} />
      </td>
      {isTroubled(kernel) ? (
        <td role="gridcell" className="jp-ContainerKernels-image">
          <span
            className="jp-ContainerKernels-trouble"
            title={[told.message, told.hint, kernel.image.path]
              .filter(Boolean)
              .join('\n')}
          >
            {told.message}{' '}
            <span className="jp-ContainerKernels-hint">{told.hint}</span>
          </span>
          {remedies}
        </td>
      ) : (
        <td
          role="gridcell"
          className={`jp-ContainerKernels-image ${status.remedies.length ? 'jp-mod-linked' : ''}`}
          title={[kernel.image.source, kernel.image.digest, kernel.image.path]
            .filter(Boolean)
            .join('\n')}
        >
          <ImageCell kernel={kernel} />
          {remedies}
        </td>
      )}
      {columns.map(({ id }) => {
        if (id === 'name' || id === 'status' || id === 'image') {
          return null;
        }
        const { content, title } = cell(id, kernel, props);
        return (
          <td
            key={id}
            role="gridcell"
            className={`jp-ContainerKernels-${id}`}
            title={title || undefined}
          >
            {content}
          </td>
        );
      })}
      <td role="gridcell" className="jp-ContainerKernels-actions">
        {props.hasActions && <RowActions {...props} tabIndex={tabIndex} />}
      </td>
    </tr>
  );
});

/** Draws what can be done with a kernel. */
function RowActions(
  props: IKernelRowProps & { tabIndex: number }
): JSX.Element {
  const { trans, kernel, actions, tabIndex } = props;
  const { slug } = kernel;
  const canStart =
    isSeen(kernel) && kernel.status.code !== 'invalid_kernel_json';
  return (
    <span className="jp-ContainerKernels-actionBar">
      {canStart && (
        <IconButton
          icon={notebookIcon}
          label={trans.__('Start notebook')}
          tabIndex={tabIndex}
          onClick={() => actions.onStartNotebook(slug)}
        />
      )}
      {canStart && props.hasConsole && (
        <IconButton
          className="jp-mod-wide"
          icon={consoleIcon}
          label={trans.__('Start console')}
          tabIndex={tabIndex}
          onClick={() => actions.onStartConsole(slug)}
        />
      )}
      {isSeen(kernel) && kernel.ours && (
        <IconButton
          className="jp-mod-wide"
          icon={textEditorIcon}
          label={trans.__('Log of the last start')}
          tabIndex={tabIndex}
          onClick={() => actions.onShowKernelLog(slug)}
        />
      )}
      <IconButton
        className="jp-mod-wide"
        icon={infoIcon}
        label={trans.__('Details')}
        tabIndex={tabIndex}
        onClick={() => props.onShowDetails(kernel.id)}
      />
      {!kernel.read_only && (
        <IconButton
          className="jp-mod-wide"
          icon={deleteIcon}
          label={trans.__('Delete')}
          tabIndex={tabIndex}
          onClick={() => {
            void actions.onDelete(kernel);
          }}
        />
      )}
      <IconButton
        icon={ellipsesIcon}
        label={trans.__('More actions')}
        hasMenu={true}
        tabIndex={tabIndex}
        onClick={event => {
          const box = event.currentTarget.getBoundingClientRect();
          actions.onMenu(kernel, box.left, box.bottom);
        }}
      />
    </span>
  );
}
