import type { GpuChoice, IBind, RepairAction } from './requests';

/** The image of a kernel. */
export interface IKernelImage {
  /** As the user gave it. */
  reference: string;
  /** In full. */
  source: string;
  digest: string | null;
  /** Empty when the runtime keeps the image itself, or nobody knows. */
  path: string;
  size_bytes: number | null;
  /** It lies in our image store; a file of the user's own never does. */
  stored: boolean;
  /** It is a folder, in which the image lies unpacked. */
  unpacked: boolean;
  /** How many kernels use it. */
  used_by: number;
}

/** The runtime that starts a kernel. */
export interface IKernelRuntime {
  name: string;
  path: string;
  version: string | null;
}

/** What was installed for a kernel beside its image. */
export interface IKernelPackages {
  path: string | null;
  size_bytes: number | null;
  /** `name==version` of what we installed. */
  installed: string[];
  /** What the user installed from the kernel since, as by `%pip install`. */
  added: string[];
  /** How many kernels share what was installed; 0 when nothing was. */
  shared_by: number;
}

/** What can be done about it: see `IRepairRequest` for most. */
export type Remedy = RepairAction | 'edit' | 'adopt' | 'free_space';

/** What is the matter with a kernel, or worth knowing of it. */
export type StatusCode =
  | 'ok'
  | 'never_started'
  | 'image_missing'
  | 'image_changed'
  | 'image_damaged'
  | 'image_not_readable'
  | 'image_writable'
  | 'packages_missing'
  | 'packages_incomplete'
  | 'other_python'
  | 'runtime_missing'
  | 'runtime_changed'
  | 'bind_missing'
  | 'invalid_kernel_json'
  | 'shadowed'
  | 'hidden'
  | 'read_only'
  | 'unsafe'
  | 'update_available'
  | 'does_not_start'
  | 'unknown';

/** Whether a kernel can start, as far as can be seen without starting it. */
export interface IKernelStatus {
  code: StatusCode;
  /** `stale`: it cannot start; `note`: it can, but somebody should know. */
  level: 'ok' | 'note' | 'stale' | 'unknown';
  message: string;
  hint: string;
  /** What mends it, best first. */
  remedies: Remedy[];
}

/** A container kernel. */
export interface IKernel {
  /** Of the row: `slug`, or more for a kernel that Jupyter does not see. */
  id: string;
  /** The kernel's name in Jupyter. */
  slug: string;
  display_name: string;
  language: string;
  language_version: string | null;
  /** Who made it, as `Container Kernels`, `jkrollout2` or `by hand`. */
  maker: string;
  /** It carries our record. */
  ours: boolean;
  /** Of the system or of a project: this user cannot delete it. */
  read_only: boolean;
  /** `null` for the user's own kernels, and where nobody can tell. */
  owner: string | null;
  /** The user shares it with others. */
  withdrawable: boolean;
  status: IKernelStatus;
  /** What else is worth knowing, worst first. */
  notes: IKernelStatus[];
  image: IKernelImage;
  runtime: IKernelRuntime;
  /** Its path inside the image. */
  interpreter: string;
  gpu: GpuChoice;
  /** The GPU that the kernel saw when it was verified. */
  gpu_name: string | null;
  packages: IKernelPackages;
  binds: IBind[];
  environment: Record<string, string>;
  isolated: boolean;
  /** How long it took to answer when it was verified, in seconds. */
  start_s: number | null;
  created: string;
  /** When it was last started. */
  last_used: string | null;
  resource_dir: string;
  /** How many kernels of this name run on this Jupyter server. */
  running: number;
}

/** All container kernels of this user. */
export interface IKernelList {
  kernels: IKernel[];
}

/** A kernel that runs, by what uses it. */
export interface IRunningKernel {
  id: string;
  title: string;
}

/** Something that deleting a kernel removes or leaves. */
export interface IRemovalItem {
  /** `packages` are the kernel's own, `shared_packages` may serve others. */
  what: 'kernelspec' | 'packages' | 'shared_packages' | 'image' | 'log';
  path: string;
  size_bytes: number;
  goes: boolean;
  /** Why it stays. Empty when it goes. */
  reason: string;
  /** Display names of other kernels that use it. */
  used_by: string[];
}

/** A file of a kernel. */
export interface IKernelFile {
  path: string;
  size_bytes: number;
}

/** One kernel, and what deleting it would remove and free. */
export interface IKernelDetails {
  kernel: IKernel;
  removal: IRemovalItem[];
  frees_bytes: number;
  running: IRunningKernel[];
  /** What Jupyter starts. */
  argv: string[];
  files: IKernelFile[];
  /** Adds the same kernel from a terminal; empty for one of others. */
  command: string;
}

/** What was deleted. */
export interface IRemoval {
  slug: string;
  removal: IRemovalItem[];
  /** Once the trash is emptied. */
  freed_bytes: number;
  /** What restores it; `null` when it cannot be. */
  undo: string | null;
}

/** Why something failed, and what mends it. */
export interface IDiagnosis {
  /** The row of the catalogue of failures; `unknown` when none fits. */
  cause: string;
  message: string;
  hint: string;
  /** Which buttons mend it, best first. */
  remedies: Remedy[];
  /** The last lines of what was said. */
  lines: string[];
}

/** What became of the last start of a kernel. */
export interface ILastStart {
  state: 'never' | 'running' | 'ended' | 'failed';
  started: string | null;
  /** The machine on which it was started. */
  node: string | null;
  exit_code: number | null;
  /** Set when it failed. */
  diagnosis: IDiagnosis | null;
}

/** The log of the last start of a kernel, and what became of it. */
export interface IKernelLog {
  text: string;
  offset: number;
  next_offset: number;
  size_bytes: number;
  path: string;
  start: ILastStart;
}
