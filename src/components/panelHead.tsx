import type { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { IKernel } from '../api/types';
import { isChangeable } from '../model/kernelAccess';
import type { PanelTab, PanelViewState } from '../model/panelView';
import { IconButton } from './iconButton';
import { TabStrip } from './tabStrip';
import type { IKernelActions } from './kernelRow';

/** What stands above the kernels. */
export interface IPanelHeadProps {
  trans: TranslationBundle;
  tab: PanelTab;
  hasSpace: boolean;
  hasDiagnostics: boolean;
  /** How many kernels there are, if that is known. */
  count: number | undefined;
  isGrouped: boolean;
  selected: readonly IKernel[];
  onLook: (change: Partial<PanelViewState>) => void;
  /** Select none. */
  onClear: () => void;
  actions: Pick<IKernelActions, 'onCheck' | 'onDeleteThese'> & {
    onChooseColumns: (x: number, y: number) => void;
  };
}

/** Draws the tabs, and what can be done with the table or what is selected. */
export function PanelHead(props: IPanelHeadProps): JSX.Element {
  const { trans, tab, count, selected } = props;
  return (
    <div className="jp-ContainerKernels-head">
      <TabStrip<PanelTab>
        label={trans.__('What is shown')}
        tabs={[
          { id: 'kernels', label: trans.__('Kernels'), count },
          ...(props.hasSpace
            ? [{ id: 'space' as const, label: trans.__('Images & space') }]
            : []),
          ...(props.hasDiagnostics
            ? [{ id: 'diagnostics' as const, label: trans.__('Diagnostics') }]
            : [])
        ]}
        current={tab}
        onShow={id => props.onLook({ tab: id })}
      />
      {tab === 'kernels' &&
        !!count &&
        (selected.length > 0 ? (
          <Selection {...props} />
        ) : (
          <div className="jp-ContainerKernels-tools">
            <button
              type="button"
              className="jp-ContainerKernels-tool"
              aria-pressed={props.isGrouped}
              title={trans.__('Put kernels of one image together')}
              onClick={() => props.onLook({ isGrouped: !props.isGrouped })}
            >
              {trans.__('Group by image')}
            </button>
            <button
              type="button"
              className="jp-ContainerKernels-tool jp-mod-columns"
              aria-haspopup="menu"
              title={trans.__('Choose the columns')}
              onClick={event => {
                const box = event.currentTarget.getBoundingClientRect();
                props.actions.onChooseColumns(box.left, box.bottom);
              }}
            >
              {trans.__('Columns')}
              <span aria-hidden="true">▾</span>
            </button>
          </div>
        ))}
    </div>
  );
}

/** Draws what can be done with the kernels that are selected. */
function Selection(props: IPanelHeadProps): JSX.Element {
  const { trans, selected, actions } = props;
  const ours = selected.filter(isChangeable);
  return (
    <div
      className="jp-ContainerKernels-tools"
      role="group"
      aria-label={trans.__('Selected kernels')}
    >
      <span className="jp-ContainerKernels-selected">
        {trans._n('%1 selected', '%1 selected', selected.length)}
      </span>
      <button
        type="button"
        className="jp-ContainerKernels-tool"
        title={trans.__('Start each of them, to see whether it works')}
        disabled={ours.length === 0}
        onClick={() => actions.onCheck(ours)}
      >
        {trans.__('Check')}
      </button>
      <button
        type="button"
        className="jp-ContainerKernels-tool"
        onClick={() => {
          void actions.onDeleteThese(selected);
        }}
      >
        {trans.__('Delete…')}
      </button>
      <IconButton
        icon={closeIcon}
        label={trans.__('Select none')}
        onClick={props.onClear}
      />
    </div>
  );
}
