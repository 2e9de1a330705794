// The keys that work on every screen: `g` and a letter goes somewhere, `?` shows all, Ctrl-K finds anything.
// Must hold: no key acts while somebody types, and none takes a combination of the browser's but Ctrl-K.

export interface KeyActions {
  go: (address: string) => void;
  palette: () => void;
  help: () => void;
}

const places: Record<string, string> = { o: '/', b: '/batches', t: '/tasks', w: '/workers', a: '/admin' };
const secondKeyMs = 1500;

// A handler for keydown of the window.
export function globalKeys(actions: KeyActions): (event: KeyboardEvent) => void {
  let waitsSince = 0;
  return (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === 'k') {
      event.preventDefault();
      return actions.palette();
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if ((event.target as Element).closest('input:not([type=checkbox]):not([type=radio]), textarea, select, dialog')) return;
    const second = event.timeStamp - waitsSince < secondKeyMs && waitsSince > 0;
    waitsSince = 0;
    const place = second ? places[event.key] : undefined;
    if (place) actions.go(place);
    else if (event.key === 'g') waitsSince = event.timeStamp;
    else if (event.key === '?') actions.help();
    else return;
    event.preventDefault();
  };
}
