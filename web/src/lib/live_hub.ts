// Shares event streams between those who listen: one for a project, one more for each batch whose tasks somebody looks at.
// Must hold: however many tabs there are, the browser's six connections to the server do not run out.
import { EventStream, type StreamState } from './stream';

// What a tab says to the hub, and the hub to a tab.
export type TabSays = { kind: 'look'; token: string; project: string; batch: number } | { kind: 'here' } | { kind: 'bye' };
export type HubSays = { kind: 'state'; state: StreamState } | { kind: 'message'; event: string; data: unknown };

const batchStreamsMax = 2; // the others read their pages anew when the project's stream says that something changed
const silentTabMs = 180_000; // timers of hidden tabs run once a minute

interface Tab {
  tell: (message: HubSays) => void;
  project: string;
  batch: number;
  seen: number;
}

export class LiveHub {
  private tabs = new Set<Tab>();
  private streams = new Map<string, EventStream>();
  private token = '';

  constructor() {
    setInterval(() => this.forgetSilent(), 60_000);
  }

  // Somebody new; what is returned takes what it says.
  join(tell: (message: HubSays) => void): (said: TabSays) => void {
    const tab: Tab = { tell, project: '', batch: -1, seen: Date.now() };
    return (said) => {
      tab.seen = Date.now();
      if (said.kind === 'bye') this.tabs.delete(tab);
      else if (said.kind === 'look') this.look(tab, said);
      this.fit();
    };
  }

  private look(tab: Tab, { token, project, batch }: { token: string; project: string; batch: number }): void {
    this.tabs.delete(tab); // who looked last stands last
    tab.project = project;
    tab.batch = batch;
    this.tabs.add(tab);
    this.token = token;
    // Somebody has signed in anew since.
    for (const [key, stream] of this.streams) {
      if (stream.token === token && stream.state !== 'refused') continue;
      stream.close();
      this.streams.delete(key);
    }
    const state = this.streams.get(keyOf(project, 0))?.state;
    tab.tell({ kind: 'state', state: state === 'live' ? 'live' : 'connecting' });
  }

  private forgetSilent(): void {
    const since = Date.now() - silentTabMs;
    for (const tab of this.tabs) if (tab.seen < since) this.tabs.delete(tab);
    this.fit();
  }

  // Opens what is wanted and closes what is not.
  private fit(): void {
    const wanted = new Map<string, { project: string; batch: number }>();
    for (const { project } of this.tabs) wanted.set(keyOf(project, 0), { project, batch: 0 });
    let batches = 0;
    for (const { project, batch } of [...this.tabs].reverse()) {
      if (batch <= 0 || wanted.has(keyOf(project, batch)) || batches === batchStreamsMax) continue;
      wanted.set(keyOf(project, batch), { project, batch });
      ++batches;
    }
    for (const [key, stream] of this.streams) {
      if (wanted.has(key)) continue;
      stream.close();
      this.streams.delete(key);
    }
    for (const [key, { project, batch }] of wanted) {
      if (!this.streams.has(key)) this.streams.set(key, this.open(project, batch));
    }
  }

  private open(project: string, batch: number): EventStream {
    const query = new URLSearchParams();
    if (project) query.set('project', project);
    if (batch) {
      query.set('batch', String(batch));
      query.set('tasks', 'true');
    }
    const tell = (message: HubSays) => {
      for (const tab of this.tabs) {
        if (tab.project === project && (batch === 0 || tab.batch === batch)) tab.tell(message);
      }
    };
    return new EventStream(`/api/v1/events?${query.toString()}`, this.token, {
      // Of a batch's stream only its tasks: the rest the project's stream tells.
      message: (event, data) => {
        if (batch === 0 || event === 'tasks' || event === 'resync') tell({ kind: 'message', event, data });
      },
      state: (state) => {
        if (batch === 0) tell({ kind: 'state', state });
      },
    });
  }
}

const keyOf = (project: string, batch: number): string => `${project}/${batch}`;
