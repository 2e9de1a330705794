// What an operator says of a worker, as actions.
// Must hold: each has its command; what ends attempts is marked as dangerous.
import type { Action } from './action';
import type { Worker } from './api';
import { commandLine } from './command';
import { t } from '../strings';

export type WorkerVerb = 'pause' | 'resume' | 'drain' | 'lost' | 'remove';

const opposite: Partial<Record<WorkerVerb, WorkerVerb>> = { pause: 'resume', resume: 'pause', drain: 'resume' };

const addressOfWorker = (name: string): string => `/api/v1/workers/${encodeURIComponent(name)}`;

export function workerAction(verb: WorkerVerb, name: string, running?: number): Action {
  const undo = opposite[verb];
  const dangerous = verb === 'lost' || verb === 'remove';
  return {
    title: t.workers.titles[verb](name),
    go: t.workers.verbs[verb],
    method: 'POST',
    path: `${addressOfWorker(name)}/${verb}`,
    body: {},
    words: ['worker', verb, name, ...(dangerous ? ['--yes'] : [])],
    fields: 'reason',
    danger: dangerous,
    checked: true,
    ...(running === undefined ? {} : { note: t.workers.comes[verb](running) }),
    ...(undo ? { undo: commandLine(['muster', 'worker', undo, name]) } : {}),
  };
}

export function slotsAction(name: string, slots: number, before: number): Action {
  return {
    title: t.workers.titles.slots(name, slots),
    go: t.batch.save,
    method: 'PATCH',
    path: addressOfWorker(name),
    body: { slots },
    words: ['worker', 'set', name, '--slots', slots],
    fields: 'none',
    undo: commandLine(['muster', 'worker', 'set', name, '--slots', before]),
  };
}

// The settings of a worker that are not as they were.
export interface WorkerSettings {
  slots: number;
  serves: string;
  labels: string; // NAME=VALUE, one a line
}

export const settingsOf = (worker: Worker): WorkerSettings => ({
  slots: worker.slots.enabled,
  serves: worker.serves ?? '',
  labels: Object.entries(worker.labels)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n'),
});

export function settingsAction(name: string, before: WorkerSettings, now: WorkerSettings): Action {
  const body: Record<string, unknown> = {};
  const words: (string | number)[] = ['worker', 'set', name];
  if (now.slots !== before.slots) {
    body['slots'] = now.slots;
    words.push('--slots', now.slots);
  }
  if (now.serves !== before.serves) {
    body['serves'] = now.serves;
    words.push('--serves', now.serves || 'everything');
  }
  if (now.labels.trim() !== before.labels) {
    const lines = now.labels.split('\n').map((line) => line.trim()).filter((line) => line !== '');
    body['labels'] = Object.fromEntries(lines.map((line) => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)]));
    for (const line of lines.length ? lines : ['none']) words.push('--label', line);
  }
  return { title: t.workers.titles.set(name), go: t.batch.save, method: 'PATCH', path: addressOfWorker(name), body, words, fields: 'none' };
}
