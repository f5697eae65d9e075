import type {
  IAddRequest,
  IBind,
  IEditRequest,
  IRepairRequest,
  RepairAction
} from '../types';
import {
  flag,
  list,
  oneOf,
  optional,
  orNull,
  record,
  text,
  texts
} from './readers';

/** Reads whether a kernel gets the GPU. */
export const gpuChoice = oneOf('auto', 'on', 'off');

/** Reads the schema `Bind`. */
export const bind = record<IBind>({
  source: text,
  destination: orNull(text),
  read_only: flag
});

/** Reads what mends a kernel. */
export const repairAction = oneOf<RepairAction>(
  'relink',
  'pull',
  'update',
  'reinstall',
  'find_runtime'
);

/** Reads the schema `AddRequest`. */
export const readAddRequest = record<IAddRequest>({
  image: text,
  display_name: optional(orNull(text)),
  slug: optional(orNull(text)),
  gpu: optional(gpuChoice),
  binds: optional(list(bind)),
  interpreter: optional(orNull(text)),
  environment: optional(texts),
  isolated: optional(flag),
  image_dir: optional(orNull(text)),
  by_runtime: optional(flag),
  pull_from: optional(oneOf('auto', 'here', 'job', 'login'))
});

/** Reads the schema `RepairRequest`. */
export const readRepairRequest = record<IRepairRequest>({
  action: repairAction,
  image: optional(orNull(text))
});

/** Reads the schema `EditRequest`. */
export const readEditRequest = record<IEditRequest>({
  display_name: optional(orNull(text)),
  gpu: optional(orNull(gpuChoice)),
  binds: optional(orNull(list(bind))),
  environment: optional(orNull(texts)),
  isolated: optional(orNull(flag))
});
