import type {
  IDiagnostics,
  IFinding,
  IGpuInfo,
  IInfo,
  IJobInfo,
  ILimits,
  ISite,
  ISiteImage,
  IPullOffer,
  IRuntimeInfo,
  ISupport,
  PullWay
} from '../types';
import {
  flag,
  integer,
  list,
  number,
  oneOf,
  orNull,
  record,
  text
} from './readers';
import { diskRoom } from './space';

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
      searching: flag,
      reason: orNull(text)
    })
  ),
  languages: list(text),
  gpu: record<IGpuInfo>({
    vendor: oneOf('nvidia', 'amd', null),
    names: list(text)
  }),
  disks: list(diskRoom),
  job: orNull(
    record<IJobInfo>({
      id: text,
      ends: orNull(text),
      memory_bytes: integer,
      cores: integer
    })
  ),
  limits: record<ILimits>({
    display_name_length: integer,
    slug_pattern: text,
    start_timeout_s: number,
    trash_days: number
  }),
  site: record<ISite>({
    catalogue: list(
      record<ISiteImage>({
        title: text,
        image: text,
        description: text,
        gpu: oneOf('auto', 'on', 'off'),
        language: orNull(text),
        icon: orNull(text)
      })
    ),
    support: orNull(record<ISupport>({ text, link: orNull(text) })),
    registries: orNull(list(text)),
    files: orNull(list(text)),
    digest_required: flag,
    binds: list(text)
  }),
  pull: record<IPullOffer>({
    policy: oneOf('auto', 'here', 'job', 'login'),
    ways: list(oneOf<PullWay>('here', 'job', 'login'))
  })
});

/** Reads the schema `Diagnostics`. */
export const readDiagnostics = record<IDiagnostics>({
  created: text,
  findings: list(
    record<IFinding>({
      area: oneOf('software', 'runtime', 'node', 'disks', 'session', 'folders'),
      title: text,
      state: oneOf('ok', 'warning', 'problem', 'unknown'),
      found: text,
      meaning: text,
      action: text
    })
  ),
  report: text
});
