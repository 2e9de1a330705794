// What workers did minute by minute: the part of a worker's slots that attempts held.
// Must hold: an attempt counts for as long as it ran within a cell, and with the slots that its batch asks for.
import { get, type Attempt, type Batch, type Worker } from './api';

export interface Grain {
  from: number; // ms since 1970
  cells: number;
  cellMs: number;
}

export interface Used {
  attempts: Attempt[];
  slots: Map<number, number>; // of a batch's tasks
  cut: boolean;
}

const pageRows = 1000;
const pagesMax = 20;
const batchPagesMax = 5;
const aroundMax = 20_000; // tasks of one batch that are looked at

const batchOf = (attempt: Attempt): number => Number(attempt.task.split('.')[0]);

// Those tasks of a batch that can have run lately: it starts them in their order, nearly.
function lately(batch: Batch): { selector: string; cut: boolean } {
  const over = batch.counts.succeeded + batch.counts.failed + batch.counts.cancelled;
  if (batch.tasks <= aroundMax) return { selector: String(batch.id), cut: false };
  const last = Math.min(batch.tasks, over + 2 * batch.counts.running + 1000);
  return { selector: `${batch.id}.${Math.max(1, last - aroundMax + 1)}-${last}`, cut: last > aroundMax };
}

// Some batches, newest first.
async function batchesOf(where: string, used: Used, stop: AbortSignal): Promise<Batch[]> {
  const found: Batch[] = [];
  let after: string | undefined;
  for (let pages = 0; pages < batchPagesMax; ++pages) {
    const page = await get('/api/v1/batches', { query: { where, limit: 100, after }, signal: stop });
    found.push(...page.items);
    after = page.next ?? undefined;
    if (!after) break;
  }
  used.cut ||= after !== undefined;
  return found;
}

// The attempts of the batches that live, or ended since.
export async function readUsed(since: number, stop: AbortSignal): Promise<Used> {
  const used: Used = { attempts: [], slots: new Map(), cut: false };
  const from = new Date(since).toISOString().replace(/\.\d+Z$/, 'Z');
  const batches = [...(await batchesOf('state=running,trial,cancelling', used, stop)), ...(await batchesOf(`ended=${from}+`, used, stop))];
  const known = new Set<string>();
  let pages = 0;
  for (const batch of batches) {
    const { selector, cut } = lately(batch);
    used.cut ||= cut;
    const filters = [`ended=${from}+`, ...(batch.counts.running > 0 ? ['state=fetching,staged,executing,storing,verifying,stopping'] : [])];
    for (const where of filters) {
      let after: string | undefined;
      do {
        const page = await get('/api/v1/attempts', { query: { selector, where, limit: pageRows, after }, signal: stop });
        used.attempts.push(...page.items.filter((one) => !known.has(one.id)));
        for (const one of page.items) known.add(one.id);
        after = page.next ?? undefined;
      } while (after && ++pages < pagesMax);
      used.cut ||= after !== undefined;
    }
  }
  await readSlots(used, stop);
  return used;
}

async function readSlots(used: Used, stop: AbortSignal): Promise<void> {
  for (const batch of new Set(used.attempts.map(batchOf))) {
    const shown = await get('/api/v1/batches/{name}', { name: String(batch), signal: stop });
    const needs = shown.template?.resources;
    used.slots.set(batch, needs?.exclusive ? Infinity : (needs?.slots ?? 1));
  }
}

// For each worker a row of parts, 0 to 1.
export function heatOf(workers: Worker[], used: Used, grain: Grain, now: number): Map<string, Float32Array> {
  const rows = new Map<string, Float32Array>(workers.map((worker) => [worker.name, new Float32Array(grain.cells)]));
  const offered = new Map(workers.map((worker) => [worker.name, Math.max(1, worker.slots.enabled)]));
  for (const attempt of used.attempts) {
    const row = rows.get(attempt.worker ?? '');
    const started = attempt.started ?? attempt.granted; // of one that runs only its end will tell when it began
    if (!row || !started || (!attempt.started && attempt.ended)) continue;
    const places = offered.get(attempt.worker ?? '') ?? 1;
    const part = Math.min(used.slots.get(batchOf(attempt)) ?? 1, places) / places;
    const begin = Date.parse(started);
    const end = attempt.ended ? Date.parse(attempt.ended) : now;
    const first = Math.max(0, Math.floor((begin - grain.from) / grain.cellMs));
    for (let at = first; at < grain.cells; ++at) {
      const left = grain.from + at * grain.cellMs;
      if (left >= end) break;
      const held = Math.min(end, left + grain.cellMs) - Math.max(begin, left);
      row[at] = Math.min(1, (row[at] ?? 0) + (part * Math.max(0, held)) / grain.cellMs);
    }
  }
  return rows;
}

// The mean of some neighbouring cells, for the table.
export function coarser(row: Float32Array, number: number): number[] {
  const found: number[] = [];
  for (let at = 0; at < row.length; at += number) {
    const some = row.slice(at, at + number);
    found.push(some.reduce((sum, one) => sum + one, 0) / some.length);
  }
  return found;
}
