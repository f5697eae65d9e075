import type { TranslationBundle } from '@jupyterlab/translation';

import type { IKernel, IKernelLog } from '../api/types';
import type { ITroubledStart } from '../tokens';
import { formatDate } from './format';

/** How a start script heads its log (`templates/init.sh.j2`). */
const HEAD = /^# (started|node|jupyter|runtime|image): (.*)$/gm;

/** How it ends it. */
const END = /^# ended: (\S+) [\w-]+ ?\d*\s*$/gm;

/** What hides a secret's name, and what follows it. */
const SECRET =
  /((?:token|passwd|password|secret|api[_-]?key|authorization)["']?\s*[=:]\s*)(?:Bearer\s+|token\s+|Basic\s+)?["']?[^\s&"',]+/gi;

/** What a log says in its head, as far as its head is there. */
export function headOf(log: IKernelLog): ReadonlyMap<string, string> {
  return new Map(
    [...log.text.matchAll(HEAD)].map(([, name, value]) => [name, value])
  );
}

/** When a kernel ended, in milliseconds since the epoch, or `null`. */
export function endOf(log: IKernelLog): number | null {
  const last = [...log.text.matchAll(END)].pop();
  return last ? readTime(last[1]) : null;
}

/** How long a kernel that has ended had run, in seconds, or `null`. */
export function ranFor(log: IKernelLog): number | null {
  const end = endOf(log);
  const start = readTime(log.start.started);
  return end === null || start === null ? null : (end - start) / 1000;
}

/** The time that a log gives, whose zone lacks its colon (`+0000`). */
function readTime(time: string | null): number | null {
  const milliseconds = Date.parse(
    (time ?? '').replace(/([+-]\d\d)(\d\d)$/, '$1:$2')
  );
  return Number.isNaN(milliseconds) ? null : milliseconds;
}

/** When a start was, in the words of the user's place. */
export function startTime(log: IKernelLog): string | null {
  const time = readTime(log.start.started);
  return time === null ? null : formatDate(new Date(time).toISOString());
}

/** What is wrong with a start, in a line. */
export function startTitle(
  start: Pick<ITroubledStart, 'kind' | 'displayName'>,
  trans: TranslationBundle
): string {
  switch (start.kind) {
    case 'failed':
      return trans.__('%1 could not start', start.displayName);
    case 'stopped':
      return trans.__('%1 has stopped', start.displayName);
    case 'slow':
      return trans.__('%1 has not answered for 10 seconds', start.displayName);
  }
}

/** What a start has said last: its own lines, without head and end. */
export function lastLines(start: ITroubledStart): string[] {
  return (
    start.log.start.diagnosis?.lines ??
    start.log.text
      .split('\n')
      .filter(line => line.trim() && !/^# (\w+: |\(earlier)/.test(line))
      .slice(-20)
  );
}

/**
 * What to send to somebody who is to help, as plain text. It names no secret,
 * and nobody's home directory.
 *
 * @param kernel - What is known of the kernel.
 */
export function startReport(
  start: ITroubledStart,
  kernel: IKernel | undefined,
  trans: TranslationBundle
): string {
  const head = headOf(start.log);
  const { diagnosis, exit_code, node } = start.log.start;
  const image = kernel?.image;
  const runtime = kernel?.runtime;
  const rows: [string, string | null | undefined][] = [
    ['Kernel', `${start.displayName} (${start.slug})`],
    [
      'Image',
      [image?.source, image?.digest, head.get('image') ?? image?.path]
        .filter(Boolean)
        .join(' ')
    ],
    [
      'Runtime',
      [head.get('runtime') ?? runtime?.path, runtime?.name, runtime?.version]
        .filter(Boolean)
        .join(' ')
    ],
    ['Node', node],
    ['Started', start.log.start.started],
    ['Exit code', exit_code === null ? null : String(exit_code)],
    ['Cause', diagnosis?.cause]
  ];
  const text = [
    startTitle(start, trans),
    ...(diagnosis ? [diagnosis.message, diagnosis.hint] : []),
    '',
    ...rows.filter(([, value]) => value).map(each => each.join(': ')),
    '',
    ...lastLines(start)
  ].join('\n');
  return discreet(text, homeOf(kernel));
}

/** The home directory of who owns a kernel, if its place tells. */
function homeOf(kernel: IKernel | undefined): string | undefined {
  return /^(\/.+?)\/\.local\/share\/jupyter\//.exec(
    kernel?.resource_dir ?? ''
  )?.[1];
}

function discreet(text: string, home: string | undefined): string {
  const hidden = text
    .replace(SECRET, '$1…')
    .replace(/(:\/\/)[^\s/@]+:[^\s/@]+@/g, '$1…@');
  const known = home ? hidden.split(home).join('~') : hidden;
  return known.replace(/\/(?:home|users)\/[^/\s:'",]+/gi, '~');
}
