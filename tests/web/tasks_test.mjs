// The screen of tasks and that of one task, on real tasks.
// Must hold: what the server says is on the screen, in both themes, and by keyboard alone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser, close, golden, inBothThemes, open, taskRow } from './browser.mjs';
import { Muster } from './muster.mjs';

let muster;
let browser;

before(async () => {
  [muster, browser] = await Promise.all([Muster.start(), Browser.start()]);
  await muster.tryRun('submit', '-n', 'hello', '--array', '1-60', '--cwd', '/', '--wait', '--', 'sh', '-c', 'echo sample {}; test {} -ne 13 || { echo "KeyError: sample {}" >&2; exit 3; }');
});
after(async () => {
  await browser?.stop();
  await muster?.stop();
});

test('the table shows every task with its state, and what a reader hears', async () => {
  const context = await browser.signedIn(muster);
  const page = await open(context, '/tasks?where=batch=1+index=12..14');
  await taskRow(page, '1.13').waitFor();
  assert.match(await taskRow(page, '1.13').innerText(), /failed[\s\S]*exit 3/);
  await page.getByText('3 tasks').waitFor();
  await golden(page, 'tasks');
  await inBothThemes(page, 'tasks');
  await close(context);
});

test('a filter is completed, stands in the address, and a wrong one is marked', async () => {
  const context = await browser.signedIn(muster);
  const page = await open(context, '/tasks');
  const filter = page.getByRole('combobox', { name: 'Filter' });
  await filter.fill('sta');
  await page.keyboard.press('Tab');
  assert.equal(await filter.inputValue(), 'state=');
  await filter.pressSequentially('fai');
  await page.keyboard.press('Tab');
  assert.equal(await filter.inputValue(), 'state=failed');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Enter');
  await page.getByText('1 task', { exact: true }).waitFor();
  assert.equal(new URL(page.url()).search, '?where=state=failed');
  await filter.fill('stat=failed');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Enter');
  assert.match(await page.getByRole('alert').innerText(), /did you mean "state"\?[\s\S]*\^\^\^\^/);
  await page.goBack();
  await page.getByText('1 task', { exact: true }).waitFor();
  await close(context);
});

test('one task: why, attempts, log, use and command', async () => {
  const context = await browser.signedIn(muster);
  const page = await open(context, '/tasks/1.13');
  await page.getByRole('log').getByText('KeyError: sample 13').waitFor();
  await golden(page, 'task');
  await inBothThemes(page, 'task');
  await close(context);
});

test('all that match are held in one request that the server counts before', async () => {
  const context = await browser.signedIn(muster);
  await muster.run('submit', '-n', 'many', '--array', '1-3000', '--cwd', '/', '--', 'sleep', '600');
  const page = await open(context, '/tasks?where=batch=2+index=1001%2B');
  await page.getByRole('button', { name: /^Select all 2\s000/ }).click();
  const asked = [];
  page.on('request', (request) => request.method() === 'POST' && asked.push(request.postDataJSON()));
  await page.getByRole('button', { name: 'Hold…' }).click();
  await page.getByText(/2\s000 tasks would change/).waitFor();
  await page.getByLabel('Reason').fill('later');
  await page.getByRole('dialog').getByRole('button', { name: 'Hold' }).click();
  await page.getByText(/2\s000 tasks changed/).waitFor();
  assert.deepEqual(asked, [
    { selectors: ['2'], where: 'index=1001+', dry_run: true },
    { selectors: ['2'], where: 'index=1001+', reason: 'later' },
  ]);
  assert.match(await muster.run('status', '2'), /2000/);
  await muster.run('cancel', '2', '--yes');
  await close(context);
});

test('from the table to a log with the keyboard alone', async () => {
  const context = await browser.signedIn(muster);
  const page = await open(context, '/tasks?where=batch=1');
  await page.getByText('60 tasks').waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('state=failed ');
  await page.keyboard.press('Enter');
  await page.getByText('1 task', { exact: true }).waitFor();
  for (let tabs = 0; tabs < 12 && !(await page.evaluate(() => document.activeElement?.getAttribute('role') === 'grid')); ++tabs) await page.keyboard.press('Tab');
  await page.keyboard.press('x');
  await page.getByText('1 task selected').waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/tasks\/1\.13/);
  await page.getByRole('log').getByText('KeyError: sample 13').waitFor();
  await page.keyboard.press('r');
  await page.getByRole('dialog', { name: 'Retry 1.13' }).waitFor();
  await page.getByText('1 task would change').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await close(context);
});

test('new tasks wait above the table, and added ones come at its end', async () => {
  const context = await browser.signedIn(muster);
  const page = await open(context, '/tasks');
  const first = page.getByRole('grid').getByRole('link').first();
  await first.waitFor();
  const before = await first.innerText();
  await muster.call('POST', 'batches', { command: ['true'], array: '1-38', cwd: '/', name: 'fresh', held: true });
  await page.getByRole('button', { name: '38 new ↑' }).waitFor();
  assert.equal(await first.innerText(), before);
  await page.getByRole('button', { name: '38 new ↑' }).click();
  await page.getByRole('row', { name: /fresh|true/ }).first().waitFor();
  const { items } = await muster.call('GET', 'batches?limit=1');
  await page.getByRole('link', { name: `${items[0].id}.1`, exact: true }).waitFor();

  await page.goto(`${muster.url}/batches/${items[0].id}`);
  await page.getByText('38 tasks').waitFor();
  await muster.call('POST', 'batches', { command: ['true'], array: '39-40', cwd: '/', batch: 'fresh' });
  await page.getByText('40 tasks').waitFor();
  await page.getByRole('grid').focus();
  await page.keyboard.press('End');
  await page.getByRole('link', { name: `${items[0].id}.40`, exact: true }).waitFor();
  await close(context);
});

test('a log is followed while it grows, until somebody scrolls up', async () => {
  const context = await browser.signedIn(muster);
  const { batch } = await muster.call('POST', 'batches', {
    command: ['sh', '-c', 'seq -f "line %g" 1 300; until test -e more; do sleep 0.02; done; seq -f "line %g" 301 320; until test -e end; do sleep 0.02; done; echo the end'],
    cwd: muster.folder,
    name: 'talks',
  });
  const page = await open(context, `/tasks/${batch}.1`);
  const log = page.getByRole('log');
  await log.getByText('line 300', { exact: true }).waitFor();
  await muster.touch('more');
  await log.getByText('line 320', { exact: true }).waitFor();
  await log.hover();
  await page.mouse.wheel(0, -1000);
  await page.getByRole('checkbox', { name: 'follow' }).and(page.locator(':not(:checked)')).waitFor();
  const seen = await log.innerText();
  await muster.touch('end');
  await page.getByRole('heading', { name: `${batch}.1 succeeded` }).waitFor();
  assert.equal(await log.innerText(), seen);
  await page.getByRole('checkbox', { name: 'follow' }).check();
  await log.getByText('the end').waitFor();
  await close(context);
});
