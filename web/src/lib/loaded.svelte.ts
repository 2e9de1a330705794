// A value of the server that a screen shows: read once, and anew when something happened that may have changed it.
// Must hold: never two reads at once, never more than one a second, and an older answer never replaces a newer one.
import { Problem } from './api';
import { live } from './live.svelte';

const pauseMs = 1000;

type Cause = 'batch' | 'worker' | 'event' | 'tasks';

export class Loaded<T> {
  value = $state.raw<T | undefined>(undefined);
  problem = $state.raw<Problem | null>(null);
  private busy = false;
  private again = false;
  private last = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private generation = 0;

  constructor(private read: () => Promise<T>) {}

  // Another thing to show; what was shown goes.
  start(read: () => Promise<T>): void {
    this.read = read;
    this.value = undefined;
    this.problem = null;
    ++this.generation;
    this.busy = false;
    this.last = 0;
    this.reload();
  }

  // Soon, and once, however often it is said.
  reload(): void {
    if (this.busy) {
      this.again = true;
      return;
    }
    if (this.timer !== undefined) return;
    const wait = Math.max(0, this.last + pauseMs - performance.now());
    if (this.last === 0 || wait === 0) void this.now();
    else this.timer = setTimeout(() => void this.now(), wait);
  }

  async now(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.busy = true;
    this.again = false;
    const generation = this.generation;
    try {
      const value = await this.read();
      if (generation !== this.generation) return;
      this.value = value;
      this.problem = null;
    } catch (error) {
      if (generation !== this.generation) return;
      if (!(error instanceof Problem)) throw error;
      // While the server is away the last values stay; the frame says so.
      if (!error.unreachable || this.value === undefined) this.problem = error;
    }
    this.last = performance.now();
    this.busy = false;
    if (this.again) this.reload();
  }

  // Reads anew when one of these is told; call it in an $effect, and return what it returns.
  follow(causes: Cause[], concerns: (data: Record<string, unknown>) => boolean = () => true): () => void {
    const ends = causes.map((cause) =>
      live.on<Record<string, unknown>>(cause, (data) => {
        if (concerns(data)) this.reload();
      }),
    );
    ends.push(live.on('resync', () => this.reload()));
    ends.push(() => clearTimeout(this.timer));
    return () => {
      for (const end of ends) end();
    };
  }
}
