import React from 'react';

/** Something that holds for the whole panel. */
export interface IBannerProps {
  kind: 'info' | 'warning' | 'error';
  message: string;
  hint?: string;
  children?: React.ReactNode;
}

/** The shape that goes with a colour, so that a colour never speaks alone. */
const SHAPES = { info: 'ℹ', warning: '▲', error: '▲' };

/** Draws a line that says what holds for the whole panel. */
export function Banner(props: IBannerProps): JSX.Element {
  return (
    <div
      className={`jp-ContainerKernels-banner jp-mod-${props.kind}`}
      role="group"
      aria-label={props.message}
    >
      <span className="jp-ContainerKernels-shape" aria-hidden="true">
        {SHAPES[props.kind]}
      </span>
      <div className="jp-ContainerKernels-bannerText">
        <strong>{props.message}</strong> {props.hint}
      </div>
      {props.children}
    </div>
  );
}
