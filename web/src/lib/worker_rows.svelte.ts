// The workers that a filter means: read page by page, patched by what the event stream tells.
// Must hold: a row keeps its place until the list is read anew; what was left out is known.
import { get, Problem, type Worker } from './api';
import { live } from './live.svelte';

const pageRows = 1000;
const rowsMax = 10_000;

export class WorkerRows {
  items = $state.raw<Worker[] | null>(null);
  more = $state(false);
  problem = $state.raw<Problem | null>(null);
  private where = '';
  private generation = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  open(where: string): void {
    this.where = where;
    this.items = null;
    void this.read();
  }

  async read(): Promise<void> {
    const generation = ++this.generation;
    const found: Worker[] = [];
    let after: string | undefined;
    try {
      do {
        const page = await get('/api/v1/workers', { query: { where: this.where || '-state=removed', limit: pageRows, after } });
        if (generation !== this.generation) return;
        found.push(...page.items);
        after = page.next ?? undefined;
      } while (after && found.length < rowsMax);
      this.items = found;
      this.more = after !== undefined;
      this.problem = null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (generation === this.generation && !(error.unreachable && this.items)) this.problem = error;
    }
  }

  // Call it in an $effect, and return what it returns.
  follow(): () => void {
    const ends = [
      live.on<Worker>('worker', (worker) => this.patch(worker)),
      live.on('resync', () => this.soon()),
      () => clearTimeout(this.timer),
    ];
    return () => ends.forEach((end) => end());
  }

  private patch(worker: Worker): void {
    const at = this.items?.findIndex((one) => one.id === worker.id) ?? -1;
    if (!this.items || at < 0) return this.soon(); // one that came, or that now matches
    this.items = this.items.map((one, place) => (place === at ? worker : one));
  }

  private soon(): void {
    if (this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.read();
    }, 1000);
  }
}
