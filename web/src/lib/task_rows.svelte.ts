// The rows of the task table: pages of the server, read where somebody looks, patched by what the event stream tells.
// Must hold: a row never changes its place while it is shown; the framework sees one number change, not a hundred thousand rows.
import { get, Problem, type Task } from './api';
import { live } from './live.svelte';

const pageRows = 200;
const refreshMs = 1000;

export interface TaskView {
  selector: string; // a batch, a range of it, or `all`
  where: string;
  batch: number; // the one batch they are of, else 0
  total: number | null; // as far as is known without asking for it
}

interface TaskDelta {
  batch: number;
  many: boolean;
  tasks: [number, Task['state'], number, string | null, number | null][];
}

export class TaskRows {
  // Counts up when rows changed: what shows them reads it.
  version = $state(0);
  total = $state<number | null>(null);
  problem = $state.raw<Problem | null>(null);
  // How many rows can be shown; grows while pages without places of their own are read.
  length = $state(0);
  complete = $state(false);
  // Tasks of batches that came since: they would stand above what is shown, so they wait.
  fresh = $state(0);
  private freshOf = new Map<number, number>();
  private rows: (Task | undefined)[] = [];
  private places = new Map<string, number>();
  private reading = new Set<number>();
  private next: string | null = null; // of the last page, where pages have to be read in order
  private view: TaskView = { selector: 'all', where: '', batch: 0, total: null };
  private generation = 0;
  private seen = { first: 0, last: 0 };
  private frame = 0;
  private readAt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  // Any page of a whole batch can be asked for by its position; others follow each other.
  private get dense(): boolean {
    return this.view.where === '' && /^\d+$/.test(this.view.selector);
  }

  open(view: TaskView): void {
    this.view = view;
    this.clear();
    void this.read(0);
    void this.count();
  }

  // More tasks were added to the batch: they come at its end.
  grow(total: number): void {
    this.view = { ...this.view, total };
    if (!this.dense || total <= this.length) return;
    this.total = total;
    this.length = total;
    this.look(this.seen.first, this.seen.last);
    this.changed();
  }

  // Everything anew: what was hidden by the filter comes, what no longer matches goes.
  reload(): void {
    if (this.view.total !== null && this.view.selector === 'all') this.view = { ...this.view, total: this.view.total + this.fresh };
    this.clear();
    for (let page = Math.floor(this.seen.first / pageRows); page <= Math.floor(this.seen.last / pageRows); ++page) void this.read(page);
    void this.count();
  }

  private clear(): void {
    ++this.generation;
    this.rows = [];
    this.places.clear();
    this.reading.clear();
    this.next = null;
    this.complete = false;
    this.problem = null;
    this.fresh = 0;
    this.freshOf.clear();
    this.total = this.view.total;
    this.length = this.dense ? (this.view.total ?? 0) : 0;
    this.changed();
  }

  row(at: number): Task | undefined {
    return this.rows[at];
  }

  placeOf(id: string): number | undefined {
    return this.places.get(id);
  }

  // These rows are looked at.
  look(first: number, last: number): void {
    this.seen = { first, last };
    if (this.dense) {
      for (let page = Math.floor(first / pageRows); page <= Math.floor(last / pageRows); ++page) void this.read(page);
    } else if (!this.complete && last + pageRows / 2 >= this.rows.length) {
      void this.read(Math.floor(this.rows.length / pageRows));
    }
  }

  private async read(page: number): Promise<void> {
    const lastOfPage = this.dense ? Math.min((page + 1) * pageRows, this.length) - 1 : page * pageRows;
    if (this.reading.has(page) || this.rows[Math.max(lastOfPage, page * pageRows)] !== undefined) return;
    if (!this.dense && (this.complete || this.reading.size > 0)) return;
    this.reading.add(page);
    const generation = this.generation;
    const after = this.dense ? (page === 0 ? undefined : `${this.view.selector}:${page * pageRows}`) : (this.next ?? undefined);
    try {
      const answer = await this.fetchPage(after);
      if (generation !== this.generation) return;
      this.put(this.dense ? page * pageRows : this.rows.length, answer.items);
      if (!this.dense) {
        this.next = answer.next;
        this.complete = answer.next === null;
        this.length = this.rows.length;
        if (this.complete) this.total = this.rows.length;
      }
      this.problem = null;
    } catch (error) {
      if (generation !== this.generation || !(error instanceof Problem)) return;
      this.problem = error;
    }
    this.reading.delete(page);
    this.changed();
    // A filter that matches little gives short pages: on until there is something to see.
    if (!this.dense && !this.complete && !this.problem) this.look(this.seen.first, this.seen.last);
  }

  private fetchPage(after: string | undefined) {
    return get('/api/v1/tasks', { query: { selector: this.view.selector, where: this.view.where, limit: pageRows, after } });
  }

  private put(at: number, items: Task[]): void {
    for (const item of items) {
      this.rows[at] = item;
      this.places.set(item.id, at);
      ++at;
    }
  }

  // How many there are, exactly, where the batch does not say it.
  private async count(): Promise<void> {
    if (this.view.total !== null || !this.view.where) return;
    const generation = this.generation;
    try {
      const answer = await get('/api/v1/select', { query: { selector: this.view.selector, where: this.view.where } });
      if (generation === this.generation && !this.complete) this.total = answer.tasks;
    } catch (error) {
      // Nothing matches: the list says so itself.
      if (!(error instanceof Problem)) throw error;
    }
  }

  // ---- what happens meanwhile

  // Call it in an $effect, and return what it returns.
  follow(): () => void {
    const ends = [
      live.on<TaskDelta>('tasks', (delta) => this.patch(delta)),
      live.on('resync', () => this.refreshSoon()),
      live.on<{ id: number; tasks: number }>('batch', ({ id, tasks }) => {
        if (this.isFresh(id)) this.noteFresh(id, tasks);
        else if (this.view.batch === 0 || this.view.batch === id) this.refreshSoon();
      }),
      () => clearTimeout(this.timer),
    ];
    return () => ends.forEach((end) => end());
  }

  // The newest batch stands first: a greater number is not in the list yet.
  private isFresh(batch: number): boolean {
    return this.view.selector === 'all' && batch > (this.rows[0]?.batch ?? Infinity) && this.total !== null;
  }

  private noteFresh(batch: number, tasks: number): void {
    this.freshOf.set(batch, tasks);
    this.fresh = [...this.freshOf.values()].reduce((sum, one) => sum + one, 0);
  }

  private patch(delta: TaskDelta): void {
    if (delta.many) this.refreshSoon();
    let touched = false;
    for (const [index, state, attempts, worker, seconds] of delta.tasks) {
      const at = this.places.get(`${delta.batch}.${index}`);
      const row = at === undefined ? undefined : this.rows[at];
      if (!row || at === undefined) continue;
      const gone = state === 'running' || state === 'ready' || state === 'waiting';
      this.rows[at] = {
        ...row,
        state,
        attempts,
        worker: worker ?? row.worker,
        wall_s: seconds || (gone ? null : row.wall_s),
        ...(state === row.state ? {} : { phase: null, reason: null }),
      };
      touched ||= at >= this.seen.first && at <= this.seen.last;
    }
    if (touched) this.changed();
  }

  // Reads the rows that are seen anew, at most once a second.
  private refreshSoon(): void {
    if (this.timer !== undefined) return;
    this.timer = setTimeout(() => void this.refresh(), Math.max(0, this.readAt + refreshMs - performance.now()));
  }

  private async refresh(): Promise<void> {
    this.timer = undefined;
    if (!this.complete && this.rows.length === 0) return this.reload();
    this.readAt = performance.now();
    const generation = this.generation;
    const seen: Task[] = [];
    for (let at = this.seen.first; at <= this.seen.last; ++at) {
      const row = this.rows[at];
      if (row) seen.push(row);
    }
    const first = seen[0];
    const last = seen.at(-1);
    if (!first || !last) return this.complete ? this.reload() : undefined;
    try {
      // Without the filter: a row that no longer matches stays, and shows what it is now.
      const batches = new Set(seen.map((row) => row.batch));
      for (const batch of batches) {
        const indexes = seen.filter((row) => row.batch === batch).map((row) => row.index);
        const selector = `${batch}.${Math.min(...indexes)}-${Math.max(...indexes)}`;
        const answer = await get('/api/v1/tasks', { query: { selector, limit: 400 } });
        if (generation !== this.generation) return;
        for (const item of answer.items) {
          const at = this.places.get(item.id);
          if (at !== undefined) this.rows[at] = item;
        }
      }
      this.changed();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
    }
  }

  private changed(): void {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      ++this.version;
    });
  }
}
