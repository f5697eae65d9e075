import { nullTranslator } from '@jupyterlab/translation';

import {
  formatAgo,
  formatBytes,
  formatDate,
  formatDuration,
  formatProgress,
  shortDigest
} from '../format';
import { readableLog } from '../logText';

const trans = nullTranslator.load('');

describe('formatting', () => {
  it.each([
    [0, '0 bytes'],
    [1, '1 byte'],
    [999, '999 bytes'],
    [1_000, '1 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [12_345_678, '12.3 MB'],
    [123_456_789, '123 MB'],
    [8_123_456_789, '8.1 GB'],
    [2_500_000_000_000, '2.5 TB']
  ])('%d bytes are written as %s', (bytes, text) => {
    expect(formatBytes(bytes, trans)).toBe(text);
  });

  it.each([
    [1_900_000_000, 3_300_000_000, '1.9 of 3.3 GB'],
    [900_000_000, 3_300_000_000, '900 MB of 3.3 GB'],
    [900_000_000, null, '900 MB']
  ])('%d of %d bytes are written as %s', (done, total, text) => {
    expect(formatProgress(done, total, trans)).toBe(text);
  });

  it.each([
    [0, '0 s'],
    [22.4, '22 s'],
    [99, '99 s'],
    [100, '1 min 40 s'],
    [120, '2 min'],
    [3600, '1 h'],
    [7170, '2 h'], // not 1 h, and not 1 h 60 min
    [7500, '2 h 5 min']
  ])('%d seconds are written as %s', (seconds, text) => {
    expect(formatDuration(seconds, trans)).toBe(text);
  });

  const now = Date.parse('2026-03-01T12:00:00Z');

  it.each([
    ['2026-03-01T11:59:30Z', 'just now'],
    ['2026-03-01T12:00:30Z', 'just now'], // two clocks never agree
    ['2026-03-01T11:55:00Z', '5 min ago'],
    ['2026-03-01T10:00:00Z', '2 h ago'],
    ['2026-02-28T12:00:00Z', '1 day ago'],
    ['2026-02-26T12:00:00Z', '3 days ago'],
    ['not a date', '']
  ])('%s was %s', (date, text) => {
    expect(formatAgo(date, now, trans)).toBe(text);
  });

  it('a date of last year is written as a date', () => {
    expect(formatAgo('2025-03-01T12:00:00Z', now, trans)).toContain('2025');
  });

  it('a date that cannot be read is shown as it is', () => {
    expect(formatDate('soon')).toBe('soon');
  });

  it('a digest is cut to what tells it from others', () => {
    expect(shortDigest('sha256:4e1c0de123')).toBe('@4e1c0de');
  });
});

describe('a log', () => {
  it.each([
    ['plain\nlines\n', 'plain\nlines\n'],
    ['\u001b[31mred\u001b[0m', 'red'],
    ['10 %\r50 %\r100 %\ndone', '100 %\ndone'],
    ['working\r', 'working'],
    ['dos\r\nlines\r\n', 'dos\nlines\n'],
    ['\u001b]0;title\u0007text', 'text'],
    ['<b>not bold</b>', '<b>not bold</b>']
  ])('%j reads as %j', (raw, text) => {
    expect(readableLog(raw)).toBe(text);
  });
});
