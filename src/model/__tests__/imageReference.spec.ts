import { readFileSync } from 'fs';
import { join } from 'path';

import { nullTranslator } from '@jupyterlab/translation';

import {
  IImageReference,
  readReference,
  referencePieces,
  shortReference,
  unwrap
} from '../imageReference';

const trans = nullTranslator.load('');

/** The cases that the server part is held to as well. */
const shared = JSON.parse(
  readFileSync(join(process.cwd(), 'tests', 'references.json'), 'utf-8')
) as { reads: Record<string, string>; refused: string[] };

function read(text: string): IImageReference {
  const result = readReference(text, trans);
  if ('problem' in result) {
    throw new Error(result.problem);
  }
  return result.image;
}

/** Writes a reference as the cases do. */
function full(image: IImageReference): string {
  if (image.transport === 'file') {
    return image.repository.replace(/^~\//, '/home/u/');
  }
  const name = [image.registry, image.repository].filter(Boolean).join('/');
  const suffix = image.digest ? `@${image.digest}` : `:${image.tag}`;
  return `${image.transport}://${name}${suffix}`;
}

function problem(text: string): string {
  const result = readReference(text, trans);
  return 'problem' in result ? `${result.problem} ${result.hint}` : '';
}

describe('an image reference', () => {
  it.each(Object.entries(shared.reads))('%j is read as %s', (typed, meant) => {
    expect(full(read(typed))).toBe(meant);
  });

  it.each(shared.refused)('%j is refused, with a reason and a hint', typed => {
    const result = readReference(typed, trans);
    expect(result).toEqual({
      problem: expect.stringMatching(/\.$/),
      hint: expect.stringMatching(/[.?]$/)
    });
  });

  it.each([
    // What is wrong, and a word of what is said about it.
    ['Debian', 'Perhaps debian?'],
    ['Debian:12-Slim', 'Perhaps debian:12-Slim?'],
    ['docker://Pytorch/PyTorch:2.9', 'Perhaps docker://pytorch/pytorch:2.9?'],
    ['docker pull GHCR.io/A/b:1 && ls', 'Perhaps ghcr.io/a/b:1?'],
    [`A@sha256:${'0'.repeat(64)}`, `Perhaps a@sha256:${'0'.repeat(64)}?`],
    ['A:1@sha256:' + '0'.repeat(64), `Perhaps a:1@sha256:${'0'.repeat(64)}?`],
    ['$SCRATCH/x.sif', 'in full'],
    ['shub://vsoch/hello-world', 'shub://'],
    ['https://example.org/x.sif', 'https://'],
    ['debian 12', 'blanks'],
    ['debian:', 'tag'],
    ['docker://', 'missing'],
    ['debian@sha256:12', 'digest'],
    ['-bad.example:99/x', 'registry'],
    ['a'.repeat(3000), 'too long'],
    ['/a\u0000b.sif', 'line break']
  ])('of %j it is said what is wrong', (typed, word) => {
    expect(problem(typed)).toContain(word);
  });

  it.each([
    // A pasted line, and what stands in the field then.
    ['docker pull debian:12', 'debian:12'],
    ['$ sudo docker pull debian:12', 'debian:12'],
    ['docker image pull -q debian', 'debian'],
    ['/usr/bin/docker pull debian', 'debian'],
    ['docker pull --platform linux/amd64 a/b:1', 'a/b:1'],
    ['docker pull --platform=linux/amd64 a/b:1', 'a/b:1'],
    ['docker pull debian:12 && docker images', 'debian:12'],
    ['docker pull debian:12; ls', 'debian:12'],
    ['docker run -it --rm debian:12 bash', 'debian:12'],
    ['docker run --rm -v "/my data:/data" -e A=1 a/b sh -c "x; y"', 'a/b'],
    ['docker run \\\n  --gpus all \\\n  -p 8888:8888 \\\n  a/b:1', 'a/b:1'],
    ['docker run --name=x --shm-size 1g a/b', 'a/b'],
    ['docker container run a/b', 'a/b'],
    ['podman run --rm quay.io/a/b:1 true', 'quay.io/a/b:1'],
    ['podman-hpc pull a/b:1', 'a/b:1'],
    ['apptainer pull docker://debian:12', 'docker://debian:12'],
    ['apptainer pull x.sif docker://debian:12', 'docker://debian:12'],
    ['apptainer pull --force x.sif docker://a/b', 'docker://a/b'],
    ['apptainer pull --name x.sif docker://a/b', 'docker://a/b'],
    ['apptainer --quiet pull docker://a/b', 'docker://a/b'],
    ['singularity pull --arch amd64 library://a/b/c:1', 'library://a/b/c:1'],
    ['singularity build x.sif oras://h/a:1', 'oras://h/a:1'],
    ['apptainer exec --nv /scratch/x.sif python', '/scratch/x.sif'],
    ['apptainer run --bind /a:/b ~/x.sif', '~/x.sif'],
    [
      'module load apptainer && apptainer pull docker://debian',
      'docker://debian'
    ],
    ['FROM python:3.12-slim AS build', 'python:3.12-slim'],
    ['https://hub.docker.com/_/python', 'docker://python'],
    [
      'https://hub.docker.com/r/pytorch/pytorch/tags?page=1',
      'docker://pytorch/pytorch'
    ],
    [
      'https://quay.io/repository/jupyter/scipy-notebook?tab=tags',
      'docker://quay.io/jupyter/scipy-notebook'
    ],
    // What is no such line stays as it is.
    ['  debian:12\n', 'debian:12'],
    ['docker pull', 'docker pull'],
    ['docker ps', 'docker ps'],
    ["docker run 'unclosed", "docker run 'unclosed"],
    ['/tmp/x;touch${IFS}PWNED;y.sif', '/tmp/x;touch${IFS}PWNED;y.sif'],
    ['/tmp/x; docker pull y.sif', '/tmp/x; docker pull y.sif']
  ])('pasting %j leaves %s', (pasted, image) => {
    expect(unwrap(pasted)).toBe(image);
  });

  it.each([
    ['docker://docker.io/library/debian:12', 'debian:12'],
    ['docker://docker.io/pytorch/pytorch:2.9.1', 'pytorch/pytorch:2.9.1'],
    ['docker://nvcr.io/nvidia/pytorch:25.01', 'nvcr.io/nvidia/pytorch:25.01'],
    ['/project/lab/x.sif', 'x.sif'],
    [
      'docker://quay.io/a/b@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
      'quay.io/a/b@0123456'
    ]
  ])('%s is written in short as %s', (full, short) => {
    expect(shortReference(full)).toBe(short);
  });

  it.each([
    [
      'pytorch/pytorch:2.9.1-cuda12.6-cudnn9-runtime',
      'pytorch/pytorch',
      ':2.9.1-cuda12.6-cudnn9',
      '-runtime'
    ],
    ['docker://docker.io/library/debian:12', 'debian', '', ':12'],
    ['r-base', 'r-base', '', ''],
    ['r:4.4', '', '', 'r:4.4'],
    ['ruby:3.4.1-slim-bookworm', '', 'ruby:3.4.1-slim-', 'bookworm'],
    ['localhost:5000/a/b', 'localhost:5000/a/b', '', ''],
    ['localhost:5000/a/b:1', 'localhost:5000/a/b', '', ':1'],
    [
      'quay.io/a/b@sha256:' + '0123456789abcdef'.repeat(4),
      'quay.io/a/b',
      '',
      '@0123456'
    ],
    ['/project/lab/x.sif', '', '', 'x.sif'],
    ['~/pytorch-2.9.1-cuda12.sif', '', 'pytorch-2.9.1-cu', 'da12.sif']
  ])(
    '%s is cut in its name %j, then in %j, never in %j',
    (reference, name, middle, end) => {
      expect(referencePieces(reference)).toEqual({ name, middle, end });
    }
  );
});
