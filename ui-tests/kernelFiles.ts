import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync
} from 'node:fs';
import { join } from 'node:path';

import type { Jupyter } from './jupyter';

/** A kernel on the disk, as its user, their site or a purge may change it. */
export class KernelFiles {
  /**
   * @param jupyter - Where it was added.
   * @param slug - Its name.
   */
  constructor(jupyter: Jupyter, slug: string) {
    const folder = join(jupyter.kernels, slug);
    const spec = JSON.parse(readFileSync(join(folder, 'kernel.json'), 'utf8'));
    const record = spec.metadata.container_kernels;
    this.script = join(folder, 'init.sh');
    this.image = record.image.path;
    this.packages = record.packages.path;
    this.log = record.log;
  }

  /** The start script. */
  readonly script: string;
  readonly image: string;
  /** The folder of what the user installs. */
  readonly packages: string;
  /** The log of the last start. */
  readonly log: string;

  /** Changes the one place of a file that a pattern finds. */
  edit(file: string, pattern: RegExp, text: string): void {
    const before = readFileSync(file, 'utf8');
    const after = before.replace(pattern, () => text);
    if (after === before) {
      throw new Error(`${pattern} is not in ${file}`);
    }
    // bash reads a script while it runs it: that one is left as it is
    writeFileSync(`${file}.new`, after);
    renameSync(`${file}.new`, file);
  }

  /** Puts a Python module among the packages that the user installed. */
  module(path: string, code: string): void {
    const lib = join(this.packages, 'lib');
    const [python] = readdirSync(lib);
    const file = join(lib, python, 'site-packages', path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, code);
  }

  /** Waits until a start has failed that begins after now. */
  async death(patience = 30_000): Promise<number> {
    const begun = Date.now();
    for (;;) {
      const ended = this._failed();
      if (ended !== null && ended >= begun) {
        return ended;
      }
      if (Date.now() > begun + patience) {
        throw new Error(`No start has failed: ${this.log}`);
      }
      await new Promise(resolve => setTimeout(resolve, 10));
    }
  }

  /** When the log says that a start failed. The next start takes it away. */
  private _failed(): number | null {
    try {
      const { mtimeMs } = statSync(this.log);
      const text = readFileSync(this.log, 'utf8');
      return /^# ended: \S+ failed/m.test(text) ? mtimeMs : null;
    } catch {
      return null;
    }
  }
}
