// What an attempt wrote, as lines: the last 256 KiB first, earlier pieces when asked for, later ones while it runs.
// Must hold: bytes are kept until a line is whole, so that a piece's edge never breaks a character; a line is shown up to a bound.
import { addressOf, fetchFrom, Problem } from './api';

const firstBytes = 256 * 1024;
const pieceBytesMax = 4 * 1024 * 1024;
const wholePieceBytes = 8 * 1024 * 1024;
const pollMs = 1000;
export const lineCharactersMax = 5000;

export type Stream = 'both' | 'stdout' | 'stderr';

export interface Line {
  text: string;
  more: number; // characters that are not shown
}

const newline = 10;

export class LogText {
  // Counts up when lines came.
  version = $state(0);
  problem = $state.raw<Problem | null>(null);
  loaded = $state(false);
  final = $state(false);
  cut = $state(false);
  start = $state(0); // bytes before what is here
  // How many lines the last piece put before the others: what shows them moves by as many.
  prepended = 0;
  lines: Line[] = [];
  private head = new Uint8Array(); // the end of a line whose beginning was not read yet
  private tail = new Uint8Array(); // a line that has no end yet
  private tailShown = false;
  private next = '0';
  private piece = firstBytes;
  private busy = false;
  private stop = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private decoder = new TextDecoder();

  constructor(
    readonly selector: string,
    readonly stream: Stream,
  ) {
    void this.begin();
  }

  close(): void {
    this.stop.abort();
    clearTimeout(this.timer);
  }

  address(query: Record<string, string | number>): string {
    return addressOf('/api/v1/logs', { query: { selector: this.selector, stream: this.stream, ...query } });
  }

  private async read(query: Record<string, string | number>): Promise<{ bytes: Uint8Array; headers: Headers } | null> {
    try {
      const response = await fetchFrom('GET', this.address(query), { signal: this.stop.signal });
      const bytes = new Uint8Array(await response.arrayBuffer());
      this.problem = null;
      return { bytes, headers: response.headers };
    } catch (error) {
      if (this.stop.signal.aborted) return null;
      if (!(error instanceof Problem)) throw error;
      this.problem = error;
      return null;
    }
  }

  private async begin(): Promise<void> {
    const got = await this.read({ tail: firstBytes, limit: 2 * firstBytes });
    if (got) {
      this.start = Number(got.headers.get('Muster-Log-Start') ?? 0);
      this.append(got.bytes, got.headers, this.start > 0);
    }
    this.loaded = true;
    this.later();
  }

  private later(): void {
    if (!this.final && !this.stop.signal.aborted) this.timer = setTimeout(() => void this.readLater(), pollMs);
  }

  private async readLater(): Promise<void> {
    if (!document.hidden) {
      const got = await this.read({ from: this.next, limit: pieceBytesMax });
      if (got) this.append(got.bytes, got.headers, false);
    }
    this.later();
  }

  private append(bytes: Uint8Array, headers: Headers, keepHead: boolean): void {
    this.next = headers.get('Muster-Log-Next') ?? this.next;
    this.final = headers.get('Muster-Log-Final') === 'true';
    this.cut = headers.get('Muster-Log-Cut') === 'true';
    if (bytes.length === 0 && !this.final) return;
    if (this.tailShown) this.lines.pop();
    let rest = joined(this.tail, bytes);
    if (keepHead) {
      const first = rest.indexOf(newline);
      this.head = first < 0 ? new Uint8Array() : rest.slice(0, first + 1);
      if (first >= 0) rest = rest.subarray(first + 1);
    }
    const last = rest.lastIndexOf(newline);
    for (const line of this.split(rest.subarray(0, last + 1))) this.lines.push(line);
    this.tail = rest.slice(last + 1);
    this.tailShown = this.tail.length > 0;
    if (this.tailShown) this.lines.push(this.lineOf(this.tail));
    this.prepended = 0;
    ++this.version;
  }

  // The piece before what is here.
  async readEarlier(): Promise<void> {
    if (this.busy || this.start === 0) return;
    this.busy = true;
    this.piece = Math.min(this.piece * 2, pieceBytesMax);
    const from = Math.max(0, this.start - this.piece);
    const got = await this.read({ from, limit: this.start - from });
    this.busy = false;
    if (!got) return;
    let bytes = joined(got.bytes, this.head);
    this.start = from;
    this.head = new Uint8Array();
    if (from > 0) {
      const first = bytes.indexOf(newline);
      const begun = first < 0 ? bytes.length : first + 1;
      this.head = bytes.slice(0, begun);
      bytes = bytes.subarray(begun);
    }
    const lines = this.split(bytes);
    this.lines = lines.concat(this.lines);
    this.prepended = lines.length;
    ++this.version;
  }

  private split(bytes: Uint8Array): Line[] {
    const lines: Line[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(newline, at);
      const stop = end < 0 ? bytes.length : end;
      lines.push(this.lineOf(bytes.subarray(at, stop)));
      at = stop + 1;
    }
    return lines;
  }

  private lineOf(bytes: Uint8Array): Line {
    // Of a very long line no more is decoded than is shown: four bytes are at least one character.
    const shown = bytes.length > 4 * lineCharactersMax ? bytes.subarray(0, 4 * lineCharactersMax) : bytes;
    const text = this.decoder.decode(shown);
    if (text.length <= lineCharactersMax && shown === bytes) return { text, more: 0 };
    return { text: text.slice(0, lineCharactersMax), more: Math.max(1, bytes.length - lineCharactersMax) };
  }

  // All of it, for a file.
  async whole(): Promise<Blob | null> {
    const pieces: BlobPart[] = [];
    for (let from = '0'; ; ) {
      const got = await this.read({ from, limit: wholePieceBytes });
      if (!got) return null;
      pieces.push(got.bytes as unknown as BlobPart);
      const next = got.headers.get('Muster-Log-Next') ?? from;
      if (got.bytes.length === 0 || next === from || got.headers.get('Muster-Log-Final') === 'true') break;
      from = next;
    }
    return new Blob(pieces, { type: 'application/octet-stream' });
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
