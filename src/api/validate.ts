import {
  ErrorCode,
  IAddRequest,
  IBind,
  IDiagnosis,
  IDiskRoom,
  IError,
  IEditRequest,
  IFoundInterpreter,
  IFreed,
  IGpuInfo,
  IInfo,
  IInspection,
  IKernel,
  IKernelDetails,
  IKernelFile,
  IKernelImage,
  IKernelLog,
  IKernelPackages,
  IKernelRuntime,
  IKernelStatus,
  ILastStart,
  ILimits,
  ILogChunk,
  IPhase,
  IProgress,
  IQuota,
  IRemoval,
  IRemovalItem,
  IRepairRequest,
  IResolution,
  IRestored,
  IRunningKernel,
  IRuntimeInfo,
  ISpace,
  ISpaceItem,
  ITask,
  Remedy,
  RepairAction,
  StatusCode
} from './types';

/**
 * Reads a value that came from the server.
 *
 * @param value - The value.
 * @param where - Where it stood, for the error.
 *
 * @throws {@link UnexpectedShapeError} when it is something else.
 */
export type Reader<T> = (value: unknown, where: string) => T;

/** The server sent something that the contract does not allow. */
export class UnexpectedShapeError extends Error {
  constructor(
    where: string,
    expected: string,
    readonly found: unknown
  ) {
    super(`${where}: expected ${expected}, found ${typeName(found)}`);
    this.name = 'UnexpectedShapeError';
  }
}

function typeName(value: unknown): string {
  if (value === null) {
    return 'null';
  }
  return Array.isArray(value) ? 'array' : typeof value;
}

const text: Reader<string> = (value, where) => {
  if (typeof value !== 'string') {
    throw new UnexpectedShapeError(where, 'string', value);
  }
  return value;
};

const number: Reader<number> = (value, where) => {
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new UnexpectedShapeError(where, 'number', value);
  }
  return value;
};

const integer: Reader<number> = (value, where) => {
  if (!Number.isInteger(value)) {
    throw new UnexpectedShapeError(where, 'integer', value);
  }
  return value as number;
};

const flag: Reader<boolean> = (value, where) => {
  if (typeof value !== 'boolean') {
    throw new UnexpectedShapeError(where, 'boolean', value);
  }
  return value;
};

function orNull<T>(read: Reader<T>): Reader<T | null> {
  return (value, where) => (value === null ? null : read(value, where));
}

/** A field that may be left out. */
interface IOptional<T> {
  optional: Reader<T>;
}

function optional<T>(read: Reader<T>): IOptional<T> {
  return { optional: read };
}

function oneOf<T extends string | null>(...values: T[]): Reader<T> {
  return (value, where) => {
    if (!values.includes(value as T)) {
      throw new UnexpectedShapeError(where, values.join(' | '), value);
    }
    return value as T;
  };
}

function list<T>(read: Reader<T>): Reader<T[]> {
  return (value, where) => {
    if (!Array.isArray(value)) {
      throw new UnexpectedShapeError(where, 'array', value);
    }
    return value.map((item, index) => read(item, `${where}[${index}]`));
  };
}

const texts: Reader<Record<string, string>> = (value, where) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UnexpectedShapeError(where, 'object', value);
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      text(item, `${where}.${key}`)
    ])
  );
};

type Fields<T> = {
  [K in keyof T]-?: undefined extends T[K]
    ? IOptional<Exclude<T[K], undefined>>
    : Reader<T[K]>;
};

/** Fields that the contract does not know are left out, not refused. */
function record<T extends object>(fields: Fields<T>): Reader<T> {
  return (value, where) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new UnexpectedShapeError(where, 'object', value);
    }
    const source = value as Record<string, unknown>;
    const result: Record<string, unknown> = {};
    for (const [key, field] of Object.entries(fields) as [
      string,
      Reader<unknown> | IOptional<unknown>
    ][]) {
      if (typeof field === 'function') {
        result[key] = field(source[key], `${where}.${key}`);
      } else if (source[key] !== undefined) {
        result[key] = field.optional(source[key], `${where}.${key}`);
      }
    }
    return result as T;
  };
}

const errorCode = oneOf<ErrorCode>(
  'unreadable',
  'not_found',
  'unsupported_media_type',
  'forbidden',
  'invalid_reference',
  'invalid_display_name',
  'invalid_slug',
  'invalid_bind',
  'invalid_environment',
  'slug_taken',
  'kernel_running',
  'not_ours',
  'runtime_missing',
  'image_not_found',
  'image_unusable',
  'image_not_readable',
  'wrong_architecture',
  'login_needed',
  'registry_unreachable',
  'disk_full',
  'language_missing',
  'install_failed',
  'verify_failed',
  'runtime_failed',
  'timed_out',
  'interrupted',
  'internal'
);

const bind = record<IBind>({
  source: text,
  destination: orNull(text),
  read_only: flag
});

const gpuChoice = oneOf('auto', 'on', 'off');

const repairAction = oneOf<RepairAction>(
  'relink',
  'pull',
  'update',
  'reinstall',
  'find_runtime'
);

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

const diskRoom = record<IDiskRoom>({
  purpose: oneOf('kernels', 'images', 'packages', 'temporary'),
  path: text,
  free_bytes: orNull(integer),
  total_bytes: orNull(integer),
  quota: orNull(record<IQuota>({ used_bytes: integer, limit_bytes: integer }))
});

const image = record<IKernelImage>({
  reference: text,
  source: text,
  digest: orNull(text),
  path: text,
  size_bytes: orNull(integer),
  stored: flag,
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

/** Reads the schema `Error`. */
export const readError = record<IError>({
  code: errorCode,
  message: text,
  hint: text
});

/** Reads the schema `AddRequest`. */
export const readAddRequest = record<IAddRequest>({
  image: text,
  display_name: optional(orNull(text)),
  slug: optional(orNull(text)),
  gpu: optional(gpuChoice),
  binds: optional(list(bind)),
  interpreter: optional(orNull(text)),
  environment: optional(texts),
  isolated: optional(flag)
});

/** Reads the schema `Info`. */
export const readInfo = record<IInfo>({
  version: text,
  hostname: text,
  architecture: text,
  root_dir: orNull(text),
  runtimes: list(
    record<IRuntimeInfo>({
      name: text,
      title: text,
      path: orNull(text),
      version: orNull(text),
      available: flag,
      reason: orNull(text)
    })
  ),
  languages: list(text),
  gpu: record<IGpuInfo>({
    vendor: oneOf('nvidia', 'amd', null),
    names: list(text)
  }),
  disks: list(diskRoom),
  limits: record<ILimits>({
    display_name_length: integer,
    slug_pattern: text,
    start_timeout_s: number,
    trash_days: number
  })
});

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

/** Reads the schema `Space`. */
export const readSpace = record<ISpace>({
  items: list(
    record<ISpaceItem>({
      id: text,
      kind: oneOf('image', 'packages', 'trash', 'leftover', 'runtime_cache'),
      title: text,
      path: text,
      detail: text,
      size_bytes: orNull(integer),
      used_by: list(text),
      created: orNull(text),
      last_used: orNull(text),
      removable: flag,
      restorable: flag
    })
  ),
  disks: list(diskRoom)
});

/** Reads the schema `Freed`. */
export const readFreed = record<IFreed>({ freed_bytes: integer });

/** Reads the schema `Restored`. */
export const readRestored = record<IRestored>({
  slug: text,
  display_name: text
});

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
  job: oneOf('add', 'repair', 'edit', 'duplicate', 'check'),
  repair: orNull(
    record<IRepairRequest>({
      action: repairAction,
      image: optional(orNull(text))
    })
  ),
  edit: orNull(
    record<IEditRequest>({
      display_name: optional(orNull(text)),
      gpu: optional(orNull(gpuChoice)),
      binds: optional(orNull(list(bind))),
      environment: optional(orNull(texts)),
      isolated: optional(orNull(flag))
    })
  ),
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
  log_bytes: integer
});

/** Reads the schema `LogChunk`. */
export const readLogChunk = record<ILogChunk>({
  text,
  offset: integer,
  next_offset: integer,
  size_bytes: integer,
  path: text
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

/** Rows that could be read, and why the others could not. */
export interface IRows<T> {
  rows: T[];
  /** One sentence for each row that is missing, for the console. */
  problems: string[];
}

/**
 * Reads the rows of a list one by one, so that a bad one hides only itself.
 *
 * @param value - The answer, as `{kernels: […]}`.
 * @param key - The name of the list in it.
 * @param read - Reads one row.
 *
 * @throws {@link UnexpectedShapeError} when there is no such list at all.
 */
export function readRows<T>(
  value: unknown,
  key: string,
  read: Reader<T>
): IRows<T> {
  const raw = record<{ [key: string]: unknown[] }>({
    [key]: list<unknown>(row => row)
  })(value, key)[key];
  const rows: T[] = [];
  const problems: string[] = [];
  raw.forEach((row, index) => {
    try {
      rows.push(read(row, `${key}[${index}]`));
    } catch (error) {
      if (!(error instanceof UnexpectedShapeError)) {
        throw error;
      }
      problems.push(error.message);
    }
  });
  return { rows, problems };
}
