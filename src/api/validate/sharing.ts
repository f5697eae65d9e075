import type { IShareItem, ISharePlan, IShareRequest } from '../types';
import {
  flag,
  integer,
  list,
  oneOf,
  optional,
  orNull,
  record,
  text
} from './readers';

/** Reads the schema `ShareRequest`. */
export const readShareRequest = record<IShareRequest>({
  directory: text,
  environment: optional(list(text))
});

/** Reads the schema `SharePlan`. */
export const readSharePlan = record<ISharePlan>({
  directory: text,
  readers: orNull(text),
  items: list(
    record<IShareItem>({
      what: oneOf('image', 'packages'),
      path: text,
      size_bytes: integer,
      copied: flag
    })
  ),
  left_out: list(text),
  remarks: list(text),
  line: orNull(text)
});
