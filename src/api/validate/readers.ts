/**
 * Reads a value that came from the server.
 *
 * @param value - The value.
 * @param where - Where it stood, for the error.
 *
 * @throws {@link UnexpectedShapeError} when it is something else.
 */
export type Reader<T> = (value: unknown, where: string) => T;

/** The server sent something that the contract does not allow. */
export class UnexpectedShapeError extends Error {
  constructor(
    where: string,
    expected: string,
    readonly found: unknown
  ) {
    super(`${where}: expected ${expected}, found ${typeName(found)}`);
    this.name = 'UnexpectedShapeError';
  }
}

function typeName(value: unknown): string {
  if (value === null) {
    return 'null';
  }
  return Array.isArray(value) ? 'array' : typeof value;
}

/** Text. */
export const text: Reader<string> = (value, where) => {
  if (typeof value !== 'string') {
    throw new UnexpectedShapeError(where, 'string', value);
  }
  return value;
};

/** A number that is one. */
export const number: Reader<number> = (value, where) => {
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new UnexpectedShapeError(where, 'number', value);
  }
  return value;
};

/** A whole number. */
export const integer: Reader<number> = (value, where) => {
  if (!Number.isInteger(value)) {
    throw new UnexpectedShapeError(where, 'integer', value);
  }
  return value as number;
};

/** `true` or `false`. */
export const flag: Reader<boolean> = (value, where) => {
  if (typeof value !== 'boolean') {
    throw new UnexpectedShapeError(where, 'boolean', value);
  }
  return value;
};

/** Something, or `null`. */
export function orNull<T>(read: Reader<T>): Reader<T | null> {
  return (value, where) => (value === null ? null : read(value, where));
}

/** How a field is read that may be left out. */
interface IOptional<T> {
  optional: Reader<T>;
}

/** A field that may be left out. */
export function optional<T>(read: Reader<T>): IOptional<T> {
  return { optional: read };
}

/** One of a few words. */
export function oneOf<T extends string | null>(...values: T[]): Reader<T> {
  return (value, where) => {
    if (!values.includes(value as T)) {
      throw new UnexpectedShapeError(where, values.join(' | '), value);
    }
    return value as T;
  };
}

/** A list of what is alike. */
export function list<T>(read: Reader<T>): Reader<T[]> {
  return (value, where) => {
    if (!Array.isArray(value)) {
      throw new UnexpectedShapeError(where, 'array', value);
    }
    return value.map((item, index) => read(item, `${where}[${index}]`));
  };
}

/** Texts by their names. */
export const texts: Reader<Record<string, string>> = (value, where) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UnexpectedShapeError(where, 'object', value);
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      text(item, `${where}.${key}`)
    ])
  );
};

type Fields<T> = {
  [K in keyof T]-?: undefined extends T[K]
    ? IOptional<Exclude<T[K], undefined>>
    : Reader<T[K]>;
};

/** An object. Fields that the contract does not know are left out, not refused. */
export function record<T extends object>(fields: Fields<T>): Reader<T> {
  return (value, where) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new UnexpectedShapeError(where, 'object', value);
    }
    const source = value as Record<string, unknown>;
    const result: Record<string, unknown> = {};
    for (const [key, field] of Object.entries(fields) as [
      string,
      Reader<unknown> | IOptional<unknown>
    ][]) {
      if (typeof field === 'function') {
        result[key] = field(source[key], `${where}.${key}`);
      } else if (source[key] !== undefined) {
        result[key] = field.optional(source[key], `${where}.${key}`);
      }
    }
    return result as T;
  };
}

/** Rows that could be read, and why the others could not. */
export interface IRows<T> {
  rows: T[];
  /** One sentence for each row that is missing, for the console. */
  problems: string[];
}

/**
 * Reads the rows of a list one by one, so that a bad one hides only itself.
 *
 * @param value - The answer, as `{kernels: […]}`.
 * @param key - The name of the list in it.
 * @param read - Reads one row.
 *
 * @throws {@link UnexpectedShapeError} when there is no such list at all.
 */
export function readRows<T>(
  value: unknown,
  key: string,
  read: Reader<T>
): IRows<T> {
  const raw = record<{ [key: string]: unknown[] }>({
    [key]: list<unknown>(row => row)
  })(value, key)[key];
  const rows: T[] = [];
  const problems: string[] = [];
  raw.forEach((row, index) => {
    try {
      rows.push(read(row, `${key}[${index}]`));
    } catch (error) {
      if (!(error instanceof UnexpectedShapeError)) {
        throw error;
      }
      problems.push(error.message);
    }
  });
  return { rows, problems };
}
