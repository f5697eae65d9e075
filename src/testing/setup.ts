import { deserialize, serialize } from 'v8';

// jsdom lacks it, ESLint's Linter needs it.
globalThis.structuredClone ??= <T>(value: T): T =>
  deserialize(serialize(value)) as T;
