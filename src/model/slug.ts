/** What a kernel may be called in Jupyter, in a URL and in a path. */
export const SLUG = /^[a-z0-9][a-z0-9._-]{0,79}$/;

/**
 * Makes a kernel name from a display name, as the server part does
 * (`system/kernelspecs.py`) when none is given.
 */
export function slugify(text: string): string {
  const slug = text
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, 60)
    .replace(/[-.]+$/, '');
  return slug || 'container';
}

/**
 * Makes a kernel name that no other kernel has.
 *
 * @param text - The display name.
 * @param taken - Names that are in use.
 */
export function freeSlug(text: string, taken: readonly string[]): string {
  const wanted = slugify(text);
  let slug = wanted;
  for (let count = 2; taken.includes(slug); count++) {
    slug = `${wanted}-${count}`;
  }
  return slug;
}
