import { MainAreaWidget } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  addIcon,
  CommandToolbarButton,
  ReactWidget,
  Toolbar
} from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { Message } from '@lumino/messaging';
import { ISignal, Signal } from '@lumino/signaling';
import React, { useEffect, useState } from 'react';

import { CommandIDs, IContainerKernels } from '../tokens';
import { containerIcon } from './icons';
import { IPanelActions, Panel } from './panel';
import { useStateChanged } from './useStateChanged';

/** How often what is written of times is drawn anew, in milliseconds. */
const CLOCK = 30_000;

/** The widget id; there is one panel at most. */
export const PANEL_ID = 'container-kernels-panel';

/** The panel as a widget of the main area: toolbar and content. */
export class PanelWidget extends MainAreaWidget<ReactWidget> {
  constructor(options: PanelWidget.IOptions) {
    const filter = new Filter();
    super({ content: new PanelContent(options, filter) });
    const { trans, commands } = options;
    this._kernels = options.kernels;
    this.id = PANEL_ID;
    this.addClass('jp-ContainerKernels');
    this.title.label = trans.__('Container Kernels');
    this.title.caption = trans.__(
      'Kernels that run in containers, and what is being added'
    );
    this.title.icon = containerIcon;
    this.title.closable = true;
    this.toolbar.node.setAttribute(
      'aria-label',
      trans.__('Container kernels toolbar')
    );
    this.toolbar.addItem(
      'add',
      new CommandToolbarButton({
        commands,
        id: CommandIDs.addKernel,
        icon: addIcon
      })
    );
    this.toolbar.addItem('spacer', Toolbar.createSpacerItem());
    this.toolbar.addItem('filter', new FilterBox(trans, filter));
    this.toolbar.addItem(
      'refresh',
      new CommandToolbarButton({
        commands,
        id: CommandIDs.refresh,
        label: '',
        caption: trans.__('Refresh')
      })
    );
  }

  /** Scrolls to what is said of a kernel's start, and puts the focus there. */
  reveal(slug: string): void {
    requestAnimationFrame(() => {
      const card = this.node.querySelector<HTMLElement>(
        `[data-start="${CSS.escape(slug)}"]`
      );
      card?.scrollIntoView({ block: 'nearest' });
      card?.focus();
    });
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this._kernels.setWatched(true);
  }

  protected override onAfterHide(msg: Message): void {
    super.onAfterHide(msg);
    this._kernels.setWatched(false);
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this._kernels.setWatched(this.isVisible);
  }

  protected override onBeforeDetach(msg: Message): void {
    this._kernels.setWatched(false);
    super.onBeforeDetach(msg);
  }

  private _kernels: IContainerKernels;
}

/** What the panel is made of. */
export namespace PanelWidget {
  /** What to show, and what to do. */
  export interface IOptions {
    trans: TranslationBundle;
    kernels: IContainerKernels;
    /** What the toolbar's buttons run. */
    commands: CommandRegistry;
    actions: IPanelActions;
    /** Where the icon of a kernel is. */
    iconUrl: (slug: string) => string | null;
    /** Whether a console can be started here. */
    hasConsole: () => boolean;
  }
}

/** What is typed into the filter. */
class Filter {
  get text(): string {
    return this._text;
  }

  set text(text: string) {
    this._text = text;
    this._changed.emit();
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  private _text = '';
  private _changed = new Signal<this, void>(this);
}

class FilterBox extends ReactWidget {
  constructor(
    private _trans: TranslationBundle,
    private _filter: Filter
  ) {
    super();
    this.addClass('jp-ContainerKernels-filter');
  }

  protected override render(): JSX.Element {
    return <FilterInput trans={this._trans} filter={this._filter} />;
  }
}

function FilterInput(props: {
  trans: TranslationBundle;
  filter: Filter;
}): JSX.Element {
  const { trans, filter } = props;
  useStateChanged(filter.changed);
  return (
    <input
      type="search"
      className="jp-mod-styled"
      aria-label={trans.__('Filter kernels')}
      placeholder={trans.__('Filter')}
      spellCheck={false}
      value={filter.text}
      onChange={event => {
        filter.text = event.target.value;
      }}
    />
  );
}

class PanelContent extends ReactWidget {
  constructor(
    private _options: PanelWidget.IOptions,
    private _filter: Filter
  ) {
    super();
    this.addClass('jp-ContainerKernels-content');
  }

  protected override render(): JSX.Element {
    return <Content options={this._options} filter={this._filter} />;
  }
}

function Content(props: {
  options: PanelWidget.IOptions;
  filter: Filter;
}): JSX.Element {
  const { options, filter } = props;
  const [now, setNow] = useState(Date.now());
  useStateChanged(options.kernels.stateChanged);
  useStateChanged(filter.changed);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), CLOCK);
    return () => clearInterval(timer);
  }, []);
  return (
    <Panel
      trans={options.trans}
      state={options.kernels}
      filter={filter.text}
      now={now}
      iconUrl={options.iconUrl}
      hasConsole={options.hasConsole()}
      actions={options.actions}
    />
  );
}
