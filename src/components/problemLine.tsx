import React from 'react';

import type { IProblem } from '../model/problem';

/** Draws what is wrong, and what would be right; nothing when nothing is. */
export function ProblemLine(props: {
  problem: IProblem | null | undefined;
  id?: string;
}): JSX.Element | null {
  const { problem, id } = props;
  return problem ? (
    <p id={id} className="jp-ContainerKernels-problem" role="alert">
      {problem.message} {problem.hint}
    </p>
  ) : null;
}
