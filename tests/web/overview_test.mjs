// The overview, the list of batches, the palette and the keys.
// Must hold: what needs a person stands first with one action; everything is reached with the keyboard alone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser, close, golden, inBothThemes, open, picture } from './browser.mjs';
import { Muster } from './muster.mjs';

let muster;
let browser;

before(async () => {
  [muster, browser] = await Promise.all([Muster.start(), Browser.start()]);
});
after(async () => {
  await browser?.stop();
  await muster?.stop();
});

test('with nothing submitted the overview teaches the first step', async () => {
  const context = await browser.signedIn(muster);
  const page = await open(context, '/');
  await page.getByText('Nothing needs you.').waitFor();
  await page.getByText('seq 1 200 | muster submit').waitFor();
  await close(context);
});

test('a new batch from the drawer is what the command line would make', async () => {
  const context = await browser.signedIn(muster);
  const page = await open(context, '/');
  await page.getByRole('button', { name: '+ New batch' }).click();
  await page.getByLabel(/^Command/).fill('test {} != b');
  await page.getByLabel(/^Items/).fill('a\nb\nc');
  await page.getByLabel('Name').fill('letters');
  await page.getByText("printf '%s\\n' a b c | muster submit -n letters --cwd none -- 'test {} != b'").waitFor();
  await inBothThemes(page, 'new-batch');
  await page.getByRole('button', { name: 'Submit 3 tasks' }).click();
  await page.waitForURL(/\/batches\/1/);
  await page.getByRole('heading', { name: '1 letters ended' }).waitFor();
  assert.match(await muster.tryRun('status', '1'), /letters/);
  await close(context);
});

test('the overview says what needs a person, what runs, and what happened', async () => {
  const context = await browser.signedIn(muster);
  await muster.call('POST', 'batches', { command: ['sleep', '600'], array: '1-40', cwd: '/', name: 'long' });
  await muster.call('POST', 'batches', { command: ['true'], array: '1-7', cwd: '/', name: 'nightly', held: true });
  const page = await open(context, '/');
  await page.getByText('1 task of 1 letters failed').waitFor();
  await page.getByRole('link', { name: '2 long' }).waitFor();
  await page.getByRole('cell', { name: '2 of 2', exact: true }).first().waitFor();
  await golden(page, 'overview');
  await inBothThemes(page, 'overview');
  await page.getByRole('button', { name: 'Release…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Release' }).click();
  await page.getByText('3 nightly is held').waitFor({ state: 'detached' });
  await page.getByRole('link', { name: 'Look at the failures' }).click();
  await page.getByRole('link', { name: '1.2', exact: true }).waitFor();
  await close(context);
});

test('the list of batches is filtered by the server', async () => {
  const context = await browser.signedIn(muster);
  const page = await open(context, '/batches?where=failed=1%2B');
  await page.getByRole('link', { name: '1 letters' }).waitFor();
  assert.equal(await page.getByRole('link', { name: '2 long' }).count(), 0);
  await inBothThemes(page, 'batches');
  await close(context);
});

test('everything is reached with the keyboard: palette, g and a letter, help', async () => {
  const context = await browser.signedIn(muster);
  const page = await open(context, '/tasks');
  await page.getByRole('grid').waitFor();
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Number, name or filter' }).waitFor();
  await page.keyboard.type('lon');
  await page.getByRole('option', { name: /2 long/ }).waitFor();
  await inBothThemes(page, 'palette');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: '2 long running' }).waitFor();
  await page.keyboard.press('g');
  await page.keyboard.press('o');
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await page.keyboard.press('g');
  await page.keyboard.press('b');
  await page.getByRole('heading', { name: 'Batches' }).waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  await inBothThemes(page, 'keys');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('1.2');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/tasks\/1\.2$/);
  await close(context);
});

test('a phone and forced colours show the same', async () => {
  const context = await browser.signedIn(muster, { viewport: { width: 320, height: 640 } });
  const page = await open(context, '/');
  await page.getByText('1 task of 1 letters failed').waitFor();
  await picture(page, 'overview-320');
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 320), 'the page itself is scrolled sideways');
  await page.goto(`${muster.url}/tasks/1.2`);
  await page.getByRole('heading', { name: '1.2 failed' }).waitFor();
  await picture(page, 'task-320');
  await page.emulateMedia({ forcedColors: 'active' });
  await picture(page, 'task-forced-colours');
  await close(context);
});
