import type { TranslationBundle } from '@jupyterlab/translation';

const UNITS = ['kB', 'MB', 'GB', 'TB', 'PB'];

/**
 * Writes a size: `8.1 GB`, `512 kB`, `0 bytes`.
 *
 * @param bytes - The size in bytes.
 */
export function formatBytes(bytes: number, trans: TranslationBundle): string {
  if (bytes < 1000) {
    return trans._n('%1 byte', '%1 bytes', Math.max(0, Math.round(bytes)));
  }
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  // From MB on one decimal tells something, as long as the number is short.
  const digits = unit > 0 && value < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/**
 * Writes how far something is: `1.9 of 3.3 GB`, `200 of 850 MB`.
 *
 * @param done - Bytes that are done.
 * @param total - All bytes, if known.
 */
export function formatProgress(
  done: number,
  total: number | null,
  trans: TranslationBundle
): string {
  const doneText = formatBytes(done, trans);
  if (total === null) {
    return doneText;
  }
  const totalText = formatBytes(total, trans);
  const [amount, unit] = doneText.split(' ');
  return totalText.endsWith(` ${unit}`)
    ? trans.__('%1 of %2', amount, totalText)
    : trans.__('%1 of %2', doneText, totalText);
}

/**
 * Writes a duration: `22 s`, `3 min 20 s`, `2 h 5 min`.
 *
 * @param seconds - The duration in seconds.
 */
export function formatDuration(
  seconds: number,
  trans: TranslationBundle
): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 100) {
    return trans.__('%1 s', whole);
  }
  if (whole < 3600) {
    const rest = whole % 60;
    const minutes = Math.floor(whole / 60);
    return rest
      ? trans.__('%1 min %2 s', minutes, rest)
      : trans.__('%1 min', minutes);
  }
  const minutes = Math.round(whole / 60);
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  return rest ? trans.__('%1 h %2 min', hours, rest) : trans.__('%1 h', hours);
}

/**
 * Writes how long ago something was: `just now`, `5 min ago`, `2 h ago`,
 * `3 days ago`, and the date from a month on.
 *
 * @param date - ISO 8601.
 * @param now - Milliseconds since the epoch.
 */
export function formatAgo(
  date: string,
  now: number,
  trans: TranslationBundle
): string {
  const then = Date.parse(date);
  if (Number.isNaN(then)) {
    return '';
  }
  const minutes = Math.floor((now - then) / 60_000);
  if (minutes < 1) {
    return trans.__('just now');
  }
  if (minutes < 60) {
    return trans.__('%1 min ago', minutes);
  }
  const hours = Math.floor(minutes / 60);
  if (hours < 24) {
    return trans.__('%1 h ago', hours);
  }
  const days = Math.floor(hours / 24);
  if (days < 31) {
    return trans._n('%1 day ago', '%1 days ago', days);
  }
  return new Date(then).toLocaleDateString();
}

/**
 * Writes a date in full, for a tooltip.
 *
 * @param date - ISO 8601.
 */
export function formatDate(date: string): string {
  const then = Date.parse(date);
  return Number.isNaN(then) ? date : new Date(then).toLocaleString();
}

/**
 * Writes a digest in short: `@4e1c0de`.
 *
 * @param digest - `sha256:…`
 */
export function shortDigest(digest: string): string {
  return `@${digest.replace(/^sha256:/, '').slice(0, 7)}`;
}
