import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { freedBytes, IDeletionItem } from '../model/bulkDeletion';
import { formatBytes } from '../model/format';
import { noteLook, StatusMark } from './kernelStatus';

/** Kernels that may go, and what somebody chose. */
export interface IBulkDeleteViewProps {
  trans: TranslationBundle;
  items: readonly IDeletionItem[];
  /** How many of those that are ticked run. */
  running: number;
  shutDown: boolean;
  onTick: (ids: readonly string[], isTicked: boolean) => void;
  onShutDown: (shutDown: boolean) => void;
}

/** Draws kernels that may go, each with its reason and the bytes it frees. */
export function BulkDeleteView(props: IBulkDeleteViewProps): JSX.Element {
  const { trans, items } = props;
  const free = items.filter(each => !each.obstacle);
  const ticked = free.filter(each => each.isTicked).length;
  const failed = items.filter(each => each.failure).length;
  return (
    <div className="jp-ContainerKernels-deletion">
      {failed > 0 && (
        <p className="jp-ContainerKernels-problem" role="alert">
          {trans._n(
            '%1 kernel could not be deleted. Its line says why.',
            '%1 kernels could not be deleted. Their lines say why.',
            failed
          )}
        </p>
      )}
      {free.length > 1 && (
        <label className="jp-ContainerKernels-check">
          <input
            type="checkbox"
            checked={ticked === free.length}
            ref={box => {
              if (box) {
                box.indeterminate = ticked > 0 && ticked < free.length;
              }
            }}
            onChange={event =>
              props.onTick(
                free.map(each => each.kernel.id),
                event.target.checked
              )
            }
          />
          {trans.__('All %1', String(free.length))}
        </label>
      )}
      <ul
        className="jp-ContainerKernels-doomed"
        aria-label={trans.__('Kernels')}
      >
        {items.map(item => (
          <Item key={item.kernel.id} {...props} item={item} />
        ))}
      </ul>
      {props.running > 0 && (
        <label className="jp-ContainerKernels-check">
          <input
            type="checkbox"
            name="shut_down"
            checked={props.shutDown}
            onChange={event => props.onShutDown(event.target.checked)}
          />
          {trans._n(
            'Shut down the one that runs; what it holds in memory is lost',
            'Shut down the %1 that run; what they hold in memory is lost',
            props.running
          )}
        </label>
      )}
      <p className="jp-ContainerKernels-hint">
        {trans.__(
          'Images and packages that other kernels use stay, and so do images outside the image folder of Container Kernels.'
        )}
      </p>
    </div>
  );
}

function Item(
  props: IBulkDeleteViewProps & { item: IDeletionItem }
): JSX.Element {
  const { trans, item } = props;
  const { kernel, failure } = item;
  const bytes = freedBytes([kernel]);
  return (
    <li>
      <label title={kernel.resource_dir}>
        <input
          type="checkbox"
          checked={item.isTicked}
          disabled={item.obstacle !== null}
          onChange={event => props.onTick([kernel.id], event.target.checked)}
        />
        <span className="jp-ContainerKernels-doomedName">
          {kernel.display_name}
        </span>
        <StatusMark look={noteLook(kernel.status, trans)} />
        <span className="jp-ContainerKernels-itemSize">
          {bytes > 0 ? formatBytes(bytes, trans) : '–'}
        </span>
      </label>
      {failure ? (
        <p className="jp-ContainerKernels-problem">
          {failure.message} {failure.hint}
        </p>
      ) : (
        <p className="jp-ContainerKernels-hint">
          {[
            item.obstacle,
            kernel.status.message,
            kernel.status.level === 'unknown' &&
              trans.__(
                'Nobody can tell whether it works, so it is not ticked.'
              ),
            !kernel.ours &&
              trans.__('%1 made it: only its folder goes.', kernel.maker)
          ]
            .filter(Boolean)
            .join(' ')}
        </p>
      )}
    </li>
  );
}
