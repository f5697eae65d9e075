'use strict';

const path = require('node:path');

/**
 * The layers of the front end, left to right. A module imports from its own
 * layer and from those to its right only.
 */
const LAYERS = ['index', 'plugins', 'components', 'model', 'api'];

/**
 * Modules that import nothing of ours but other leaves, with the layers that
 * may import them.
 */
const LEAVES = {
  tokens: ['index', 'plugins', 'components', 'model', 'tokens'],
  'api/types': [...LAYERS, 'tokens']
};

/** What a layer may not import although it stands to its right, and why. */
const EXCEPTIONS = {
  components: {
    api: 'components never fetch: they get props and call back'
  }
};

/**
 * The layer (or leaf) of a module, given its path below `src` without an
 * extension. A folder of a leaf's name holds its parts.
 */
function layerOf(module) {
  const leaf = Object.keys(LEAVES).find(
    each => module === each || module.startsWith(`${each}/`)
  );
  return leaf ?? module.split('/')[0];
}

/** Why `from` may not import `to` (both as layers), or undefined when it may. */
function objection(from, to) {
  if (to in LEAVES) {
    return LEAVES[to].includes(from) || from === to
      ? undefined
      : `${from} does not stand to the left of ${to}`;
  }
  if (from in LEAVES) {
    return `${from} is a leaf and imports nothing of ours but other leaves`;
  }
  if (!LAYERS.includes(to) || !LAYERS.includes(from)) {
    return `only ${LAYERS.join(', ')} and ${Object.keys(LEAVES).join(', ')} are known`;
  }
  if (LAYERS.indexOf(to) < LAYERS.indexOf(from)) {
    return `imports run ${LAYERS.join(' → ')}`;
  }
  return EXCEPTIONS[from]?.[to];
}

/**
 * Imports run one way: plugins → components → model → api. `tokens` and
 * `api/types` are leaves.
 */
module.exports = {
  meta: {
    type: 'problem',
    docs: { description: 'hold the import direction of the front end' },
    messages: { wrongWay: '{{from}} must not import {{to}}: {{reason}}.' },
    schema: []
  },
  create(context) {
    const file = context.filename.split(path.sep).join('/');
    const root = file.lastIndexOf('/src/');
    if (root < 0 || /\/(__tests__|testing)\//.test(file.slice(root))) {
      return {};
    }
    const source = file.slice(root + '/src/'.length).replace(/\.tsx?$/, '');
    function check(node) {
      const target = node?.value;
      if (typeof target !== 'string' || !target.startsWith('.')) {
        return;
      }
      const module = path.posix.join(path.posix.dirname(source), target);
      if (module.startsWith('..')) {
        return; // outside of src: the styles and the icons
      }
      const from = layerOf(source);
      const to = layerOf(module);
      const reason = objection(from, to);
      if (reason) {
        context.report({
          node,
          messageId: 'wrongWay',
          data: { from, to, reason }
        });
      }
    }
    return {
      ImportDeclaration: node => check(node.source),
      ExportAllDeclaration: node => check(node.source),
      ExportNamedDeclaration: node => check(node.source),
      ImportExpression: node => check(node.source),
      TSImportType: node => check(node.argument?.literal ?? node.source)
    };
  }
};
