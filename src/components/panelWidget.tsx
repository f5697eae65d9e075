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

import type { IKernel } from '../api/types';
import { DetailsReader } from '../model/detailsReader';
import { DiagnosticsReader } from '../model/diagnostics';
import type { PanelView } from '../model/panelView';
import { CommandIDs, IContainerKernels } from '../tokens';
import { DiagnosticsTab } from './diagnosticsTab';
import { containerIcon } from './icons';
import { IPanelActions, Panel } from './panel';
import { SpaceTab } from './spaceTab';
import type { ISpaceActions } from './spaceView';
import { useStateChanged } from './useStateChanged';

// loaded with the panel, not with the page
import '../../style/panel.css';
import '../../style/table.css';
import '../../style/details.css';
import '../../style/space.css';
import '../../style/diagnostics.css';

/** How often what is written of times is drawn anew, in milliseconds. */
const CLOCK = 30_000;

/** The widget id; there is one panel at most. */
export const PANEL_ID = 'container-kernels-panel';

/** The panel as a widget of the main area: toolbar and content. */
export class PanelWidget extends MainAreaWidget<ReactWidget> {
  constructor(options: PanelWidget.IOptions) {
    super({ content: new PanelContent(options) });
    const { trans, commands, view } = options;
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

  private _kernels: IContainerKernels;
}

/** What the panel is made of. */
export namespace PanelWidget {
  /** What to show, and what to do. */
  export interface IOptions {
    trans: TranslationBundle;
    kernels: IContainerKernels;
    /** How somebody looks at it. */
    view: PanelView;
    /** What the toolbar's buttons run. */
    commands: CommandRegistry;
    actions: IPanelActions;
    /** What somebody can do about what takes room. */
    spaceActions: ISpaceActions;
    /** Where the icon of a kernel is. */
    iconUrl: (kernel: IKernel) => string | null;
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
        view.look({ filter: event.target.value });
      }}
    />
  );
}

class PanelContent extends ReactWidget {
  constructor(private _options: PanelWidget.IOptions) {
    super();
    this.addClass('jp-ContainerKernels-content');
  }

  protected override render(): JSX.Element {
    return <Content options={this._options} />;
  }
}

function Content(props: { options: PanelWidget.IOptions }): JSX.Element {
  const { kernels, view, ...options } = props.options;
  const [now, setNow] = useState(Date.now());
  const [reader] = useState(
    () =>
      new DetailsReader((slug, directory) =>
        kernels.getDetails(slug, directory)
      )
  );
  const [diagnostics] = useState(
    () => new DiagnosticsReader(() => kernels.getDiagnostics())
  );
  useStateChanged(kernels.stateChanged);
  useStateChanged(view.changed);
  useStateChanged(reader.changed);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), CLOCK);
    return () => clearInterval(timer);
  }, []);
  const shown = kernels.kernels?.find(each => each.id === view.details) ?? null;
  useEffect(() => reader.show(shown), [reader, shown]);
  useEffect(() => () => reader.dispose(), [reader]);
  useEffect(() => () => diagnostics.dispose(), [diagnostics]);
  return (
    <Panel
      trans={options.trans}
      state={kernels}
      view={view}
      onLook={change => view.look(change)}
      details={reader}
      space={() => (
        <SpaceTab
          trans={options.trans}
          kernels={kernels}
          actions={options.spaceActions}
        />
      )}
      diagnostics={() => (
        <DiagnosticsTab
          trans={options.trans}
          reader={diagnostics}
          support={kernels.info?.site.support}
          onCopy={options.actions.onCopy}
        />
      )}
      now={now}
      iconUrl={options.iconUrl}
      hasConsole={options.hasConsole()}
      actions={options.actions}
    />
  );
}
