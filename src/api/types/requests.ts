/** Whether a kernel gets the GPU. */
export type GpuChoice = 'auto' | 'on' | 'off';

/** A folder of the machine that appears inside the container. */
export interface IBind {
  source: string;
  /** `null` means the same path. */
  destination: string | null;
  read_only: boolean;
}

/** From where an image is pulled: a login node needs the user. */
export type PullWay = 'here' | 'job' | 'login';

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
  /** The folder in which the image is to lie; `null` takes the site's. */
  image_dir?: string | null;
  /** Let the runtime make the image file itself, which takes longer. */
  by_runtime?: boolean;
  /** `auto` is from the server's node. */
  pull_from?: 'auto' | PullWay;
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

/** How to delete a kernel. What is left out gets its default at the server. */
export interface IRemoveRequest {
  delete_image?: boolean;
  shut_down?: boolean;
  /** Needed for one that we did not make, or that Jupyter does not see. */
  resource_dir?: string | null;
  /** At once, instead of into the trash. */
  purge?: boolean;
}
