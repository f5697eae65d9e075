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
import React, { useEffect, useState } from 'react';

import { PanelView } from '../model/panelView';
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
    const view = new PanelView();
    super({ content: new PanelContent(options, view) });
    this.view = view;
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
    this.toolbar.addItem('filter', new FilterBox(trans, view));
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

  /** How somebody looks at it. */
  readonly view: PanelView;

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
    /** Draws what takes room, in a tab of its own. */
    space?: () => JSX.Element;
    /** Where the icon of a kernel is. */
    iconUrl: (slug: string) => string | null;
    /** Whether a console can be started here. */
    hasConsole: () => boolean;
  }
}

class FilterBox extends ReactWidget {
  constructor(
    private _trans: TranslationBundle,
    private _view: PanelView
  ) {
    super();
    this.addClass('jp-ContainerKernels-filter');
  }

  protected override render(): JSX.Element {
    return <FilterInput trans={this._trans} view={this._view} />;
  }
}

function FilterInput(props: {
  trans: TranslationBundle;
  view: PanelView;
}): JSX.Element {
  const { trans, view } = props;
  useStateChanged(view.changed);
  return (
    <input
      type="search"
      className="jp-mod-styled"
      aria-label={trans.__('Filter kernels')}
      placeholder={trans.__('Filter')}
      spellCheck={false}
      value={view.filter}
      onChange={event => {
        view.filter = event.target.value;
      }}
    />
  );
}

class PanelContent extends ReactWidget {
  constructor(
    private _options: PanelWidget.IOptions,
    private _view: PanelView
  ) {
    super();
    this.addClass('jp-ContainerKernels-content');
  }

  protected override render(): JSX.Element {
    return <Content options={this._options} view={this._view} />;
  }
}

function Content(props: {
  options: PanelWidget.IOptions;
  view: PanelView;
}): JSX.Element {
  const { options, view } = props;
  const [now, setNow] = useState(Date.now());
  useStateChanged(options.kernels.stateChanged);
  useStateChanged(view.changed);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), CLOCK);
    return () => clearInterval(timer);
  }, []);
  return (
    <Panel
      trans={options.trans}
      state={options.kernels}
      filter={view.filter}
      tab={view.tab}
      onTab={tab => {
        view.tab = tab;
      }}
      space={options.space}
      now={now}
      iconUrl={options.iconUrl}
      hasConsole={options.hasConsole()}
      actions={options.actions}
    />
  );
}
