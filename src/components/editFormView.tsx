import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IKernel } from '../api/types';
import type { AddForm } from '../model/addForm';
import { shortDigest } from '../model/format';
import { MoreFields } from './moreFields';
import { NameFields } from './nameFields';
import { ProblemLine } from './problemLine';
import { useStateChanged } from './useStateChanged';

/** The kernel, and what is to become of it. */
export interface IEditFormViewProps {
  trans: TranslationBundle;
  kernel: IKernel;
  /** Whether another kernel is made. */
  isTwin: boolean;
  form: AddForm;
}

/** Draws the form that changes a kernel, or makes another one like it. */
export function EditFormView(props: IEditFormViewProps): JSX.Element {
  const { trans, kernel, isTwin, form } = props;
  useStateChanged(form.stateChanged);
  return (
    <div className="jp-ContainerKernels-form">
      <ProblemLine problem={form.failure} />
      <Image trans={trans} kernel={kernel} />
      <NameFields trans={trans} form={form} />
      <MoreFields trans={trans} form={form} />
      <p className="jp-ContainerKernels-answer">
        {isTwin
          ? trans.__(
              'It shares the image with %1 and takes next to no room.',
              kernel.display_name
            )
          : kernel.running > 0
            ? trans.__(
                'It runs: the change takes effect at its next start. It is started once with the change first.'
              )
            : trans.__(
                'It is started once with the change before anything is replaced.'
              )}
      </p>
    </div>
  );
}

/** Says which image it is: that cannot be changed. */
function Image(props: {
  trans: TranslationBundle;
  kernel: IKernel;
}): JSX.Element {
  const { trans, kernel } = props;
  const { reference, digest, path } = kernel.image;
  return (
    <div className="jp-ContainerKernels-field">
      <span className="jp-ContainerKernels-fieldName">{trans.__('Image')}</span>
      <span className="jp-ContainerKernels-fixed" title={path}>
        {reference}{' '}
        {digest && (
          <code className="jp-ContainerKernels-hint">
            {shortDigest(digest)}
          </code>
        )}
      </span>
    </div>
  );
}
