import { readFileSync } from 'fs';
import { join } from 'path';

import { parse } from 'yaml';

/** A schema of `openapi.yaml`, as far as we use the language. */
export interface ISchema {
  $ref?: string;
  type?: string | string[];
  enum?: (string | null)[];
  anyOf?: ISchema[];
  items?: ISchema;
  properties?: Record<string, ISchema>;
  additionalProperties?: ISchema | boolean;
  required?: string[];
}

/** An operation of `openapi.yaml`. */
export interface IOperation {
  operationId: string;
}

/** The REST contract. */
export interface IContract {
  paths: Record<string, Record<string, IOperation>>;
  components: { schemas: Record<string, ISchema> };
}

/** Reads the contract that the server part is held to as well. */
export function readContract(): IContract {
  return parse(
    readFileSync(
      join(process.cwd(), 'jupyterlab_container_kernels', 'openapi.yaml'),
      'utf-8'
    )
  ) as IContract;
}

/** The schema that a `$ref` names, with its name. */
export function follow(
  contract: IContract,
  schema: ISchema
): { name?: string; schema: ISchema } {
  if (!schema.$ref) {
    return { schema };
  }
  const name = schema.$ref.split('/').pop() as string;
  return { name, schema: contract.components.schemas[name] };
}

/** The alternatives of a schema, `null` among them as `{type: 'null'}`. */
export function alternatives(schema: ISchema): ISchema[] {
  if (schema.anyOf) {
    return schema.anyOf;
  }
  if (Array.isArray(schema.type)) {
    return schema.type.map(type => ({ ...schema, type }));
  }
  return [schema];
}

/** Whether `null` is allowed. */
export function isNullable(schema: ISchema): boolean {
  return alternatives(schema).some(each => each.type === 'null');
}

/** A value that a schema allows, with every field present and nothing `null`. */
export function example(contract: IContract, schema: ISchema): unknown {
  const { schema: target } = follow(contract, schema);
  const chosen = alternatives(target).find(each => each.type !== 'null');
  if (!chosen) {
    return null;
  }
  if (chosen.$ref) {
    return example(contract, chosen);
  }
  if (chosen.enum) {
    return chosen.enum.find(value => value !== null);
  }
  switch (chosen.type) {
    case 'object':
      if (typeof chosen.additionalProperties === 'object') {
        return { NAME: example(contract, chosen.additionalProperties) };
      }
      return Object.fromEntries(
        Object.entries(chosen.properties ?? {}).map(([name, field]) => [
          name,
          example(contract, field)
        ])
      );
    case 'array':
      return [example(contract, chosen.items as ISchema)];
    case 'string':
      return 'text';
    case 'integer':
      return 3;
    case 'number':
      return 1.5;
    case 'boolean':
      return true;
    default:
      throw new Error(`No example for ${JSON.stringify(chosen)}`);
  }
}
