import { ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  FSWatcher,
  closeSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  watch,
  writeFileSync
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What the tests read of a task; `openapi.yaml` has all of it. */
export interface ITask {
  id: string;
  seq: number;
  state: string;
  slug: string;
  display_name: string;
  phase: string | null;
  created: string;
  ended: string | null;
  error: { code: string; message: string; hint: string } | null;
}

/** What is asked for. */
export interface IAddRequest {
  image: string;
  display_name?: string;
  slug?: string;
}

/** A kernel that only looks like one. */
export interface IInvented {
  name: string;
  /** As a user names it in Docker Hub. */
  image: string;
  bytes: number;
  gpu: 'auto' | 'on' | 'off';
  /** Of Python. */
  version: string;
  ageHours: number;
  /** Whether its image was taken away. */
  isMissing?: boolean;
}

/** What this file uses of the record in a `kernel.json`. */
interface IRecord {
  packages: { path: string };
  log: string;
}

/** When invented images were pulled, in seconds since 1970. */
const INVENTED_S = 1_780_000_000;

/** How to start a JupyterLab. */
export interface IJupyterOptions {
  /** `lab` or `notebook`. */
  program?: 'lab' | 'notebook';
  /** Put after the command, as `--ServerApp.base_url=/x/`. */
  args?: string[];
}

/**
 * A Jupyter server with directories of its own, and what a program can ask it
 * beside the browser.
 */
export class Jupyter {
  /** A server that somebody else started and ends. */
  static running(url: string, token: string): Jupyter {
    const data = process.env.JUPYTER_DATA_DIR;
    if (!data) {
      throw new Error('JUPYTER_DATA_DIR has to name the directory of the demo');
    }
    return new Jupyter(url.replace(/\/+$/, '/'), token, data, '', null);
  }

  /** Starts a server and waits until it answers. */
  static async start(options: IJupyterOptions = {}): Promise<Jupyter> {
    const folder = mkdtempSync(join(runFolder(), 'jupyter-'));
    const [data, config, runtime, root, tmp] = [
      'data',
      'config',
      'runtime',
      'notebooks',
      'tmp'
    ].map(name => {
      const path = join(folder, name);
      mkdirSync(path, { mode: 0o700 });
      return path;
    });
    // Without this every first page asks whether it may fetch Jupyter's news.
    mkdirSync(join(config, 'labconfig'));
    writeFileSync(
      join(config, 'labconfig', 'page_config.json'),
      JSON.stringify({
        disabledExtensions: {
          '@jupyterlab/apputils-extension:announcements': true
        }
      })
    );
    const port = await freePort();
    const token = randomBytes(16).toString('hex');
    const log = openSync(join(folder, 'jupyter.log'), 'a');
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      JUPYTER_DATA_DIR: data,
      JUPYTER_CONFIG_DIR: config,
      JUPYTER_RUNTIME_DIR: runtime,
      JUPYTER_TOKEN: token,
      // what other programs of this user have in it is none of the tests'
      APPTAINER_CACHEDIR: join(folder, 'cache'),
      TMPDIR: tmp
    };
    delete env.JUPYTER_PATH;
    if (process.env.CK_UI_JUPYTER_PATH) {
      env.JUPYTER_PATH = process.env.CK_UI_JUPYTER_PATH;
    }
    delete env.JUPYTER_CONFIG_PATH;
    const child = spawn(
      'jupyter',
      [
        options.program ?? 'lab',
        '--no-browser',
        '--ip=127.0.0.1',
        `--port=${port}`,
        '--ServerApp.port_retries=0',
        `--ServerApp.root_dir=${root}`,
        ...(process.getuid?.() === 0 ? ['--allow-root'] : []),
        ...(options.args ?? [])
      ],
      // A group of its own, which is ended as a whole.
      { detached: true, env, stdio: ['ignore', log, log] }
    );
    closeSync(log);
    const jupyter = new Jupyter(
      `http://127.0.0.1:${port}/`,
      token,
      data,
      root,
      child,
      join(folder, 'jupyter.log')
    );
    try {
      await jupyter._wait();
    } catch (error) {
      await jupyter.stop();
      throw error;
    }
    return jupyter;
  }

  private constructor(
    /** Where it is, with a slash at the end. */
    readonly url: string,
    readonly token: string,
    /** Its data directory. */
    readonly data: string,
    /** What the file browser shows; empty for a server of somebody else. */
    readonly root: string,
    private _child: ChildProcess | null,
    private _log = ''
  ) {}

  /** The folder that kernels are published into. */
  get kernels(): string {
    return join(this.data, 'kernels');
  }

  /** Where kernels have packages of their own. */
  get packages(): string {
    return join(this.data, 'container-kernels/packages');
  }

  /** What it wrote. */
  get output(): string {
    return this._log ? readFileSync(this._log, 'utf8') : '';
  }

  /** Asks a route and returns what it answers. */
  async ask<T>(verb: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(this.url + path, {
      method: verb,
      headers: {
        authorization: `token ${this.token}`,
        'content-type': 'application/json'
      },
      body: verb === 'GET' ? undefined : JSON.stringify(body ?? {})
    });
    const text = await answer.text();
    if (!answer.ok) {
      throw new Error(`${verb} ${path}: ${answer.status} ${text}`);
    }
    return (text ? JSON.parse(text) : undefined) as T;
  }

  /** The tasks. */
  async tasks(): Promise<ITask[]> {
    const { tasks } = await this.ask<{ tasks: ITask[] }>(
      'GET',
      'container-kernels/tasks'
    );
    return tasks;
  }

  /** The names of the container kernels. */
  async slugs(): Promise<string[]> {
    const { kernels } = await this.ask<{ kernels: { slug: string }[] }>(
      'GET',
      'container-kernels/kernels'
    );
    return kernels.map(kernel => kernel.slug);
  }

  /** Starts a task. */
  add(request: IAddRequest): Promise<ITask> {
    return this.ask<ITask>('POST', 'container-kernels/kernels', request);
  }

  /** Waits until a task has ended, and returns it. */
  async ended(id: string, patience = 90_000): Promise<ITask> {
    const deadline = Date.now() + patience;
    for (;;) {
      const task = await this.ask<ITask>(
        'GET',
        `container-kernels/tasks/${id}`
      );
      if (task.ended !== null) {
        return task;
      }
      if (Date.now() > deadline) {
        throw new Error(`The task still runs: ${JSON.stringify(task)}`);
      }
      await pause(50);
    }
  }

  /** Adds a kernel without a browser, and dismisses the task. */
  async addKernel(request: IAddRequest): Promise<string> {
    const task = await this.ended((await this.add(request)).id);
    if (task.state !== 'done') {
      throw new Error(`No kernel: ${JSON.stringify(task.error)}`);
    }
    await this.ask('DELETE', `container-kernels/tasks/${task.id}`);
    return task.slug;
  }

  /**
   * Writes more kernels beside one that was published, as files: what matters
   * is how many there are. They share its image.
   *
   * @returns Their display names.
   */
  copies(slug: string, count: number): string[] {
    const names: string[] = [];
    const folder = join(this.kernels, slug);
    const spec = JSON.parse(readFileSync(join(folder, 'kernel.json'), 'utf8'));
    const record = spec.metadata.container_kernels;
    const parts = ['PyTorch', 'TensorFlow', 'Bioconductor', 'Geo', 'Julia'];
    for (let n = 1; n <= count; n++) {
      const name = `${parts[n % parts.length]} ${String(n).padStart(3, '0')}`;
      const copy = `copy-${n}`;
      const target = join(this.kernels, copy);
      cpSync(folder, target, { recursive: true });
      const text = JSON.stringify({
        ...spec,
        display_name: name,
        metadata: {
          ...spec.metadata,
          container_kernels: {
            ...record,
            ...belongings(record, copy),
            created: new Date(Date.now() - n * 3_600_000).toISOString()
          }
        }
      });
      writeFileSync(join(target, 'kernel.json'), text, { mode: 0o600 });
      names.push(name);
    }
    return names;
  }

  /**
   * Writes kernels beside one that was published, as files, that look like
   * those of a user: each with an image of a size that takes no room.
   */
  invent(slug: string, kernels: IInvented[]): void {
    const folder = join(this.kernels, slug);
    const spec = JSON.parse(readFileSync(join(folder, 'kernel.json'), 'utf8'));
    const record = spec.metadata.container_kernels;
    for (const kernel of kernels) {
      const name = kernel.name.toLowerCase().replace(/[^a-z0-9.]+/g, '-');
      const target = join(this.kernels, name);
      const digest = createHash('sha256').update(kernel.image).digest('hex');
      const image = join(
        this.data,
        'container-kernels',
        'images',
        `sha256-${digest}.sif`
      );
      cpSync(folder, target, { recursive: true });
      if (!kernel.isMissing) {
        mkdirSync(join(image, '..'), { recursive: true, mode: 0o700 });
        // the head of a real image, which says who it is and how long at least
        const head = Buffer.alloc(4096);
        const original = openSync(record.image.path, 'r');
        readSync(original, head, 0, head.length, 0);
        closeSync(original);
        writeFileSync(image, head, { mode: 0o600 });
        truncateSync(image, kernel.bytes);
        // whole seconds, which a number of JavaScript holds exactly
        utimesSync(image, INVENTED_S, INVENTED_S);
        writeFileSync(
          image.replace(/\.sif$/, '.json'),
          JSON.stringify({
            reference: kernel.image,
            digest: `sha256:${digest}`
          }),
          { mode: 0o600 }
        );
      }
      const text = JSON.stringify({
        ...spec,
        display_name: kernel.name,
        metadata: {
          ...spec.metadata,
          container_kernels: {
            ...record,
            image: {
              ...record.image,
              reference: kernel.image,
              source: `docker://docker.io/${kernel.image}`,
              digest: `sha256:${digest}`,
              path: kernel.isMissing
                ? join(this.data, 'scratch/mst3k/tf-2.15.sif')
                : image,
              size_bytes: kernel.bytes,
              mtime_ns: INVENTED_S * 1e9,
              stored: !kernel.isMissing
            },
            gpu: kernel.gpu,
            language_version: kernel.version,
            ...belongings(record, name),
            created: new Date(Date.now() - kernel.ageHours * 3_600_000)
          }
        }
      });
      writeFileSync(join(target, 'kernel.json'), text, { mode: 0o600 });
    }
  }

  /**
   * Puts everything back as a user finds it who has nothing. A pulled image
   * stays when its task fails later, for the next try.
   */
  async empty(): Promise<void> {
    for (const { id } of await this.tasks()) {
      await this._endTask(id);
    }
    const { kernels } = await this.ask<{
      kernels: { slug: string; resource_dir: string; read_only: boolean }[];
    }>('GET', 'container-kernels/kernels');
    for (const { slug, resource_dir, read_only } of kernels) {
      if (!read_only) {
        await this.ask('DELETE', `container-kernels/kernels/${slug}`, {
          shut_down: true,
          purge: true,
          resource_dir
        });
      }
    }
    const { items } = await this.ask<{ items: { id: string; kind: string }[] }>(
      'GET',
      'container-kernels/space'
    );
    for (const { id, kind } of items) {
      if (kind === 'trash') {
        await this.ask('DELETE', `container-kernels/space/${id}`);
      }
    }
    for (const { id } of await this.ask<{ id: string }[]>(
      'GET',
      'api/sessions'
    )) {
      await this.ask('DELETE', `api/sessions/${id}`);
    }
    rmSync(join(this.data, 'container-kernels', 'images'), {
      recursive: true,
      force: true
    });
    // An image that one test left would be found by the next.
    for (const name of this.root ? readdirSync(this.root) : []) {
      rmSync(join(this.root, name), { recursive: true, force: true });
    }
  }

  /** JupyterLab's setting of a plugin, as a user would write it. */
  async setting(plugin: string, raw: unknown): Promise<void> {
    await this.ask('PUT', `lab/api/settings/${plugin}`, {
      raw: JSON.stringify(raw)
    });
  }

  /**
   * Files that a kernel or a task left. Records of tasks stay until somebody
   * dismisses them, and empty folders do not matter. What the runtime was seen
   * to read is kept for good: it is of this machine, not of a kernel.
   */
  leftovers(): string[] {
    const found: string[] = [];
    let entries;
    try {
      entries = readdirSync(this.data, {
        recursive: true,
        withFileTypes: true
      });
    } catch (error) {
      return [`in change: ${error}`]; // what is deleted goes while we look
    }
    for (const entry of entries) {
      const path = join(entry.parentPath, entry.name).slice(
        this.data.length + 1
      );
      const isOurs =
        path.startsWith('kernels/') || path.startsWith('container-kernels/');
      const isKnowledge = path === 'container-kernels/zstd.json';
      if (isOurs && !isKnowledge && !entry.isDirectory()) {
        found.push(path);
      }
    }
    return found;
  }

  /** Watches when kernels are published and unpublished. */
  watch(): Publications {
    mkdirSync(this.kernels, { recursive: true, mode: 0o700 });
    return new Publications(this.kernels);
  }

  /** Ends the server and all that it started. */
  async stop(): Promise<void> {
    const child = this._child;
    if (!child?.pid) {
      return;
    }
    const exited = new Promise<void>(resolve => {
      if (child.exitCode !== null || child.signalCode !== null) {
        resolve();
      } else {
        child.once('exit', () => resolve());
      }
    });
    child.kill('SIGTERM');
    await Promise.race([exited, pause(15_000)]);
    try {
      process.kill(-child.pid, 'SIGKILL'); // the whole group, by its id
    } catch {
      // nothing is left of it
    }
    await exited;
  }

  private async _endTask(id: string): Promise<void> {
    const task = await this.ask<ITask>('GET', `container-kernels/tasks/${id}`);
    if (task.ended === null) {
      await this.ask('DELETE', `container-kernels/tasks/${id}`);
      await this.ended(id);
    }
    await this.ask('DELETE', `container-kernels/tasks/${id}`);
  }

  private async _wait(): Promise<void> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      try {
        await this.ask('GET', 'api/status');
        return;
      } catch (error) {
        const isGone = this._child?.exitCode !== null;
        if (isGone || Date.now() > deadline) {
          throw new Error(`Jupyter did not start: ${this.output}`, {
            cause: error
          });
        }
        await pause(100);
      }
    }
  }
}

/** When kernels appeared in the file system, and when they went. */
export class Publications {
  /** @param folder - Where kernels are published. */
  constructor(private _folder: string) {
    this._watcher = watch(_folder, (_, name) => {
      if (name !== null) {
        const event = existsSync(join(_folder, name)) ? 'came' : 'went';
        this._times.set(`${event} ${name}`, Date.now());
      }
    });
  }

  /** When it came or went, in milliseconds since the epoch. */
  time(event: 'came' | 'went', slug: string): number {
    const time = this._times.get(`${event} ${slug}`);
    if (time === undefined) {
      throw new Error(`${slug} never ${event} in ${this._folder}`);
    }
    return time;
  }

  close(): void {
    this._watcher.close();
  }

  private _watcher: FSWatcher;
  private _times = new Map<string, number>();
}

/** The folder of this run. */
export function runFolder(): string {
  const folder = process.env.CK_UI_FOLDER;
  if (!folder) {
    throw new Error('CK_UI_FOLDER is not set: the global setup makes it');
  }
  return folder;
}

/** The registry on this machine, as `127.0.0.1:5000`. */
export function registry(): string {
  return process.env.CK_TEST_REGISTRY as string;
}

/**
 * A file with Debian's Python and ipykernel: from it a kernel is added in
 * seconds. Pulled once for an image, and kept with what else the test-bed has.
 */
export async function imageFile(): Promise<string> {
  const name = 'demo/python-ipykernel';
  const manifest = await fetch(`http://${registry()}/v2/${name}/manifests/1`, {
    method: 'HEAD',
    headers: { accept: 'application/vnd.oci.image.manifest.v1+json' }
  });
  const digest = manifest.headers.get('docker-content-digest') ?? '';
  if (!manifest.ok || !digest) {
    throw new Error(`The registry has no ${name}:1: ${manifest.status}`);
  }
  const cache = process.env.CONTAINER_KERNELS_CACHE;
  const folder = join(cache || join(__dirname, '..', '.cache'), 'ui-tests');
  const file = join(folder, `${digest.replace(':', '-')}.sif`);
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true });
    const partial = join(runFolder(), 'pulled.sif');
    await promisify(execFile)(
      'apptainer',
      [
        ...['build', '--disable-cache'],
        // a quarter of the time
        ...['--mksquashfs-args', '-comp gzip -Xcompression-level 1'],
        ...[partial, `docker://${registry()}/${name}:1`]
      ],
      {
        env: {
          ...process.env,
          APPTAINER_NOHTTPS: '1',
          APPTAINER_TMPDIR: runFolder()
        }
      }
    );
    copyFileSync(partial, `${file}.part`);
    renameSync(`${file}.part`, file);
    rmSync(partial);
  }
  return file;
}

/** A port of this machine that nobody listens on. */
export function freePort(): Promise<number> {
  // Below those that Linux hands out by itself, and beside those of the tests
  // in Python: nobody gets it by chance before it is used.
  const port = 30000 + Math.floor(Math.random() * 2700);
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') {
        resolve(freePort());
      } else {
        reject(error);
      }
    });
    server.listen(port, '127.0.0.1', () => {
      server.close(() => resolve(port));
    });
  });
}

function pause(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds));
}

/** Makes the folder that a copied kernel has for itself. */
function belongings(record: IRecord, name: string) {
  const path = join(record.packages.path, '..', name);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  for (const each of ['.container-kernels', 'interpreter.json']) {
    if (existsSync(join(record.packages.path, each))) {
      cpSync(join(record.packages.path, each), join(path, each));
    }
  }
  return {
    packages: { ...record.packages, path },
    log: join(record.log, '..', '..', name, 'last-start')
  };
}
