import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useMemo, useState } from 'react';

import type { IKernel, IKernelDetails, ISiteImage } from '../api/types';
import { freedBytes, staleKernels } from '../model/bulkDeletion';
import type { PanelTab, PanelViewState } from '../model/panelView';
import type { IProblem } from '../model/problem';
import { endsTooSoon } from '../model/sessionEnd';
import { startTitle } from '../model/startLog';
import { isOldNews } from '../model/task';
import { phaseName, taskLabel } from '../model/taskWords';
import type { IContainerKernels } from '../tokens';
import { FailureCard, IStartActions } from './failureCard';
import { KernelDetails } from './kernelDetails';
import { IKernelActions } from './kernelRow';
import { KernelsTab } from './kernelsTab';
import { PanelBanners } from './panelBanners';
import { PanelHead } from './panelHead';
import { StaleLine } from './staleLine';
import { tabId, tabPanelId } from './tabStrip';
import { ITaskActions, TaskRow } from './taskRow';

/** What the panel shows of the state. */
export type IPanelState = Pick<
  IContainerKernels,
  | 'info'
  | 'kernels'
  | 'unreadable'
  | 'tasks'
  | 'logs'
  | 'starts'
  | 'connection'
  | 'loginNeeded'
  | 'error'
>;

/** What somebody can do in the panel. */
export interface IPanelActions
  extends ITaskActions, IKernelActions, IStartActions {
  onAdd: (image?: ISiteImage) => void;
  onRefresh: () => void;
  /** Ask which of the kernels that no longer work to delete. */
  onCleanUp: () => void;
  /** Offer the columns, at a place of the window in pixels. */
  onChooseColumns: (x: number, y: number) => void;
}

/** What was read of the kernel whose details are shown. */
export interface IShownDetails {
  /** `null` until it was read. */
  value: IKernelDetails | null;
  /** Why it cannot be read. */
  problem: IProblem | null;
}

/** The panel: what it shows, and what somebody can do in it. */
export interface IPanelProps {
  trans: TranslationBundle;
  state: IPanelState;
  /** How somebody looks at it. */
  view: PanelViewState;
  onLook: (change: Partial<PanelViewState>) => void;
  /** What was read of `view.details`. */
  details?: IShownDetails;
  /** Draws what takes room; without it there is no tab for that. */
  space?: () => JSX.Element;
  /** Draws the diagnostics; without it there is no tab for them. */
  diagnostics?: () => JSX.Element;
  /** Milliseconds since the epoch. */
  now: number;
  iconUrl: (kernel: IKernel) => string | null;
  hasConsole: boolean;
  actions: IPanelActions;
}

const NOTHING: ReadonlySet<string> = new Set();

/** Draws the panel. */
export function Panel(props: IPanelProps): JSX.Element {
  const { trans, state, view, actions } = props;
  const { kernels } = state;
  const { troubled } = state.starts;
  const [chosen, setChosen] = useState(NOTHING);
  // What is gone is not selected any more.
  const selected = useMemo(() => {
    const ids = new Set(kernels?.map(each => each.id));
    const rest = [...chosen].filter(id => ids.has(id));
    return rest.length === chosen.size ? chosen : new Set(rest);
  }, [kernels, chosen]);
  // That one is ready is no longer true when it could not start.
  const tasks = state.tasks.filter(
    ({ task }) =>
      !isOldNews(task, props.now) &&
      !(task.state === 'done' && troubled.some(each => each.slug === task.slug))
  );
  const tab: PanelTab =
    view.tab === 'kernels' || props[view.tab] ? view.tab : 'kernels';
  const detailed =
    tab === 'kernels' && kernels?.find(each => each.id === view.details);
  const stale = useMemo(() => staleKernels(kernels ?? []), [kernels]);
  return (
    <div
      className="jp-ContainerKernels-panel"
      role="region"
      aria-label={trans.__('Container Kernels')}
    >
      <PanelHead
        trans={trans}
        tab={tab}
        hasSpace={!!props.space}
        hasDiagnostics={!!props.diagnostics}
        count={kernels?.length}
        isGrouped={view.isGrouped}
        selected={kernels?.filter(each => selected.has(each.id)) ?? []}
        onLook={props.onLook}
        onClear={() => setChosen(NOTHING)}
        actions={actions}
      />
      <div className="jp-ContainerKernels-scroller">
        <PanelBanners
          trans={trans}
          state={state}
          onRefresh={actions.onRefresh}
        />
        {troubled.map(start => (
          <FailureCard
            key={start.slug}
            trans={trans}
            start={start}
            kernel={kernels?.find(each => each.slug === start.slug)}
            disks={state.info?.disks ?? []}
            support={state.info?.site.support}
            isBeingMended={state.tasks.some(
              each => each.isActive && each.task.slug === start.slug
            )}
            {...actions}
          />
        ))}
        {tasks.length > 0 && (
          <ul
            className="jp-ContainerKernels-tasks"
            aria-label={trans.__('Tasks')}
          >
            {tasks.map(task => (
              <TaskRow
                key={task.task.id}
                trans={trans}
                state={task}
                log={state.logs.get(task.task.id)}
                support={state.info?.site.support}
                sessionLeft={endsTooSoon(task, state.info?.job, props.now)}
                {...actions}
              />
            ))}
          </ul>
        )}
        <div role="tabpanel" id={tabPanelId(tab)} aria-labelledby={tabId(tab)}>
          {tab !== 'kernels' ? (
            props[tab]?.()
          ) : (
            <KernelsTab
              trans={trans}
              state={state}
              view={view}
              onLook={props.onLook}
              selected={selected}
              onSelect={setChosen}
              isIdle={tasks.length === 0}
              iconUrl={props.iconUrl}
              now={props.now}
              hasConsole={props.hasConsole}
              onAdd={actions.onAdd}
              actions={actions}
            />
          )}
        </div>
      </div>
      {detailed && (
        <KernelDetails
          trans={trans}
          kernel={detailed}
          details={props.details?.value ?? null}
          problem={props.details?.problem ?? null}
          now={props.now}
          isBusy={state.tasks.some(
            each => each.isActive && each.task.slug === detailed.slug
          )}
          onClose={() => props.onLook({ details: null })}
          onCopy={actions.onCopy}
          actions={actions}
        />
      )}
      {tab === 'kernels' && stale.length > 0 && (
        <StaleLine
          trans={trans}
          count={stale.length}
          bytes={freedBytes(stale)}
          onCleanUp={actions.onCleanUp}
        />
      )}
      <div
        className="jp-ContainerKernels-unseen"
        role="status"
        aria-live="polite"
      >
        {announcement(state, trans)}
      </div>
    </div>
  );
}

/** What changed, for those who do not see it. */
function announcement(state: IPanelState, trans: TranslationBundle): string {
  if (state.connection === 'lost') {
    return trans.__('The connection to the server is lost. Trying again.');
  }
  const active = state.tasks.some(each => each.isActive);
  const [start] = state.starts.troubled;
  if (start && !active) {
    return `${startTitle(start, trans)}. ${start.log.start.diagnosis?.message ?? ''}`.trim();
  }
  const latest = state.tasks[0]?.task;
  if (!latest) {
    return '';
  }
  const label = taskLabel(latest, trans);
  if (latest.state === 'running') {
    const phase = latest.phases.find(each => each.state === 'running');
    return phase
      ? trans.__('%1: %2', label, phaseName(phase.name, trans))
      : label;
  }
  return [`${label}.`, latest.error?.message].filter(Boolean).join(' ');
}
