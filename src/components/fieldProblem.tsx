import React from 'react';

import type { AddForm } from '../model/addForm';
import type { Field } from '../model/validation';
import { ProblemLine } from './problemLine';

/** Draws what is wrong with a field, if there is something to say. */
export function FieldProblem(props: {
  form: AddForm;
  field: Field;
  id: string;
}): JSX.Element | null {
  return (
    <ProblemLine id={props.id} problem={props.form.problem(props.field)} />
  );
}
