// What was built: its size, its types, and that it asks nobody else.
// Must hold: the first load stays below 60 kB as brotli; openapi.ts and the words of filters are the server's.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { brotliCompressSync } from 'node:zlib';
import { Browser, close, open } from './browser.mjs';
import { Muster, program } from './muster.mjs';

const web = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../../web');
const run = promisify(execFile);
let muster;
let browser;

before(async () => {
  [muster, browser] = await Promise.all([Muster.start({ worker: false }), Browser.start()]);
});
after(async () => {
  await browser?.stop();
  await muster?.stop();
});

for (const address of ['/', '/tasks']) {
  test(`the first load of ${address} is small, and all of it ours`, async () => {
    const context = await browser.signedIn(muster);
    const sizes = [];
    context.on('response', (response) => {
      assert.ok(response.url().startsWith(muster.url), `asked elsewhere: ${response.url()}`);
      const of = new URL(response.url()).pathname;
      if (!of.startsWith('/api/')) sizes.push(response.body().then((body) => [of, brotliCompressSync(body).length]));
    });
    const page = await open(context, address);
    await page.getByRole('heading', { level: 1 }).waitFor();
    const found = await Promise.all(sizes);
    const total = found.reduce((sum, [, size]) => sum + size, 0);
    console.log(`# first load of ${address}: ${total} bytes as brotli, ${found.length} files`);
    assert.ok(total < 60_000, JSON.stringify(found));
    await close(context);
  });
}

test('the types are those of the API', async (context) => {
  const tool = path.join(web, 'node_modules/openapi-typescript/bin/cli.js');
  const folder = await mkdtemp(path.join(tmpdir(), 'muster-types-'));
  context.after(() => rm(folder, { recursive: true }));
  const { stdout } = await run(program, ['openapi'], { maxBuffer: 1 << 24 });
  await writeFile(path.join(folder, 'openapi.json'), stdout);
  try {
    await readFile(tool);
  } catch {
    return context.skip('openapi-typescript is not installed in web/');
  }
  await run(process.execPath, [tool, path.join(folder, 'openapi.json'), '--alphabetize', '-o', path.join(folder, 'openapi.ts')]);
  assert.equal(await readFile(path.join(folder, 'openapi.ts'), 'utf8'), await readFile(path.join(web, 'src/lib/openapi.ts'), 'utf8'), 'make it anew: npm run types, in web/');
});

test('the words of filters are those of the server', async () => {
  const help = await muster.run('help', 'filters');
  const source = await readFile(path.join(web, 'src/lib/filter_words.ts'), 'utf8');
  for (const [object, table] of [
    ['task', 'taskWords'],
    ['batch', 'batchWords'],
    ['worker', 'workerWords'],
  ]) {
    const section = help.slice(help.indexOf(`of a ${object}\n`)).split('\nof a')[0];
    const keys = [...section.matchAll(/^ {2}(\S+) {2,}\S/gm)].map(([, key]) => key.replace('NAME', ''));
    const written = source.slice(source.indexOf(`${table}:`)).split('};')[0];
    const ours = [...written.matchAll(/^ {2}'?([\w.-]+)'?:/gm)].map(([, key]) => key);
    assert.deepEqual(ours, keys, object);
    for (const words of section.matchAll(/^ {10,}([a-z][a-z -]+)$/gm)) {
      for (const one of words[1].split(' ')) assert.match(source, new RegExp(`'${one}'`), `${one} is missing`);
    }
  }
});
