// The operations of the API as /openapi.json lists them, and how each is called with curl.
// Must hold: nothing is known here but what the document says.
import { curlOf } from './command';

interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  items?: Schema;
  required?: string[];
  properties?: Record<string, Schema>;
  oneOf?: Schema[];
  anyOf?: Schema[];
}

interface Described {
  operationId: string;
  summary: string;
  'x-muster-role'?: string;
  'x-muster-reach'?: string;
  parameters?: { name: string; in: string; required?: boolean }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
}

export interface Document {
  info: { version: string };
  paths: Record<string, Record<string, Described>>;
  components: { schemas: Record<string, Schema> };
}

export interface Field {
  name: string;
  type: string;
  required: boolean;
}

export interface Operation {
  id: string;
  method: string;
  path: string;
  summary: string;
  role: string;
  reach: string;
  query: string[];
  fields: Field[];
  curl: string;
}

export interface Group {
  name: string;
  operations: Operation[];
}

export function groupsOf(document: Document, query: string): Group[] {
  const groups = new Map<string, Operation[]>();
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, described] of Object.entries(methods)) {
      const text = `${method} ${path} ${described.operationId} ${described.summary}`.toLowerCase();
      if (!words.every((word) => text.includes(word))) continue;
      const name = path.split('/')[3] ?? path;
      const operations = groups.get(name) ?? [];
      operations.push(operationOf(document, method.toUpperCase(), path, described));
      groups.set(name, operations);
    }
  }
  return [...groups].map(([name, operations]) => ({ name, operations })).sort((a, b) => a.name.localeCompare(b.name));
}

function operationOf(document: Document, method: string, path: string, described: Described): Operation {
  const body = described.requestBody?.content['application/json']?.schema;
  const fields = body ? fieldsOf(document, body) : [];
  const sample = Object.fromEntries(fields.filter((one) => one.required).map((one) => [one.name, sampleOf(one)]));
  return {
    id: described.operationId,
    method,
    path,
    summary: described.summary,
    role: described['x-muster-role'] ?? '',
    reach: described['x-muster-reach'] ?? '',
    query: (described.parameters ?? []).filter((one) => one.in === 'query').map((one) => one.name),
    fields,
    curl: curlOf(method, path.replace('{name}', 'NAME'), sample),
  };
}

function resolved(document: Document, schema: Schema): Schema {
  const name = schema.$ref?.split('/').at(-1);
  return name ? (document.components.schemas[name] ?? {}) : schema;
}

function fieldsOf(document: Document, schema: Schema): Field[] {
  const whole = resolved(document, schema);
  return Object.entries(whole.properties ?? {}).map(([name, one]) => ({ name, type: typeOf(one), required: whole.required?.includes(name) ?? false }));
}

function typeOf(schema: Schema): string {
  if (schema.$ref) return schema.$ref.split('/').at(-1) ?? '';
  if (schema.enum) return schema.enum.map(String).join('|');
  const several = schema.oneOf ?? schema.anyOf;
  if (several) return several.map(typeOf).join('|');
  if (schema.items) return `${typeOf(schema.items)}[]`;
  return Array.isArray(schema.type) ? schema.type.join('|') : (schema.type ?? 'object');
}

function sampleOf(field: Field): unknown {
  if (field.type.endsWith('[]')) return [sampleOf({ ...field, type: field.type.slice(0, -2) })];
  if (field.type.startsWith('integer') || field.type.startsWith('number')) return 1;
  if (field.type.startsWith('boolean')) return true;
  if (field.type.startsWith('string')) return field.name.toUpperCase();
  return field.type.includes('|') ? field.type.split('|')[0] : {};
}
