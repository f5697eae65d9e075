import eslint from '@eslint/js';
import jupyter from '@jupyter/eslint-plugin';
import prettier from 'eslint-plugin-prettier/recommended';
import reactHooks from 'eslint-plugin-react-hooks';
import globals from 'globals';
import typescript from 'typescript-eslint';
import importDirection from './eslint-rules/import-direction.cjs';

export default typescript.config(
  {
    ignores: [
      'node_modules',
      'lib',
      'dist',
      'coverage',
      '.cache',
      '.yarn',
      'ui-tests',
      'jupyterlab_container_kernels',
      'tests',
      '**/*.d.ts'
    ]
  },
  eslint.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [...typescript.configs.recommended],
    languageOptions: {
      parserOptions: {
        project: './tsconfig.test.json',
        tsconfigRootDir: import.meta.dirname
      }
    },
    plugins: {
      local: { rules: { 'import-direction': importDirection } },
      'react-hooks': reactHooks
    },
    rules: {
      ...reactHooks.configs.recommended.rules,
      'local/import-direction': 'error',
      '@typescript-eslint/naming-convention': [
        'error',
        {
          selector: 'interface',
          format: ['PascalCase'],
          custom: { regex: '^I[A-Z]', match: true }
        },
        {
          selector: 'memberLike',
          modifiers: ['private'],
          format: ['camelCase'],
          leadingUnderscore: 'require'
        }
      ],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { attributes: false } }
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { args: 'none', caughtErrors: 'none' }
      ],
      '@typescript-eslint/no-empty-object-type': [
        'error',
        { allowInterfaces: 'with-single-extends' }
      ],
      '@typescript-eslint/no-namespace': 'off',
      curly: ['error', 'all'],
      eqeqeq: 'error',
      'no-console': ['error', { allow: ['warn', 'error'] }],
      'prefer-arrow-callback': 'error'
    }
  },
  {
    files: ['src/**/*.{ts,tsx}'],
    ignores: ['src/api/request.ts', 'src/**/__tests__/**'],
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'fetch', message: 'src/api/request.ts is the one fetch.' }
      ],
      'no-restricted-properties': [
        'error',
        {
          object: 'ServerConnection',
          property: 'makeRequest',
          message: 'src/api/request.ts is the one fetch.'
        }
      ]
    }
  },
  {
    files: ['src/**/*.{ts,tsx}', 'schema/*.json'],
    plugins: { jupyter }
  },
  ...jupyter.configs.recommended.map(config => ({
    ...config,
    plugins: { jupyter },
    files: config.files?.some(pattern => pattern.endsWith('.json'))
      ? ['schema/*.json']
      : ['src/**/*.{ts,tsx}'],
    ignores: ['src/**/__tests__/**', 'src/testing/**']
  })),
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: { globals: { ...globals.node } }
  },
  {
    files: ['**/*.cjs', 'jest.config.js', 'babel.config.js'],
    languageOptions: { sourceType: 'commonjs' }
  },
  {
    files: ['src/**/__tests__/**', 'src/testing/**'],
    languageOptions: { globals: { ...globals.jest } }
  },
  { ...prettier, ignores: ['schema/*.json'] }
);
