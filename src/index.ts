import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

/**
 * The plugins of the extension, one a file.
 */
const plugins: JupyterFrontEndPlugin<unknown>[] = [];

export default plugins;
