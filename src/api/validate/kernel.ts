import type {
  IDiagnosis,
  IKernel,
  IKernelDetails,
  IKernelFile,
  IKernelImage,
  IKernelLog,
  IKernelPackages,
  IKernelRuntime,
  IKernelStatus,
  ILastStart,
  IRemoval,
  IRemovalItem,
  IRunningKernel,
  Remedy,
  StatusCode
} from '../types';
import {
  flag,
  integer,
  list,
  number,
  oneOf,
  orNull,
  record,
  text,
  texts
} from './readers';
import { bind, gpuChoice } from './requests';

const remedy = oneOf<Remedy>(
  'relink',
  'pull',
  'update',
  'reinstall',
  'find_runtime',
  'edit',
  'adopt',
  'free_space'
);

const status = record<IKernelStatus>({
  code: oneOf<StatusCode>(
    'ok',
    'never_started',
    'image_missing',
    'image_changed',
    'image_damaged',
    'image_not_readable',
    'image_writable',
    'packages_missing',
    'packages_incomplete',
    'other_python',
    'runtime_missing',
    'runtime_changed',
    'bind_missing',
    'invalid_kernel_json',
    'shadowed',
    'hidden',
    'read_only',
    'unsafe',
    'update_available',
    'does_not_start',
    'unknown'
  ),
  level: oneOf('ok', 'note', 'stale', 'unknown'),
  message: text,
  hint: text,
  remedies: list(remedy)
});

const image = record<IKernelImage>({
  reference: text,
  source: text,
  digest: orNull(text),
  path: text,
  size_bytes: orNull(integer),
  stored: flag,
  unpacked: flag,
  used_by: integer
});

const removalItem = record<IRemovalItem>({
  what: oneOf('kernelspec', 'packages', 'shared_packages', 'image', 'log'),
  path: text,
  size_bytes: integer,
  goes: flag,
  reason: text,
  used_by: list(text)
});

/** Reads the schema `Kernel`. */
export const readKernel = record<IKernel>({
  id: text,
  slug: text,
  display_name: text,
  language: text,
  language_version: orNull(text),
  maker: text,
  ours: flag,
  read_only: flag,
  owner: orNull(text),
  withdrawable: flag,
  status,
  notes: list(status),
  image,
  runtime: record<IKernelRuntime>({
    name: text,
    path: text,
    version: orNull(text)
  }),
  interpreter: text,
  gpu: gpuChoice,
  gpu_name: orNull(text),
  packages: record<IKernelPackages>({
    path: orNull(text),
    size_bytes: orNull(integer),
    installed: list(text),
    added: list(text),
    shared_by: integer
  }),
  binds: list(bind),
  environment: texts,
  isolated: flag,
  start_s: orNull(number),
  created: text,
  last_used: orNull(text),
  resource_dir: text,
  running: integer
});

/** Reads the schema `KernelDetails`. */
export const readKernelDetails = record<IKernelDetails>({
  kernel: readKernel,
  removal: list(removalItem),
  frees_bytes: integer,
  running: list(record<IRunningKernel>({ id: text, title: text })),
  argv: list(text),
  files: list(record<IKernelFile>({ path: text, size_bytes: integer })),
  command: text
});

/** Reads the schema `Removal`. */
export const readRemoval = record<IRemoval>({
  slug: text,
  removal: list(removalItem),
  freed_bytes: integer,
  undo: orNull(text)
});

/** Reads the schema `KernelLog`. */
export const readKernelLog = record<IKernelLog>({
  text,
  offset: integer,
  next_offset: integer,
  size_bytes: integer,
  path: text,
  start: record<ILastStart>({
    state: oneOf('never', 'running', 'ended', 'failed'),
    started: orNull(text),
    node: orNull(text),
    exit_code: orNull(integer),
    diagnosis: orNull(
      record<IDiagnosis>({
        cause: text,
        message: text,
        hint: text,
        remedies: list(remedy),
        lines: list(text)
      })
    )
  })
});
