/** Programs that people copy lines of from documentation. */
const PROGRAMS = new Set([
  'docker',
  'podman',
  'podman-hpc',
  'nerdctl',
  'apptainer',
  'singularity'
]);

/** Options of `docker run` and `docker pull` that stand alone (docker-run(1)). */
const SWITCHES = new Set([
  '--rm',
  '--init',
  '--privileged',
  '--read-only',
  '--no-healthcheck',
  '--publish-all',
  '--quiet',
  '--detach',
  '--interactive',
  '--tty',
  '--oom-kill-disable',
  '--replace',
  '--no-hosts',
  '--all-tags',
  '--disable-content-trust',
  '--tls-verify'
]);

/** Options of `apptainer pull` and `apptainer exec` that take a value. */
const APPTAINER_VALUES = new Set([
  '--arch',
  '--arch-variant',
  '--dir',
  '--library',
  '--name',
  '--platform',
  '--authfile',
  '--bind',
  '-B',
  '--mount',
  '--env',
  '--env-file',
  '--home',
  '-H',
  '--pwd',
  '--cwd',
  '--workdir',
  '-W',
  '--overlay',
  '-o',
  '--scratch',
  '-S',
  '--network',
  '--security',
  '--hostname',
  '--add-caps',
  '--drop-caps',
  '--memory',
  '--cpus'
]);

/**
 * The image that a pasted command line names.
 *
 * @param pasted - As `$ docker run -it --rm debian:12 bash`, `apptainer pull
 * x.sif docker://debian`, or a Dockerfile's `FROM debian`.
 *
 * @returns The image as it stands there, or undefined when the text is no
 * command line that we know.
 */
export function commandLineImage(pasted: string): string | undefined {
  const from = /^FROM\s+(?:--platform=\S+\s+)?(\S+)(?:\s+AS\s+\S+)?$/i.exec(
    pasted.trim()
  );
  if (from) {
    return from[1];
  }
  // A backslash at the end of a line continues it.
  const found = commands(pasted.replace(/\\\r?\n/g, ' '));
  // The path of a file may hold a semicolon.
  const isPath = /^[/~.]/.test(pasted.trim());
  for (const words of isPath ? found.slice(0, 1) : found) {
    const image = imageOf(words);
    if (image !== undefined) {
      return image;
    }
  }
  return undefined;
}

function imageOf(words: string[]): string | undefined {
  const rest = [...words];
  while (rest.length && ['$', '#', '%', 'sudo', '!'].includes(rest[0])) {
    rest.shift();
  }
  const program = (rest.shift() ?? '')
    .replace(/^[$!]/, '')
    .replace(/^.*\//, '');
  if (!PROGRAMS.has(program)) {
    return undefined;
  }
  const apptainer = program === 'apptainer' || program === 'singularity';
  // Options of the program itself, as `apptainer --quiet pull`.
  while (rest.length && rest[0].startsWith('-')) {
    rest.shift();
  }
  let verb = rest.shift();
  if (!apptainer && (verb === 'image' || verb === 'container')) {
    verb = rest.shift();
  }
  if (apptainer) {
    return verb && /^(pull|build|exec|run|shell)$/.test(verb)
      ? apptainerImage(rest, verb === 'pull' || verb === 'build')
      : undefined;
  }
  if (verb === 'pull' || verb === 'run' || verb === 'create') {
    return dockerImage(rest);
  }
  return undefined;
}

/** All options of `docker run` but a few take a value. */
function dockerImage(words: string[]): string | undefined {
  for (let index = 0; index < words.length; index++) {
    const word = words[index];
    if (!word.startsWith('-')) {
      return word;
    }
    const alone =
      word.includes('=') || SWITCHES.has(word) || /^-[itdPqa]+$/.test(word);
    if (!alone) {
      index++;
    }
  }
  return undefined;
}

/** A file to write may come before the image: `pull [options] [file] uri`. */
function apptainerImage(words: string[], last: boolean): string | undefined {
  const plain: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index];
    if (word.startsWith('-')) {
      if (APPTAINER_VALUES.has(word)) {
        index++;
      }
    } else {
      plain.push(word);
    }
  }
  return (
    plain.find(word => /^[a-z]+:\/\//.test(word)) ??
    (last ? plain[plain.length - 1] : plain[0])
  );
}

/**
 * Splits text into commands and their words as a POSIX shell does, without
 * expanding anything. `;`, `&`, `|` and a line break end a command.
 *
 * @returns The commands; none when a quote is not closed.
 */
function commands(text: string): string[][] {
  const found: string[][] = [[]];
  let word: string | undefined;
  let quote = '';
  const endWord = () => {
    if (word !== undefined) {
      found[found.length - 1].push(word);
    }
    word = undefined;
  };
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (quote) {
      if (character === quote) {
        quote = '';
      } else if (character === '\\' && quote === '"') {
        word += text[++index] ?? '';
      } else {
        word += character;
      }
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (character === '\\') {
      word = (word ?? '') + (text[++index] ?? '');
    } else if (/[;&|\n]/.test(character)) {
      endWord();
      found.push([]);
    } else if (/\s/.test(character)) {
      endWord();
    } else {
      word = (word ?? '') + character;
    }
  }
  endWord();
  return quote ? [] : found;
}
