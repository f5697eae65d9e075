import type { TranslationBundle } from '@jupyterlab/translation';

import { commandLineImage } from './commandLine';

/** How an image is fetched. A file is used where it lies. */
export type Transport = 'docker' | 'oras' | 'library' | 'file';

/**
 * An image in a registry or a library, or a file.
 *
 * `jupyterlab_container_kernels/acquire/reference.py` reads the same; both
 * are held to the cases in `tests/references.json`.
 */
export interface IImageReference {
  transport: Transport;
  /** Host and optional port; empty for a library's default and for a file. */
  registry: string;
  /** The name in the registry, as `library/debian`; for a file, its path. */
  repository: string;
  /** `null` for a file or when a digest names the image. */
  tag: string | null;
  /** `sha256:…` */
  digest: string | null;
  /** What to send: what was typed, without the command line around it. */
  text: string;
}

/** What came of reading a reference: the image, or why it is none. */
export type ReadReference =
  { image: IImageReference } | { problem: string; hint: string };

const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const REGISTRY = new RegExp(
  `^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]{1,5})?$`
);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const IMAGE_FILE = /\.(sif|simg|sqsh)$/;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const MAX_LENGTH = 2048;

/** The addresses of pages that show an image, and the image that they show. */
const PAGES: [RegExp, string][] = [
  [/^https?:\/\/hub\.docker\.com\/_\/([^/?#]+)/, 'docker://$1'],
  [/^https?:\/\/hub\.docker\.com\/r\/([^/?#]+\/[^/?#]+)/, 'docker://$1'],
  [
    /^https?:\/\/quay\.io\/repository\/([^/?#]+\/[^/?#]+)/,
    'docker://quay.io/$1'
  ]
];

/**
 * Takes what was pasted down to the reference in it: `docker pull x` to `x`,
 * the address of an image's page to the image.
 *
 * @param pasted - Anything.
 *
 * @returns The reference, or the text as it is (without blanks around it).
 */
export function unwrap(pasted: string): string {
  const text = pasted.trim();
  for (const [page, image] of PAGES) {
    const match = page.exec(text);
    if (match) {
      return image.replace('$1', match[1]);
    }
  }
  return commandLineImage(text) ?? text;
}

/**
 * Reads an image reference.
 *
 * @param typed - `docker://…`, `oras://…`, `library://…`, a bare name, a
 * pasted `docker pull …` line, or the path of a file.
 * @param trans - The language of the problem.
 */
export function readReference(
  typed: string,
  trans: TranslationBundle
): ReadReference {
  let text = unwrap(typed);
  if (!text) {
    return {
      problem: trans.__('Name an image first.'),
      hint: trans.__('For example debian:12, or the path of a .sif file.')
    };
  }
  if (text.length > MAX_LENGTH || CONTROL.test(text)) {
    return {
      problem: trans.__('This is too long, or holds a line break.'),
      hint: trans.__('Name one image, in one line.')
    };
  }
  if (text.startsWith('file://')) {
    text = text.slice('file://'.length);
  }
  if (text.startsWith('/') || text.startsWith('~/')) {
    return {
      image: {
        transport: 'file',
        registry: '',
        // As shells complete the name of a folder.
        repository: text.replace(/([^~])\/+$/, '$1'),
        tag: null,
        digest: null,
        text
      }
    };
  }
  if (
    /^\.\.?\//.test(text) ||
    /^\$\{?\w+\}?\//.test(text) ||
    (!text.includes('://') && IMAGE_FILE.test(text))
  ) {
    return {
      problem: trans.__('The path of a file has to be in full.'),
      hint: trans.__('Begin it with / or ~/, or choose the file.')
    };
  }
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(.*)$/.exec(text);
  let transport: Transport = 'docker';
  if (scheme) {
    const [, name, rest] = scheme;
    if (name !== 'docker' && name !== 'oras' && name !== 'library') {
      return {
        problem: trans.__('Images cannot be pulled from %1:// here.', name),
        hint: trans.__('docker://, oras:// and library:// work.')
      };
    }
    transport = name;
    return readName(transport, rest, text, trans);
  }
  return readName(transport, text, text, trans);
}

function readName(
  transport: Transport,
  rest: string,
  text: string,
  trans: TranslationBundle
): ReadReference {
  const at = rest.indexOf('@');
  const digest = at < 0 ? null : rest.slice(at + 1);
  let name = at < 0 ? rest : rest.slice(0, at);
  if (digest !== null && !DIGEST.test(digest)) {
    return {
      problem: trans.__('What follows @ is not a digest.'),
      hint: trans.__('It is sha256: and 64 hexadecimal digits.')
    };
  }
  const last = name.slice(name.lastIndexOf('/') + 1);
  const colon = last.indexOf(':');
  let tag: string | null = null;
  if (colon >= 0) {
    tag = last.slice(colon + 1);
    name = name.slice(0, name.length - last.length + colon);
    if (!TAG.test(tag)) {
      return {
        problem: tag
          ? trans.__('“%1” is not a tag.', tag)
          : trans.__('After : comes a tag, such as 12 or latest.'),
        hint: trans.__(
          'A tag has letters, digits, “.”, “_” and “-”, at most 128 of them.'
        )
      };
    }
  }
  const slash = name.indexOf('/');
  let registry = slash < 0 ? '' : name.slice(0, slash);
  let repository = slash < 0 ? name : name.slice(slash + 1);
  if (slash < 0 || !(/[.:]/.test(registry) || registry === 'localhost')) {
    registry = transport === 'library' ? '' : 'docker.io';
    repository = name;
  } else if (!REGISTRY.test(registry)) {
    return {
      problem: trans.__('“%1” is not the name of a registry.', registry),
      hint: trans.__('A registry is a host, as ghcr.io or localhost:5000.')
    };
  }
  if (
    transport !== 'library' &&
    registry === 'docker.io' &&
    !repository.includes('/')
  ) {
    repository = `library/${repository}`;
  }
  if (!REPOSITORY.test(repository)) {
    const start = text.length - rest.length;
    return repositoryProblem(name, repository, trans, lowerCase =>
      [text.slice(0, start), lowerCase, rest.slice(name.length)].join('')
    );
  }
  return {
    image: {
      transport,
      registry,
      repository,
      tag: digest === null ? (tag ?? 'latest') : null,
      digest,
      text
    }
  };
}

function repositoryProblem(
  name: string,
  repository: string,
  trans: TranslationBundle,
  withName: (name: string) => string
): ReadReference {
  if (!name) {
    return {
      problem: trans.__('The name of the image is missing.'),
      hint: trans.__('For example docker://debian:12.')
    };
  }
  if (REPOSITORY.test(repository.toLowerCase())) {
    return {
      problem: trans.__('The names of images are in lower case.'),
      hint: trans.__('Perhaps %1?', withName(name.toLowerCase()))
    };
  }
  if (/\s/.test(name)) {
    return {
      problem: trans.__('The name of an image has no blanks in it.'),
      hint: trans.__('Paste a whole command, or the name of the image alone.')
    };
  }
  return {
    problem: trans.__('“%1” is not the name of an image.', name),
    hint: trans.__(
      'It has lower-case letters, digits, and “.”, “_”, “-” and “/” between them.'
    )
  };
}

/**
 * Writes a reference in short, for a table: what tells it from others of its
 * kind, without the registry that most images come from.
 *
 * @param reference - As the user gave it, or in full.
 */
export function shortReference(reference: string): string {
  if (reference.startsWith('/') || reference.startsWith('~')) {
    return reference.slice(reference.lastIndexOf('/') + 1) || reference;
  }
  return reference
    .replace(/^(docker|oras|library):\/\//, '')
    .replace(/^docker\.io\//, '')
    .replace(/^library\//, '')
    .replace(/@sha256:([0-9a-f]{7})[0-9a-f]*$/, '@$1');
}

/** A reference in short, in the pieces that a narrow column cuts one by one. */
export interface IReferencePieces {
  /** What is cut first; empty for a file, and where it is short. */
  name: string;
  /** The tag, digest or file name without its end, cut last. */
  middle: string;
  /** What is never cut. */
  end: string;
}

/** A name of so many characters is not worth cutting. */
const SHORT_NAME = 4;

/** Nor is a tag of so many. */
const SHORT_TAG = 12;

/** What is kept of a longer one, as `-runtime`. */
const TAG_END = 8;

/**
 * Takes a reference in short to pieces. Images of one name are told apart by
 * their tags, and long tags by both of their ends.
 *
 * @param reference - As the user gave it, or in full.
 */
export function referencePieces(reference: string): IReferencePieces {
  const text = shortReference(reference);
  const isFile = reference.startsWith('/') || reference.startsWith('~');
  let start = isFile ? 0 : text.search(/[:@][^/]*$/);
  if (start < 0) {
    return { name: text, middle: '', end: '' };
  }
  if (start <= SHORT_NAME) {
    start = 0;
  }
  const tag = text.slice(start);
  const cut = tag.length > SHORT_TAG ? tag.length - TAG_END : 0;
  return {
    name: text.slice(0, start),
    middle: tag.slice(0, cut),
    end: tag.slice(cut)
  };
}
