// One connection to the server's event stream: reads server-sent events, comes back after an end, and says how it stands.
// Must hold: it goes on from the last id it saw, and whoever listens is told to begin anew when the server says so.

export type StreamState = 'connecting' | 'live' | 'refused';

export interface StreamListener {
  message(event: string, data: unknown): void;
  state(state: StreamState): void;
}

const silenceMs = 35_000; // the server says something every 15 seconds
const pausesMs = [250, 500, 1000, 2000, 4000, 5000];

export class EventStream {
  private lastId = '';
  private failures = 0;
  private stop = new AbortController();
  private retry: ReturnType<typeof setTimeout> | undefined;
  state: StreamState = 'connecting';

  constructor(
    private readonly address: string,
    readonly token: string,
    private readonly listener: StreamListener,
  ) {
    void this.run();
  }

  close(): void {
    clearTimeout(this.retry);
    this.stop.abort();
  }

  private become(state: StreamState): void {
    if (this.stop.signal.aborted || state === this.state) return;
    this.state = state;
    this.listener.state(state);
  }

  private async run(): Promise<void> {
    const silence = new AbortController();
    const end = () => silence.abort();
    this.stop.signal.addEventListener('abort', end);
    try {
      await this.read(silence);
    } catch {
      // A lost connection and a refused one are answered alike: by coming back.
    }
    this.stop.signal.removeEventListener('abort', end);
    if (this.stop.signal.aborted || this.state === 'refused') return;
    this.become('connecting');
    const pause = pausesMs[Math.min(this.failures++, pausesMs.length - 1)] ?? 5000;
    this.retry = setTimeout(() => void this.run(), pause * (0.75 + Math.random() / 2));
  }

  private async read(silence: AbortController): Promise<void> {
    const headers: Record<string, string> = { Accept: 'text/event-stream', Authorization: `Bearer ${this.token}` };
    if (this.lastId) headers['Last-Event-ID'] = this.lastId;
    const response = await fetch(this.address, { headers, credentials: 'omit', cache: 'no-store', signal: silence.signal });
    if (response.status === 401 || response.status === 403) return this.become('refused');
    if (!response.ok || !response.body) return;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const timer = setTimeout(() => silence.abort(), silenceMs);
      const { value, done } = await reader.read();
      clearTimeout(timer);
      if (done) return;
      text += value;
      let end: number;
      while ((end = text.indexOf('\n\n')) >= 0) {
        this.take(text.slice(0, end));
        text = text.slice(end + 2);
      }
    }
  }

  private take(block: string): void {
    let event = 'message';
    const data: string[] = [];
    for (const line of block.split('\n')) {
      const colon = line.indexOf(':');
      if (colon <= 0) continue;
      const value = line.slice(colon + 1).replace(/^ /, '');
      if (line.startsWith('event')) event = value;
      else if (line.startsWith('data')) data.push(value);
      else if (line.startsWith('id')) this.lastId = value;
    }
    if (data.length === 0) return;
    const parsed: unknown = JSON.parse(data.join('\n'));
    if (event === 'hello') {
      this.failures = 0;
      this.become('live');
    }
    this.listener.message(event, parsed);
  }
}
