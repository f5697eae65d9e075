import { ISignal, Signal } from '@lumino/signaling';

import { ColumnId, COLUMNS, DEFAULT_COLUMNS, ISort } from './columns';

/** A part of the panel. */
export type PanelTab = 'kernels' | 'space' | 'diagnostics';

/** What is remembered of how somebody looks at the panel. */
export interface IRememberedView {
  readonly columns: ColumnId[];
  readonly sort: ISort | null;
  readonly isGrouped: boolean;
}

/** What there is to know of how somebody looks at the panel. */
export type PanelViewState = Pick<
  PanelView,
  'filter' | 'tab' | 'columns' | 'sort' | 'isGrouped' | 'details'
>;

/** How somebody looks at the panel: what is in front and what is left out. */
export class PanelView {
  /** What is typed into the filter. */
  get filter(): string {
    return this._filter;
  }

  /** The tab in front. */
  get tab(): PanelTab {
    return this._tab;
  }

  /** The columns that somebody wants to see. */
  get columns(): readonly ColumnId[] {
    return this._columns;
  }

  /** By what the kernels are sorted; `null` leaves them as they were read. */
  get sort(): ISort | null {
    return this._sort;
  }

  /** Whether kernels of one image stand together. */
  get isGrouped(): boolean {
    return this._isGrouped;
  }

  /** The `id` of the kernel whose details are shown. */
  get details(): string | null {
    return this._details;
  }

  /** Something of the above changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Looks at it another way. */
  look(change: Partial<PanelViewState>): void {
    this._filter = change.filter ?? this._filter;
    this._tab = change.tab ?? this._tab;
    this._columns = change.columns ?? this._columns;
    this._sort = change.sort === undefined ? this._sort : change.sort;
    this._isGrouped = change.isGrouped ?? this._isGrouped;
    this._details =
      change.details === undefined ? this._details : change.details;
    this._changed.emit();
  }

  /** Shows a column, or hides it if it is shown. */
  toggleColumn(id: ColumnId): void {
    this.look({
      columns: COLUMNS.map(each => each.id).filter(
        each => this._columns.includes(each) !== (each === id)
      )
    });
  }

  /** What to remember of it. */
  remember(): IRememberedView {
    return {
      columns: [...this._columns],
      sort: this._sort,
      isGrouped: this._isGrouped
    };
  }

  /** Looks at it as before, as far as what was remembered makes sense. */
  recall(remembered: unknown): void {
    const { columns, sort, isGrouped } = (remembered ??
      {}) as Partial<IRememberedView>;
    const isColumn = (id: unknown): id is ColumnId =>
      COLUMNS.some(each => each.id === id);
    this.look({
      columns: Array.isArray(columns) ? columns.filter(isColumn) : undefined,
      sort:
        sort && isColumn(sort.column)
          ? { column: sort.column, isDescending: sort.isDescending === true }
          : undefined,
      isGrouped: typeof isGrouped === 'boolean' ? isGrouped : undefined
    });
  }

  private _filter = '';
  private _tab: PanelTab = 'kernels';
  private _columns = DEFAULT_COLUMNS;
  private _sort: ISort | null = null;
  private _isGrouped = false;
  private _details: string | null = null;
  private _changed = new Signal<this, void>(this);
}
