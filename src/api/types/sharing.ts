/** From where a kernel is to be shared. */
export interface IShareRequest {
  /** In full, or beginning with `~/`; it need not exist. */
  directory: string;
  /** Variables that are handed on though they look like passwords. */
  environment?: string[];
}

/** A part of a kernel that is shared. */
export interface IShareItem {
  what: 'image' | 'packages';
  path: string;
  size_bytes: number;
  /** Else others can read it where it lies. */
  copied: boolean;
}

/** What sharing a kernel means. */
export interface ISharePlan {
  /** The real path of the folder. */
  directory: string;
  /** The group that can use it; `null` for all users of the machine. */
  readers: string | null;
  items: IShareItem[];
  /** Names of variables that look like passwords. */
  left_out: string[];
  /** What its owner should know. */
  remarks: string[];
  /** What others type once; `null` where Jupyter looks there anyway. */
  line: string | null;
}

/** A kernel that is no longer to be shared. */
export interface IWithdrawRequest {
  resource_dir: string;
}
