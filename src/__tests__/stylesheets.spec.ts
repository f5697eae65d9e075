import { existsSync, readdirSync, readFileSync } from 'fs';
import { dirname, join, resolve } from 'path';

import { COLUMNS } from '../model/columns';

const ROOT = join(process.cwd(), 'src');

/** The rules that the page has before anything is opened. */
const BASE = join(process.cwd(), 'style', 'base.css');

/** What is loaded when somebody opens it, and brings its rules along. */
const SCREENS = [
  'addDialog.tsx',
  'bulkDeleteDialog.tsx',
  'deleteDialog.tsx',
  'editDialog.tsx',
  'logDialog.tsx',
  'panelWidget.tsx',
  'shareDialog.tsx'
];

const CLASS = /jp-ContainerKernels-[\w-]*\w/g;

function read(file: string): string {
  return readFileSync(file, 'utf-8');
}

function classesOf(file: string): Set<string> {
  return new Set(read(file).match(CLASS));
}

/** A file and all that it imports at once, style sheets among it. */
function reach(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) {
    return found;
  }
  found.add(file);
  if (file.endsWith('.css')) {
    return found;
  }
  const imports = read(file).matchAll(
    /^import (?!type )(?:[^;]*? from )?'(\.[^']+)'/gm
  );
  for (const [, name] of imports) {
    const path = resolve(dirname(file), name);
    const target = ['', '.ts', '.tsx']
      .map(end => path + end)
      .find(each => /\.(tsx?|css)$/.test(each) && existsSync(each));
    if (target) {
      reach(target, found);
    }
  }
  return found;
}

const sheets = readdirSync(dirname(BASE))
  .filter(name => name.endsWith('.css'))
  .map(name => join(dirname(BASE), name));

describe('style sheets', () => {
  it.each(SCREENS)('%s brings the rules of all that it draws', screen => {
    const files = [...reach(join(ROOT, 'components', screen))];
    const sources = files.filter(file => !file.endsWith('.css'));
    const loaded = [BASE, ...files.filter(file => file.endsWith('.css'))];
    const has = new Set(loaded.flatMap(sheet => [...classesOf(sheet)]));
    const elsewhere = new Set(sheets.flatMap(sheet => [...classesOf(sheet)]));
    const drawn = new Set(sources.flatMap(file => [...classesOf(file)]));
    expect(sources.length).toBeGreaterThan(3);
    expect(
      [...drawn].filter(each => elsewhere.has(each) && !has.has(each))
    ).toEqual([]);
  });

  it('have no rule for what nothing draws', () => {
    const files = readdirSync(join(ROOT, 'components'))
      .filter(name => /\.tsx?$/.test(name))
      .map(name => join(ROOT, 'components', name));
    const drawn = new Set([
      ...files.flatMap(file => [...classesOf(file)]),
      ...COLUMNS.map(({ id }) => `jp-ContainerKernels-${id}`)
    ]);
    const ruled = new Set(sheets.flatMap(sheet => [...classesOf(sheet)]));
    expect([...ruled].filter(each => !drawn.has(each))).toEqual([]);
  });
});
