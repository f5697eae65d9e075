import type { GpuChoice, IAddRequest, IBind } from '../api/types';
import { formatEnvironment, readEnvironment } from './environment';
import { unwrap } from './imageReference';

/** A row of the form: a folder of the machine that appears in the container. */
export interface IBindRow {
  /** Tells rows apart while they are edited. */
  readonly key: number;
  source: string;
  /** Empty means the same path. */
  destination: string;
  readOnly: boolean;
}

/** What a form holds, as typed. */
export interface IFormValues {
  image: string;
  displayName: string;
  /** Empty lets the server part make one. */
  slug: string;
  gpu: GpuChoice;
  binds: IBindRow[];
  /** Its path inside the image; empty takes the best that is found. */
  interpreter: string;
  /** One `NAME=value` a line. */
  environment: string;
  /** Keep what is the host's out. */
  isolated: boolean;
  /** Where the image is to lie; empty takes the site's folder. */
  imageDir: string;
  /** Let the runtime make the image file itself. */
  byRuntime: boolean;
}

/** What stands in a form at first. */
export function valuesOf(request: IAddRequest): IFormValues {
  return {
    image: request.image,
    displayName: request.display_name ?? '',
    slug: request.slug ?? '',
    gpu: request.gpu ?? 'auto',
    binds: (request.binds ?? []).map((bind, index) => ({
      key: index,
      source: bind.source,
      destination: bind.destination ?? '',
      readOnly: bind.read_only
    })),
    interpreter: request.interpreter ?? '',
    environment: formatEnvironment(request.environment ?? {}),
    isolated: request.isolated ?? true,
    imageDir: request.image_dir ?? '',
    byRuntime: request.by_runtime ?? false
  };
}

/** What to send for a form without problems. */
export function toRequest(values: IFormValues): IAddRequest {
  return {
    image: unwrap(values.image),
    display_name: values.displayName.trim(),
    slug: values.slug.trim() || null,
    gpu: values.gpu,
    binds: values.binds
      .filter(row => !isEmptyBind(row))
      .map((row): IBind => ({
        source: row.source.trim(),
        destination: row.destination.trim() || null,
        read_only: row.readOnly
      })),
    interpreter: values.interpreter.trim() || null,
    environment: readEnvironment(values.environment),
    isolated: values.isolated,
    image_dir: values.imageDir.trim() || null,
    by_runtime: values.byRuntime
  };
}

/** Whether a row was added but nothing was typed into it. */
export function isEmptyBind(row: IBindRow): boolean {
  return !row.source.trim() && !row.destination.trim();
}

/** Whether something is set that most people never need. */
export function hasMore(values: IFormValues): boolean {
  const { slug, binds, interpreter, environment, imageDir } = values;
  return (
    !!(slug || binds.length || interpreter || environment || imageDir) ||
    !values.isolated ||
    values.byRuntime
  );
}

/** The rows with an empty one at their end. */
export function withEmptyBind(rows: readonly IBindRow[]): IBindRow[] {
  const key = Math.max(-1, ...rows.map(row => row.key)) + 1;
  return [...rows, { key, source: '', destination: '', readOnly: false }];
}
