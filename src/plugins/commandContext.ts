import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { IKernel } from '../api/types';
import type { IContainerKernels } from '../tokens';

/** What the commands work with. */
export interface ICommandContext {
  app: JupyterFrontEnd;
  kernels: IContainerKernels;
  /** What files are chosen with; `null` where there is no file browser. */
  documents: IDocumentManager | null;
  trans: TranslationBundle;
}

/** The arguments of a command that is about one kernel. */
export const SLUG_ARGS = {
  type: 'object',
  properties: {
    slug: {
      type: 'string',
      description:
        "The kernel's name in Jupyter. Left out, it is the row that the context menu was opened on."
    }
  }
} as const;

/** The same, for commands that work on kernels that Jupyter does not see. */
export const ROW_ARGS = {
  type: 'object',
  properties: {
    ...SLUG_ARGS.properties,
    id: {
      type: 'string',
      description:
        'The row of the kernel; told apart from the name, as kernels of one name can hide each other.'
    }
  }
} as const;

/** The kernel that a command is about, by its name. */
export function slugOf(
  { app }: ICommandContext,
  args: ReadonlyPartialJSONObject
): string | undefined {
  if (typeof args.slug === 'string') {
    return args.slug;
  }
  return app.contextMenuHitTest(node => !!node.dataset.slug)?.dataset.slug;
}

/** What is known of the kernel that a command is about. */
export function rowOf(
  context: ICommandContext,
  args: ReadonlyPartialJSONObject
): IKernel | undefined {
  const rows = context.kernels.kernels ?? [];
  const row =
    typeof args.slug === 'string'
      ? undefined
      : context.app.contextMenuHitTest(node => !!node.dataset.slug);
  const id = typeof args.id === 'string' ? args.id : row?.dataset.id;
  const slug = slugOf(context, args);
  return rows.find(each => each.id === (id ?? slug));
}

/** The display name of a kernel, from wherever it is known. */
export function displayNameOf(
  { app, kernels }: ICommandContext,
  slug: string
): string {
  return (
    kernels.kernels?.find(kernel => kernel.slug === slug)?.display_name ??
    app.serviceManager.kernelspecs.specs?.kernelspecs[slug]?.display_name ??
    slug
  );
}
