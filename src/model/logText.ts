/* eslint-disable no-control-regex -- terminals are made of control characters */
const ESCAPES =
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007]*(?:\u0007|\u001b\\)|[@-_])/g;

/**
 * Makes the lines of a terminal readable as text: colours go, and of a line
 * that was written over (`10 %\r20 %\r`) its last state stays.
 *
 * @param raw - What the tools wrote.
 */
export function readableLog(raw: string): string {
  return raw
    .replace(ESCAPES, '')
    .replace(/\r+\n/g, '\n')
    .split('\n')
    .map(line =>
      line.includes('\r')
        ? (line.split('\r').filter(Boolean).pop() ?? '')
        : line
    )
    .join('\n');
}
