// The shared worker: one hub of event streams for all tabs of the browser.
// Must hold: a tab that goes away without a word is forgotten (live_hub.ts).
import { LiveHub, type TabSays } from './live_hub';

const hub = new LiveHub();

(self as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = (event) => {
  const port = event.ports[0];
  if (!port) return;
  const hear = hub.join((message) => port.postMessage(message));
  port.onmessage = (said: MessageEvent<TabSays>) => hear(said.data);
  port.start();
};
