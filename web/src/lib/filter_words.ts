// The keys of filters with their values, for completion; `muster help filters` says what they mean.
// Must hold: they are the server's (tests/web compares them); a value that is not listed is free text.

const states = ['waiting', 'held', 'ready', 'running', 'succeeded', 'failed', 'cancelled'];
const phases = ['assigned', 'fetching', 'staged', 'executing', 'storing', 'verifying', 'stopping'];
const reasons = ['dependency', 'held', 'backoff', 'busy', 'max-running', 'quota', 'draining', 'no-slot', 'no-worker', 'no-label', 'too-big'];
const causes = ['exit', 'signal', 'oom', 'timeout', 'input', 'output', 'launch', 'worker-lost', 'evicted', 'verification', 'poison'];

export const taskWords: Record<string, string[]> = {
  state: states,
  phase: phases,
  reason: reasons,
  cause: causes,
  exit: ['0', '1', '137'],
  signal: ['9', '11', '15'],
  worker: [],
  index: [],
  batch: [],
  attempts: ['2+'],
  name: [],
  command: [],
  'label.': [],
  owner: [],
  slots: [],
  gpus: ['1+'],
  cpus: [],
  mem: [],
  disk: [],
  limit: [],
  time: ['10m+', '1h+'],
  peak: ['1G+'],
  created: ['1d+'],
  started: ['1h+'],
  ended: ['1h+', '1d+'],
  message: [],
};

export const batchWords: Record<string, string[]> = {
  state: ['waiting', 'trial', 'running', 'succeeded', 'ended', 'broken', 'cancelling', 'cancelled'],
  id: [],
  name: [],
  owner: [],
  why: reasons,
  reason: [],
  held: ['true', 'false'],
  closed: ['true', 'false'],
  priority: [],
  'max-running': [],
  tasks: ['1000+'],
  waiting: ['1+'],
  ready: ['1+'],
  running: ['1+'],
  succeeded: ['1+'],
  failed: ['1+'],
  cancelled: ['1+'],
  'label.': [],
  created: ['1d+'],
  started: ['1d+'],
  ended: ['1d+'],
};

export const workerWords: Record<string, string[]> = {
  state: ['offline', 'online', 'paused', 'draining', 'quarantined', 'lost', 'removed'],
  id: [],
  name: [],
  connected: ['true', 'false'],
  host: [],
  version: [],
  slots: [],
  gpus: ['1+'],
  cpus: [],
  mem: [],
  disk: [],
  assigned: ['1+'],
  executing: ['0', '1+'],
  'label.': [],
  serves: [],
  reason: [],
  seen: ['1h+'],
};

export interface Completion {
  label: string;
  // The whole text with it, and where the caret then is.
  text: string;
  caret: number;
}

// What could stand at the caret: keys, or values of the key before it.
export function completionsFor(text: string, caret: number, words: Record<string, string[]>): Completion[] {
  const start = text.lastIndexOf(' ', caret - 1) + 1;
  const term = text.slice(start, caret);
  const rest = text.slice(caret).replace(/^\S+/, '');
  const minus = term.startsWith('-') ? '-' : '';
  const mark = term.search(/[=~]/);
  const put = (word: string, label: string): Completion => ({ label, text: text.slice(0, start) + word + rest, caret: start + word.length });
  if (mark < 0) {
    const begun = term.slice(minus.length).toLowerCase();
    const used = new Set(text.split(' ').map((one) => one.replace(/^-/, '').split(/[=~]/)[0]));
    return Object.keys(words)
      .filter((key) => key.startsWith(begun) && (begun !== '' || !used.has(key)))
      .map((key) => put(key.endsWith('.') ? minus + key : `${minus}${key}=`, key.endsWith('.') ? `${key}NAME=` : `${key}=`));
  }
  const values = words[term.slice(minus.length, mark)] ?? [];
  const comma = Math.max(mark, term.lastIndexOf(','));
  const begun = term.slice(comma + 1).toLowerCase();
  return values.filter((value) => value.startsWith(begun) && value !== begun).map((value) => put(term.slice(0, comma + 1) + value, value));
}
