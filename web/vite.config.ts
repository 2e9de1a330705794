// How the page is built: files with their content's hash in the name below /assets/, and an index.html that names them.
// Must hold: nothing is inlined as data and nothing comes from elsewhere; Node 18 suffices.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, loadEnv } from 'vite';

// For `npm run dev`: the server whose API the page talks to, and a token of it in place of a session.
const { MUSTER_URL: server = 'http://127.0.0.1:7420', MUSTER_TOKEN: token } = loadEnv('', '.', 'MUSTER_');

const proxied = {
  target: server,
  changeOrigin: true,
  headers: token ? { Authorization: `Bearer ${token}` } : undefined,
};

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  worker: { format: 'es' },
  server: { proxy: { '/api': proxied, '/openapi.json': proxied, '/healthz': proxied, '/readyz': proxied, '/metrics': proxied } },
});
