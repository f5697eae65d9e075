import type { Page } from '@playwright/test';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, connect, Server, Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { freePort, ITask, registry, runFolder } from './jupyter';

const ROOT = join(__dirname, '..');
const CACHE = process.env.CONTAINER_KERNELS_CACHE || join(ROOT, '.cache');
const SLURM = join(CACHE, 'slurm');

/** The Slurm and the portal of these tests, beside those of other tests. */
const NAME = 'ui';

const execute = promisify(execFile);

/** Runs one of the scripts of the test-bed. */
async function script(name: string, ...args: string[]): Promise<void> {
  await execute(join(ROOT, 'scripts', name), args, { timeout: 120_000 });
}

/** Starts the portal; somebody else may take a free port before it does. */
async function startPortal(tries = 3): Promise<number> {
  const port = await freePort();
  try {
    await script('ondemand.sh', 'up', String(port), NAME);
    return port;
  } catch (error) {
    if (tries === 1) {
      throw error;
    }
    return startPortal(tries - 1);
  }
}

/**
 * A JupyterLab as users have it on a cluster: in a job of a real Slurm, in an
 * environment that has Apptainer as a module only, behind OnDemand's proxy.
 */
export class ClusterSession {
  /** Starts Slurm, the portal and the job, and waits until it listens. */
  static async start(): Promise<ClusterSession> {
    await script('slurm.sh', 'up', NAME);
    const portal = await startPortal();
    const folder = mkdtempSync(join(runFolder(), 'session-'));
    const home = join(folder, 'home');
    const labconfig = join(home, '.jupyter', 'labconfig');
    mkdirSync(labconfig, { recursive: true });
    // Without this the first page asks whether it may fetch Jupyter's news.
    writeFileSync(
      join(labconfig, 'page_config.json'),
      JSON.stringify({
        disabledExtensions: {
          '@jupyterlab/apputils-extension:announcements': true
        }
      })
    );
    const conf = join(SLURM, `run-${NAME}`, 'slurm.conf');
    const path = `${SLURM}/usr/bin:/usr/bin:/bin`;
    await execute(
      'sbatch',
      [
        ...['--time=10', '--mem=1G', '--cpus-per-task=2'],
        `--output=${folder}/job.log`,
        join(ROOT, 'scripts/ondemand-session.sh'),
        folder,
        `SLURM_CONF=${conf}`,
        `PATH=${path}`,
        `LMOD_CMD=${CACHE}/modules/lmod`,
        `MODULEPATH=${modulefiles(folder)}`
      ],
      {
        env: {
          ...process.env,
          HOME: home,
          PATH: path,
          SLURM_CONF: conf,
          CONTAINER_KERNELS_PYTHON: join(CACHE, 'venv/bin/python')
        }
      }
    );
    const told = join(folder, 'connection.json');
    for (let left = 600; !existsSync(told); left--) {
      if (left === 0) {
        throw new Error(`No session: ${said(folder)}`);
      }
      await pause(100);
    }
    const { port, password } = JSON.parse(readFileSync(told, 'utf8'));
    const session = new ClusterSession(folder, portal, port, password);
    for (let left = 300; (await session._status()) !== 200; left--) {
      if (left === 0) {
        throw new Error(`The session does not listen: ${said(folder)}`);
      }
      await pause(200);
    }
    return session;
  }

  /** Ends all that the tests have started, whatever was. */
  static async stop(): Promise<void> {
    const ends = await Promise.allSettled([
      script('slurm.sh', 'down', NAME),
      script('ondemand.sh', 'down', NAME)
    ]);
    for (const end of ends) {
      if (end.status === 'rejected') {
        throw end.reason;
      }
    }
  }

  private constructor(
    private _folder: string,
    private _portal: number,
    port: number,
    private _password: string
  ) {
    this.url = `http://127.0.0.1:${_portal}/node/127.0.0.1/${port}/`;
  }

  /** Where the browser finds it, with a slash at the end. */
  readonly url: string;

  /** It wants its password, not a token. */
  readonly token = '';

  /** What it wrote. */
  get output(): string {
    return said(this._folder);
  }

  /** Logs in, as the portal's button does. */
  async logIn(page: Page): Promise<void> {
    await page.goto(`${this.url}login`);
    await page.getByLabel(/Password/).fill(this._password);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.waitForURL(/\/(lab|tree)/);
  }

  /** Asks the extension in the page's name. */
  async ask<T>(page: Page, verb: string, path: string): Promise<T> {
    const answer = await page.request.fetch(
      `${this.url}container-kernels/${path}`,
      {
        method: verb,
        headers: { 'content-type': 'application/json' },
        data: verb === 'GET' ? undefined : '{}'
      }
    );
    if (!answer.ok()) {
      throw new Error(`${verb} ${path}: ${answer.status()}`);
    }
    return (await answer.json()) as T;
  }

  /** The tasks. */
  async tasks(page: Page): Promise<ITask[]> {
    return (await this.ask<{ tasks: ITask[] }>(page, 'GET', 'tasks')).tasks;
  }

  /** Makes the portal answer a page of its own, whatever is asked. */
  says(answer: '502' | 'login' | 'nothing'): Promise<void> {
    return script('ondemand.sh', 'says', answer, NAME);
  }

  /** Ends the portal and starts it again. */
  async restartPortal(whileDown: () => Promise<void>): Promise<void> {
    await script('ondemand.sh', 'down', NAME);
    await whileDown();
    await script('ondemand.sh', 'up', String(this._portal), NAME);
  }

  private async _status(): Promise<number> {
    try {
      return (await fetch(`${this.url}login`)).status;
    } catch {
      return 0;
    }
  }
}

/** Why there can be no session here, or `null`. */
export function obstacle(): string | null {
  for (const part of ['slurm', 'ondemand', 'modules']) {
    if (!existsSync(join(CACHE, part))) {
      return `the test-bed has no ${part}: make testbed`;
    }
  }
  return null;
}

/** A registry that is as slow as is wished, in front of the real one. */
export class SlowRegistry {
  static async start(bytesPerSecond: number): Promise<SlowRegistry> {
    const slow = new SlowRegistry(bytesPerSecond);
    const port = await freePort();
    await new Promise<void>(resolve => {
      slow._server.listen(port, '127.0.0.1', resolve);
    });
    slow.address = `127.0.0.1:${port}`;
    return slow;
  }

  private constructor(
    /** How much all downloads together get. */
    public bytesPerSecond: number
  ) {
    const [host, port] = registry().split(':');
    this._server = createServer(client => {
      const real = connect(Number(port), host);
      this._sockets.push(client, real);
      client.on('error', () => real.destroy());
      real.on('error', () => client.destroy());
      client.pipe(real);
      real.on('end', () => client.end());
      real.on('data', data => {
        client.write(data);
        const now = Date.now();
        this._free = Math.max(this._free, now);
        this._free += (data.length / this.bytesPerSecond) * 1000;
        if (this._free - now > 5) {
          real.pause();
          setTimeout(() => real.resume(), this._free - now);
        }
      });
    });
  }

  /** Its host and port. */
  address = '';

  stop(): void {
    this._server.close();
    this._sockets.forEach(each => each.destroy());
  }

  private _server: Server;
  private _sockets: Socket[] = [];
  /** When the line is free again. */
  private _free = 0;
}

/** A module for the real Apptainer, which is on nobody's PATH. */
function modulefiles(folder: string): string {
  const program = (process.env.PATH ?? '')
    .split(':')
    .find(each => existsSync(join(each, 'apptainer')));
  const lines = ['#%Module', `prepend-path PATH ${program}`];
  if (process.env.APPTAINER_USERNS) {
    // root in a container needs it; only the module tells
    lines.push('setenv APPTAINER_USERNS 1');
  }
  const modules = join(folder, 'modulefiles');
  mkdirSync(join(modules, 'apptainer'), { recursive: true });
  writeFileSync(join(modules, 'apptainer', '1.4.5'), `${lines.join('\n')}\n`);
  return modules;
}

function said(folder: string): string {
  return ['job.log', 'output.log']
    .map(name => join(folder, name))
    .filter(existsSync)
    .map(path => readFileSync(path, 'utf8'))
    .join('\n');
}

function pause(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds));
}
