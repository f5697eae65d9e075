import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useId } from 'react';

import type { IKernelDetails, IRemovalItem } from '../api/types';
import { goes, IDeletionChoice } from '../model/deletion';
import { formatBytes } from '../model/format';
import type { IProblem } from '../model/problem';
import { ProblemLine } from './problemLine';

/** What deleting a kernel does, and what somebody chose. */
export interface IDeleteViewProps extends IDeletionChoice {
  trans: TranslationBundle;
  details: IKernelDetails;
  /** Whether what is deleted can be put back at all. */
  hasTrash: boolean;
  /** What the server part said when it was tried. */
  failure: IProblem | null;
  onDeleteImage: (deleteImage: boolean) => void;
  onShutDown: (shutDown: boolean) => void;
  onPurge: (purge: boolean) => void;
}

function itemName(item: IRemovalItem, trans: TranslationBundle): string {
  switch (item.what) {
    case 'kernelspec':
      return trans.__('The kernel and its tile');
    case 'packages':
      return trans.__('Packages that you installed from it');
    case 'shared_packages':
      return trans.__('Packages that were installed for it');
    case 'image':
      return trans.__('The image');
    case 'log':
      return trans.__('Its logs');
  }
}

/** Draws what deleting a kernel removes, what stays and why. */
export function DeleteView(props: IDeleteViewProps): JSX.Element {
  const { trans, details, deleteImage } = props;
  const going = details.removal.filter(item => goes(item, deleteImage));
  const staying = details.removal.filter(item => !goes(item, deleteImage));
  const image = details.removal.find(item => item.what === 'image');
  const { kernel } = details;
  return (
    <div className="jp-ContainerKernels-deletion">
      <ProblemLine problem={props.failure} />
      {!kernel.ours && (
        <p className="jp-ContainerKernels-lead">
          {kernel.maker === 'by hand'
            ? trans.__('It was made by hand.')
            : trans.__('It was made by %1.', kernel.maker)}{' '}
          {trans.__(
            'Only its folder goes. Its image and whatever else it uses stay.'
          )}
        </p>
      )}
      {details.removal.length > 0 ? (
        <Items trans={trans} title={trans.__('Goes')} items={going} />
      ) : (
        <p className="jp-ContainerKernels-lead">
          {trans.__(
            'What goes with it cannot be told at this moment: its files were not counted in time. Its image stays.'
          )}
        </p>
      )}
      {staying.length > 0 && (
        <Items
          trans={trans}
          title={trans.__('Stays')}
          items={staying}
          choice={deleteImage ? undefined : trans.__('As you chose.')}
        />
      )}
      {image?.goes && (
        <label className="jp-ContainerKernels-check">
          <input
            type="checkbox"
            checked={deleteImage}
            onChange={event => props.onDeleteImage(event.target.checked)}
          />
          {trans.__(
            'Delete the image, too (%1)',
            formatBytes(image.size_bytes, trans)
          )}
        </label>
      )}
      {details.running.length > 0 && (
        <div className="jp-ContainerKernels-running">
          <p>
            {trans._n(
              'It runs, and what it holds in memory is lost when it is shut down:',
              '%1 kernels of it run, and what they hold in memory is lost when they are shut down:',
              details.running.length
            )}
          </p>
          <ul>
            {details.running.map(each => (
              <li key={each.id}>{each.title}</li>
            ))}
          </ul>
          <label className="jp-ContainerKernels-check">
            <input
              type="checkbox"
              name="shut_down"
              checked={props.shutDown}
              onChange={event => props.onShutDown(event.target.checked)}
            />
            {trans._n(
              'Shut it down',
              'Shut down all %1',
              details.running.length
            )}
          </label>
        </div>
      )}
      <Purge {...props} />
    </div>
  );
}

/** Whether it goes at once, and what that means. */
function Purge(props: IDeleteViewProps): JSX.Element {
  const { trans, purge } = props;
  const id = useId();
  if (!props.hasTrash) {
    return (
      <p className="jp-ContainerKernels-purge jp-ContainerKernels-answer">
        {trans.__('It cannot be put back: your site keeps no trash.')}
      </p>
    );
  }
  return (
    <div className="jp-ContainerKernels-purge">
      <label className="jp-ContainerKernels-check">
        <input
          type="checkbox"
          name="purge"
          checked={purge}
          aria-describedby={id}
          onChange={event => props.onPurge(event.target.checked)}
        />
        {trans.__('Remove at once, not into the trash')}
      </label>
      <p id={id} className="jp-ContainerKernels-answer">
        {purge
          ? trans.__('The room is free at once, and nothing can be put back.')
          : trans.__(
              'It can be put back from the trash, and takes room until that is emptied.'
            )}
      </p>
    </div>
  );
}

function Items(props: {
  trans: TranslationBundle;
  title: string;
  items: IRemovalItem[];
  choice?: string;
}): JSX.Element {
  const { trans, title, items } = props;
  return (
    <section className="jp-ContainerKernels-items">
      <h3>{title}</h3>
      <ul aria-label={title}>
        {items.map(item => (
          <li key={`${item.what} ${item.path}`} title={item.path}>
            <span className="jp-ContainerKernels-itemName">
              {itemName(item, trans)}
              <span className="jp-ContainerKernels-path">{item.path}</span>
              {(item.reason || props.choice) && (
                <span className="jp-ContainerKernels-hint">
                  {item.goes ? props.choice : whyItStays(item, trans)}
                </span>
              )}
            </span>
            <span className="jp-ContainerKernels-itemSize">
              {item.size_bytes > 0 && formatBytes(item.size_bytes, trans)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function whyItStays(item: IRemovalItem, trans: TranslationBundle): string {
  const names = item.used_by.filter(name => !item.reason.includes(name));
  return names.length
    ? trans.__('%1 Used by %2.', item.reason, names.join(', '))
    : item.reason;
}
