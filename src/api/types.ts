/**
 * What travels between the browser and the server part. It mirrors
 * `jupyterlab_container_kernels/openapi.yaml`; a test holds it to that.
 *
 * Times are ISO 8601 in UTC, sizes are bytes. What is not known is `null`.
 */

/** Whether an error is ours, and what it is about. */
export type ErrorCode =
  | 'unreadable'
  | 'not_found'
  | 'unsupported_media_type'
  | 'forbidden'
  | 'invalid_reference'
  | 'invalid_display_name'
  | 'invalid_slug'
  | 'invalid_bind'
  | 'invalid_environment'
  | 'slug_taken'
  | 'kernel_running'
  | 'not_ours'
  | 'runtime_missing'
  | 'image_not_found'
  | 'image_unusable'
  | 'image_not_readable'
  | 'wrong_architecture'
  | 'login_needed'
  | 'registry_unreachable'
  | 'disk_full'
  | 'language_missing'
  | 'install_failed'
  | 'verify_failed'
  | 'runtime_failed'
  | 'timed_out'
  | 'interrupted'
  | 'internal';

/** What happened to what, and what to click or type next. */
export interface IError {
  code: ErrorCode;
  message: string;
  /** May be empty. */
  hint: string;
}

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

/** How much this user may store on a file system. */
export interface IQuota {
  used_bytes: number;
  limit_bytes: number;
}

/** Room in one of the folders that we write to. */
export interface IDiskRoom {
  purpose: 'kernels' | 'images' | 'packages' | 'temporary';
  path: string;
  free_bytes: number | null;
  total_bytes: number | null;
  /** Where the system tells it. */
  quota: IQuota | null;
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

/** The question what an image reference stands for. */
export interface IResolveRequest {
  image: string;
}

/** What an image reference stands for. */
export interface IResolution {
  reference: string;
  digest: string | null;
  download_bytes: number | null;
  /** An estimate of the room that the pull takes at its peak. */
  needed_bytes: number | null;
  free_bytes: number | null;
  fits: boolean | null;
  /** The folder in which the image will be stored. */
  store_path: string | null;
  architecture: string | null;
  /** The image is here already: nothing will be downloaded. */
  stored: boolean;
}

/** A folder of the machine that appears inside the container. */
export interface IBind {
  source: string;
  /** `null` means the same path. */
  destination: string | null;
  read_only: boolean;
}

/** The question what interpreters an image holds. */
export interface IInspectRequest {
  image: string;
}

/** An interpreter in an image. */
export interface IFoundInterpreter {
  /** Key of the language, as `python`. */
  language: string;
  /** As `Python 3.11.2`; of a kernel that the image ships, its display name. */
  title: string;
  /** Absolute, inside the image; what `IAddRequest.interpreter` takes. */
  path: string;
  version: string;
  /** Of the kernel package in the image; `null` when it has to be installed. */
  kernel_version: string | null;
  /** What tells it from the others, as `conda`. */
  notes: string[];
}

/** The interpreters in an image, best first. */
export interface IInspection {
  interpreters: IFoundInterpreter[];
}

/** Whether a kernel gets the GPU. */
export type GpuChoice = 'auto' | 'on' | 'off';

/** What to add. What is left out gets its default at the server. */
export interface IAddRequest {
  image: string;
  display_name?: string | null;
  slug?: string | null;
  gpu?: GpuChoice;
  binds?: IBind[];
  /** Its path inside the image; `null` takes the best that is found. */
  interpreter?: string | null;
  /** Variables that the kernel gets, literally. */
  environment?: Record<string, string>;
  /** Keep the host's `~/.local` and variables of its languages out. */
  isolated?: boolean;
}

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

/** How to delete a kernel. What is left out gets its default at the server. */
export interface IRemoveRequest {
  delete_image?: boolean;
  shut_down?: boolean;
  /** Needed for one that we did not make, or that Jupyter does not see. */
  resource_dir?: string | null;
  /** At once, instead of into the trash. */
  purge?: boolean;
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

/** What mends a kernel. */
export type RepairAction =
  'relink' | 'pull' | 'update' | 'reinstall' | 'find_runtime';

/** How to mend a kernel. What is left out gets its default at the server. */
export interface IRepairRequest {
  action: RepairAction;
  /** `relink`: the path of the image file. */
  image?: string | null;
}

/** How to change a kernel, or make another like it. `null` leaves it as is. */
export interface IEditRequest {
  display_name?: string | null;
  gpu?: GpuChoice | null;
  binds?: IBind[] | null;
  environment?: Record<string, string> | null;
  isolated?: boolean | null;
}

/** How to check a kernel. What is left out gets its default at the server. */
export interface ICheckRequest {
  /** Ask the registry whether the tag names another image now. */
  updates?: boolean;
}

/** Something that takes room. */
export interface ISpaceItem {
  id: string;
  /** A `leftover` is something that nothing refers to. */
  kind: 'image' | 'packages' | 'trash' | 'leftover' | 'runtime_cache';
  /** As the image's reference, or the name of the deleted kernel. */
  title: string;
  path: string;
  /** As the image's digest, or why nothing refers to it. May be empty. */
  detail: string;
  size_bytes: number | null;
  /** Display names of kernels. */
  used_by: string[];
  created: string | null;
  last_used: string | null;
  /** Nobody uses it. */
  removable: boolean;
  /** A deleted kernel that can be put back. */
  restorable: boolean;
}

/** What takes room, and the room left. */
export interface ISpace {
  items: ISpaceItem[];
  disks: IDiskRoom[];
}

/** What removing something has freed. */
export interface IFreed {
  freed_bytes: number;
}

/** A kernel that was put back. */
export interface IRestored {
  slug: string;
  display_name: string;
}

/** A step of a task. */
export interface IPhase {
  name: 'resolve' | 'acquire' | 'inspect' | 'install' | 'verify' | 'publish';
  state: 'waiting' | 'running' | 'done' | 'skipped' | 'failed';
  duration_s: number | null;
}

/** How far the running phase is. */
export interface IProgress {
  done_bytes: number;
  total_bytes: number | null;
}

/** A kernel that is being added or mended, or the end of it. */
export interface ITask {
  id: string;
  /** Grows with each change. */
  seq: number;
  state:
    'running' | 'cancelling' | 'done' | 'failed' | 'cancelled' | 'interrupted';
  display_name: string;
  /** A kernel of that name exists only when the task is done. */
  slug: string;
  /** What was asked for, to retry or edit it. */
  request: IAddRequest;
  job: 'add' | 'repair' | 'edit' | 'duplicate' | 'check';
  /** Set when it mends a kernel that exists. */
  repair: IRepairRequest | null;
  /** Set when it changes a kernel, or makes another one like it. */
  edit: IEditRequest | null;
  phases: IPhase[];
  /** The name of the running (or failed) phase. */
  phase: string | null;
  /** What happens right now, in a few words. */
  message: string;
  progress: IProgress | null;
  error: IError | null;
  created: string;
  ended: string | null;
  log_bytes: number;
}

/** Tasks that run, and ended ones that nobody dismissed. */
export interface ITaskList {
  tasks: ITask[];
}

/** A piece of a log. */
export interface ILogChunk {
  text: string;
  /** Where the piece begins, in bytes. */
  offset: number;
  next_offset: number;
  size_bytes: number;
  /** Where the log lies on the server's machine. */
  path: string;
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
