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
