// The screen of a batch: its failures by cause, its time line, what it used, what it was submitted as.
// Must hold: every figure is the server's, and every group of failures can be tried again from here.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser, close, golden, inBothThemes, open } from './browser.mjs';
import { Muster } from './muster.mjs';

const command = 'x={}; echo "read 66666 sequences" >&2; test $((x % 10)) -ne 0 || { echo "KeyError: chr$x" >&2; exit 3; }; test $x -ne 17 || kill -9 $$';
let muster;
let browser;

before(async () => {
  [muster, browser] = await Promise.all([Muster.start(), Browser.start()]);
  await muster.tryRun('submit', '-n', 'align', '--array', '1-40', '--cwd', '/', '--mem', '64M', '--time', '60s', '--label', 'study=PACA', '--wait', '--', command);
});
after(async () => {
  await browser?.stop();
  await muster?.stop();
});

test('failures stand grouped by cause, and a group is tried again by its filter', async () => {
  const context = await browser.signedIn(muster);
  const page = await open(context, '/batches/1?tab=failures');
  await page.getByText('KeyError: chr#').waitFor();
  await golden(page, 'batch-failures');
  await inBothThemes(page, 'batch-failures');
  await page.getByRole('row', { name: /exit 3/ }).getByRole('button', { name: 'Retry' }).click();
  await page.getByText('4 tasks would change').waitFor();
  assert.match(await page.getByRole('dialog').innerText(), /muster retry 1 --where 'state=failed cause=exit exit=3'/);
  await page.getByLabel('Memory, MiB').fill('128');
  assert.match(await page.getByRole('dialog').innerText(), /exit=3' --mem 128M/);
  await inBothThemes(page, 'retry-dialog');
  await close(context);
});

test('the time line has a table twin', async () => {
  const context = await browser.signedIn(muster);
  const page = await open(context, '/batches/1?tab=timeline');
  await page.getByRole('img', { name: 'Attempts over time in 2 lanes' }).waitFor();
  await page.locator('.uplot canvas').waitFor();
  await inBothThemes(page, 'batch-timeline');
  await page.getByLabel('as a table').check();
  await page.getByRole('link', { name: '1.17#1' }).waitFor();
  assert.equal(await page.getByRole('row').count(), 41);
  await close(context);
});

test('efficiency and spec say what was used and asked for', async () => {
  const context = await browser.signedIn(muster);
  const page = await open(context, '/batches/1?tab=efficiency');
  await page.getByText(/95 of 100 stayed below/).first().waitFor();
  await inBothThemes(page, 'batch-efficiency');
  await page.getByRole('link', { name: 'Spec' }).click();
  await page.getByText('study=PACA').waitFor();
  await golden(page, 'batch-spec');
  await inBothThemes(page, 'batch-spec');
  await close(context);
});

test('hold, release, limit and cancel, each with its other forms', async () => {
  const context = await browser.signedIn(muster);
  const { batch } = await muster.call('POST', 'batches', { command: ['sleep', '600'], array: '1-50', cwd: '/', name: 'long' });
  const page = await open(context, `/batches/${batch}`);
  await page.getByRole('button', { name: 'Hold…' }).click();
  await page.getByLabel('Reason').fill('disk is being replaced');
  await page.getByRole('dialog').getByRole('button', { name: 'Hold' }).click();
  await page.getByRole('heading', { name: `${batch} long held` }).waitFor();
  await page.getByText('disk is being replaced').first().waitFor();
  await inBothThemes(page, 'batch-held');
  await page.getByRole('button', { name: 'Release…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Release' }).click();
  await page.getByRole('heading', { name: `${batch} long running` }).waitFor();
  await page.getByRole('button', { name: 'Change…' }).click();
  await page.getByLabel(/At most so many/).fill('7');
  await page.getByText(`muster batch set ${batch} --max-running 7`).waitFor();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('at most 7 at once').waitFor();
  await page.getByRole('button', { name: 'Cancel…' }).click();
  await page.getByText('50 tasks would change').waitFor();
  await page.getByRole('button', { name: 'Cancel the tasks' }).click();
  await page.getByRole('heading', { name: /cancel(ling|led)/ }).waitFor();
  await close(context);
});
