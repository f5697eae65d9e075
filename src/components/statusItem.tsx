import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import type { IContainerKernels } from '../tokens';
import { useStateChanged } from './useStateChanged';

/** What the status bar shows while tasks run. */
export interface IStatusItemProps {
  trans: TranslationBundle;
  tasks: IContainerKernels['tasks'];
  onClick: () => void;
}

/** Draws `▓▓▓░ PyTorch 2.9.1 58 %`, or how many tasks run. */
export function StatusItem(props: IStatusItemProps): JSX.Element | null {
  const { trans } = props;
  const active = props.tasks.filter(task => task.isActive);
  if (!active.length) {
    return null;
  }
  const known = active.map(task => task.fraction);
  const fraction = known.every(each => each !== null)
    ? known.reduce((sum: number, each) => sum + (each as number), 0) /
      known.length
    : null;
  const text =
    active.length === 1
      ? active[0].task.display_name
      : active.some(each => each.task.job !== 'add')
        ? trans._n('%1 task', '%1 tasks', active.length)
        : trans._n('Adding %1 kernel', 'Adding %1 kernels', active.length);
  return (
    <button
      type="button"
      className="jp-ContainerKernels-statusItem"
      title={trans.__('Show the container kernels')}
      onClick={props.onClick}
    >
      <progress
        aria-label={trans.__('Progress of %1', text)}
        max={1}
        value={fraction ?? undefined}
      />
      <span className="jp-ContainerKernels-statusItemText">
        {text}
        {fraction === null ? '' : ` ${Math.floor(fraction * 100)} %`}
      </span>
    </button>
  );
}

/** The same as a widget that follows the tasks. */
export class StatusItemWidget extends ReactWidget {
  constructor(
    private _trans: TranslationBundle,
    private _kernels: IContainerKernels,
    private _onClick: () => void
  ) {
    super();
    this.addClass('jp-ContainerKernels-statusBar');
  }

  protected override render(): JSX.Element {
    return (
      <Follow
        trans={this._trans}
        kernels={this._kernels}
        onClick={this._onClick}
      />
    );
  }
}

function Follow(props: {
  trans: TranslationBundle;
  kernels: IContainerKernels;
  onClick: () => void;
}): JSX.Element {
  useStateChanged(props.kernels.stateChanged);
  return (
    <StatusItem
      trans={props.trans}
      tasks={props.kernels.tasks}
      onClick={props.onClick}
    />
  );
}
