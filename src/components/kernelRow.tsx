import type { TranslationBundle } from '@jupyterlab/translation';
import {
  consoleIcon,
  deleteIcon,
  ellipsesIcon,
  notebookIcon,
  textEditorIcon
} from '@jupyterlab/ui-components';
import React, { memo } from 'react';

import type { IKernel } from '../api/types';
import {
  formatAgo,
  formatBytes,
  formatDate,
  shortDigest
} from '../model/format';
import { referencePieces } from '../model/imageReference';
import { IconButton } from './iconButton';
import { KernelIcon } from './kernelIcon';
import { KernelStatus } from './kernelStatus';

/** What somebody can do with a kernel. */
export interface IKernelActions {
  onStartNotebook: (slug: string) => void;
  onStartConsole: (slug: string) => void;
  onShowKernelLog: (slug: string) => void;
  onDelete: (slug: string) => void;
  /** All of it in a menu, at a place of the window in pixels. */
  onMenu: (slug: string, x: number, y: number) => void;
}

/** A kernel, and what somebody can do with it. */
export interface IKernelRowProps {
  trans: TranslationBundle;
  kernel: IKernel;
  iconUrl: string | null;
  /** Milliseconds since the epoch; what is written of times changes with it. */
  now: number;
  /** Whether "automatic" finds a GPU here. */
  hasGpu: boolean;
  /** Whether a console can be started here. */
  hasConsole: boolean;
  /** Whether the Tab key leads to this row. */
  isCurrent: boolean;
  actions: IKernelActions;
}

/** How many packages a tooltip lists. */
const MOST_ADDED = 20;

/** The name of a language, as people write it. */
function languageName(kernel: IKernel): string {
  const { language, language_version } = kernel;
  const name =
    language.length === 1
      ? language.toUpperCase()
      : language.charAt(0).toUpperCase() + language.slice(1);
  return language_version ? `${name} ${language_version}` : name;
}

/** What the size of a kernel is made of. */
function sizeTitle(
  kernel: IKernel,
  trans: TranslationBundle
): string | undefined {
  const { image, packages } = kernel;
  const lines: string[] = [];
  if (image.size_bytes !== null && packages.size_bytes) {
    lines.push(
      trans.__(
        'Image %1, packages that were installed for it %2',
        formatBytes(image.size_bytes, trans),
        formatBytes(packages.size_bytes, trans)
      )
    );
  }
  const { added } = packages;
  if (added.length) {
    const more = added.length - MOST_ADDED;
    lines.push(
      trans.__('Added by you: %1', added.slice(0, MOST_ADDED).join(', ')) +
        (more > 0 ? ` ${trans._n('and %1 more', 'and %1 more', more)}` : '')
    );
  }
  return lines.join('\n') || undefined;
}

/** What the GPU is, and how it was chosen. */
function gpuTitle(
  kernel: IKernel,
  trans: TranslationBundle
): string | undefined {
  const automatic =
    kernel.gpu === 'auto' &&
    trans.__('Automatic: with the GPU where there is one');
  const seen =
    kernel.gpu_name !== null &&
    trans.__('It saw %1 when it was added.', kernel.gpu_name);
  return [seen, automatic].filter(Boolean).join('\n') || undefined;
}

/** Draws a kernel as a row of the table. */
export const KernelRow = memo((props: IKernelRowProps): JSX.Element => {
  const { trans, kernel, actions } = props;
  const { slug, image, status } = kernel;
  const usesGpu =
    kernel.gpu === 'on' || (kernel.gpu === 'auto' && props.hasGpu);
  const isFine = status.code === 'ok';
  const tabIndex = props.isCurrent ? 0 : -1;
  return (
    <tr
      role="row"
      className={`jp-ContainerKernels-row ${isFine ? '' : 'jp-mod-trouble'}`}
      data-slug={slug}
      tabIndex={tabIndex}
    >
      <th
        role="rowheader"
        scope="row"
        className="jp-ContainerKernels-name"
        title={`${kernel.display_name} (${slug})`}
      >
        <KernelIcon name={kernel.display_name} url={props.iconUrl} />
        <span className="jp-ContainerKernels-nameText">
          {kernel.display_name}
        </span>
      </th>
      <td role="gridcell" className="jp-ContainerKernels-statusCell">
        <KernelStatus trans={trans} kernel={kernel} />
      </td>
      {isFine ? (
        <td
          role="gridcell"
          className="jp-ContainerKernels-image"
          title={[image.source, image.digest, image.path]
            .filter(Boolean)
            .join('\n')}
        >
          <Reference reference={image.reference} />
          {image.digest && (
            <code className="jp-ContainerKernels-digest">
              {shortDigest(image.digest)}
            </code>
          )}
        </td>
      ) : (
        <td
          role="gridcell"
          className="jp-ContainerKernels-image"
          title={image.path}
        >
          {status.message}{' '}
          <span className="jp-ContainerKernels-hint">{status.hint}</span>
        </td>
      )}
      <td
        role="gridcell"
        className="jp-ContainerKernels-hardware"
        title={gpuTitle(kernel, trans)}
      >
        {usesGpu ? trans.__('GPU') : trans.__('CPU')}
      </td>
      <td role="gridcell" className="jp-ContainerKernels-language">
        {languageName(kernel)}
      </td>
      <td
        role="gridcell"
        className="jp-ContainerKernels-size"
        title={sizeTitle(kernel, trans)}
      >
        {image.size_bytes === null
          ? '–'
          : formatBytes(
              image.size_bytes + (kernel.packages.size_bytes ?? 0),
              trans
            )}
      </td>
      <td
        role="gridcell"
        className="jp-ContainerKernels-created"
        title={formatDate(kernel.created)}
      >
        <time dateTime={kernel.created}>
          {formatAgo(kernel.created, props.now, trans)}
        </time>
      </td>
      <td role="gridcell" className="jp-ContainerKernels-actions">
        <span className="jp-ContainerKernels-actionBar">
          <IconButton
            icon={notebookIcon}
            label={trans.__('Start notebook')}
            tabIndex={tabIndex}
            onClick={() => actions.onStartNotebook(slug)}
          />
          {props.hasConsole && (
            <IconButton
              className="jp-mod-wide"
              icon={consoleIcon}
              label={trans.__('Start console')}
              tabIndex={tabIndex}
              onClick={() => actions.onStartConsole(slug)}
            />
          )}
          <IconButton
            className="jp-mod-wide"
            icon={textEditorIcon}
            label={trans.__('Log of the last start')}
            tabIndex={tabIndex}
            onClick={() => actions.onShowKernelLog(slug)}
          />
          <IconButton
            className="jp-mod-wide"
            icon={deleteIcon}
            label={trans.__('Delete')}
            tabIndex={tabIndex}
            onClick={() => actions.onDelete(slug)}
          />
          <IconButton
            icon={ellipsesIcon}
            label={trans.__('More actions')}
            hasMenu={true}
            tabIndex={tabIndex}
            onClick={event => {
              const box = event.currentTarget.getBoundingClientRect();
              actions.onMenu(slug, box.left, box.bottom);
            }}
          />
        </span>
      </td>
    </tr>
  );
});

/** Draws a reference in short, its tag in full as long as there is room. */
function Reference(props: { reference: string }): JSX.Element {
  const { name, middle, end } = referencePieces(props.reference);
  return (
    <span className="jp-ContainerKernels-reference">
      {name && <span className="jp-ContainerKernels-imageName">{name}</span>}
      {end && (
        <span className="jp-ContainerKernels-imageTag">
          {middle && <span>{middle}</span>}
          <span className="jp-ContainerKernels-imageEnd">{end}</span>
        </span>
      )}
    </span>
  );
}
