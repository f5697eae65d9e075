import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect } from 'react';

import type { ISupport } from '../api/types';
import type { DiagnosticsReader } from '../model/diagnostics';
import { DiagnosticsView } from './diagnosticsView';
import { useStateChanged } from './useStateChanged';

/** The diagnostics, read anew when somebody begins to look at them. */
export function DiagnosticsTab(props: {
  trans: TranslationBundle;
  reader: DiagnosticsReader;
  support?: ISupport | null;
  onCopy: (text: string) => void;
}): JSX.Element {
  const { trans, reader, onCopy } = props;
  useStateChanged(reader.changed);
  useEffect(() => {
    void reader.read();
  }, [reader]);
  return (
    <DiagnosticsView
      trans={trans}
      state={reader}
      support={props.support}
      onRefresh={() => {
        void reader.read();
      }}
      onCopy={onCopy}
    />
  );
}
