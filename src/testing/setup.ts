import { configure } from '@testing-library/dom';
import { deserialize, serialize } from 'v8';

// jsdom lacks it, ESLint's Linter needs it.
globalThis.structuredClone ??= <T>(value: T): T =>
  deserialize(serialize(value)) as T;

// A busy machine takes a while to load what is opened by the first click.
configure({ asyncUtilTimeout: 20_000 });
jest.setTimeout(60_000);
