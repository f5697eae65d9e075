import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useMemo } from 'react';

import type { IKernel } from '../api/types';
import { startTitle } from '../model/startLog';
import type { PanelTab } from '../model/panelView';
import { isOldNews } from '../model/task';
import type { IContainerKernels } from '../tokens';
import { Banner } from './banner';
import { FailureCard, IStartActions } from './failureCard';
import { containerTileIcon } from './icons';
import { IKernelActions } from './kernelRow';
import { KernelTable } from './kernelTable';
import { tabId, tabPanelId, TabStrip } from './tabStrip';
import { ITaskActions, phaseName, taskLabel, TaskRow } from './taskRow';

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
  onAdd: () => void;
  onRefresh: () => void;
}

/** The panel: what it shows, and what somebody can do in it. */
export interface IPanelProps {
  trans: TranslationBundle;
  state: IPanelState;
  /** Show only kernels that hold all these words. */
  filter: string;
  /** The tab in front. */
  tab: PanelTab;
  onTab: (tab: PanelTab) => void;
  /** Draws what takes room; without it there is no tab for that. */
  space?: () => JSX.Element;
  /** Milliseconds since the epoch. */
  now: number;
  iconUrl: (slug: string) => string | null;
  hasConsole: boolean;
  actions: IPanelActions;
}

/** Draws the panel. */
export function Panel(props: IPanelProps): JSX.Element {
  const { trans, state, actions } = props;
  const { kernels } = state;
  const { troubled } = state.starts;
  // That one is ready is no longer true when it could not start.
  const tasks = state.tasks.filter(
    ({ task }) =>
      !isOldNews(task, props.now) &&
      !(task.state === 'done' && troubled.some(each => each.slug === task.slug))
  );
  const tab = props.space ? props.tab : 'kernels';
  return (
    <div
      className="jp-ContainerKernels-panel"
      role="region"
      aria-label={trans.__('Container Kernels')}
    >
      <TabStrip<PanelTab>
        label={trans.__('What is shown')}
        tabs={[
          {
            id: 'kernels',
            label: trans.__('Kernels'),
            count: kernels?.length
          },
          ...(props.space
            ? [{ id: 'space' as const, label: trans.__('Images & space') }]
            : [])
        ]}
        current={tab}
        onShow={props.onTab}
      />
      <Banners {...props} />
      {troubled.map(start => (
        <FailureCard
          key={start.slug}
          trans={trans}
          start={start}
          kernel={kernels?.find(each => each.slug === start.slug)}
          disks={state.info?.disks ?? []}
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
              {...actions}
            />
          ))}
        </ul>
      )}
      <div role="tabpanel" id={tabPanelId(tab)} aria-labelledby={tabId(tab)}>
        {tab === 'space' ? (
          props.space?.()
        ) : (
          <Kernels {...props} isIdle={tasks.length === 0} />
        )}
      </div>
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

/** Draws the kernels, or why there are none. */
function Kernels(props: IPanelProps & { isIdle: boolean }): JSX.Element {
  const { trans, state, actions } = props;
  const { kernels } = state;
  const shown = useMemo(
    () => filterKernels(kernels ?? [], props.filter),
    [kernels, props.filter]
  );
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
        props.isIdle && <Empty trans={trans} onAdd={actions.onAdd} />
      ) : shown.length === 0 ? (
        <p className="jp-ContainerKernels-note">
          {trans.__('No kernel matches “%1”.', props.filter.trim())}
        </p>
      ) : (
        <KernelTable
          trans={trans}
          kernels={shown}
          iconUrl={props.iconUrl}
          now={props.now}
          hasGpu={!!state.info?.gpu.vendor}
          hasConsole={props.hasConsole}
          actions={actions}
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

/** The kernels that hold all words of a filter. */
export function filterKernels(
  kernels: readonly IKernel[],
  filter: string
): readonly IKernel[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) {
    return kernels;
  }
  return kernels.filter(kernel => {
    const text = [
      kernel.display_name,
      kernel.slug,
      kernel.image.reference,
      kernel.image.source,
      kernel.language,
      kernel.status.message
    ]
      .join(' ')
      .toLowerCase();
    return words.every(word => text.includes(word));
  });
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

function Banners(props: IPanelProps): JSX.Element {
  const { trans, state, actions } = props;
  const missing = state.info?.runtimes.length
    ? state.info.runtimes.every(runtime => !runtime.available)
    : false;
  return (
    <>
      {state.connection === 'lost' && (
        <Banner
          kind="warning"
          message={trans.__('Connection lost, trying again…')}
          hint={
            state.loginNeeded
              ? trans.__('Perhaps you have to log in again: reload the page.')
              : trans.__('What runs on the server goes on running.')
          }
        >
          <button
            type="button"
            className="jp-ContainerKernels-button"
            onClick={actions.onRefresh}
          >
            {trans.__('Try now')}
          </button>
        </Banner>
      )}
      {state.connection === 'missing' && (
        <Banner
          kind="error"
          message={trans.__(
            'The server part of Container Kernels is not running.'
          )}
          hint={trans.__(
            'Run “jupyter server extension enable jupyterlab_container_kernels” and restart the Jupyter server.'
          )}
        >
          <button
            type="button"
            className="jp-ContainerKernels-button"
            onClick={actions.onRefresh}
          >
            {trans.__('Try now')}
          </button>
        </Banner>
      )}
      {state.error && (
        <Banner
          kind="error"
          message={state.error.message}
          hint={state.error.hint}
        />
      )}
      {missing && (
        <Banner
          kind="warning"
          message={trans.__('No kernel can be added or started here.')}
          hint={
            state.info?.runtimes.find(runtime => runtime.reason)?.reason ??
            trans.__('There is no container runtime on this machine.')
          }
        />
      )}
    </>
  );
}

function Empty(props: {
  trans: TranslationBundle;
  onAdd: () => void;
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
        onClick={props.onAdd}
      >
        {trans.__('Add container kernel')}
      </button>
    </div>
  );
}
