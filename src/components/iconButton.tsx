import { LabIcon } from '@jupyterlab/ui-components';
import React from 'react';

/** A button that shows a picture and says a word. */
export interface IIconButtonProps {
  icon: LabIcon;
  /** What it does, in words: its name and its tooltip. */
  label: string;
  onClick: (event: React.MouseEvent<HTMLButtonElement>) => void;
  /** Says more than the word, in the tooltip. */
  caption?: string;
  className?: string;
  disabled?: boolean;
  expanded?: boolean;
  hasMenu?: boolean;
  tabIndex?: number;
}

/** Draws a button that shows a picture and says a word. */
export function IconButton(props: IIconButtonProps): JSX.Element {
  return (
    <button
      type="button"
      className={`jp-ContainerKernels-iconButton ${props.className ?? ''}`}
      aria-label={props.label}
      aria-expanded={props.expanded}
      aria-haspopup={props.hasMenu ? 'menu' : undefined}
      title={props.caption ?? props.label}
      disabled={props.disabled}
      tabIndex={props.tabIndex}
      onClick={props.onClick}
    >
      <props.icon.react tag="span" elementSize="normal" />
    </button>
  );
}
