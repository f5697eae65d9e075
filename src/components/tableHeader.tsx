import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { ColumnId, IColumn, ISort, nextSort } from '../model/columns';

/** The name of a column. */
export function columnName(id: ColumnId, trans: TranslationBundle): string {
  switch (id) {
    case 'name':
      return trans.__('Name');
    case 'status':
      return trans.__('Status');
    case 'image':
      return trans.__('Image');
    case 'hardware':
      return trans.__('CPU/GPU');
    case 'language':
      return trans.__('Language');
    case 'runtime':
      return trans.__('Runtime');
    case 'size':
      return trans.__('Size');
    case 'used':
      return trans.__('Last used');
    case 'created':
      return trans.__('Created');
    case 'maker':
      return trans.__('Made by');
    case 'running':
      return trans.__('Running');
  }
}

/** The class of a column's cells. */
export function columnClass(id: ColumnId): string {
  return `jp-ContainerKernels-${id === 'status' ? 'statusCell' : id}`;
}

/** The head of the table. */
export interface ITableHeaderProps {
  trans: TranslationBundle;
  columns: readonly IColumn[];
  sort: ISort | null;
  onSort: (sort: ISort | null) => void;
  /** Whether all, some or none of the kernels are selected. */
  selection: 'all' | 'some' | 'none';
  onSelectAll: (selected: boolean) => void;
}

/** Draws the head of the table; a click on a name sorts by it. */
export function TableHeader(props: ITableHeaderProps): JSX.Element {
  const { trans, columns, sort, selection } = props;
  return (
    <thead role="rowgroup">
      <tr role="row" className="jp-ContainerKernels-header" aria-rowindex={1}>
        {columns.map(({ id }) => {
          const isSorted = sort?.column === id;
          return (
            <th
              key={id}
              role="columnheader"
              className={columnClass(id)}
              aria-label={columnName(id, trans)}
              aria-sort={
                isSorted
                  ? sort.isDescending
                    ? 'descending'
                    : 'ascending'
                  : 'none'
              }
            >
              {id === 'name' && (
                <input
                  type="checkbox"
                  className="jp-ContainerKernels-tick"
                  aria-label={trans.__('Select all')}
                  title={trans.__('Select all')}
                  checked={selection === 'all'}
                  ref={box => {
                    if (box) {
                      box.indeterminate = selection === 'some';
                    }
                  }}
                  onChange={event => props.onSelectAll(event.target.checked)}
                />
              )}
              <button
                type="button"
                className="jp-ContainerKernels-sort"
                title={trans.__('Sort by “%1”', columnName(id, trans))}
                onClick={() => props.onSort(nextSort(sort, id))}
              >
                <span className="jp-ContainerKernels-sortName">
                  {columnName(id, trans)}
                </span>
                <span className="jp-ContainerKernels-arrow" aria-hidden="true">
                  {isSorted ? (sort.isDescending ? '▾' : '▴') : ''}
                </span>
              </button>
            </th>
          );
        })}
        <th role="columnheader" className="jp-ContainerKernels-actions">
          <span className="jp-ContainerKernels-unseen">
            {trans.__('Actions')}
          </span>
        </th>
      </tr>
    </thead>
  );
}
