// Which rows of the task table are chosen: one by one, or all that match.
// Must hold: all that match are named by the filter, not by a list, so that the server finds them, however many they are.
import type { Choice } from './action';

const selectorsMax = 1000; // of one request

export class Selection {
  all = $state(false);
  private ids = $state.raw(new Set<string>());

  get size(): number {
    return this.ids.size;
  }
  has(id: string): boolean {
    return this.all || this.ids.has(id);
  }

  toggle(id: string): void {
    const next = new Set(this.ids);
    if (!next.delete(id)) next.add(id);
    this.ids = next;
    this.all = false;
  }

  clear(): void {
    this.all = false;
    this.ids = new Set();
  }

  selectAll(): void {
    this.ids = new Set();
    this.all = true;
  }

  choice(selector: string, where: string): Choice {
    if (this.all) return { selectors: [selector], where };
    return { selectors: selectorsOf([...this.ids]), where: '' };
  }
}

// 42.1-3 for what stands side by side.
export function selectorsOf(ids: string[]): string[] {
  const batches = new Map<string, number[]>();
  for (const id of ids) {
    const [batch = '', index = ''] = id.split('.');
    batches.set(batch, [...(batches.get(batch) ?? []), Number(index)]);
  }
  const selectors: string[] = [];
  for (const [batch, indexes] of batches) {
    indexes.sort((a, b) => a - b);
    let first = indexes[0] ?? 0;
    indexes.forEach((index, at) => {
      if (indexes[at + 1] === index + 1) return;
      selectors.push(first === index ? `${batch}.${index}` : `${batch}.${first}-${index}`);
      first = indexes[at + 1] ?? 0;
    });
  }
  return selectors.slice(0, selectorsMax);
}
