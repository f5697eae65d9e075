import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useRef } from 'react';

import type { ISpaceItem } from '../api/types';
import { formatBytes } from '../model/format';
import { kindName, kindNote, SPACE_KINDS, sumOf } from '../model/spaceWords';
import type { ISpaceState } from '../tokens';
import { Banner } from './banner';
import { DiskMeters } from './diskMeters';
import { SpaceRow } from './spaceRow';

/** What somebody can do about what takes room. */
export interface ISpaceActions {
  /** Reads it again. */
  onRefresh: () => void;
  /** Removes things of one kind, after asking once. */
  onFree: (items: readonly ISpaceItem[]) => void;
  /** Puts a deleted kernel back. */
  onRestore: (item: ISpaceItem) => void;
}

/** What takes room, and what can be done about it. */
export interface ISpaceViewProps {
  trans: TranslationBundle;
  state: ISpaceState;
  /** Milliseconds since the epoch. */
  now: number;
  actions: ISpaceActions;
}

/** Draws what is stored, who uses it, and the room left. */
export function SpaceView(props: ISpaceViewProps): JSX.Element {
  const { trans, state, actions } = props;
  const { value, problem } = state;
  const root = useKeptFocus();
  return (
    <div className="jp-ContainerKernels-space" ref={root} tabIndex={-1}>
      {problem && (
        <Banner kind="error" message={problem.message} hint={problem.hint}>
          <button
            type="button"
            className="jp-ContainerKernels-button"
            onClick={actions.onRefresh}
          >
            {trans.__('Try again')}
          </button>
        </Banner>
      )}
      {value ? (
        <>
          <DiskMeters trans={trans} rooms={value.disks} />
          {value.items.length ? (
            <Stored {...props} items={value.items} />
          ) : (
            <p className="jp-ContainerKernels-note">
              {trans.__(
                'Nothing is stored yet. What kernels need stands here, with its size and who uses it.'
              )}
            </p>
          )}
        </>
      ) : (
        !problem && (
          <p className="jp-ContainerKernels-note" role="status">
            {trans.__('Looking at what is stored…')}
          </p>
        )
      )}
    </div>
  );
}

/**
 * Keeps the focus in an element when what has it goes away, as the line of
 * something that was removed does.
 */
function useKeptFocus(): React.RefObject<HTMLDivElement> {
  const root = useRef<HTMLDivElement>(null);
  const hasFocus = useRef(false);
  useEffect(() => {
    const onFocus = (event: FocusEvent) => {
      hasFocus.current = !!root.current?.contains(event.target as Node);
    };
    document.addEventListener('focusin', onFocus);
    return () => document.removeEventListener('focusin', onFocus);
  }, []);
  useEffect(() => {
    if (hasFocus.current && document.activeElement === document.body) {
      root.current?.focus({ preventScroll: true });
    }
  });
  return root;
}

function Stored(
  props: ISpaceViewProps & { items: readonly ISpaceItem[] }
): JSX.Element {
  const { trans, items } = props;
  const spare = sumOf(items.filter(item => item.removable));
  const sum = formatBytes(sumOf(items), trans);
  return (
    <>
      <p className="jp-ContainerKernels-note">
        {spare > 0
          ? trans.__(
              '%1 are stored, %2 of it can be freed.',
              sum,
              formatBytes(spare, trans)
            )
          : trans.__('%1 are stored, and all of it is used.', sum)}
      </p>
      <table
        className="jp-ContainerKernels-spaceTable"
        aria-label={trans.__('What is stored')}
        aria-busy={props.state.isReading}
      >
        <thead>
          <tr>
            <th scope="col">{trans.__('Name')}</th>
            <th scope="col">{trans.__('Used by')}</th>
            <th scope="col">{trans.__('Last used')}</th>
            <th scope="col" className="jp-ContainerKernels-spaceSize">
              {trans.__('Size')}
            </th>
            <th scope="col">
              <span className="jp-ContainerKernels-unseen">
                {trans.__('Actions')}
              </span>
            </th>
          </tr>
        </thead>
        {SPACE_KINDS.map(kind => {
          const group = items.filter(item => item.kind === kind);
          return (
            group.length > 0 && <Group key={kind} {...props} items={group} />
          );
        })}
      </table>
    </>
  );
}

/** Draws things of one kind, the largest first. */
function Group(
  props: ISpaceViewProps & { items: readonly ISpaceItem[] }
): JSX.Element {
  const { trans, state, actions } = props;
  const items = [...props.items].sort(
    (a, b) => (b.size_bytes ?? 0) - (a.size_bytes ?? 0)
  );
  const { kind } = items[0];
  const spare = items.filter(item => item.removable);
  const isBusy = items.some(item => state.busy.has(item.id));
  return (
    <tbody>
      <tr className="jp-ContainerKernels-spaceHead">
        <th scope="rowgroup" colSpan={3}>
          {kindName(kind, trans)}
          <span className="jp-ContainerKernels-hint">
            {kindNote(kind, trans)}
          </span>
        </th>
        <td className="jp-ContainerKernels-spaceSize">
          {formatBytes(sumOf(items), trans)}
        </td>
        <td className="jp-ContainerKernels-spaceActions">
          {(kind === 'trash' || kind === 'leftover') && spare.length > 1 && (
            <button
              type="button"
              className="jp-ContainerKernels-button"
              disabled={isBusy}
              onClick={() => actions.onFree(spare)}
            >
              {kind === 'trash'
                ? trans.__('Empty, free %1', formatBytes(sumOf(spare), trans))
                : trans.__('Free all %1', formatBytes(sumOf(spare), trans))}
            </button>
          )}
        </td>
      </tr>
      {items.map(item => (
        <SpaceRow
          key={item.id}
          trans={trans}
          item={item}
          now={props.now}
          isBusy={state.busy.has(item.id)}
          onFree={() => actions.onFree([item])}
          onRestore={() => actions.onRestore(item)}
        />
      ))}
    </tbody>
  );
}
