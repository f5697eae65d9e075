import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useLayoutEffect, useRef } from 'react';

import { formatBytes } from '../model/format';

/** A log, and how to show it. */
export interface ILogTextProps {
  trans: TranslationBundle;
  /** What it is the log of, for those who do not see it. */
  label: string;
  text: string;
  /** Where it lies on the server's machine. */
  path: string;
  /** Bytes at the beginning that are not shown. */
  droppedBytes: number;
  /** Stay at the end while it grows, unless somebody scrolled away. */
  follow?: boolean;
  onCopy: (text: string) => void;
}

/** Draws a log: monospaced, selectable, at its end. */
export function LogText(props: ILogTextProps): JSX.Element {
  const { trans, text, follow } = props;
  const box = useRef<HTMLPreElement>(null);
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    if (box.current && atEnd.current) {
      box.current.scrollTop = box.current.scrollHeight;
    }
  }, [text]);
  const onScroll = () => {
    const node = box.current;
    if (node && follow) {
      atEnd.current =
        node.scrollHeight - node.scrollTop - node.clientHeight < 24;
    }
  };
  return (
    <div className="jp-ContainerKernels-log">
      <pre
        ref={box}
        className="jp-ContainerKernels-logText"
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label={props.label}
        onScroll={onScroll}
      >
        {props.droppedBytes > 0 &&
          trans.__(
            '… %1 before this …\n',
            formatBytes(props.droppedBytes, trans)
          )}
        {text || trans.__('The log is empty so far.')}
      </pre>
      <div className="jp-ContainerKernels-logFoot">
        <span className="jp-ContainerKernels-path" title={props.path}>
          {props.path}
        </span>
        <button
          type="button"
          className="jp-ContainerKernels-link"
          disabled={!text}
          onClick={() => props.onCopy(text)}
        >
          {trans.__('Copy log')}
        </button>
      </div>
    </div>
  );
}
