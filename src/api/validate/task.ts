import type { ILogChunk, IPhase, IProgress, ITask } from '../types';
import { readError } from './error';
import {
  integer,
  list,
  number,
  oneOf,
  optional,
  orNull,
  record,
  text
} from './readers';
import { readAddRequest, readEditRequest, readRepairRequest } from './requests';
import { readShareRequest } from './sharing';

/** Reads the schema `Task`. */
export const readTask = record<ITask>({
  id: text,
  seq: integer,
  state: oneOf(
    'running',
    'cancelling',
    'done',
    'failed',
    'cancelled',
    'interrupted'
  ),
  display_name: text,
  slug: text,
  request: readAddRequest,
  job: oneOf('add', 'repair', 'edit', 'duplicate', 'check', 'share'),
  repair: orNull(readRepairRequest),
  edit: orNull(readEditRequest),
  phases: list(
    record<IPhase>({
      name: oneOf(
        'resolve',
        'acquire',
        'inspect',
        'install',
        'verify',
        'publish'
      ),
      state: oneOf('waiting', 'running', 'done', 'skipped', 'failed'),
      duration_s: orNull(number)
    })
  ),
  phase: orNull(text),
  message: text,
  progress: orNull(
    record<IProgress>({ done_bytes: integer, total_bytes: orNull(integer) })
  ),
  error: orNull(readError),
  created: text,
  ended: orNull(text),
  log_bytes: integer,
  original: orNull(text),
  command: optional(orNull(text)),
  share: optional(orNull(readShareRequest))
});

/** Reads the schema `LogChunk`. */
export const readLogChunk = record<ILogChunk>({
  text,
  offset: integer,
  next_offset: integer,
  size_bytes: integer,
  path: text
});
