/** The question what an image reference stands for. */
export interface IResolveRequest {
  image: string;
  /** As in `IAddRequest`. */
  image_dir?: string | null;
  /** As in `IAddRequest`. */
  by_runtime?: boolean;
}

/**
 * Whether there is room for an image; `unknown` where a file system does not
 * answer, or nobody knows how large it is.
 */
export type Verdict = 'fits' | 'fits_elsewhere' | 'too_large' | 'unknown';

/** What an image takes in a folder, and what there is. */
export interface IPlace {
  path: string;
  /** An estimate of the room that the image takes there at its peak. */
  needed_bytes: number;
  free_bytes: number | null;
}

/** A setting that says where an image takes room. */
export type PlaceSetting = 'images_dir' | 'temporary_dir';

/** A place with which an image would fit. */
export interface IElsewhere extends IPlace {
  /** The setting that has to name it. */
  setting: PlaceSetting;
}

/** What an image reference stands for. */
export interface IResolution {
  reference: string;
  digest: string | null;
  architecture: string | null;
  /** What its maker calls it. */
  title: string | null;
  /** What its maker says of it, in one line. */
  description: string | null;
  layers: number | null;
  /** 0 when it is here already, or in the runtime's cache. */
  download_bytes: number | null;
  /** The image is here already: nothing will be downloaded. */
  stored: boolean;
  /** What was named is a folder, in which an image lies unpacked. */
  unpacked: boolean;
  verdict: Verdict;
  /** Where there is least room to spare. */
  place: IPlace | null;
  /** With which place it would fit, if it does not as it is set up. */
  elsewhere: IElsewhere | null;
  /** Under which name its registry was asked. */
  user: string | null;
  /** What to know of the folder that was chosen for it. */
  caution: string | null;
}

/** The question what tags an image has. */
export interface ITagsRequest {
  image: string;
}

/** The tags of an image, the newest first by their numbers. */
export interface ITagList {
  tags: string[];
  /** Whether these are all. */
  complete: boolean;
}

/** A name and a password for a registry. */
export interface ILoginRequest {
  registry: string;
  user: string;
  password: string;
}

/** The wish that no password is kept for a registry. */
export interface ILogoutRequest {
  registry: string;
}

/** Who is logged in to a registry. */
export interface ILogin {
  registry: string;
  /** `null` after a logout. */
  user: string | null;
  /** The file that keeps the password, or kept it. */
  path: string;
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
