// Attempts as bars in lanes: one lane for each place of a worker that was in use at once.
// Must hold: bars of a lane do not overlap; the same attempts always give the same lanes.
import type { Attempt } from './api';

export interface Bar {
  id: string;
  task: string;
  state: string;
  worker: string;
  from: number; // ms since 1970
  to: number;
  running: boolean;
}

export interface Lane {
  worker: string;
  first: boolean; // of its worker
  bars: Bar[];
}

export function barsOf(attempts: Attempt[], now: number): Bar[] {
  const bars: Bar[] = [];
  for (const one of attempts) {
    const start = one.started ?? one.granted;
    if (!start || !one.worker || (!one.started && one.ended)) continue;
    const running = one.ended === null;
    const from = Date.parse(start);
    bars.push({ id: one.id, task: one.task, state: one.state, worker: one.worker, from, to: running ? now : Math.max(from, Date.parse(one.ended ?? start)), running });
  }
  return bars.sort((a, b) => a.worker.localeCompare(b.worker) || a.from - b.from || a.to - b.to);
}

export function lanesOf(bars: Bar[]): Lane[] {
  const lanes: Lane[] = [];
  let ofWorker: Lane[] = [];
  for (const bar of bars) {
    if (ofWorker[0]?.worker !== bar.worker) ofWorker = [];
    let lane = ofWorker.find((one) => (one.bars.at(-1)?.to ?? 0) <= bar.from);
    if (!lane) {
      lane = { worker: bar.worker, first: ofWorker.length === 0, bars: [] };
      ofWorker.push(lane);
      lanes.push(lane);
    }
    lane.bars.push(bar);
  }
  return lanes;
}

// How many ran at each moment something began or ended: two rows of equal length, seconds and numbers.
export function runningOver(bars: Bar[]): [number[], number[]] {
  const steps = new Map<number, number>();
  for (const bar of bars) {
    steps.set(bar.from, (steps.get(bar.from) ?? 0) + 1);
    if (!bar.running) steps.set(bar.to, (steps.get(bar.to) ?? 0) - 1);
  }
  const times = [...steps.keys()].sort((a, b) => a - b);
  const numbers: number[] = [];
  let number = 0;
  for (const time of times) numbers.push((number += steps.get(time) ?? 0));
  return [times.map((time) => time / 1000), numbers];
}
