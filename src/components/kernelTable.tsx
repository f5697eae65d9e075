import type { TranslationBundle } from '@jupyterlab/translation';
import React, {
  useCallback,
  useLayoutEffect,
  useMemo,
  useRef,
  useState
} from 'react';

import type { IKernel } from '../api/types';
import {
  COLUMNS,
  fittingColumns,
  IColumn,
  sortKernels
} from '../model/columns';
import { isSeen } from '../model/kernelAccess';
import type { PanelViewState } from '../model/panelView';
import { tableRows } from '../model/tableRows';
import { GroupRow } from './groupRow';
import { IKernelActions, KernelRow } from './kernelRow';
import { TableHeader } from './tableHeader';
import { FEW, useRowWindow } from './useRowWindow';

/** What the table takes beside its columns: actions, and room at its sides. */
const SIDES = { wide: 152 + 20, medium: 56 + 20 };

/** Below so many pixels a row shows only what is done most. */
const MEDIUM = 960;

/** The kernels, and what somebody can do with them. */
export interface IKernelTableProps {
  trans: TranslationBundle;
  kernels: readonly IKernel[];
  view: Pick<PanelViewState, 'columns' | 'sort' | 'isGrouped' | 'details'>;
  onLook: (change: Partial<PanelViewState>) => void;
  /** The ids of the kernels that are selected. */
  selected: ReadonlySet<string>;
  onSelect: (selected: ReadonlySet<string>) => void;
  /** The slugs of the kernels that tasks work on. */
  busy: ReadonlySet<string>;
  /** Where the icon of a kernel is. */
  iconUrl: (kernel: IKernel) => string | null;
  now: number;
  hasGpu: boolean;
  hasConsole: boolean;
  actions: IKernelActions;
}

/**
 * Draws the kernels as a table that the keyboard works, too: arrows, Page,
 * Home and End move; Enter starts a notebook, the right arrow shows details,
 * Delete asks to delete, Space selects. Only rows in sight are drawn, and the
 * one that has the focus.
 */
export function KernelTable(props: IKernelTableProps): JSX.Element {
  const { trans, actions, selected, view, onLook } = props;
  const body = useRef<HTMLTableSectionElement>(null);
  const [current, setCurrent] = useState('');
  const place = useRef(0); // of the current row, should it go
  const wanted = useRef(''); // gets the focus as soon as it is drawn
  const [hovered, setHovered] = useState('');
  const anchor = useRef(''); // where a range of selected rows begins

  const kernels = useMemo(
    () => sortKernels(props.kernels, view.sort),
    [props.kernels, view.sort]
  );
  const rows = useMemo(
    () => tableRows(kernels, view.isGrouped),
    [kernels, view.isGrouped]
  );
  // in the order in which they stand
  const ids = useMemo(
    () => rows.filter(row => row.kind === 'kernel').map(row => row.key),
    [rows]
  );
  const found = ids.indexOf(current);
  const currentId =
    ids[found >= 0 ? found : Math.min(place.current, ids.length - 1)];
  const sight = useRowWindow(body, rows.length);
  const isWide = sight.width === 0 || sight.width >= MEDIUM;
  const fitting = fittingColumns(
    view.columns,
    sight.isNarrow || !sight.width
      ? 0
      : sight.width - (isWide ? SIDES.wide : SIDES.medium)
  );
  // The same as long as it holds the same, so that rows are not drawn again.
  const columnIds = fitting.map(each => each.id).join();
  const columns = useMemo(
    () => COLUMNS.filter(each => columnIds.split(',').includes(each.id)),
    [columnIds]
  );
  useLayoutEffect(() => {
    place.current = Math.max(0, ids.indexOf(currentId));
    if (wanted.current) {
      rowOf(body.current, wanted.current)?.focus();
      wanted.current = '';
    }
  });

  const select = (id: string, isSelected: boolean) => {
    const chosen = new Set(selected);
    if (isSelected) {
      chosen.add(id);
    } else {
      chosen.delete(id);
    }
    anchor.current = id;
    props.onSelect(chosen);
  };
  const selectTo = (id: string) => {
    const [from, to] = [
      ids.indexOf(anchor.current || currentId),
      ids.indexOf(id)
    ];
    props.onSelect(
      new Set(ids.slice(Math.min(from, to), Math.max(from, to) + 1))
    );
  };
  const become = (id: string) => {
    setCurrent(id);
    if (view.details !== null && view.details !== id) {
      onLook({ details: id }); // details follow
    }
  };
  const focus = (id: string) => {
    const row = rowOf(body.current, id);
    if (row) {
      row.focus();
    } else {
      wanted.current = id;
      become(id); // the current row is drawn, wherever it is
    }
  };
  /** Asks whether to delete; then the row that is in the place is focused. */
  const askToDelete = async (kernel: IKernel) => {
    const chosen = kernels.filter(each => selected.has(each.id));
    await (chosen.length > 0 && selected.has(kernel.id)
      ? actions.onDeleteThese(chosen)
      : actions.onDelete(kernel));
    if ((document.activeElement ?? document.body) === document.body) {
      body.current?.querySelector<HTMLElement>('[tabindex="0"]')?.focus();
    }
  };
  // what rows call is the same each time, so that they are not drawn again
  const latest = useRef({ select, onLook });
  latest.current = { select, onLook };
  const onSelectRow = useCallback((id: string, isSelected: boolean) => {
    latest.current.select(id, isSelected);
  }, []);
  const onShowDetails = useCallback((id: string) => {
    latest.current.onLook({ details: id });
  }, []);

  const onKeyDown = (event: React.KeyboardEvent) => {
    const row = (event.target as HTMLElement).closest<HTMLElement>('[data-id]');
    const id = row?.dataset.id ?? '';
    const index = ids.indexOf(id);
    const kernel = kernels.find(each => each.id === id);
    if (!row || !kernel) {
      return;
    }
    const onRow = event.target === row;
    const page = Math.max(1, Math.floor((sight.end - sight.first) / 2));
    const moves: Record<string, number> = {
      ArrowDown: index + 1,
      ArrowUp: index - 1,
      PageDown: index + page,
      PageUp: index - page,
      Home: 0,
      End: ids.length - 1
    };
    if (event.key in moves) {
      const target =
        ids[Math.min(Math.max(0, moves[event.key]), ids.length - 1)];
      if (event.shiftKey) {
        anchor.current ||= id;
        selectTo(target);
      } else {
        anchor.current = '';
      }
      focus(target);
    } else if (event.key === 'Enter' && onRow) {
      if (isSeen(kernel)) {
        actions.onStartNotebook(kernel.slug);
      } else {
        onLook({ details: id });
      }
    } else if (event.key === ' ' && onRow) {
      select(id, !selected.has(id));
    } else if (event.key === 'a' && (event.ctrlKey || event.metaKey)) {
      props.onSelect(new Set(ids));
    } else if (event.key === 'ArrowRight' && onRow) {
      onLook({ details: id });
    } else if (event.key === 'Escape' && view.details !== null) {
      onLook({ details: null });
    } else if (event.key === 'Escape' && selected.size > 0) {
      props.onSelect(new Set());
    } else if (event.key === 'Delete') {
      void askToDelete(kernel);
    } else {
      return; // a button in the row, or the browser's own
    }
    event.preventDefault();
    event.stopPropagation();
  };

  const onClick = (event: React.MouseEvent) => {
    const id = idOf(event.target);
    if (!id || (event.target as HTMLElement).closest('button, input')) {
      return;
    }
    if (event.shiftKey) {
      selectTo(id);
      document.getSelection()?.removeAllRanges();
    } else if (event.ctrlKey || event.metaKey) {
      select(id, !selected.has(id));
    }
  };

  const drawn = rows
    .map((row, index) => ({ row, index }))
    .filter(
      ({ row, index }) =>
        (index >= sight.first && index < sight.end) || row.key === currentId
    );
  const count = ids.filter(id => selected.has(id)).length;
  // Hundreds of buttons and boxes take longer to draw than all else: where rows
  // are many, those have them that somebody points at.
  const areFew = rows.length <= FEW || sight.isNarrow || !canHover();
  const isNear = (id: string) => areFew || id === currentId || id === hovered;
  return (
    <table
      role="grid"
      className={[
        'jp-ContainerKernels-table',
        sight.isNarrow ? 'jp-mod-narrow' : isWide ? '' : 'jp-mod-medium',
        selected.size > 0 ? 'jp-mod-selecting' : ''
      ].join(' ')}
      style={
        {
          '--container-kernels-row-height': `${sight.rowHeight}px`,
          '--container-kernels-columns': tracks(columns)
        } as React.CSSProperties
      }
      aria-label={trans.__('Container kernels')}
      aria-rowcount={rows.length + 1}
      aria-multiselectable={true}
    >
      <TableHeader
        trans={trans}
        columns={columns}
        sort={view.sort}
        onSort={sort => onLook({ sort })}
        selection={count === 0 ? 'none' : count === ids.length ? 'all' : 'some'}
        onSelectAll={all => props.onSelect(new Set(all ? ids : []))}
      />
      <tbody
        role="rowgroup"
        ref={body}
        style={{ height: rows.length * sight.rowHeight }}
        onKeyDown={onKeyDown}
        onClick={onClick}
        onFocus={event => {
          const id = idOf(event.target);
          if (id && id !== currentId) {
            become(id);
          }
        }}
        onMouseOver={event => setHovered(idOf(event.target) ?? '')}
        onDoubleClick={event => {
          const kernel = kernels.find(each => each.id === idOf(event.target));
          const isRow = !(event.target as HTMLElement).closest('button, input');
          if (kernel && isSeen(kernel) && isRow) {
            actions.onStartNotebook(kernel.slug);
          }
        }}
      >
        {drawn.map(({ row, index }) =>
          row.kind === 'image' ? (
            <GroupRow
              key={row.key}
              trans={trans}
              group={row}
              index={index}
              top={index * sight.rowHeight}
            />
          ) : (
            <KernelRow
              key={row.key}
              trans={trans}
              kernel={row.kernel}
              iconUrl={props.iconUrl(row.kernel)}
              columns={columns}
              now={props.now}
              hasGpu={props.hasGpu}
              hasConsole={props.hasConsole}
              isCurrent={row.key === currentId}
              hasActions={isNear(row.key)}
              hasTick={selected.size > 0 || isNear(row.key)}
              isSelected={selected.has(row.key)}
              isBusy={props.busy.has(row.kernel.slug)}
              index={index}
              top={index * sight.rowHeight}
              actions={actions}
              onSelect={onSelectRow}
              onShowDetails={onShowDetails}
            />
          )
        )}
      </tbody>
    </table>
  );
}

/** Whether somebody can point at something without pressing it. */
function canHover(): boolean {
  return !window.matchMedia?.('(hover: none)').matches;
}

/** The columns as CSS has them. */
function tracks(columns: readonly IColumn[]): string {
  return columns
    .map(({ width, share }) =>
      share ? `minmax(${width}px, ${share}fr)` : `${width}px`
    )
    .join(' ');
}

function idOf(target: EventTarget): string | undefined {
  return (target as HTMLElement).closest<HTMLElement>('[data-id]')?.dataset.id;
}

function rowOf(body: HTMLElement | null, id: string): HTMLElement | null {
  return (
    body?.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`) ?? null
  );
}
