// Which screen an address shows.
// Must hold: every path has a screen; what is behind the last slash is the name of the thing shown.
import type { Component } from 'svelte';

type Load = () => Promise<{ default: Component<any> }>;

export interface Screen {
  id: string;
  name: string;
  load: Load;
}

const table: { pattern: RegExp; id: string; load: Load }[] = [
  { pattern: /^\/$/, id: 'overview', load: () => import('./Overview.svelte') },
  { pattern: /^\/batches\/?$/, id: 'batches', load: () => import('./Batches.svelte') },
  { pattern: /^\/batches\/([^/]+)$/, id: 'batches', load: () => import('./Batch.svelte') },
  { pattern: /^\/tasks\/([^/]+)$/, id: 'tasks', load: () => import('./Task.svelte') },
  { pattern: /^\/tasks\/?$/, id: 'tasks', load: () => import('./Tasks.svelte') },
  { pattern: /^\/workers(?:\/([^/]+))?\/?$/, id: 'workers', load: () => import('./Workers.svelte') },
  { pattern: /^\/admin(?:\/([^/]+))?\/?$/, id: 'admin', load: () => import('./Admin.svelte') },
];

export function screenFor(path: string): Screen {
  for (const { pattern, id, load } of table) {
    const found = pattern.exec(path);
    if (found) return { id, load, name: decodeURIComponent(found[1] ?? '') };
  }
  return { id: 'overview', load: () => import('./Overview.svelte'), name: '' };
}
