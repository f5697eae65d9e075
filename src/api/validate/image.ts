import type { IFoundInterpreter, IInspection, IResolution } from '../types';
import { flag, integer, list, orNull, record, text } from './readers';

/** Reads the schema `Resolution`. */
export const readResolution = record<IResolution>({
  reference: text,
  digest: orNull(text),
  download_bytes: orNull(integer),
  needed_bytes: orNull(integer),
  free_bytes: orNull(integer),
  fits: orNull(flag),
  store_path: orNull(text),
  architecture: orNull(text),
  stored: flag
});

/** Reads the schema `Inspection`. */
export const readInspection = record<IInspection>({
  interpreters: list(
    record<IFoundInterpreter>({
      language: text,
      title: text,
      path: text,
      version: text,
      kernel_version: orNull(text),
      notes: list(text)
    })
  )
});
