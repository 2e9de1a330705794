// The shell text that does by hand what a worker does for a task.
// Must hold: every word is quoted; nothing of it is evaluated by the shell but the command itself.
import type { Schemas } from './api';
import { commandLine, quoted } from './command';

export function byHand(spec: Schemas['TaskSpec']): string {
  const lines: string[] = [];
  if (spec.cwd) lines.push(`cd ${quoted(spec.cwd)}`);
  const environment = Object.entries(spec.env).map(([name, value]) => `${name}=${quoted(value)}`);
  const limits: string[] = [];
  if (spec.time_limit_s) limits.push('timeout', String(spec.time_limit_s));
  const words = [...limits, ...spec.argv];
  lines.push([...(environment.length ? ['env', ...environment] : []), commandLine(words)].join(' '));
  return lines.length > 1 ? `(${lines.join(' && ')})` : (lines[0] ?? '');
}
