// What an operator says of a worker, as actions.
// Must hold: each has its command; what ends attempts is marked as dangerous.
import type { Action } from './action';
import { commandLine } from './command';
import { t } from '../strings';

export type WorkerVerb = 'pause' | 'resume' | 'drain' | 'lost' | 'remove';

const opposite: Partial<Record<WorkerVerb, WorkerVerb>> = { pause: 'resume', resume: 'pause', drain: 'resume' };

export function workerAction(verb: WorkerVerb, name: string): Action {
  const undo = opposite[verb];
  return {
    title: t.workers.titles[verb](name),
    go: t.workers.verbs[verb],
    method: 'POST',
    path: `/api/v1/workers/${encodeURIComponent(name)}/${verb}`,
    body: {},
    words: ['worker', verb, name],
    fields: 'reason',
    danger: verb === 'lost' || verb === 'remove',
    ...(undo ? { undo: commandLine(['muster', 'worker', undo, name]) } : {}),
  };
}

export function slotsAction(name: string, slots: number, before: number): Action {
  return {
    title: t.workers.titles.slots(name, slots),
    go: t.batch.save,
    method: 'PATCH',
    path: `/api/v1/workers/${encodeURIComponent(name)}`,
    body: { slots },
    words: ['worker', 'set', name, '--slots', slots],
    fields: 'none',
    undo: commandLine(['muster', 'worker', 'set', name, '--slots', before]),
  };
}
