// Who looks at the page, and in which project: a token that this browser keeps for this server alone (address and port).
// Must hold: a link that signs in is used once and leaves the address bar at once; a token that no longer opens is forgotten.
import { call, context, get, Problem, type Schemas } from './api';
import { router } from './router.svelte';

type Role = 'viewer' | 'submitter' | 'operator' | 'admin';
const ranks: Role[] = ['viewer', 'submitter', 'operator', 'admin'];
const key = 'muster-session';

interface Kept {
  token: string;
  id?: number; // of the token that a link was exchanged for: it is revoked when one signs out
}

function kept(): Kept {
  try {
    return JSON.parse(localStorage.getItem(key) ?? '') as Kept;
  } catch {
    return { token: '' };
  }
}

class Session {
  state = $state<'asking' | 'in' | 'out'>('asking');
  user = $state.raw<Schemas['UserShown'] | null>(null);
  projects = $state.raw<Schemas['Project'][]>([]);
  problem = $state.raw<Problem | null>(null);

  get project(): string {
    return router.parameter('project');
  }

  // At the start of the page; `/open#LINK` is what `muster open` opens.
  async begin(): Promise<void> {
    context.signedOut = () => this.forget();
    addEventListener('storage', (event) => {
      if (event.key === key) void this.ask();
    });
    const link = location.pathname === '/open' ? location.hash.slice(1) : '';
    if (location.pathname === '/open') history.replaceState(null, '', '/');
    router.go(location.pathname + location.search, 'replace');
    if (link) await this.exchange(link);
    else await this.ask();
  }

  private async exchange(link: string): Promise<void> {
    try {
      const { token, id } = await call('post', '/api/v1/sessions', { token: link });
      localStorage.setItem(key, JSON.stringify({ token, id }));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // Whoever is signed in already stays so.
      if (!kept().token) this.problem = error;
    }
    await this.ask();
  }

  // With a token that somebody pasted.
  async signIn(token: string): Promise<void> {
    localStorage.setItem(key, JSON.stringify({ token }));
    await this.ask();
  }

  async ask(): Promise<void> {
    context.token = kept().token;
    context.project = this.project;
    if (!context.token) {
      this.state = 'out';
      return;
    }
    try {
      this.user = await get('/api/v1/users/{name}', { name: 'me' });
      this.projects = (await get('/api/v1/projects', { query: { limit: 1000 } })).items;
      this.problem = null;
      this.state = 'in';
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.problem = error;
      // Of a server that is away nothing is known: who is in stays in.
      if (this.state !== 'in' || !error.unreachable) this.state = 'out';
    }
  }

  private forget(): void {
    localStorage.removeItem(key);
    context.token = '';
    this.state = 'out';
  }

  async end(): Promise<void> {
    const { id } = kept();
    if (id !== undefined) {
      await call('delete', '/api/v1/tokens/{name}', { name: String(id) }).catch((error: unknown) => {
        if (!(error instanceof Problem)) throw error;
      });
    }
    this.problem = null;
    this.forget();
  }

  // Whether the user's role is at least this one, in the project at hand or, for `everywhere`, in every project.
  may(role: Role, everywhere = false): boolean {
    const roles = (this.user?.roles ?? {}) as Record<string, Role>;
    const held = [roles['*'], everywhere ? undefined : roles[this.project || 'default']];
    return held.some((one) => one !== undefined && ranks.indexOf(one) >= ranks.indexOf(role));
  }
}

export const session = new Session();
