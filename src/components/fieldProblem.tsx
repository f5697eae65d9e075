import React from 'react';

import type { AddForm } from '../model/addForm';
import type { Field } from '../model/validation';

/** Draws what is wrong with a field, if there is something to say. */
export function FieldProblem(props: {
  form: AddForm;
  field: Field;
  id: string;
}): JSX.Element | null {
  const problem = props.form.problem(props.field);
  return problem ? (
    <p id={props.id} className="jp-ContainerKernels-problem" role="alert">
      {problem.message} {problem.hint}
    </p>
  ) : null;
}
