import type { IImageReference } from './imageReference';

/** Names that are not written as their image is. */
const SPELLINGS: Record<string, string> = {
  almalinux: 'AlmaLinux',
  archlinux: 'Arch Linux',
  bioconductor: 'Bioconductor',
  bioconductor_docker: 'Bioconductor',
  cuda: 'CUDA',
  debian: 'Debian',
  fedora: 'Fedora',
  jax: 'JAX',
  julia: 'Julia',
  mxnet: 'MXNet',
  nemo: 'NeMo',
  opencv: 'OpenCV',
  openmpi: 'Open MPI',
  pypy: 'PyPy',
  python: 'Python',
  pytorch: 'PyTorch',
  'r-base': 'R',
  'r-ver': 'R',
  rapidsai: 'RAPIDS',
  rockylinux: 'Rocky Linux',
  rocm: 'ROCm',
  rstudio: 'RStudio',
  scikit: 'scikit',
  scipy: 'SciPy',
  tensorflow: 'TensorFlow',
  ubuntu: 'Ubuntu',
  vllm: 'vLLM'
};

/** How many characters of a suggestion are left; a tile shows fewer. */
const LENGTH = 60;

/**
 * Suggests a display name for an image: `pytorch/pytorch:2.9.1-cuda12.6` makes
 * `PyTorch 2.9.1`.
 */
export function suggestDisplayName(image: IImageReference): string {
  if (image.transport === 'file') {
    const file = image.repository
      .slice(image.repository.lastIndexOf('/') + 1)
      .replace(/\.(sif|simg|sqsh)$|:latest$/, '');
    // name_1.2.sif is how a pull names its file, name-1.2.sif how people do,
    // and name:1.2 how CVMFS names the folder of an image.
    const match = /^(.*?)[-_ :]v?(\d+(?:\.\d+)*)(?:[-_+].*)?$/.exec(file);
    return clip(
      match ? `${spell(match[1])} ${match[2]}` : spell(file) || 'Container'
    );
  }
  const name = image.repository.slice(image.repository.lastIndexOf('/') + 1);
  const tag = image.tag ?? '';
  const version = /^v?(\d+(?:\.\d+)*)/.exec(tag)?.[1] ?? '';
  const word = /^[a-z]+/i.exec(tag)?.[0] ?? '';
  const suffix =
    version || (tag === word && !/^(latest|stable|main)$/.test(tag) ? tag : '');
  return clip([spell(name.replace(/\.sif$/, '')), suffix].join(' '));
}

function spell(name: string): string {
  const known = SPELLINGS[name.toLowerCase()];
  if (known) {
    return known;
  }
  const words = name.replace(/[-_]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function clip(name: string): string {
  return [...name.trim()].slice(0, LENGTH).join('').trim();
}
