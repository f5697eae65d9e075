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

/** Something that takes room. */
export interface ISpaceItem {
  id: string;
  /** A `leftover` is something that nothing refers to. */
  kind:
    'image' | 'packages' | 'trash' | 'leftover' | 'layers' | 'runtime_cache';
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
