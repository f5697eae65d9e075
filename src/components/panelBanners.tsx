import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IContainerKernels } from '../tokens';
import { Banner } from './banner';

/** What holds for the whole panel. */
export interface IPanelBannersProps {
  trans: TranslationBundle;
  state: Pick<
    IContainerKernels,
    'info' | 'connection' | 'loginNeeded' | 'error'
  >;
  onRefresh: () => void;
}

/** Draws what holds for the whole panel: nothing, when all is well. */
export function PanelBanners(props: IPanelBannersProps): JSX.Element {
  const { trans, state } = props;
  const runtimes = state.info?.runtimes ?? [];
  const missing =
    runtimes.length > 0 && runtimes.every(each => !each.available);
  const searching = missing && runtimes.find(each => each.searching);
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
            onClick={props.onRefresh}
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
            onClick={props.onRefresh}
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
      {searching && (
        <Banner
          kind="info"
          message={trans.__('%1 is being looked for…', searching.title)}
          hint={trans.__(
            'Modules or the start-up files of a shell take long here.'
          )}
        />
      )}
      {missing && !searching && (
        <Banner
          kind="warning"
          message={trans.__('No kernel can be added or started here.')}
          hint={
            runtimes.find(each => each.reason)?.reason ??
            trans.__('There is no container runtime on this machine.')
          }
        />
      )}
    </>
  );
}
