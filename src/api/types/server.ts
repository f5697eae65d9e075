import type { IDiskRoom } from './space';

/** A container runtime that was looked for on the server's machine. */
export interface IRuntimeInfo {
  name: string;
  /** As people write it: `Apptainer` or `SingularityCE`. */
  title: string;
  path: string | null;
  version: string | null;
  available: boolean;
  /** Why it is not available. */
  reason: string | null;
}

/** The GPUs of the server's machine. */
export interface IGpuInfo {
  vendor: 'nvidia' | 'amd' | null;
  names: string[];
}

/** What a form has to keep to. */
export interface ILimits {
  display_name_length: number;
  slug_pattern: string;
  start_timeout_s: number;
  /** How long a deleted kernel can be put back; 0 means not at all. */
  trash_days: number;
}

/** What this server offers. */
export interface IInfo {
  version: string;
  hostname: string;
  /** In OCI's terms, as `amd64`. */
  architecture: string;
  /** The absolute directory that JupyterLab's file browser shows. */
  root_dir: string | null;
  runtimes: IRuntimeInfo[];
  languages: string[];
  gpu: IGpuInfo;
  disks: IDiskRoom[];
  limits: ILimits;
}
