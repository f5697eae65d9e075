import type { ISiteImage } from '../api/types';

/**
 * What of a site's catalogue to offer for what is typed: all at first, then
 * what has all of the words, and nothing once an image is named in full.
 *
 * @param catalogue - All images, in the order of the site.
 * @param typed - What stands in the image field.
 */
export function offeredImages(
  catalogue: readonly ISiteImage[],
  typed: string
): readonly ISiteImage[] {
  const named = typed.trim();
  if (catalogue.some(each => each.image === named)) {
    return [];
  }
  const words = named.toLowerCase().split(/\s+/).filter(Boolean);
  return catalogue.filter(({ title, image, description, language }) => {
    const text = [title, image, description, language].join(' ').toLowerCase();
    return words.every(word => text.includes(word));
  });
}
