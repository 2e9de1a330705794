// What a person can have done on the server: one request, and its two other forms.
// Must hold: a screen describes actions with these functions only, so that each shows how else it could be done.
import { addressOf, fetchFrom, type Schemas } from './api';
import { commandLine, curlOf } from './command';
import { memoryWord } from './format';
import { t } from '../strings';

export type Changed = Schemas['Changed'];

// What may be said beside, in the dialogue.
export type Field = 'reason' | 'needs' | 'none';

export interface Action {
  title: string;
  method: 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  path: string;
  body: Record<string, unknown>;
  words: (string | number)[]; // after `muster`
  fields: Field;
  // What the button that does it says.
  go: string;
  danger?: boolean;
  // The server can say beforehand how many tasks it would be.
  countable?: boolean;
  // The server can say beforehand whether it would refuse.
  checked?: boolean;
  // What comes of it, in a sentence.
  note?: string;
  // What the fields for other needs begin with.
  hint?: Needs;
  // What undoes it.
  undo?: string;
}

// Which tasks: selectors and a filter.
export interface Choice {
  selectors: string[];
  where: string;
}

export type Verb = 'retry' | 'cancel' | 'hold' | 'release';

export function verbAction(verb: Verb, choice: Choice, what: string): Action {
  const body: Record<string, unknown> = { selectors: choice.selectors };
  if (choice.where) body['where'] = choice.where;
  const opposite: Record<Verb, string> = { retry: 'cancel', cancel: 'retry', hold: 'release', release: 'hold' };
  return {
    title: t.verbs[verb].title(what),
    go: t.verbs[verb].go,
    method: 'POST',
    path: `/api/v1/${verb}`,
    body,
    words: [verb, ...choice.selectors, ...(choice.where ? ['--where', choice.where] : []), ...(verb === 'cancel' ? ['--yes'] : [])],
    fields: verb === 'retry' ? 'needs' : verb === 'release' ? 'none' : 'reason',
    danger: verb === 'cancel',
    countable: true,
    undo: commandLine(['muster', opposite[verb], ...choice.selectors]),
  };
}

// What can be asked for anew with a retry, as the dialogue's fields name it.
export interface Needs {
  mem_mb?: number;
  cpus?: number;
  slots?: number;
  gpus?: number;
  disk_mb?: number;
  time_s?: number;
  retries?: number;
}

const needWords: Record<keyof Needs, (value: number) => (string | number)[]> = {
  mem_mb: (value) => ['--mem', memoryWord(value)],
  cpus: (value) => ['--cpus', value],
  slots: (value) => ['--slots', value],
  gpus: (value) => ['--gpus', value],
  disk_mb: (value) => ['--disk', memoryWord(value)],
  time_s: (value) => ['--time', `${value}s`],
  retries: (value) => ['--retry', value],
};

export function withNeeds(action: Action, needs: Needs): Action {
  const words = [...action.words];
  for (const [name, value] of Object.entries(needs)) {
    if (value !== undefined) words.push(...needWords[name as keyof Needs](value as number));
  }
  return { ...action, body: { ...action.body, ...needs }, words };
}

export function withReason(action: Action, reason: string): Action {
  if (!reason) return action;
  return { ...action, body: { ...action.body, reason }, words: [...action.words, '--reason', reason] };
}

export const cliOf = (action: Action): string => commandLine(['muster', ...action.words]);
export const curlOfAction = (action: Action): string => curlOf(action.method, addressOf(action.path, {}), action.body);

export async function perform(action: Action): Promise<Record<string, unknown>> {
  const response = await fetchFrom(action.method, addressOf(action.path, {}), { body: action.body });
  return (response.status === 204 ? {} : await response.json()) as Record<string, unknown>;
}

// How many tasks it would be.
export async function preview(action: Action): Promise<Changed> {
  return (await perform({ ...action, body: { ...action.body, dry_run: true } })) as unknown as Changed;
}
