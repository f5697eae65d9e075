import { join } from 'path';
import ts from 'typescript';

import {
  alternatives,
  example,
  follow,
  IContract,
  ISchema,
  isNullable,
  readContract
} from '../../testing/contract';
import { ContainerKernelsClient } from '../client';
import * as validate from '../validate';

const contract = readContract();
const schemas = Object.entries(contract.components.schemas);

/** Reads the TypeScript interfaces as the compiler sees them. */
class Interfaces {
  constructor() {
    const file = join(process.cwd(), 'src', 'api', 'types.ts');
    const program = ts.createProgram([file], {
      strict: true,
      lib: ['lib.es5.d.ts'],
      types: []
    });
    this._checker = program.getTypeChecker();
    const symbol = this._checker.getSymbolAtLocation(
      program.getSourceFile(file) as ts.SourceFile
    );
    for (const each of this._checker.getExportsOfModule(symbol as ts.Symbol)) {
      this._types.set(each.name, this._checker.getDeclaredTypeOfSymbol(each));
    }
  }

  get names(): string[] {
    return [...this._types.keys()].filter(name => /^I[A-Z]/.test(name));
  }

  /** Fields of an interface: how they are written in the terms of `describe`. */
  fields(name: string): Record<string, string> {
    const type = this._types.get(name);
    if (!type) {
      throw new Error(`There is no ${name} in types.ts`);
    }
    return Object.fromEntries(
      this._checker.getPropertiesOfType(type).map(property => {
        const declaration = property.valueDeclaration as ts.PropertySignature;
        const mark = declaration.questionToken ? '?' : '';
        return [
          property.name,
          this._name(this._checker.getTypeAtLocation(declaration)) + mark
        ];
      })
    );
  }

  private _name(type: ts.Type): string {
    const parts = type.isUnion() ? type.types : [type];
    return normalize(
      parts
        .filter(part => !(part.flags & ts.TypeFlags.Undefined))
        .map(part => {
          if (this._checker.isArrayType(part)) {
            const [item] = this._checker.getTypeArguments(
              part as ts.TypeReference
            );
            return `${this._name(item)}[]`;
          }
          const declaration = part.symbol?.declarations?.[0];
          if (part.isStringLiteral()) {
            return JSON.stringify(part.value);
          }
          if (declaration && ts.isInterfaceDeclaration(declaration)) {
            return part.symbol.name;
          }
          return this._checker.typeToString(part);
        })
    );
  }

  private _checker: ts.TypeChecker;
  private _types = new Map<string, ts.Type>();
}

function normalize(parts: string[]): string {
  const names = new Set(parts);
  if (names.has('true') && names.has('false')) {
    names.delete('true');
    names.delete('false');
    names.add('boolean');
  }
  return [...names].sort().join(' | ');
}

/** A field of the contract, written as TypeScript writes it. */
function describeSchema(schema: ISchema): string {
  return normalize(
    alternatives(schema).flatMap(each => {
      if (each.$ref) {
        return [`I${follow(contract, each).name}`];
      }
      if (each.type === 'null') {
        return ['null'];
      }
      if (each.enum) {
        return each.enum
          .filter(value => value !== null)
          .map(value => JSON.stringify(value));
      }
      if (each.type === 'array') {
        return [`${describeSchema(each.items as ISchema)}[]`];
      }
      if (typeof each.additionalProperties === 'object') {
        return [`Record<string, ${describeSchema(each.additionalProperties)}>`];
      }
      return [each.type === 'integer' ? 'number' : String(each.type)];
    })
  );
}

describe('api/types.ts', () => {
  const interfaces = new Interfaces();

  it('has an interface for every schema, and no other', () => {
    expect(interfaces.names.sort()).toEqual(
      schemas.map(([name]) => `I${name}`).sort()
    );
  });

  it.each(schemas)(
    'says of %s what the contract says: names, types, null, what may be left out',
    (name, schema) => {
      const expected = Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([field, type]) => [
          field,
          describeSchema(type) + (schema.required?.includes(field) ? '' : '?')
        ])
      );
      expect(interfaces.fields(`I${name}`)).toEqual(expected);
    }
  );
});

/** Every reader of a whole schema, by the schema's name. */
const readers: [string, validate.Reader<unknown>][] = [
  ['Error', validate.readError],
  ['AddRequest', validate.readAddRequest],
  ['Info', validate.readInfo],
  ['Diagnostics', validate.readDiagnostics],
  ['Resolution', validate.readResolution],
  ['TagList', validate.readTagList],
  ['Login', validate.readLogin],
  ['Inspection', validate.readInspection],
  ['Kernel', validate.readKernel],
  ['KernelDetails', validate.readKernelDetails],
  ['Removal', validate.readRemoval],
  ['Task', validate.readTask],
  ['LogChunk', validate.readLogChunk],
  ['KernelLog', validate.readKernelLog]
];

/** Visits every field of an example, however deep. */
function* fieldsOf(
  from: IContract,
  schema: ISchema,
  value: unknown,
  path: string
): Generator<{
  path: string;
  owner: Record<string, unknown>;
  key: string;
  schema: ISchema;
  required: boolean;
}> {
  for (const each of alternatives(follow(from, schema).schema)) {
    const target = follow(from, each).schema;
    if (target.type === 'array' && Array.isArray(value)) {
      yield* fieldsOf(from, target.items as ISchema, value[0], `${path}[0]`);
    }
    if (target.type === 'object') {
      const owner = value as Record<string, unknown>;
      for (const [key, field] of Object.entries(target.properties ?? {})) {
        const required = target.required?.includes(key) ?? false;
        yield { path: `${path}.${key}`, owner, key, schema: field, required };
        yield* fieldsOf(from, field, owner[key], `${path}.${key}`);
      }
    }
  }
}

describe('api/validate.ts', () => {
  it.each(readers)('accepts a whole %s', (name, read) => {
    const value = example(contract, contract.components.schemas[name]);
    expect(read(value, name)).toEqual(value);
  });

  it.each(readers)(
    'refuses a %s with a missing, null or wrong field, as the contract says',
    (name, read) => {
      const schema = contract.components.schemas[name];
      const value = example(contract, schema);
      const accepts = () => {
        try {
          read(value, name);
          return true;
        } catch (error) {
          expect(error).toBeInstanceOf(validate.UnexpectedShapeError);
          return false;
        }
      };
      for (const field of [...fieldsOf(contract, schema, value, name)]) {
        const { owner, key, path } = field;
        const good = owner[key];
        const target = follow(contract, field.schema).schema;

        delete owner[key];
        expect([path, 'missing', accepts()]).toEqual([
          path,
          'missing',
          !field.required
        ]);
        owner[key] = null;
        expect([path, 'null', accepts()]).toEqual([
          path,
          'null',
          isNullable(target)
        ]);
        owner[key] = Symbol('wrong');
        expect([path, 'wrong', accepts()]).toEqual([path, 'wrong', false]);
        const values = target.enum ?? target.items?.enum;
        if (values) {
          for (const allowed of values.filter(each => each !== null)) {
            owner[key] = target.enum ? allowed : [allowed];
            expect([path, allowed, accepts()]).toEqual([path, allowed, true]);
          }
          owner[key] = target.enum ? 'no such word' : ['no such word'];
          expect([path, 'enum', accepts()]).toEqual([path, 'enum', false]);
        }
        owner[key] = good;
      }
    }
  );

  it('leaves out a row that cannot be read, and says why', () => {
    const good = example(contract, contract.components.schemas.Kernel);
    const { rows, problems } = validate.readRows(
      { kernels: [good, { slug: 'broken' }, good] },
      'kernels',
      validate.readKernel
    );
    expect(rows).toEqual([good, good]);
    expect(problems).toEqual([
      'kernels[1].id: expected string, found undefined'
    ]);
  });

  it('refuses an answer without the list', () => {
    expect(() =>
      validate.readRows({ tasks: [] }, 'kernels', validate.readKernel)
    ).toThrow(validate.UnexpectedShapeError);
  });

  it('lets fields pass that a newer server part may add', () => {
    const error = { code: 'internal', message: 'm', hint: '', more: 1 };
    expect(validate.readError(error, 'error')).toEqual({
      code: 'internal',
      message: 'm',
      hint: ''
    });
  });
});

describe('api/client.ts', () => {
  it('has one method an operation of the contract, and no other', () => {
    const operations = Object.values(contract.paths).flatMap(path =>
      Object.values(path)
        .map(operation => operation.operationId)
        .filter(Boolean)
    );
    const methods = Object.getOwnPropertyNames(
      ContainerKernelsClient.prototype
    ).filter(name => name !== 'constructor' && !name.startsWith('_'));
    expect(methods.sort()).toEqual(operations.sort());
  });
});
