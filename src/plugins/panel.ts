import {
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Clipboard, Notification, WidgetTracker } from '@jupyterlab/apputils';
import { URLExt } from '@jupyterlab/coreutils';
import {
  ITranslator,
  nullTranslator,
  TranslationBundle
} from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { Menu, TabPanel } from '@lumino/widgets';

import { containerIcon } from '../components/icons';
import type { IPanelActions } from '../components/panel';
import type { PanelWidget } from '../components/panelWidget';
import { startReport } from '../model/startLog';
import { CommandIDs, IContainerKernels } from '../tokens';

/**
 * The panel with the kernels and tasks.
 */
export const panel: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-container-kernels:panel',
  description: 'Shows the container kernels and the tasks that add them.',
  autoStart: true,
  requires: [IContainerKernels],
  optional: [ITranslator, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    kernels: IContainerKernels,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null
  ): void => {
    const trans = (translator ?? nullTranslator).load(
      'jupyterlab_container_kernels'
    );
    const tracker = new WidgetTracker<PanelWidget>({
      namespace: 'container-kernels'
    });
    const actions = makeActions(app, kernels, trans);
    const { serverSettings, kernelspecs } = app.serviceManager;

    /** What the server tells, or where it would be for a kernel that is new. */
    const iconUrl = (slug: string): string | null => {
      const spec = kernelspecs.specs?.kernelspecs[slug];
      return spec
        ? (spec.resources['logo-svg'] ?? spec.resources['logo-64x64'] ?? null)
        : URLExt.join(
            serverSettings.baseUrl,
            'kernelspecs',
            encodeURIComponent(slug),
            'logo-svg.svg'
          );
    };

    let opening: Promise<PanelWidget> | null = null;
    const open = async (): Promise<PanelWidget> => {
      const { PanelWidget } = await import('../components/panelWidget');
      const widget = new PanelWidget({
        trans,
        kernels,
        commands: app.commands,
        actions,
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
  trans: TranslationBundle
): IPanelActions {
  const run = (command: string, args?: ReadonlyPartialJSONObject) => {
    void app.commands.execute(command, args);
  };
  /** What goes wrong is told by the state, or the next answer. */
  const quietly = (doing: Promise<unknown>) => {
    doing.catch(error => {
      console.warn(error);
    });
  };
  return {
    onAdd: () => run(CommandIDs.addKernel),
    onRefresh: () => run(CommandIDs.refresh),
    onStartNotebook: slug => run(CommandIDs.startNotebook, { slug }),
    onStartConsole: slug => run(CommandIDs.startConsole, { slug }),
    onShowKernelLog: slug => run(CommandIDs.showLog, { slug }),
    onDelete: slug => run(CommandIDs.deleteKernel, { slug }),
    onEdit: task => run(CommandIDs.addKernel, { task }),
    onRetry: id => quietly(kernels.retry(id)),
    onCancel: id => quietly(kernels.endTask(id)),
    onDismiss: id => quietly(kernels.endTask(id)),
    onShowLog: (id, shown) => kernels.showLog(id, shown),
    onRepair: (slug, action) => run(CommandIDs.repairKernel, { slug, action }),
    onDismissStart: slug => kernels.starts.dismiss(slug),
    onCopyReport: start => {
      const kernel = kernels.kernels?.find(each => each.slug === start.slug);
      Clipboard.copyToSystem(startReport(start, kernel, trans));
      Notification.info(trans.__('The report is in the clipboard.'), {
        autoClose: 3000
      });
    },
    onCopy: text => Clipboard.copyToSystem(text),
    onMenu: (slug, x, y) => openMenu(app, slug, x, y)
  };
}

/**
 * Opens what the context menu of a row holds, for those who click its button.
 * Notebook 7 has no context menu of the settings.
 */
function openMenu(
  app: JupyterFrontEnd,
  slug: string,
  x: number,
  y: number
): void {
  const menu = new Menu({ commands: app.commands });
  for (const command of [
    CommandIDs.startNotebook,
    CommandIDs.startConsole,
    CommandIDs.showLog
  ]) {
    menu.addItem({ command, args: { slug } });
  }
  menu.addItem({ type: 'separator' });
  menu.addItem({ command: CommandIDs.deleteKernel, args: { slug } });
  // The command runs after the menu has closed.
  menu.aboutToClose.connect(() => {
    requestAnimationFrame(() => menu.dispose());
  });
  menu.open(x, y);
}
