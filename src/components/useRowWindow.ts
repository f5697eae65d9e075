import { RefObject, useLayoutEffect, useReducer, useState } from 'react';
import { flushSync } from 'react-dom';

import { IRowWindow, rowWindow } from '../model/tableRows';

/** Below so many pixels a kernel takes two lines. */
const NARROW = 800;

/** The heights of a row, in pixels. */
const HEIGHTS = { wide: 32, narrow: 56 };

/** Up to so many rows all are drawn: that costs nothing. */
export const FEW = 40;

/** What can be seen of a table. */
export interface ISight extends IRowWindow {
  /** The room for it, in pixels; 0 while that is not known. */
  readonly width: number;
  readonly isNarrow: boolean;
  readonly rowHeight: number;
}

/** What a table scrolls in. */
export function scrollerOf(element: Element | null): HTMLElement | null {
  return element?.closest<HTMLElement>('.jp-ContainerKernels-scroller') ?? null;
}

/**
 * Tells which rows of a table can be seen, and draws it again when others can.
 *
 * @param body - What holds the rows, at its whole height.
 * @param count - How many rows there are.
 */
export function useRowWindow(
  body: RefObject<HTMLElement>,
  count: number
): ISight {
  const [width, setWidth] = useState(0);
  const [, draw] = useReducer((drawn: number) => drawn + 1, 0);
  const isNarrow = width > 0 && width < NARROW;
  const rowHeight = isNarrow ? HEIGHTS.narrow : HEIGHTS.wide;

  const look = (): IRowWindow => {
    if (count <= FEW) {
      return { first: 0, end: count };
    }
    const scroller = scrollerOf(body.current);
    const top =
      scroller && body.current
        ? scroller.getBoundingClientRect().top -
          body.current.getBoundingClientRect().top
        : 0;
    const height = scroller?.clientHeight || window.innerHeight;
    return rowWindow(top, height, rowHeight, count);
  };
  const shown = look();

  useLayoutEffect(() => {
    const scroller = scrollerOf(body.current);
    if (!scroller) {
      return;
    }
    const measure = () => {
      // what is hidden has no width, and keeps the one it had
      if (scroller.clientWidth > 0) {
        setWidth(scroller.clientWidth);
      }
    };
    measure();
    if (typeof ResizeObserver === 'undefined') {
      return;
    }
    const observer = new ResizeObserver(() => {
      measure();
      draw();
    });
    observer.observe(scroller);
    return () => observer.disconnect();
  }, [body]);

  useLayoutEffect(() => {
    const hasMoved = () => {
      const now = look();
      return now.first !== shown.first || now.end !== shown.end;
    };
    if (hasMoved()) {
      draw(); // where the table stands is known only now
    }
    const onScroll = () => {
      if (hasMoved()) {
        flushSync(draw); // in this frame: a later one would show a gap
      }
    };
    const scroller = scrollerOf(body.current);
    scroller?.addEventListener('scroll', onScroll, { passive: true });
    return () => scroller?.removeEventListener('scroll', onScroll);
  });

  return { ...shown, width, isNarrow, rowHeight };
}
