// The native API as typed calls: paths, parameters and answers are those of /openapi.json (openapi.ts is made from it).
// Must hold: a refusal becomes a Problem with the server's own words; a lost session is told to whoever listens.
import type { components, paths } from './openapi';

export type Schemas = components['schemas'];
export type Batch = Schemas['Batch'];
export type BatchShown = Schemas['BatchShown'];
export type Task = Schemas['Task'];
export type TaskShown = Schemas['TaskShown'];
export type Attempt = Schemas['Attempt'];
export type Worker = Schemas['Worker'];
export type Event = Schemas['Event'];
export type Status = Schemas['Status'];
export type Counts = Schemas['Counts'];
export type Left = Schemas['Left'];

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';
type Operation<P extends keyof paths, M extends Method> = paths[P][M];
type Answer<O> = O extends { responses: { '2XX': { content: { 'application/json': infer T } } } } ? T : never;
type Body<O> = O extends { requestBody?: { content: { 'application/json': infer T } } } ? T : never;

export interface Options<B = unknown> {
  name?: string;
  query?: Record<string, string | number | boolean | undefined>;
  body?: B;
  signal?: AbortSignal;
  token?: string; // another than that of the session
}

// What the server, or the way to it, had against a call.
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly next: string | null,
  ) {
    super(detail);
  }
  get unreachable(): boolean {
    return this.status === 0;
  }
}

// Who asks, which project every call is about, and what to do when the server knows the token no more; set by session.svelte.ts.
export const context = { token: '', project: '', signedOut: () => {} };

export function addressOf(path: string, options: Options): string {
  const filled = path.replace('{name}', encodeURIComponent(options.name ?? ''));
  const query = new URLSearchParams();
  if (context.project) query.set('project', context.project);
  for (const [key, value] of Object.entries(options.query ?? {})) {
    if (value !== undefined && value !== '') query.set(key, String(value));
  }
  const text = query.toString();
  return text ? `${filled}?${text}` : filled;
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    const body = (await response.json()) as Partial<Schemas['Problem']>;
    return new Problem(response.status, body.code ?? '', body.detail ?? body.title ?? response.statusText, body.next ?? null);
  } catch {
    return new Problem(response.status, '', response.statusText || `HTTP ${response.status}`, null);
  }
}

// The response of a call that went well; throws a Problem otherwise.
export async function fetchFrom(method: string, address: string, options: Options = {}): Promise<Response> {
  const headers: Record<string, string> = { Authorization: `Bearer ${options.token ?? context.token}` };
  const init: RequestInit = { method, headers, credentials: 'omit', cache: 'no-store' };
  if (method !== 'GET') {
    headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(options.body ?? {});
  }
  if (options.signal) init.signal = options.signal;
  let response: Response;
  try {
    response = await fetch(address, init);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem(0, '', 'the server does not answer', null);
  }
  if (response.ok) return response;
  const problem = await problemOf(response);
  if (problem.status === 401 && options.token === undefined) context.signedOut();
  throw problem;
}

export async function call<M extends Method, P extends keyof paths>(
  method: M,
  path: P,
  options: Options<Body<Operation<P, M>>> = {},
): Promise<Answer<Operation<P, M>>> {
  const response = await fetchFrom(method.toUpperCase(), addressOf(path, options), options);
  return (response.status === 204 ? undefined : await response.json()) as Answer<Operation<P, M>>;
}

export const get = <P extends keyof paths>(path: P, options: Options = {}): Promise<Answer<Operation<P, 'get'>>> =>
  call('get', path, options as Options<never>);
