// How many tasks of a batch end in a second, from what was seen of it in the last minute.
// Must hold: nothing is said before five seconds were seen.

interface Sample {
  at: number;
  done: number;
}

const windowMs = 60_000;

class Rates {
  private samples = new Map<number, Sample[]>();

  note(batch: number, done: number): void {
    const now = performance.now();
    const known = (this.samples.get(batch) ?? []).filter((sample) => now - sample.at < windowMs && sample.done <= done);
    known.push({ at: now, done });
    this.samples.set(batch, known);
  }

  // Of a second; null: not known yet.
  of(batch: number): number | null {
    const known = this.samples.get(batch) ?? [];
    const [first, last] = [known[0], known.at(-1)];
    if (!first || !last || last.at - first.at < 5000) return null;
    return (1000 * (last.done - first.done)) / (last.at - first.at);
  }
}

export const rates = new Rates();

export function rateText(rate: number | null): string {
  if (rate === null) return '–';
  if (rate === 0) return '0/s';
  return rate >= 1 ? `${rate.toFixed(1)}/s` : rate * 60 >= 1 ? `${(rate * 60).toFixed(1)}/min` : `${(rate * 3600).toFixed(1)}/h`;
}
