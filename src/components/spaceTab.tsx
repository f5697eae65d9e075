import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useState } from 'react';

import type { IContainerKernels } from '../tokens';
import { ISpaceActions, SpaceView } from './spaceView';
import { useStateChanged } from './useStateChanged';

/** How often what is written of times is drawn anew, in milliseconds. */
const CLOCK = 60_000;

/** What takes room, as long as somebody looks at it. */
export function SpaceTab(props: {
  trans: TranslationBundle;
  kernels: IContainerKernels;
  actions: ISpaceActions;
}): JSX.Element {
  const { kernels } = props;
  const [now, setNow] = useState(Date.now());
  useStateChanged(kernels.stateChanged);
  useEffect(() => {
    kernels.setSpaceWatched(true);
    const timer = setInterval(() => setNow(Date.now()), CLOCK);
    return () => {
      clearInterval(timer);
      kernels.setSpaceWatched(false);
    };
  }, [kernels]);
  return (
    <SpaceView
      trans={props.trans}
      state={kernels.space}
      now={now}
      actions={props.actions}
    />
  );
}
