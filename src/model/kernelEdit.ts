import type {
  IAddRequest,
  IBind,
  IEditRequest,
  IInfo,
  IKernel
} from '../api/types';

/**
 * What would add a kernel as it is: what stands in the form that changes it.
 *
 * @param change - What is to be other than the kernel has it.
 */
export function formOf(
  kernel: IKernel,
  change: IEditRequest = {}
): IAddRequest {
  return {
    image: kernel.image.reference,
    display_name: change.display_name ?? kernel.display_name,
    gpu: change.gpu ?? kernel.gpu,
    binds: change.binds ?? kernel.binds,
    environment: change.environment ?? kernel.environment,
    isolated: change.isolated ?? kernel.isolated
  };
}

/**
 * What a form changes of a kernel: only that is sent.
 *
 * @param form - As `formOf` makes it, and as somebody changed it.
 */
export function changesOf(kernel: IKernel, form: IAddRequest): IEditRequest {
  const changes: IEditRequest = {};
  const name = form.display_name?.trim();
  if (name && name !== kernel.display_name) {
    changes.display_name = name;
  }
  if (form.gpu && form.gpu !== kernel.gpu) {
    changes.gpu = form.gpu;
  }
  if (form.binds && !areSameBinds(form.binds, kernel.binds)) {
    changes.binds = form.binds;
  }
  if (
    form.environment &&
    !areSameVariables(form.environment, kernel.environment)
  ) {
    changes.environment = form.environment;
  }
  if (form.isolated !== undefined && form.isolated !== kernel.isolated) {
    changes.isolated = form.isolated;
  }
  return changes;
}

/** Whether an edit changes nothing. */
export function isUnchanged(changes: IEditRequest): boolean {
  return Object.values(changes).every(value => value === null);
}

/**
 * What stands at first in the form that makes another kernel of an image: the
 * twin with the GPU where there is one to have, else the same once more.
 *
 * @param names - Display names that are in use.
 * @param info - What the server part offers, if that is known.
 */
export function twinOf(
  kernel: IKernel,
  names: readonly string[],
  info: IInfo | null
): IEditRequest {
  const withGpu = `${kernel.display_name} (GPU)`;
  if (kernel.gpu === 'off' && info?.gpu.vendor && !names.includes(withGpu)) {
    return { display_name: withGpu, gpu: 'on' };
  }
  const base = kernel.display_name.replace(/ \d{1,2}$/, '');
  // "Debian 12" ends with its version: its twin is "Debian 12 2".
  const stem = names.includes(base) ? base : kernel.display_name;
  let count = 2;
  while (names.includes(`${stem} ${count}`)) {
    count++;
  }
  return { display_name: `${stem} ${count}` };
}

function areSameBinds(a: readonly IBind[], b: readonly IBind[]): boolean {
  return JSON.stringify(a.map(bindKey)) === JSON.stringify(b.map(bindKey));
}

/** That no destination means the same path is no difference. */
function bindKey(bind: IBind): unknown[] {
  return [bind.source, bind.destination ?? bind.source, bind.read_only];
}

function areSameVariables(
  a: Readonly<Record<string, string>>,
  b: Readonly<Record<string, string>>
): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every(name => a[name] === b[name])
  );
}
