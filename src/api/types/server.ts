import type { GpuChoice, PullWay } from './requests';
import type { IDiskRoom } from './space';

/** A container runtime that was looked for on the server's machine. */
export interface IRuntimeInfo {
  name: string;
  /** As people write it: `Apptainer` or `SingularityCE`. */
  title: string;
  path: string | null;
  version: string | null;
  available: boolean;
  /** Whether it is still being looked for. */
  searching: boolean;
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

/** The Slurm job in which the server runs. */
export interface IJobInfo {
  id: string;
  /** When it reaches its time limit. */
  ends: string | null;
  /** What this session may use. */
  memory_bytes: number;
  cores: number;
}

/** An image of the site's catalogue. */
export interface ISiteImage {
  /** Also the name of its kernel. */
  title: string;
  /** What names it, as somebody would type it. */
  image: string;
  /** May be empty. */
  description: string;
  gpu: GpuChoice;
  language: string | null;
  /** A picture, as a `data:` address. */
  icon: string | null;
}

/** Whom to ask. */
export interface ISupport {
  /** May be empty. */
  text: string;
  link: string | null;
}

/** What the site's policy says to its users. */
export interface ISite {
  catalogue: ISiteImage[];
  support: ISupport | null;
  /** Those that are allowed; `null` for all. */
  registries: string[] | null;
  /** Folders whose image files are allowed; `null` for all. */
  files: string[] | null;
  digest_required: boolean;
  /** Folders that every new kernel sees. */
  binds: string[];
}

/** From where images can be pulled. */
export interface IPullOffer {
  /** What the site has chosen; `auto` leaves it to the user. */
  policy: 'auto' | PullWay;
  ways: PullWay[];
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
  /** `null` outside of a job. */
  job: IJobInfo | null;
  limits: ILimits;
  site: ISite;
  pull: IPullOffer;
}

/** Something that matters to containers, and what it means for the user. */
export interface IFinding {
  area: 'software' | 'runtime' | 'node' | 'disks' | 'session' | 'folders';
  title: string;
  state: 'ok' | 'warning' | 'problem' | 'unknown';
  /** Lines of text. */
  found: string;
  /** May be empty. */
  meaning: string;
  /** What to do about it. May be empty. */
  action: string;
}

/** What was found of node and session. */
export interface IDiagnostics {
  created: string;
  findings: IFinding[];
  /** All of it as text to hand on, without what is nobody's business. */
  report: string;
}
