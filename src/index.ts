import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { commands } from './plugins/commands';
import { launcher } from './plugins/launcher';
import { manager } from './plugins/manager';
import { notifications } from './plugins/notifications';
import { palette } from './plugins/palette';
import { panel } from './plugins/panel';
import { starts } from './plugins/starts';
import { statusBar } from './plugins/statusBar';
import { undo } from './plugins/undo';

/**
 * The plugins of the extension, one a file.
 */
const plugins: JupyterFrontEndPlugin<unknown>[] = [
  manager,
  commands,
  panel,
  launcher,
  palette,
  starts,
  statusBar,
  notifications,
  undo
];

export default plugins;
