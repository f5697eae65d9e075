const jestJupyterLab = require('@jupyterlab/testing/lib/jest-config');

// JupyterLab's own list is too short for the 4.6 packages.
const esModules = [
  '@codemirror',
  '@marijn',
  '@microsoft',
  '@jupyter/',
  '@jupyterlab/',
  '@lumino/',
  'color',
  'exenv-es6',
  'lib0',
  'marked',
  'nanoid',
  'vscode-ws-jsonrpc',
  'y-protocols',
  'y-websocket',
  'yaml',
  'yjs'
].join('|');

const base = jestJupyterLab(__dirname);

module.exports = {
  ...base,
  collectCoverageFrom: [
    'src/**/*.{ts,tsx}',
    '!src/**/*.d.ts',
    '!src/**/__tests__/**',
    '!src/testing/**'
  ],
  coverageReporters: ['lcov', 'json-summary'],
  reporters: ['default'],
  roots: ['<rootDir>/src'],
  setupFiles: [...base.setupFiles, '<rootDir>/src/testing/setup.ts'],
  testRegex: 'src/.*__tests__/.*\\.spec\\.tsx?$',
  transformIgnorePatterns: [`/node_modules/(?!${esModules}).+`]
};
