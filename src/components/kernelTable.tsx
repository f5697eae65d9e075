import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useRef, useState } from 'react';

import type { IKernel } from '../api/types';
import { IKernelActions, KernelRow } from './kernelRow';

/** The kernels, and what somebody can do with them. */
export interface IKernelTableProps {
  trans: TranslationBundle;
  kernels: readonly IKernel[];
  /** Where the icon of a kernel is. */
  iconUrl: (slug: string) => string | null;
  now: number;
  hasGpu: boolean;
  hasConsole: boolean;
  actions: IKernelActions;
}

/**
 * Draws the kernels as a table that the keyboard works, too: arrows move,
 * Enter starts a notebook, Delete asks to delete.
 */
export function KernelTable(props: IKernelTableProps): JSX.Element {
  const { trans, kernels, actions } = props;
  const body = useRef<HTMLTableSectionElement>(null);
  const [current, setCurrent] = useState('');
  const currentSlug = kernels.some(kernel => kernel.slug === current)
    ? current
    : kernels[0]?.slug;

  const onKeyDown = (event: React.KeyboardEvent) => {
    const rows = Array.from(
      body.current?.querySelectorAll<HTMLElement>('[data-slug]') ?? []
    );
    const row = (event.target as HTMLElement).closest<HTMLElement>(
      '[data-slug]'
    );
    const index = row ? rows.indexOf(row) : -1;
    if (!row || index < 0) {
      return;
    }
    const slug = row.dataset.slug as string;
    const onRow = event.target === row;
    let target: HTMLElement | undefined;
    switch (event.key) {
      case 'ArrowDown':
        target = rows[Math.min(index + 1, rows.length - 1)];
        break;
      case 'ArrowUp':
        target = rows[Math.max(index - 1, 0)];
        break;
      case 'Home':
        target = rows[0];
        break;
      case 'End':
        target = rows[rows.length - 1];
        break;
      case 'Enter':
        if (onRow) {
          actions.onStartNotebook(slug);
          break;
        }
        return; // a button in the row
      case 'Delete':
        actions.onDelete(slug);
        break;
      case 'ContextMenu':
        return; // the browser opens the menu
      default:
        return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (target) {
      setCurrent(target.dataset.slug as string);
      target.focus();
    }
  };

  return (
    <table
      role="grid"
      className="jp-ContainerKernels-table"
      aria-label={trans.__('Container kernels')}
    >
      <thead role="rowgroup">
        <tr role="row" className="jp-ContainerKernels-header">
          <th role="columnheader" className="jp-ContainerKernels-name">
            {trans.__('Name')}
          </th>
          <th role="columnheader" className="jp-ContainerKernels-statusCell">
            {trans.__('Status')}
          </th>
          <th role="columnheader" className="jp-ContainerKernels-image">
            {trans.__('Image')}
          </th>
          <th role="columnheader" className="jp-ContainerKernels-hardware">
            {trans.__('CPU/GPU')}
          </th>
          <th role="columnheader" className="jp-ContainerKernels-language">
            {trans.__('Language')}
          </th>
          <th role="columnheader" className="jp-ContainerKernels-size">
            {trans.__('Size')}
          </th>
          <th role="columnheader" className="jp-ContainerKernels-created">
            {trans.__('Created')}
          </th>
          <th role="columnheader" className="jp-ContainerKernels-actions">
            <span className="jp-ContainerKernels-unseen">
              {trans.__('Actions')}
            </span>
          </th>
        </tr>
      </thead>
      <tbody
        role="rowgroup"
        ref={body}
        onKeyDown={onKeyDown}
        onFocus={event => {
          const row = (event.target as HTMLElement).closest<HTMLElement>(
            '[data-slug]'
          );
          if (row?.dataset.slug) {
            setCurrent(row.dataset.slug);
          }
        }}
        onDoubleClick={event => {
          const target = event.target as HTMLElement;
          const slug = target.closest<HTMLElement>('[data-slug]')?.dataset.slug;
          if (slug && !target.closest('button')) {
            actions.onStartNotebook(slug);
          }
        }}
      >
        {kernels.map(kernel => (
          <KernelRow
            key={kernel.slug}
            trans={trans}
            kernel={kernel}
            iconUrl={props.iconUrl(kernel.slug)}
            now={props.now}
            hasGpu={props.hasGpu}
            hasConsole={props.hasConsole}
            isCurrent={kernel.slug === currentSlug}
            actions={actions}
          />
        ))}
      </tbody>
    </table>
  );
}
