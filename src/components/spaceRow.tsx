import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { ISpaceItem } from '../api/types';
import {
  formatAgo,
  formatBytes,
  formatDate,
  shortDigest
} from '../model/format';
import { freeLabel } from '../model/spaceWords';

/** How many kernels a line names. */
const MOST_NAMED = 2;

/** Something that takes room, and what can be done about it. */
export interface ISpaceRowProps {
  trans: TranslationBundle;
  item: ISpaceItem;
  /** Milliseconds since the epoch. */
  now: number;
  /** Whether it is being removed or put back. */
  isBusy: boolean;
  onFree: () => void;
  onRestore: () => void;
}

/** Draws it as a line of the table. */
export function SpaceRow(props: ISpaceRowProps): JSX.Element {
  const { trans, item } = props;
  return (
    <tr className="jp-ContainerKernels-spaceRow" data-item={item.id}>
      <th scope="row" title={item.path}>
        <span className="jp-ContainerKernels-spaceTitle">{item.title}</span>
        {item.kind !== 'trash' && <Detail item={item} />}
      </th>
      <td
        className="jp-ContainerKernels-spaceUsers"
        title={item.used_by.join('\n') || undefined}
      >
        <Users {...props} />
      </td>
      <td
        className="jp-ContainerKernels-spaceTime"
        title={timeTitle(item, trans)}
      >
        <Time {...props} />
      </td>
      <td
        className="jp-ContainerKernels-spaceSize"
        title={
          item.size_bytes === null
            ? trans.__('Not known: the file system does not answer')
            : undefined
        }
      >
        {item.size_bytes === null ? '–' : formatBytes(item.size_bytes, trans)}
      </td>
      <td className="jp-ContainerKernels-spaceActions">
        <Actions {...props} />
      </td>
    </tr>
  );
}

/** The digest in short, or why nothing refers to it; else where it lies. */
function Detail(props: { item: ISpaceItem }): JSX.Element {
  const { detail, path } = props.item;
  return detail.startsWith('sha256:') ? (
    <code className="jp-ContainerKernels-hint" title={detail}>
      {shortDigest(detail)}
    </code>
  ) : (
    <span className="jp-ContainerKernels-hint">{detail || path}</span>
  );
}

function Users(props: ISpaceRowProps): JSX.Element {
  const { trans, item } = props;
  const { kind, used_by } = item;
  if (kind === 'trash' || kind === 'leftover') {
    return <></>;
  }
  if (!used_by.length) {
    return (
      <span className="jp-ContainerKernels-hint">
        {kind === 'runtime_cache' || kind === 'layers'
          ? ''
          : trans.__('no kernel')}
      </span>
    );
  }
  const more = used_by.length - MOST_NAMED;
  const named = used_by.slice(0, MOST_NAMED).join(', ');
  return (
    <>
      {more > 0
        ? trans._n('%2 and %1 more', '%2 and %1 more', more, named)
        : named}
    </>
  );
}

function Time(props: ISpaceRowProps): JSX.Element {
  const { trans, item, now } = props;
  const { kind, last_used, created } = item;
  if (last_used) {
    return <time dateTime={last_used}>{formatAgo(last_used, now, trans)}</time>;
  }
  if (!created) {
    return <></>;
  }
  const ago = formatAgo(created, now, trans);
  return (
    <time dateTime={created} className="jp-ContainerKernels-hint">
      {kind === 'trash'
        ? trans.__('deleted %1', ago)
        : trans.__('stored %1', ago)}
    </time>
  );
}

function timeTitle(item: ISpaceItem, trans: TranslationBundle): string {
  const created =
    item.created &&
    (item.kind === 'trash'
      ? trans.__('Deleted %1', formatDate(item.created))
      : trans.__('Stored %1', formatDate(item.created)));
  return [
    item.last_used && trans.__('Last used %1', formatDate(item.last_used)),
    created
  ]
    .filter(Boolean)
    .join('\n');
}

function Actions(props: ISpaceRowProps): JSX.Element {
  const { trans, item, isBusy } = props;
  const isTrash = item.kind === 'trash';
  return (
    <>
      {item.restorable && (
        <button
          type="button"
          className="jp-ContainerKernels-button"
          disabled={isBusy}
          aria-label={trans.__('Restore %1', item.title)}
          onClick={props.onRestore}
        >
          {trans.__('Restore')}
        </button>
      )}
      {item.removable && (
        <button
          type="button"
          className="jp-ContainerKernels-button"
          disabled={isBusy}
          aria-label={
            isTrash
              ? trans.__('Remove for good: %1', item.title)
              : trans.__('%1: %2', freeLabel([item], trans), item.title)
          }
          onClick={props.onFree}
        >
          {isTrash ? trans.__('Remove for good') : freeLabel([item], trans)}
        </button>
      )}
    </>
  );
}
