// What happens on the server, as it happens, for the screens of this tab.
// Must hold: a hidden tab does nothing; when it is seen again, or the stream has a gap, every screen reads anew (`resync`).
import { context } from './api';
import { session } from './session.svelte';
import { LiveHub, type HubSays, type TabSays } from './live_hub';

type Listener = (data: never) => void;
type EventName = 'hello' | 'batch' | 'worker' | 'event' | 'tasks' | 'left-out' | 'resync';

class Live {
  // `since`: when the connection was lost.
  state = $state<'connecting' | 'live' | 'refused'>('connecting');
  since = $state(Date.now());
  private say: (message: TabSays) => void = () => {};
  private listeners = new Map<EventName, Set<Listener>>();
  private batch = 0;
  private missed = false;

  begin(): void {
    const hear = (message: HubSays) => this.hear(message);
    if ('SharedWorker' in globalThis) {
      const worker = new SharedWorker(new URL('./live_worker.ts', import.meta.url), { type: 'module', name: 'muster-live' });
      worker.port.onmessage = (event: MessageEvent<HubSays>) => hear(event.data);
      worker.port.start();
      this.say = (message) => worker.port.postMessage(message);
      setInterval(() => this.say({ kind: 'here' }), 30_000);
    } else {
      // Where there is none, only the tab that is seen listens: hidden ones would use up the connections.
      this.say = new LiveHub().join(hear);
    }
    addEventListener('pagehide', () => this.say({ kind: 'bye' }));
    addEventListener('pageshow', (event) => event.persisted && this.look());
    document.addEventListener('visibilitychange', () => this.seen());
    this.look();
  }

  // The tasks of this batch are looked at; 0: of none.
  watch(batch: number): void {
    if (batch === this.batch) return;
    this.batch = batch;
    this.look();
  }

  on<T>(name: EventName, listener: (data: T) => void): () => void {
    const known = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, known);
    known.add(listener as Listener);
    return () => known.delete(listener as Listener);
  }

  look(): void {
    if (document.hidden && !('SharedWorker' in globalThis)) this.say({ kind: 'bye' });
    else this.say({ kind: 'look', token: context.token, project: session.project, batch: document.hidden ? 0 : this.batch });
  }

  private seen(): void {
    this.look();
    if (document.hidden || !this.missed) return;
    this.missed = false;
    this.tell('resync', {});
  }

  private hear(message: HubSays): void {
    if (message.kind === 'state') {
      if (message.state !== 'live' && this.state === 'live') this.since = Date.now();
      this.state = message.state;
      if (message.state === 'refused') void session.ask();
      return;
    }
    if (document.hidden) {
      this.missed = true;
      return;
    }
    this.tell(message.event as EventName, message.data);
  }

  private tell(name: EventName, data: unknown): void {
    for (const listener of this.listeners.get(name) ?? []) listener(data as never);
  }
}

export const live = new Live();
