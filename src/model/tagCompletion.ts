import type { TranslationBundle } from '@jupyterlab/translation';

import type { ITagList } from '../api/types';
import { readReference } from './imageReference';

/** How long nobody types before tags are asked for, in milliseconds. */
export const TAGS_PAUSE = 300;

/** How many completions are offered at once. */
const MOST = 40;

/** What is typed, where a tag begins in it. */
export interface ITagPlace {
  /** All that stands before the colon. */
  image: string;
  /** What is there of the tag. */
  tag: string;
}

/**
 * Finds the tag in what is typed.
 *
 * @param typed - The whole field.
 * @param trans - The language, of which nothing is needed here.
 *
 * @returns Its place, or `null` where no tag of an image is typed.
 */
export function tagPlace(
  typed: string,
  trans: TranslationBundle
): ITagPlace | null {
  const match = /^(.*[^/:]):([^/:@\s]*)$/.exec(typed.trim());
  if (!match) {
    return null;
  }
  const [, image, tag] = match;
  const read = readReference(image, trans);
  if (!('image' in read) || !isListed(read.image.transport)) {
    return null;
  }
  // `localhost:5000` and `docker://` begin in this way, too
  const { text } = read.image;
  const isBegun =
    /^[^/]*$/.test(text.replace(/^\w+:\/\//, '')) &&
    /\.|^(localhost|docker|oras|library|file|https?)$/.test(text);
  return isBegun ? null : { image, tag };
}

function isListed(transport: string): boolean {
  return transport === 'docker' || transport === 'oras';
}

/**
 * Completes the tag of an image while somebody types it. What a registry has
 * told is kept for as long as the dialog is open.
 */
export class TagCompletion {
  /**
   * @param _ask - Asks for the tags of an image.
   * @param _trans - The language.
   * @param _onChange - There are others to offer.
   */
  constructor(
    private _ask: (image: string, signal: AbortSignal) => Promise<ITagList>,
    private _trans: TranslationBundle,
    private _onChange: () => void
  ) {}

  /** What the whole field may become, best first. */
  get options(): readonly string[] {
    return this._options;
  }

  /** Takes over what stands in the field. */
  look(typed: string): void {
    const place = tagPlace(typed, this._trans);
    clearTimeout(this._timer);
    if (this._asked !== place?.image) {
      this._giveUp();
    }
    const tags = place && this._known.get(place.image);
    this._options = place && tags ? matches(place, tags) : [];
    if (!place || tags || this._asked === place.image) {
      this._place = place;
      return;
    }
    this._place = place;
    this._timer = setTimeout(() => void this._fetch(place.image), TAGS_PAUSE);
  }

  /** Forgets what registries told, as after a login. */
  forget(): void {
    this._known.clear();
    this._giveUp();
  }

  /** Gives up what is being asked. */
  drop(): void {
    clearTimeout(this._timer);
    this._giveUp();
  }

  private _giveUp(): void {
    this._asking?.abort();
    this._asking = null;
    this._asked = undefined;
  }

  private async _fetch(image: string): Promise<void> {
    const asking = new AbortController();
    this._asking = asking;
    this._asked = image;
    let tags: string[];
    try {
      tags = (await this._ask(image, asking.signal)).tags;
    } catch {
      return; // why it cannot be had is said below the field
    }
    if (asking.signal.aborted) {
      return;
    }
    this._known.set(image, tags);
    if (this._place?.image === image) {
      this._options = matches(this._place, tags);
      this._onChange();
    }
  }

  private _options: readonly string[] = [];
  private _known = new Map<string, readonly string[]>();
  private _place: ITagPlace | null = null;
  private _asked: string | undefined;
  private _asking: AbortController | null = null;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}

/** Those that begin with what is typed, then those that hold it. */
function matches(place: ITagPlace, tags: readonly string[]): string[] {
  const typed = place.tag.toLowerCase();
  const begins = tags.filter(tag => tag.toLowerCase().startsWith(typed));
  const holds = tags.filter(tag => tag.toLowerCase().indexOf(typed) > 0);
  const found = [...begins, ...holds].slice(0, MOST);
  return found.length === 1 && found[0] === place.tag
    ? []
    : found.map(tag => `${place.image}:${tag}`);
}
