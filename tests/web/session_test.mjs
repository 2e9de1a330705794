// Coming in and going out: a link of `muster open`, a pasted token, a lost server, many tabs.
// Must hold: nothing is shown to who is not signed in, and the page says what to do.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser, close, golden, inBothThemes, open, taskRow } from './browser.mjs';
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

test('who is not signed in is told how to come in', async () => {
  const context = await browser.context(muster);
  const page = await open(context, '/tasks');
  await page.getByRole('heading', { name: 'Muster' }).waitFor();
  await golden(page, 'sign-in', 'body');
  await inBothThemes(page, 'sign-in');
  await page.getByLabel('Token').fill('mst_user_0_nonsense');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').waitFor();
  await page.getByLabel('Token').fill(muster.token);
  await page.keyboard.press('Enter');
  await page.getByRole('grid', { name: 'Tasks' }).waitFor();
  await close(context);
});

test('a link of muster open signs in once, and leaves the address', async () => {
  const link = await muster.run('open', '--no-browser', '-q');
  const context = await browser.context(muster);
  const page = await context.newPage();
  await page.goto(link);
  await page.getByText('live', { exact: true }).waitFor();
  assert.equal(new URL(page.url()).pathname, '/');
  assert.equal(new URL(page.url()).hash, '');
  const other = await browser.context(muster);
  const second = await other.newPage();
  await second.goto(link);
  await second.getByRole('alert').waitFor();
  await close(other);

  const tokens = (await muster.call('GET', 'tokens?user=root')).items.filter((one) => one.state === 'good').length;
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Token').waitFor();
  assert.equal((await muster.call('GET', 'tokens?user=root')).items.filter((one) => one.state === 'good').length, tokens - 1);
  assert.equal(await page.evaluate(() => localStorage.getItem('muster-session')), null);
  await close(context);
});

test('a killed server is shown as lost, and the page is right again when it is back', async () => {
  const context = await browser.signedIn(muster);
  await muster.run('submit', '--array', '1-6', '--cwd', '/', '--wait', '-q', '--', 'true');
  const page = await open(context, '/tasks');
  await page.getByRole('link', { name: '1.6' }).waitFor();
  await muster.kill();
  await page.getByText('reconnecting').waitFor();
  await page.getByText('The server does not answer').waitFor();
  await page.getByRole('link', { name: '1.6' }).waitFor();
  await muster.again();
  await page.getByText('live', { exact: true }).waitFor();
  await page.getByText('The server does not answer').waitFor({ state: 'detached' });
  await muster.run('submit', '--array', '1-2', '--cwd', '/', '--wait', '-q', '--', 'true');
  await page.getByRole('button', { name: 'Read anew' }).click();
  await page.getByText('8 tasks').waitFor();
  await close(context);
});

test('eight tabs at once are all live', async () => {
  const context = await browser.signedIn(muster);
  const { batch } = await muster.call('POST', 'batches', { command: ['sleep', '600'], array: '1-8', cwd: '/', name: 'eight' });
  const pages = [];
  for (let at = 0; at < 8; ++at) pages.push(await open(context, `/tasks?where=batch=${batch}`));
  for (const page of pages) await taskRow(page, `${batch}.8`).getByText('ready').waitFor();
  await muster.run('cancel', String(batch), '--yes');
  // None is read anew by hand: each is told.
  for (const page of pages) await taskRow(page, `${batch}.8`).getByText('cancelled').waitFor();
  await close(context);
});

test('where there is no shared worker the tab that is seen listens by itself', async () => {
  const context = await browser.signedIn(muster);
  await context.addInitScript(() => delete globalThis.SharedWorker);
  const { batch } = await muster.call('POST', 'batches', { command: ['sleep', '600'], array: '1-3', cwd: '/', name: 'alone' });
  const page = await open(context, `/tasks?where=batch=${batch}`);
  await page.getByText('live', { exact: true }).waitFor();
  await taskRow(page, `${batch}.3`).waitFor();
  await muster.run('cancel', String(batch), '--yes');
  await taskRow(page, `${batch}.3`).getByText('cancelled').waitFor();
  await close(context);
});
