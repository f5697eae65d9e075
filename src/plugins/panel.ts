import {
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { WidgetTracker } from '@jupyterlab/apputils';
import { IStateDB } from '@jupyterlab/statedb';
import {
  ITranslator,
  nullTranslator,
  TranslationBundle
} from '@jupyterlab/translation';
import { MenuSvg } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { type Menu, TabPanel } from '@lumino/widgets';

import { containerIcon } from '../components/icons';
import type { IPanelActions } from '../components/panel';
import type { PanelWidget } from '../components/panelWidget';
import type { IKernel, Remedy } from '../api/types';
import { isSeen } from '../model/kernelAccess';
import { PanelView } from '../model/panelView';
import { startReport } from '../model/startLog';
import { CommandIDs, IContainerKernels } from '../tokens';
import { makeIconUrl } from './kernelIcons';
import { addTableCommands, choosableColumns } from './tableCommands';
import { copy } from './toasts';

/** Under what it is remembered how somebody looks at the panel. */
const VIEW = 'container-kernels:view';

/**
 * The panel with the kernels and tasks.
 */
export const panel: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-container-kernels:panel',
  description: 'Shows the container kernels and the tasks that add them.',
  autoStart: true,
  requires: [IContainerKernels],
  optional: [ITranslator, ILayoutRestorer, IStateDB],
  activate: (
    app: JupyterFrontEnd,
    kernels: IContainerKernels,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    state: IStateDB | null
  ): void => {
    const trans = (translator ?? nullTranslator).load(
      'jupyterlab_container_kernels'
    );
    const tracker = new WidgetTracker<PanelWidget>({
      namespace: 'container-kernels'
    });
    const view = new PanelView();
    if (state) {
      remember(view, state);
    }
    addTableCommands({ app, kernels, trans, view });
    const actions = makeActions(app, kernels, trans, view);

    const iconUrl = makeIconUrl(app.serviceManager);

    let opening: Promise<PanelWidget> | null = null;
    const open = async (): Promise<PanelWidget> => {
      const [{ PanelWidget }, { makeSpaceActions }] = await Promise.all([
        import('../components/panelWidget'),
        import('./spaceActions')
      ]);
      const widget = new PanelWidget({
        trans,
        kernels,
        view,
        commands: app.commands,
        actions,
        spaceActions: makeSpaceActions(kernels, trans),
        iconUrl,
        hasConsole: () => app.commands.hasCommand('console:create')
      });
      widget.disposed.connect(() => {
        opening = null;
      });
      await tracker.add(widget);
      return widget;
    };

    app.commands.addCommand(CommandIDs.openPanel, {
      label: trans.__('Container Kernels'),
      caption: trans.__('Show the container kernels and what is being added'),
      icon: containerIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            slug: {
              type: 'string',
              description:
                'A kernel (its name in Jupyter) whose failed start is to be in sight.'
            }
          }
        }
      },
      execute: async args => {
        const widget = await (opening ??= open());
        show(app, widget);
        if (typeof args.slug === 'string') {
          widget.reveal(args.slug);
        }
      }
    });

    void restorer?.restore(tracker, {
      command: CommandIDs.openPanel,
      name: () => 'container-kernels'
    });
  }
};

/** Looks at the panel as before, and notes when somebody looks otherwise. */
function remember(view: PanelView, state: IStateDB): void {
  let saved = JSON.stringify(view.remember());
  let isRecalling = false;
  const restored = state.fetch(VIEW).then(
    remembered => {
      // what somebody has chosen by now is newer
      if (remembered && JSON.stringify(view.remember()) === saved) {
        isRecalling = true;
        view.recall(remembered);
        isRecalling = false;
        saved = JSON.stringify(view.remember());
      }
    },
    () => undefined // then it looks as it does at first
  );
  view.changed.connect(() => {
    const now = JSON.stringify(view.remember());
    if (now !== saved && !isRecalling) {
      saved = now;
      void restored
        .then(() => state.save(VIEW, JSON.parse(now)))
        .catch(error => {
          console.warn(error);
        });
    }
  });
}

/** Puts the panel where the application has room for it, and in front. */
function show(app: JupyterFrontEnd, widget: PanelWidget): void {
  const { shell } = app;
  if (!widget.isAttached) {
    const [main] = shell.widgets('main');
    if (main instanceof TabPanel) {
      main.addWidget(widget); // the file browser page of Notebook 7
    } else if (app.name === 'JupyterLab') {
      shell.add(widget, 'main', { type: 'Container Kernels' });
    } else {
      shell.add(widget, 'right'); // beside a notebook of Notebook 7
    }
  }
  if (widget.parent?.parent instanceof TabPanel) {
    widget.parent.parent.currentWidget = widget;
  } else {
    shell.activateById(widget.id);
  }
}

function makeActions(
  app: JupyterFrontEnd,
  kernels: IContainerKernels,
  trans: TranslationBundle,
  view: PanelView
): IPanelActions {
  const run = (command: string, args?: ReadonlyPartialJSONObject) => {
    void app.commands.execute(command, args);
  };
  const rowArgs = (kernel: IKernel) => {
    const { slug, id } = kernel;
    return isSeen(kernel) ? { slug } : { slug, id };
  };
  /** What goes wrong is told by the state, or the next answer. */
  const quietly = (doing: Promise<unknown>) => {
    doing.catch(error => {
      console.warn(error);
    });
  };
  return {
    onAdd: offered =>
      run(CommandIDs.addKernel, offered ? { image: offered.image } : {}),
    onRefresh: () => run(CommandIDs.refresh),
    onStartNotebook: slug => run(CommandIDs.startNotebook, { slug }),
    onStartConsole: slug => run(CommandIDs.startConsole, { slug }),
    onShowKernelLog: slug => run(CommandIDs.showLog, { slug }),
    onDelete: kernel =>
      app.commands.execute(CommandIDs.deleteKernel, rowArgs(kernel)),
    onDeleteThese: these =>
      app.commands.execute(CommandIDs.cleanUp, {
        ids: these.map(each => each.id)
      }),
    onCleanUp: () => run(CommandIDs.cleanUp),
    onCheck: these => {
      for (const kernel of these) {
        run(CommandIDs.checkKernel, rowArgs(kernel));
      }
    },
    onRemedy: (kernel, remedy) => mend(app, view, kernel, remedy),
    onChooseColumns: (x, y) => {
      const menu = new MenuSvg({ commands: app.commands });
      for (const column of choosableColumns()) {
        menu.addItem({ command: CommandIDs.toggleColumn, args: { column } });
      }
      openAt(menu, x, y);
    },
    onEdit: task => run(CommandIDs.addKernel, { task }),
    onRetry: id => quietly(kernels.retry(id)),
    onCancel: id => quietly(kernels.endTask(id)),
    onDismiss: id => quietly(kernels.endTask(id)),
    onShowLog: (id, shown) => kernels.showLog(id, shown),
    onRepair: (slug, action) => run(CommandIDs.repairKernel, { slug, action }),
    onDismissStart: slug => kernels.starts.dismiss(slug),
    onCopyReport: start => {
      const kernel = kernels.kernels?.find(each => each.slug === start.slug);
      copy(startReport(start, kernel, trans), trans);
    },
    onCopy: text => copy(text, trans),
    onMenu: (kernel, x, y) => openMenu(app, rowArgs(kernel), x, y)
  };
}

/** Does what mends a kernel. */
function mend(
  app: JupyterFrontEnd,
  view: PanelView,
  kernel: IKernel,
  remedy: Remedy
): void {
  const { slug, id } = kernel;
  switch (remedy) {
    case 'free_space':
      view.look({ tab: 'space' });
      break;
    case 'adopt':
      void app.commands.execute(CommandIDs.adoptKernel, { slug, id });
      break;
    case 'edit':
      void app.commands.execute(CommandIDs.editKernel, { slug, id });
      break;
    default:
      void app.commands.execute(CommandIDs.repairKernel, {
        slug,
        action: remedy
      });
  }
}

/** What the menu of a row holds, a line between the parts. */
const ROW_MENU: readonly (readonly string[])[] = [
  [CommandIDs.startNotebook, CommandIDs.startConsole],
  [CommandIDs.showDetails, CommandIDs.showLog, CommandIDs.checkKernel],
  [CommandIDs.editKernel, CommandIDs.duplicateKernel, CommandIDs.adoptKernel],
  [CommandIDs.shareKernel, CommandIDs.withdrawKernel],
  [CommandIDs.deleteKernel]
];

/**
 * Opens what the context menu of a row holds, for those who click its button.
 * Notebook 7 has no context menu of the settings.
 */
function openMenu(
  app: JupyterFrontEnd,
  args: { slug: string; id?: string },
  x: number,
  y: number
): void {
  const menu = new MenuSvg({ commands: app.commands });
  const parts = ROW_MENU.map(part =>
    part.filter(command => app.commands.hasCommand(command))
  ).filter(part => part.length > 0);
  parts.forEach((part, index) => {
    if (index > 0) {
      menu.addItem({ type: 'separator' });
    }
    for (const command of part) {
      menu.addItem({ command, args });
    }
  });
  openAt(menu, x, y);
}

/** Opens a menu once. */
function openAt(menu: Menu, x: number, y: number): void {
  // The command runs after the menu has closed.
  menu.aboutToClose.connect(() => {
    requestAnimationFrame(() => menu.dispose());
  });
  menu.open(x, y);
}
