// Numbers, sizes, times and durations as people read them.
// Must hold: an absent value is a dash; nothing here knows a language but strings.ts.

const dash = '–';

// 12 041: a thin space cannot be mistaken for a decimal mark.
export function count(value: number | null | undefined): string {
  if (value === null || value === undefined) return dash;
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

export function percent(part: number, whole: number): string {
  if (whole <= 0) return dash;
  const value = (100 * part) / whole;
  // Not all done is never 100 %, and something done is never 0 %.
  if (part < whole && value > 99) return '99 %';
  if (part > 0 && value < 1) return '<1 %';
  return `${Math.floor(value)} %`;
}

export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return dash;
  if (seconds < 0.095) return `${Math.round(1000 * seconds)} ms`;
  if (seconds < 0.95) return `${seconds.toFixed(2)} s`;
  if (seconds < 60) return `${seconds < 9.95 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, '0')} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, '0')} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

// For ranges: 18–27 min.
export function range(low: number, high: number): string {
  const unit = high < 90 ? { s: 1, name: 's' } : high < 5400 ? { s: 60, name: 'min' } : high < 172_800 ? { s: 3600, name: 'h' } : { s: 86_400, name: 'd' };
  const from = Math.round(low / unit.s);
  const to = Math.max(1, Math.round(high / unit.s));
  return from === to ? `${to} ${unit.name}` : `${from}–${to} ${unit.name}`;
}

export function mebibytes(value: number | null | undefined): string {
  return value === null || value === undefined ? dash : bytes(value * 1048576);
}

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return dash;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let at = 0;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1024;
    ++at;
  }
  return `${at === 0 || value >= 99.5 || Number.isInteger(value) ? Math.round(value) : value.toFixed(1)} ${units[at]}`;
}

// 64M as the command line takes it.
export function memoryWord(mebibytesAsked: number): string {
  return mebibytesAsked % 1024 === 0 ? `${mebibytesAsked / 1024}G` : `${mebibytesAsked}M`;
}

export function clock(time: string | null | undefined, withDate = false): string {
  if (!time) return dash;
  const when = new Date(time);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${when.getFullYear()}-${two(when.getMonth() + 1)}-${two(when.getDate())}`;
  const hours = `${two(when.getHours())}:${two(when.getMinutes())}:${two(when.getSeconds())}`;
  return withDate || Math.abs(Date.now() - when.getTime()) > 20 * 3600_000 ? `${day} ${hours}` : hours;
}

// The clock today, the day before: for narrow columns.
export function moment(time: string): string {
  const text = clock(time);
  return text.length > 8 ? text.slice(0, 10) : text;
}

export function secondsSince(time: string | null | undefined, now: number): number | null {
  return time ? Math.max(0, (now - Date.parse(time)) / 1000) : null;
}

// How long ago, roughly: 4 min.
export function age(time: string | null | undefined, now: number): string {
  const seconds = secondsSince(time, now);
  if (seconds === null) return dash;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

export { dash };
