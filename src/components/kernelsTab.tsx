import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useMemo } from 'react';

import type { ISiteImage } from '../api/types';
import { filterKernels } from '../model/kernelFilter';
import type { PanelViewState } from '../model/panelView';
import type { IContainerKernels } from '../tokens';
import { CatalogueCards } from './catalogueCards';
import { containerTileIcon } from './icons';
import { IKernelTableProps, KernelTable } from './kernelTable';

/** The kernels, or why there are none to see. */
export interface IKernelsTabProps extends Omit<
  IKernelTableProps,
  'kernels' | 'hasGpu' | 'busy'
> {
  state: Pick<
    IContainerKernels,
    'info' | 'kernels' | 'unreadable' | 'tasks' | 'connection' | 'error'
  >;
  view: PanelViewState;
  /** Whether no task is shown, so that an empty panel has to say something. */
  isIdle: boolean;
  /** Opens the form of a new kernel, with an image of the site in it or empty. */
  onAdd: (image?: ISiteImage) => void;
}

/** Draws the kernels, or why there are none to see. */
export function KernelsTab(props: IKernelsTabProps): JSX.Element {
  const { trans, state, view } = props;
  const { kernels } = state;
  const shown = useMemo(
    () => filterKernels(kernels ?? [], view.filter),
    [kernels, view.filter]
  );
  const working = state.tasks
    .filter(each => each.isActive)
    .map(each => each.task.slug)
    .join('\n');
  const busy = useMemo(() => new Set(working.split('\n')), [working]);
  return (
    <>
      {kernels === null ? (
        state.connection !== 'missing' &&
        !state.error && (
          <p className="jp-ContainerKernels-note" role="status">
            {trans.__('Reading the kernels…')}
          </p>
        )
      ) : kernels.length === 0 ? (
        props.isIdle && (
          <Empty
            trans={trans}
            catalogue={state.info?.site.catalogue ?? []}
            onAdd={props.onAdd}
          />
        )
      ) : shown.length === 0 ? (
        <p className="jp-ContainerKernels-note">
          {trans.__('No kernel matches “%1”.', view.filter.trim())}
        </p>
      ) : (
        <KernelTable
          {...props}
          kernels={shown}
          busy={busy}
          hasGpu={!!state.info?.gpu.vendor}
        />
      )}
      {state.unreadable > 0 && (
        <p className="jp-ContainerKernels-note">
          {trans._n(
            '%1 kernel could not be read. The browser’s console says why.',
            '%1 kernels could not be read. The browser’s console says why.',
            state.unreadable
          )}
        </p>
      )}
    </>
  );
}

function Empty(props: {
  trans: TranslationBundle;
  catalogue: readonly ISiteImage[];
  onAdd: (image?: ISiteImage) => void;
}): JSX.Element {
  const { trans } = props;
  return (
    <div className="jp-ContainerKernels-empty">
      <containerTileIcon.react tag="div" width="72px" height="72px" />
      <p>
        {trans.__(
          'A container kernel runs your notebooks inside a container image, from a registry or a .sif file.'
        )}{' '}
        {trans.__(
          'Name an image, and a minute later it is a tile in the Launcher.'
        )}
      </p>
      <button
        type="button"
        className="jp-ContainerKernels-primary jp-mod-styled jp-mod-accept"
        onClick={() => props.onAdd()}
      >
        {trans.__('Add container kernel')}
      </button>
      <CatalogueCards
        trans={trans}
        images={props.catalogue}
        onChoose={props.onAdd}
      />
    </div>
  );
}
