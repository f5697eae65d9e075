import { Linter } from 'eslint';

// eslint-disable-next-line @typescript-eslint/no-require-imports
const importDirection = require('../../eslint-rules/import-direction.cjs');

/** What the rule says about one import statement in one file. */
function lint(file: string, code: string): string[] {
  const linter = new Linter({ configType: 'flat' });
  const messages = linter.verify(
    code,
    [
      {
        files: ['**/*.ts', '**/*.tsx'],
        plugins: { local: { rules: { 'import-direction': importDirection } } },
        rules: { 'local/import-direction': 'error' }
      }
    ],
    { filename: `${process.cwd()}/src/${file}` }
  );
  return messages.map(message => message.message);
}

describe('the import direction', () => {
  it.each([
    ['plugins/panel.ts', '../components/panel'],
    ['plugins/panel.ts', '../model/tasks'],
    ['plugins/panel.ts', '../tokens'],
    ['components/panel.tsx', '../model/format'],
    ['components/panel.tsx', '../api/types'],
    ['model/tasks.ts', '../api/client'],
    ['model/tasks.ts', '../tokens'],
    ['model/tasks.ts', './format'],
    ['tokens.ts', './api/types'],
    ['api/types.ts', './types/kernel'],
    ['api/types/kernel.ts', './space'],
    ['index.ts', './plugins/panel'],
    ['api/request.ts', '@jupyterlab/services']
  ])('%s may import %s', (file, target) => {
    expect(lint(file, `import { a } from '${target}';\nexport { a };`)).toEqual(
      []
    );
  });

  it.each([
    ['components/panel.tsx', '../plugins/panel'],
    ['components/panel.tsx', '../api/client'],
    ['model/tasks.ts', '../components/panel'],
    ['model/tasks.ts', '../plugins/panel'],
    ['api/client.ts', '../model/tasks'],
    ['api/client.ts', '../tokens'],
    ['tokens.ts', './model/tasks'],
    ['api/types.ts', './client'],
    ['api/types.ts', '../tokens'],
    ['api/types/kernel.ts', '../client'],
    ['plugins/panel.ts', '../index'],
    ['plugins/panel.ts', '../elsewhere/thing']
  ])('%s must not import %s', (file, target) => {
    expect(lint(file, `import { a } from '${target}';\nexport { a };`)).toEqual(
      [expect.stringContaining('must not import')]
    );
  });

  it('sees a lazy import too', () => {
    expect(
      lint('model/a.ts', "export const a = () => import('../components/b');")
    ).toHaveLength(1);
  });

  it('sees an export from another module too', () => {
    expect(lint('model/a.ts', "export * from '../components/b';")).toHaveLength(
      1
    );
  });
});
