import type { ISignal } from '@lumino/signaling';
import { useLayoutEffect, useReducer } from 'react';

/**
 * Draws a component again whenever a signal fires.
 */
export function useStateChanged(signal: ISignal<unknown, unknown>): void {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  // Not a later effect: what fires until then would be missed.
  useLayoutEffect(() => {
    const onChanged = () => draw();
    signal.connect(onChanged);
    return () => {
      signal.disconnect(onChanged);
    };
  }, [signal]);
}
