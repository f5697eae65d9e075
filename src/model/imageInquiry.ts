import type { TranslationBundle } from '@jupyterlab/translation';

import type {
  IInspection,
  IResolution,
  IResolveRequest,
  ITagList
} from '../api/types';
import { IImageReference, readReference } from './imageReference';
import { Answer, Question } from './question';
import { TagCompletion } from './tagCompletion';

/** How long nobody types before the server part is asked, in milliseconds. */
export const TYPING_PAUSE = 600;

/** Whether the folder that was chosen for an image is what is wrong. */
export function isAboutFolder(resolution: Answer<IResolution>): boolean {
  return (
    resolution.state === 'refused' &&
    resolution.problem.code === 'invalid_image_dir'
  );
}

/**
 * What is learned of an image while somebody types it: what it is, whether its
 * registry can be reached, what is in it, and which tags there are.
 */
export class ImageInquiry {
  /** @param _options - Whom to ask, and whom to tell. */
  constructor(private _options: ImageInquiry.IOptions) {
    const { trans, choice, resolve, inspect, listTags, onChange } = _options;
    this._resolution = new Question(
      (image, signal) => resolve(image, signal, choice()),
      () => {
        this._learnReach();
        this.lookInside();
        onChange();
      }
    );
    this._inspection = new Question(inspect, onChange);
    this._tags = new TagCompletion(listTags, trans, onChange);
  }

  /** The image, when what is typed names one. */
  get image(): IImageReference | null {
    return this._image;
  }

  /** What the server part says of the image. */
  get resolution(): Answer<IResolution> {
    return this._resolution.answer;
  }

  /** What is known of the interpreters in the image. */
  get inspection(): Answer<IInspection> {
    return this._inspection.answer;
  }

  /** What may stand in the field, while a tag is typed. */
  get completions(): readonly string[] {
    return this._tags.options;
  }

  /** Whether the server's node cannot reach the registry, as was last told. */
  get isFar(): boolean {
    return this._image !== null && this._image.registry === this._unreachable;
  }

  /** Takes for granted, until an answer comes, that it cannot. */
  assumeFar(): void {
    this._unreachable = this._image?.registry ?? null;
  }

  /** Takes over what is typed; it is to be asked about. */
  read(typed: string): void {
    const read = readReference(typed, this._options.trans);
    this._image = 'image' in read ? read.image : null;
    this._tags.look(typed);
    this._inspection.drop();
    this.dropAnswer();
  }

  /** What was told is of another folder, or of another way to get the image. */
  dropAnswer(): void {
    this._resolution.drop(this._image !== null);
  }

  /** Forgets what the registry told to another user. */
  forgetTags(): void {
    this._tags.forget();
  }

  /**
   * Asks what the image is when nobody types any more.
   *
   * @param now - Whether nobody does.
   * @param before - Is called when that is so.
   */
  ask(now: boolean, before?: () => void): void {
    clearTimeout(this._timer);
    this._timer = setTimeout(
      () => {
        before?.();
        if (this._image) {
          void this._resolution.put(this._image.text);
        }
      },
      now ? 0 : TYPING_PAUSE
    );
  }

  /** Asks for the interpreters where somebody sees the answer. */
  lookInside(): void {
    const { resolution } = this;
    const isSeen = this._options.isInsideSeen();
    if (!isSeen || !this._image || resolution.state !== 'known') {
      return;
    }
    const { stored, reference } = resolution.value;
    const isHere = stored || reference.startsWith('/');
    if (isHere && this._inspection.about !== this._image.text) {
      void this._inspection.put(this._image.text);
    }
  }

  /** Gives up what is being asked. */
  dispose(): void {
    clearTimeout(this._timer);
    this._resolution.drop();
    this._inspection.drop();
    this._tags.drop();
  }

  /** Keeps what an answer tells of the registry until the next one. */
  private _learnReach(): void {
    const { resolution } = this;
    if (resolution.state === 'known') {
      this._unreachable = null;
    } else if (resolution.state === 'refused' && !isAboutFolder(resolution)) {
      this._unreachable =
        resolution.problem.code === 'registry_unreachable'
          ? (this._image?.registry ?? null)
          : null;
    }
  }

  private _resolution: Question<IResolution>;
  private _inspection: Question<IInspection>;
  private _tags: TagCompletion;
  private _image: IImageReference | null = null;
  /** The registry that this node could not reach when it was last asked. */
  private _unreachable: string | null = null;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}

/** What an inquiry is made of. */
export namespace ImageInquiry {
  /** Questions to the server part. */
  export interface IQuestions {
    /** Asks what an image is. */
    resolve: (
      image: string,
      signal: AbortSignal,
      choice: Omit<IResolveRequest, 'image'>
    ) => Promise<IResolution>;
    /** Asks what interpreters an image holds. */
    inspect: (image: string, signal: AbortSignal) => Promise<IInspection>;
    /** Asks for the tags of an image. */
    listTags: (image: string, signal: AbortSignal) => Promise<ITagList>;
  }

  /** Whom to ask, and whom to tell. */
  export interface IOptions extends IQuestions {
    /** The language of what is wrong. */
    trans: TranslationBundle;
    /** How the image is to come. */
    choice: () => Omit<IResolveRequest, 'image'>;
    /** Whether somebody sees which interpreters there are. */
    isInsideSeen: () => boolean;
    /** Something was learned. */
    onChange: () => void;
  }
}
