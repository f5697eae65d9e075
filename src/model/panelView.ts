import { ISignal, Signal } from '@lumino/signaling';

/** A part of the panel. */
export type PanelTab = 'kernels' | 'space';

/** How somebody looks at the panel: what is in front and what is left out. */
export class PanelView {
  /** What is typed into the filter. */
  get filter(): string {
    return this._filter;
  }

  set filter(filter: string) {
    this._filter = filter;
    this._changed.emit();
  }

  /** The tab in front. */
  get tab(): PanelTab {
    return this._tab;
  }

  set tab(tab: PanelTab) {
    this._tab = tab;
    this._changed.emit();
  }

  /** Something of the above changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  private _filter = '';
  private _tab: PanelTab = 'kernels';
  private _changed = new Signal<this, void>(this);
}
