// How Svelte compiles the page: with scripts in TypeScript.
// Must hold: nothing here puts styles or scripts inline; the server's content policy refuses both.
import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

export default {
  preprocess: vitePreprocess(),
  compilerOptions: { runes: true },
};
