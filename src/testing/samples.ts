import type {
  IDiagnosis,
  IInfo,
  IKernel,
  IKernelDetails,
  IKernelLog,
  ILastStart,
  IPhase,
  IRemoval,
  IResolution,
  ISite,
  ISiteImage,
  ISpace,
  ISpaceItem,
  ITask
} from '../api/types';
import type { ITroubledStart } from '../tokens';

const PHASES: IPhase['name'][] = [
  'resolve',
  'acquire',
  'inspect',
  'install',
  'verify',
  'publish'
];

/** An image of 3.3 GB for which there is room, unless told otherwise. */
export function aResolution(change: Partial<IResolution> = {}): IResolution {
  return {
    reference: 'docker://docker.io/library/debian:12',
    digest: null,
    architecture: 'amd64',
    title: null,
    description: null,
    layers: 6,
    download_bytes: 3_300_000_000,
    stored: false,
    unpacked: false,
    verdict: 'fits',
    place: {
      path: '/scratch/mst3k',
      needed_bytes: 7_600_000_000,
      free_bytes: 412_000_000_000
    },
    elsewhere: null,
    user: null,
    caution: null,
    ...change
  };
}

/** A task that runs in its second phase, unless told otherwise. */
export function aTask(change: Partial<ITask> = {}): ITask {
  return {
    id: '0123456789abcdef0123456789abcdef',
    seq: 1,
    state: 'running',
    display_name: 'Debian 12',
    slug: 'debian-12',
    request: {
      image: 'debian:12',
      display_name: 'Debian 12',
      slug: null,
      gpu: 'auto',
      binds: [],
      interpreter: null,
      environment: {},
      isolated: true
    },
    job: change.repair ? 'repair' : change.edit ? 'edit' : 'add',
    repair: null,
    edit: null,
    phases: PHASES.map((name, index) => ({
      name,
      state: index < 1 ? 'done' : index === 1 ? 'running' : 'waiting',
      duration_s: index < 1 ? 0.4 : null
    })),
    phase: 'acquire',
    message: 'Pulling debian:12',
    progress: null,
    error: null,
    created: '2026-03-01T12:00:00Z',
    ended: null,
    log_bytes: 0,
    original: null,
    ...change
  };
}

/** A kernel that is fine, unless told otherwise. */
export function aKernel(change: Partial<IKernel> = {}): IKernel {
  return {
    id: change.slug ?? 'debian-12',
    slug: 'debian-12',
    display_name: 'Debian 12',
    language: 'python',
    language_version: '3.11.2',
    maker: 'Container Kernels',
    ours: true,
    read_only: false,
    owner: null,
    withdrawable: false,
    status: { code: 'ok', level: 'ok', message: '', hint: '', remedies: [] },
    notes: [],
    image: {
      reference: 'debian:12',
      source: 'docker://docker.io/library/debian:12',
      digest: `sha256:4e1c0de${'0'.repeat(57)}`,
      path: '/home/u/.local/share/jupyter/container-kernels/images/4e1c.sif',
      size_bytes: 8_100_000_000,
      stored: true,
      unpacked: false,
      used_by: 1
    },
    runtime: {
      name: 'apptainer',
      path: '/usr/bin/apptainer',
      version: '1.4.5'
    },
    interpreter: '/usr/bin/python3',
    gpu: 'auto',
    gpu_name: null,
    packages: {
      path: '/home/u/.local/share/jupyter/container-kernels/packages/debian-12',
      size_bytes: 25_000_000,
      installed: ['ipykernel==7.1.0'],
      added: [],
      shared_by: 1
    },
    binds: [],
    environment: {},
    isolated: true,
    start_s: 1.2,
    created: '2026-03-01T10:00:00Z',
    last_used: null,
    resource_dir: '/home/u/.local/share/jupyter/kernels/debian-12',
    running: 0,
    ...change
  };
}

/** Why a start has failed: its image is gone, unless told otherwise. */
export function aDiagnosis(change: Partial<IDiagnosis> = {}): IDiagnosis {
  return {
    cause: 'image_missing',
    message: 'The image /scratch/x.sif is not there on node1.',
    hint: 'Put it back, choose its new place, or pull it again.',
    remedies: ['relink', 'pull'],
    lines: ['container-kernels: The image /scratch/x.sif is not there.'],
    ...change
  };
}

/** The log of a start that has failed within a second. */
export function aFailedLog(
  change: Partial<ILastStart> = {},
  ended = '2026-03-01T12:00:01+0000'
): IKernelLog {
  const started = change.started ?? '2026-03-01T12:00:00+0000';
  const text = [
    `# started: ${started}`,
    '# node: node1',
    '# jupyter: 77',
    '# runtime: /usr/bin/apptainer',
    '# image: /scratch/x.sif',
    'container-kernels: The image /scratch/x.sif is not there.',
    `# ended: ${ended} failed 69`,
    ''
  ].join('\n');
  return {
    text,
    offset: 0,
    next_offset: text.length,
    size_bytes: text.length,
    path: '/home/u/.local/share/jupyter/container-kernels/logs/x/last-start',
    start: {
      state: 'failed',
      started,
      node: 'node1',
      exit_code: 69,
      diagnosis: aDiagnosis(),
      ...change
    }
  };
}

/** The log of a start that goes on. */
export function aRunningLog(started = '2026-03-01T12:00:00+0000'): IKernelLog {
  const log = aFailedLog({ started });
  return {
    ...log,
    text: log.text.replace(/# ended.*\n/, ''),
    start: { ...log.start, state: 'running', exit_code: null, diagnosis: null }
  };
}

/** A start that has failed, unless told otherwise. */
export function aTroubledStart(
  change: Partial<ITroubledStart> = {}
): ITroubledStart {
  return {
    slug: 'debian-12',
    displayName: 'Debian 12',
    kind: 'failed',
    log: aFailedLog(),
    ...change
  };
}

/** What deleting `aKernel()` would remove: everything. */
export function someDetails(
  change: Partial<IKernelDetails> = {}
): IKernelDetails {
  return {
    kernel: aKernel(),
    removal: [
      {
        what: 'kernelspec',
        path: '/home/u/.local/share/jupyter/kernels/debian-12',
        size_bytes: 4_000,
        goes: true,
        reason: '',
        used_by: []
      },
      {
        what: 'packages',
        path: '/home/u/.local/share/jupyter/container-kernels/packages/debian-12',
        size_bytes: 25_000_000,
        goes: true,
        reason: '',
        used_by: []
      },
      {
        what: 'image',
        path: '/home/u/.local/share/jupyter/container-kernels/images/4e1c.sif',
        size_bytes: 8_100_000_000,
        goes: true,
        reason: '',
        used_by: []
      }
    ],
    frees_bytes: 8_125_004_000,
    running: [],
    argv: ['/bin/bash', '{resource_dir}/init.sh', '{connection_file}'],
    files: [
      {
        path: '/home/u/.local/share/jupyter/kernels/debian-12/kernel.json',
        size_bytes: 1_900
      }
    ],
    command:
      "jupyter container-kernels add docker.io/library/debian:12 --name 'Debian 12'",
    ...change
  };
}

/** A site without a policy, unless told otherwise. */
export function aSite(change: Partial<ISite> = {}): ISite {
  return {
    catalogue: [],
    support: null,
    registries: null,
    files: null,
    digest_required: false,
    binds: [],
    ...change
  };
}

/** PyTorch for GPUs, unless told otherwise. */
export function aSiteImage(change: Partial<ISiteImage> = {}): ISiteImage {
  return {
    title: 'PyTorch 2.9.1',
    image: 'docker://pytorch/pytorch:2.9.1-cuda12.6-cudnn9-runtime',
    description: 'PyTorch with CUDA 12.6, tested by your site',
    gpu: 'on',
    language: 'Python',
    icon: null,
    ...change
  };
}

/** A server with Apptainer and one GPU, unless told otherwise. */
export function someInfo(change: Partial<IInfo> = {}): IInfo {
  return {
    version: '0.1.0',
    hostname: 'node1',
    architecture: 'amd64',
    root_dir: '/home/u',
    runtimes: [
      {
        name: 'apptainer',
        title: 'Apptainer',
        path: '/usr/bin/apptainer',
        version: '1.4.5',
        available: true,
        searching: false,
        reason: null
      }
    ],
    languages: ['python'],
    gpu: { vendor: 'nvidia', names: ['NVIDIA A100-SXM4-40GB'] },
    disks: [],
    job: null,
    limits: {
      display_name_length: 100,
      slug_pattern: '^[a-z0-9][a-z0-9._-]{0,79}$',
      start_timeout_s: 60,
      trash_days: 7
    },
    site: aSite(),
    pull: { policy: 'auto', ways: ['here'] },
    ...change
  };
}

/** What was deleted: all of `aKernel()`, unless told otherwise. */
export function aRemoval(change: Partial<IRemoval> = {}): IRemoval {
  return {
    slug: 'debian-12',
    removal: someDetails().removal,
    freed_bytes: 8_125_004_000,
    undo: null,
    ...change
  };
}

/** An image that nobody uses, unless told otherwise. */
export function aSpaceItem(change: Partial<ISpaceItem> = {}): ISpaceItem {
  return {
    id: 'aaaaaaaaaaaaaaaa',
    kind: 'image',
    title: 'docker.io/library/debian:12',
    path: '/home/u/.local/share/jupyter/container-kernels/images/4e1c.sif',
    detail: `sha256:4e1c0de${'0'.repeat(57)}`,
    size_bytes: 3_300_000_000,
    used_by: [],
    created: '2026-03-01T10:00:00Z',
    last_used: null,
    removable: true,
    restorable: false,
    ...change
  };
}

/** One item of each kind and one disk, unless told otherwise. */
export function someSpace(change: Partial<ISpace> = {}): ISpace {
  const base = '/home/u/.local/share/jupyter/container-kernels';
  return {
    items: [
      aSpaceItem({
        id: '1111111111111111',
        used_by: ['Debian 12', 'Debian 12 (GPU)'],
        last_used: '2026-03-01T11:00:00Z',
        removable: false
      }),
      aSpaceItem({ id: '2222222222222222', title: 'docker.io/library/r:4' }),
      aSpaceItem({
        id: '3333333333333333',
        kind: 'packages',
        title: 'ipykernel 7.1.0, for Python 3.11',
        path: `${base}/sets/3333`,
        detail: '',
        size_bytes: 25_000_000,
        used_by: ['Debian 12'],
        removable: false
      }),
      aSpaceItem({
        id: '4444444444444444',
        kind: 'trash',
        title: 'Old PyTorch',
        path: `${base}/trash/4444`,
        detail: '',
        size_bytes: 7_600_000_000,
        restorable: true
      }),
      aSpaceItem({
        id: '5555555555555555',
        kind: 'leftover',
        title: 'A download that did not end',
        path: `${base}/staging/5555`,
        detail: 'No task uses it.',
        size_bytes: 400_000_000
      }),
      aSpaceItem({
        id: '6666666666666666',
        kind: 'runtime_cache',
        title: 'Cache of Apptainer',
        path: '/home/u/.apptainer/cache',
        detail: 'Apptainer downloads again what it needs.',
        size_bytes: null
      })
    ],
    disks: [
      {
        purpose: 'images',
        path: `${base}/images`,
        free_bytes: 9_000_000_000,
        total_bytes: 50_000_000_000,
        quota: null
      }
    ],
    ...change
  };
}
