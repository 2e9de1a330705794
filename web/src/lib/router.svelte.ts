// Where the page is: the address bar is the only state of what is shown, so back works and a link shows the same view.
// Must hold: a link of ours changes the view without loading the page; every other link is left to the browser.

interface Place {
  path: string;
  query: URLSearchParams;
}

function placeNow(): Place {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

class Router {
  place = $state.raw<Place>(placeNow());

  constructor() {
    addEventListener('popstate', () => (this.place = placeNow()));
  }

  get path(): string {
    return this.place.path;
  }

  parameter(name: string): string {
    return this.place.query.get(name) ?? '';
  }

  go(address: string, how: 'push' | 'replace' = 'push'): void {
    const here = location.pathname + location.search;
    const there = withProject(address, this.parameter('project'));
    if (there !== here) {
      if (how === 'push') history.pushState(null, '', there);
      else history.replaceState(null, '', there);
    }
    this.place = placeNow();
    if (how === 'push') document.getElementById('main')?.scrollTo(0, 0);
  }

  // Changes parameters of the view at hand; an empty value takes one away.
  set(values: Record<string, string>, how: 'push' | 'replace' = 'replace'): void {
    const query = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(values)) {
      if (value) query.set(name, value);
      else query.delete(name);
    }
    this.go(location.pathname + textOf(query), how);
  }
}

function textOf(query: URLSearchParams): string {
  // Filters stand in addresses that people read and send: what needs no escape gets none.
  const text = query.toString().replaceAll('%3D', '=').replaceAll('%2C', ',').replaceAll('%7E', '~').replaceAll('%3A', ':');
  return text ? `?${text}` : '';
}

// The project stays while one goes from screen to screen.
function withProject(address: string, project: string): string {
  const [path = '/', search = ''] = address.split('?', 2);
  const query = new URLSearchParams(search);
  if (project && !query.has('project')) query.set('project', project);
  return path + textOf(query);
}

export function linkTo(path: string, parameters: Record<string, string> = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value) query.set(name, value);
  return path + textOf(query);
}

export const router = new Router();

// Clicks on links of ours anywhere in the page.
export function followLinks(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element | null)?.closest('a');
  const address = link?.getAttribute('href');
  if (!link || !address?.startsWith('/') || link.target || link.hasAttribute('download') || address.includes('.json')) return;
  event.preventDefault();
  router.go(address);
}
