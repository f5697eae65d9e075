import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IDiskRoom } from '../api/types';
import { formatBytes, formatProgress } from '../model/format';
import { disksOf, IDisk, purposeName } from '../model/spaceWords';

/** From which part on a disk is nearly full. */
const NEARLY = 0.9;

/** Draws the room on each disk that we write to. */
export function DiskMeters(props: {
  trans: TranslationBundle;
  rooms: readonly IDiskRoom[];
}): JSX.Element | null {
  const { trans } = props;
  const disks = disksOf(props.rooms);
  return disks.length ? (
    <ul
      className="jp-ContainerKernels-disks"
      aria-label={trans.__('Room on the disks')}
    >
      {disks.map(disk => (
        <Disk key={disk.paths.join()} trans={trans} disk={disk} />
      ))}
    </ul>
  ) : null;
}

function Disk(props: { trans: TranslationBundle; disk: IDisk }): JSX.Element {
  const { trans, disk } = props;
  const { free_bytes, total_bytes, quota } = disk.room;
  const name = disk.purposes
    .map(purpose => purposeName(purpose, trans))
    .join(', ');
  return (
    <li className="jp-ContainerKernels-disk" title={disk.paths.join('\n')}>
      <span className="jp-ContainerKernels-diskName">
        {trans.__('Room for %1', name)}
      </span>
      {free_bytes === null || total_bytes === null ? (
        <span className="jp-ContainerKernels-hint">
          {trans.__('The file system does not answer.')}
        </span>
      ) : (
        <Meter
          trans={trans}
          label={trans.__('Disk with %1', name)}
          used={total_bytes - free_bytes}
          total={total_bytes}
          text={trans.__(
            '%1 of %2 free',
            formatBytes(free_bytes, trans),
            formatBytes(total_bytes, trans)
          )}
        />
      )}
      {quota && (
        <Meter
          trans={trans}
          label={trans.__('Your quota for %1', name)}
          used={quota.used_bytes}
          total={quota.limit_bytes}
          text={trans.__(
            'Quota: %1 used',
            formatProgress(quota.used_bytes, quota.limit_bytes, trans)
          )}
        />
      )}
    </li>
  );
}

function Meter(props: {
  trans: TranslationBundle;
  label: string;
  used: number;
  total: number;
  text: string;
}): JSX.Element {
  const { trans, used, total } = props;
  const part = total > 0 ? Math.min(1, Math.max(0, used / total)) : 1;
  const percent = Math.round(part * 100);
  const isFull = part >= NEARLY;
  const text = isFull ? trans.__('%1 · nearly full', props.text) : props.text;
  return (
    <span className="jp-ContainerKernels-meterLine">
      <span
        className={`jp-ContainerKernels-meter ${isFull ? 'jp-mod-full' : ''}`}
        role="meter"
        aria-label={props.label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        aria-valuetext={text}
      >
        <span style={{ width: `${percent}%` }} />
      </span>
      <span>{text}</span>
    </span>
  );
}
