import type { IDocumentManager } from '@jupyterlab/docmanager';
import { FileDialog } from '@jupyterlab/filebrowser';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { IContainerKernels } from '../tokens';

const IMAGE_FILE = /\.(sif|simg|sqsh)$/i;

/**
 * Makes a chooser of image files on the server's machine, with the file
 * browser's own dialog.
 *
 * @returns Asks for a file and resolves to its absolute path, or to `null`.
 */
export function makeFileChooser(options: {
  kernels: IContainerKernels;
  documents: IDocumentManager;
  trans: TranslationBundle;
}): () => Promise<string | null> {
  const { kernels, documents, trans } = options;
  return async () => {
    const root = (await kernels.getInfo().catch(() => null))?.root_dir ?? null;
    const { value } = await FileDialog.getOpenFiles({
      title: trans.__('Choose an image file'),
      manager: documents,
      filter: model =>
        model.type === 'directory' || IMAGE_FILE.test(model.name) ? {} : null
    });
    const file = value?.find(
      (each: Contents.IModel) => each.type !== 'directory'
    );
    if (!file) {
      return null;
    }
    const path = documents.services.contents.localPath(file.path);
    // Without a root the path is left to be completed by hand.
    return root === null ? path : absolutePath(root, path);
  };
}

/** The absolute path of what the file browser shows below a directory. */
export function absolutePath(root: string, path: string): string {
  return `${root.replace(/\/+$/, '')}/${path.replace(/^\/+/, '')}`;
}
