// What an administrator has done with people, tokens, projects, limits and secrets, as actions.
// Must hold: each has its command; what cannot be undone is marked as dangerous.
import type { Action } from './action';
import { t } from '../strings';

export const roles = ['viewer', 'submitter', 'operator', 'admin'] as const;

const at = (kind: string, name: string | number): string => `/api/v1/${kind}/${encodeURIComponent(name)}`;

function deletion(kind: string, noun: string, name: string, words: (string | number)[], note: string): Action {
  return { title: t.admin.delete(noun, name), go: t.admin.deleteGo, method: 'DELETE', path: at(kind, name), body: {}, words, fields: 'none', danger: true, note };
}

// ---- people

export function newUser(name: string, role: string, project: string): Action {
  return {
    title: t.people.add,
    go: t.people.addGo,
    method: 'POST',
    path: '/api/v1/users',
    body: { name, roles: { [project]: role } },
    words: ['user', 'create', name, '--role', role, '--in', project],
    fields: 'none',
  };
}

export function roleOf(user: string, role: string, project: string): Action {
  return {
    title: t.people.roleTitle(user),
    go: t.batch.save,
    method: 'PATCH',
    path: at('users', user),
    body: { roles: { [project]: role } },
    words: ['user', 'set', user, ...(role === 'none' ? ['--not-in', project] : ['--role', role, '--in', project])],
    fields: 'none',
  };
}

export function letIn(user: string, disabled: boolean): Action {
  return {
    title: disabled ? t.people.shutOutTitle(user) : t.people.letInTitle(user),
    go: disabled ? t.people.shutOut : t.people.letIn,
    method: 'PATCH',
    path: at('users', user),
    body: { disabled },
    words: ['user', 'set', user, disabled ? '--disable' : '--enable'],
    fields: 'none',
    danger: disabled,
    note: disabled ? t.people.shutOutNote : t.people.letInNote,
  };
}

export const deleteUser = (user: string): Action => deletion('users', t.people.one, user, ['user', 'delete', user, '--yes'], t.people.deleteNote);

// ---- tokens

export interface TokenWish {
  user: string;
  role: string;
  project: string;
  note: string;
  days: number;
}

export function newToken(wish: TokenWish): Action {
  const body: Record<string, unknown> = { expires_s: wish.days * 86_400 };
  const words: (string | number)[] = ['token', 'create', '--expires', `${wish.days}d`];
  const put = (name: string, option: string, value: string) => {
    if (!value) return;
    body[name] = value;
    words.push(option, value);
  };
  put('user', '--user', wish.user);
  put('role', '--role', wish.role);
  put('project', '--only-in', wish.project);
  put('note', '--note', wish.note);
  return { title: t.tokens.add, go: t.tokens.addGo, method: 'POST', path: '/api/v1/tokens', body, words, fields: 'none' };
}

export function revokeToken(id: number, user: string): Action {
  return {
    title: t.tokens.revokeTitle(id, user),
    go: t.tokens.revoke,
    method: 'DELETE',
    path: at('tokens', id),
    body: {},
    words: ['token', 'revoke', id, '--yes'],
    fields: 'none',
    danger: true,
    note: t.tokens.revokeNote,
  };
}

// ---- projects

export function newProject(name: string, note: string): Action {
  return {
    title: t.projects.add,
    go: t.projects.addGo,
    method: 'POST',
    path: '/api/v1/projects',
    body: { name, ...(note ? { note } : {}) },
    words: ['project', 'create', name, ...(note ? ['--note', note] : [])],
    fields: 'none',
  };
}

export function closeProject(name: string, closed: boolean): Action {
  return {
    title: closed ? t.projects.closeTitle(name) : t.projects.openTitle(name),
    go: closed ? t.projects.close : t.projects.open,
    method: 'PATCH',
    path: at('projects', name),
    body: { closed },
    words: ['project', 'set', name, closed ? '--close' : '--open'],
    fields: 'none',
    note: closed ? t.projects.closeNote : t.projects.openNote,
  };
}

export const deleteProject = (name: string): Action =>
  deletion('projects', t.projects.one, name, ['project', 'delete', name, '--yes'], t.projects.deleteNote);

// ---- limits

export interface LimitWish {
  max_running: number | null;
  max_cpus: number | null;
  weight: number | null;
}

// Everything is said anew: what is left out is no limit.
export function setLimit(id: string, wish: LimitWish): Action {
  const body: Record<string, unknown> = {};
  const words: (string | number)[] = ['limit', 'set', id];
  const put = (name: keyof LimitWish, option: string) => {
    const value = wish[name];
    if (value === null || (name === 'weight' && value === 1)) return;
    body[name] = value;
    words.push(option, value);
  };
  put('max_running', '--max-running');
  put('max_cpus', '--max-cpus');
  put('weight', '--weight');
  return { title: t.limits.setTitle(id), go: t.batch.save, method: 'PUT', path: at('limits', id), body, words, fields: 'none' };
}

export const deleteLimit = (id: string): Action => deletion('limits', t.limits.one, id, ['limit', 'delete', id], t.limits.deleteNote);

// ---- secrets

export const deleteSecret = (name: string): Action =>
  deletion('secrets', t.secrets.one, name, ['secret', 'delete', name, '--yes'], t.secrets.deleteNote);
