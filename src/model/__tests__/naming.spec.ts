import { nullTranslator } from '@jupyterlab/translation';

import { suggestDisplayName } from '../displayName';
import { readReference } from '../imageReference';
import { freeSlug, SLUG, slugify } from '../slug';

const trans = nullTranslator.load('');

describe('a suggested display name', () => {
  it.each([
    ['pytorch/pytorch:2.9.1-cuda12.6-cudnn9-runtime', 'PyTorch 2.9.1'],
    ['docker://tensorflow/tensorflow:2.15.0-gpu', 'TensorFlow 2.15.0'],
    ['nvcr.io/nvidia/pytorch:25.01-py3', 'PyTorch 25.01'],
    ['debian', 'Debian'],
    ['debian:latest', 'Debian'],
    ['debian:bookworm', 'Debian bookworm'],
    ['python:3.12-slim', 'Python 3.12'],
    ['rocker/r-ver:4.4', 'R 4.4'],
    ['127.0.0.1:5000/demo/with-kernel:1', 'With kernel 1'],
    ['ghcr.io/a/my_tool:v1.2.3', 'My tool 1.2.3'],
    ['oras://ghcr.io/org/image.sif:1', 'Image 1'],
    [`a/b@sha256:${'0'.repeat(64)}`, 'B'],
    ['~/pytorch-2.9.1.sif', 'PyTorch 2.9.1'],
    ['/scratch/pytorch_2.9.1-cuda12.6.sif', 'PyTorch 2.9.1'],
    ['/project/lab/x.sif', 'X'],
    ['/tmp/x;touch${IFS}PWNED;y.sif', 'X;touch${IFS}PWNED;y'],
    ['/cvmfs/unpacked.cern.ch/docker.io/library/python:3.12/', 'Python 3.12'],
    ['/cvmfs/unpacked.cern.ch/ghcr.io/lab/tool:latest', 'Tool'],
    ['/', 'Container']
  ])('for %s is %s', (reference, name) => {
    const read = readReference(reference, trans);
    expect('image' in read && suggestDisplayName(read.image)).toBe(name);
  });
});

describe('a kernel name', () => {
  it.each([
    ['PyTorch 2.9.1', 'pytorch-2.9.1'],
    ['  --a  b--', 'a-b'],
    ['Ünïcode', 'n-code'],
    ['🐍', 'container'],
    ['', 'container'],
    ['../../etc/passwd', 'etc-passwd'],
    ['$(touch x) <b>"\'', 'touch-x-b'],
    ['.hidden.', 'hidden'],
    ['x'.repeat(300), 'x'.repeat(60)]
  ])('made from %j is %s', (name, slug) => {
    expect(slugify(name)).toBe(slug);
    expect(slugify(name)).toMatch(SLUG);
  });

  it('that is taken gets a number', () => {
    expect(freeSlug('Debian', ['debian', 'debian-2'])).toBe('debian-3');
  });
});
