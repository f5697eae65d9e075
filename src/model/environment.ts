import type { TranslationBundle } from '@jupyterlab/translation';

import type { IProblem } from './problem';

/**
 * The variables of a kernel as somebody types them, one `NAME=value` a line.
 * The server part checks again (`checked_environment` in
 * `jupyterlab_container_kernels/services/requests.py`).
 */

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Those that would change how the runtime itself runs. */
const RESERVED =
  /^(HOME|PATH|LD_LIBRARY_PATH|LD_PRELOAD|APPTAINER.*|SINGULARITY.*)$/;

/** Writes variables as they are typed. */
export function formatEnvironment(
  environment: Readonly<Record<string, string>>
): string {
  return Object.entries(environment)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n');
}

/** Reads what is typed. Values are literal: quotes and blanks belong to them. */
export function readEnvironment(typed: string): Record<string, string> {
  return Object.fromEntries(
    linesOf(typed).map(line => {
      const at = line.indexOf('=');
      return [line.slice(0, at).trim(), line.slice(at + 1)];
    })
  );
}

/** What is wrong with what is typed, if anything: of the first such line. */
export function checkEnvironment(
  typed: string,
  trans: TranslationBundle
): IProblem | undefined {
  const names = new Set<string>();
  for (const line of linesOf(typed)) {
    const problem = checkLine(line, names, trans);
    if (problem) {
      return problem;
    }
  }
  return undefined;
}

function linesOf(typed: string): string[] {
  return typed.split(/\r?\n/).filter(line => line.trim());
}

function checkLine(
  line: string,
  names: Set<string>,
  trans: TranslationBundle
): IProblem | undefined {
  const at = line.indexOf('=');
  if (at < 0) {
    return {
      message: trans.__('“%1” has no value.', line.trim()),
      hint: trans.__('Write %1=value.', line.trim())
    };
  }
  const name = line.slice(0, at).trim();
  if (!NAME.test(name)) {
    const exported = /^export\s+([A-Za-z_][A-Za-z0-9_]*)$/.exec(name);
    return {
      message: trans.__('“%1” cannot be the name of a variable.', name),
      hint: exported
        ? trans.__('Without “export” it can: %1', exported[1])
        : trans.__('Use letters, digits and “_”.')
    };
  }
  if (RESERVED.test(name)) {
    return {
      message: trans.__('%1 cannot be set here.', name),
      hint: trans.__(
        'HOME, PATH and names of the container runtime are not free.'
      )
    };
  }
  if (names.has(name)) {
    return {
      message: trans.__('%1 is there twice.', name),
      hint: trans.__('Remove one of the lines.')
    };
  }
  names.add(name);
  return undefined;
}
