import type { TranslationBundle } from '@jupyterlab/translation';

import type { ErrorCode } from '../api/types';
import { checkEnvironment } from './environment';
import { IBindRow, IFormValues, isEmptyBind } from './formValues';
import { readReference } from './imageReference';
import type { IProblem } from './problem';
import { SLUG } from './slug';

/**
 * Checks a form before it is sent. Pure; the server part checks again
 * (`jupyterlab_container_kernels/services/requests.py`).
 */

/** What a problem is about. */
export type Field =
  | 'image'
  | 'displayName'
  | 'slug'
  | 'interpreter'
  | 'environment'
  | 'binds'
  | 'imageDir';

/** All fields, in the order in which they stand. */
export const FIELDS: readonly Field[] = [
  'image',
  'displayName',
  'slug',
  'interpreter',
  'binds',
  'environment',
  'imageDir'
];

/** What is wrong with a form, by field. */
export type Problems = Partial<Record<Field, IProblem>>;

/** What a form is checked against. */
export interface ILimits {
  /** Characters. */
  displayNameLength: number;
  /** Names of kernels that exist. */
  takenSlugs: readonly string[];
}

/** Where a container or Jupyter needs its own files. */
const RESERVED = new Set([
  '/',
  '/proc',
  '/sys',
  '/dev',
  '/etc',
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib64',
  '/run',
  '/var'
]);

// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]/u;

/** The field that an error of the server part belongs to, if it is about one. */
export function fieldOfError(code: ErrorCode): Field | undefined {
  switch (code) {
    case 'invalid_reference':
    case 'not_allowed':
    case 'image_not_found':
    case 'image_unusable':
    case 'image_not_readable':
    case 'wrong_architecture':
    case 'login_needed':
    case 'rate_limited':
    case 'registry_unreachable':
      return 'image';
    case 'invalid_display_name':
      return 'displayName';
    case 'invalid_slug':
    case 'slug_taken':
      return 'slug';
    case 'invalid_bind':
      return 'binds';
    case 'invalid_environment':
      return 'environment';
    case 'invalid_image_dir':
      return 'imageDir';
    case 'language_missing':
      return 'interpreter';
    default:
      return undefined;
  }
}

/** What is wrong with an image reference, if anything. */
export function checkImage(
  typed: string,
  trans: TranslationBundle
): IProblem | undefined {
  const read = readReference(typed, trans);
  return 'problem' in read
    ? { message: read.problem, hint: read.hint }
    : undefined;
}

/**
 * What is wrong with a display name, if anything. It is shown literally, so
 * most characters are fine.
 *
 * @param length - How many characters it may have.
 */
export function checkDisplayName(
  typed: string,
  length: number,
  trans: TranslationBundle
): IProblem | undefined {
  const name = typed.trim();
  if (!name) {
    return {
      message: trans.__('The kernel needs a name.'),
      hint: trans.__('It stands on its tile.')
    };
  }
  if (CONTROL.test(name)) {
    return {
      message: trans.__('The name holds a line break or a control character.'),
      hint: trans.__('Type it in one line.')
    };
  }
  const characters = [...name].length;
  if (characters > length) {
    return {
      message: trans.__(
        'The name has %1 characters; %2 fit.',
        characters,
        length
      ),
      hint: trans.__('Shorten it.')
    };
  }
  return undefined;
}

/** What is wrong with a kernel name, if anything. Empty is fine. */
export function checkSlug(
  typed: string,
  taken: readonly string[],
  trans: TranslationBundle
): IProblem | undefined {
  const slug = typed.trim();
  if (!slug) {
    return undefined;
  }
  if (!SLUG.test(slug)) {
    const lower = slug.toLowerCase();
    return {
      message: trans.__('“%1” cannot be a kernel name.', slug),
      hint: SLUG.test(lower)
        ? trans.__('In lower case it can: %1', lower)
        : trans.__(
            'Up to 80 lower-case letters, digits, “.”, “_” and “-”, beginning with a letter or digit.'
          )
    };
  }
  if (slug === 'python2' || slug === 'python3' || taken.includes(slug)) {
    return {
      message: trans.__('There is a kernel named %1 already.', slug),
      hint: trans.__('Choose another name, or leave it empty.')
    };
  }
  return undefined;
}

/** What is wrong with one folder, if anything. */
export function checkBind(
  row: Pick<IBindRow, 'source' | 'destination'>,
  trans: TranslationBundle
): IProblem | undefined {
  const source = row.source.trim();
  const destination = row.destination.trim();
  if (!source) {
    return {
      message: trans.__('A folder has no path.'),
      hint: trans.__('Type it, or remove the line.')
    };
  }
  if (CONTROL.test(source) || CONTROL.test(destination)) {
    return {
      message: trans.__('A path holds a line break or a control character.'),
      hint: trans.__('Type it again.')
    };
  }
  if (!/^(\/|~$|~\/)/.test(source)) {
    return {
      message: trans.__('“%1” is not a full path.', source),
      hint: trans.__('Begin it with /, or with ~/ for your home directory.')
    };
  }
  if (destination && !destination.startsWith('/')) {
    return {
      message: trans.__('“%1” is not a full path.', destination),
      hint: trans.__('Inside the container it begins with /, as /data.')
    };
  }
  const inside = (destination || source).replace(/(.)\/+$/, '$1');
  if (RESERVED.has(inside) || inside.split('/').includes('..')) {
    return {
      message: trans.__('Nothing can be put at %1.', inside),
      hint: trans.__('Type another path under “Appears as”, such as /data.')
    };
  }
  return undefined;
}

/** What is wrong with the path of an interpreter, if anything. */
export function checkInterpreter(
  typed: string,
  trans: TranslationBundle
): IProblem | undefined {
  const path = typed.trim();
  return !path || path.startsWith('/')
    ? undefined
    : {
        message: trans.__('“%1” is not a full path.', path),
        hint: trans.__(
          'Inside the image it begins with /, as /usr/bin/python3.'
        )
      };
}

/** What is wrong with the folder for the image, if anything. Empty is fine. */
export function checkImageDir(
  typed: string,
  trans: TranslationBundle
): IProblem | undefined {
  const folder = typed.trim();
  if (folder && (CONTROL.test(folder) || !/^(\/|~$|~\/)/.test(folder))) {
    return {
      message: trans.__('“%1” is not a full path.', folder),
      hint: trans.__('Begin it with /, or with ~/ for your home directory.')
    };
  }
  return undefined;
}

/** What is wrong with a form, by field. */
export function checkForm(
  values: IFormValues,
  limits: ILimits,
  trans: TranslationBundle
): Problems {
  const problems: Problems = {};
  const set = (field: Field, problem: IProblem | undefined) => {
    if (problem) {
      problems[field] = problem;
    }
  };
  set('image', checkImage(values.image, trans));
  set(
    'displayName',
    checkDisplayName(values.displayName, limits.displayNameLength, trans)
  );
  set('slug', checkSlug(values.slug, limits.takenSlugs, trans));
  set('interpreter', checkInterpreter(values.interpreter, trans));
  set('environment', checkEnvironment(values.environment, trans));
  set('imageDir', checkImageDir(values.imageDir, trans));
  for (const row of values.binds.filter(each => !isEmptyBind(each))) {
    const problem = checkBind(row, trans);
    if (problem) {
      set('binds', problem);
      break;
    }
  }
  return problems;
}
