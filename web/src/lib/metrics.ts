// The figures of /metrics, by name.
// Must hold: a figure that is not there is undefined, not 0.

export interface Sample {
  labels: Record<string, string>;
  value: number;
}

export class Metrics {
  private samples = new Map<string, Sample[]>();

  constructor(text: string) {
    for (const line of text.split('\n')) {
      const found = /^([a-z_]\w*)(?:\{(.*)\})? (\S+)$/.exec(line);
      if (!found) continue;
      const labels = Object.fromEntries([...(found[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, value]) => [key ?? '', value ?? '']));
      const known = this.samples.get(found[1] ?? '') ?? [];
      known.push({ labels, value: Number(found[3]) });
      this.samples.set(found[1] ?? '', known);
    }
  }

  value(name: string): number | undefined {
    return this.samples.get(name)?.[0]?.value;
  }

  // The least bound of a histogram below which this part of all lies; null: beyond the last.
  below(name: string, part: number): number | null | undefined {
    const buckets = this.samples.get(`${name}_bucket`);
    const all = this.value(`${name}_count`);
    if (!buckets || !all) return undefined;
    const bound = buckets.find((one) => one.value >= part * all)?.labels['le'];
    return bound === undefined || bound === '+Inf' ? null : Number(bound);
  }
}
