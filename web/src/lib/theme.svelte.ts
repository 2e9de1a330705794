// Dark or light: the system's, or what was chosen here.
// Must hold: charts on canvas are told when it changes, because they draw with its colours.

export type Theme = 'system' | 'light' | 'dark';

const key = 'muster-theme';

class ThemeChoice {
  chosen = $state<Theme>('system');
  private systemDark = $state(false);

  constructor() {
    const query = matchMedia('(prefers-color-scheme: dark)');
    this.systemDark = query.matches;
    query.addEventListener('change', () => (this.systemDark = query.matches));
    const kept = localStorage.getItem(key);
    this.choose(kept === 'light' || kept === 'dark' ? kept : 'system');
  }

  get dark(): boolean {
    return this.chosen === 'system' ? this.systemDark : this.chosen === 'dark';
  }

  choose(theme: Theme): void {
    this.chosen = theme;
    if (theme === 'system') {
      localStorage.removeItem(key);
      delete document.documentElement.dataset['theme'];
    } else {
      localStorage.setItem(key, theme);
      document.documentElement.dataset['theme'] = theme;
    }
  }
}

export const theme = new ThemeChoice();

// A colour of app.css as a canvas takes it.
export function colour(name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}
