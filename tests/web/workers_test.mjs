// The screen of workers: slots, what can be said of one, what they did, and the line with which one more joins.
// Must hold: what is pressed is done on a real worker, and every action shows its command.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Browser, close, golden, inBothThemes, open, picture } from './browser.mjs';
import { endKeepers, Muster, program } from './muster.mjs';

let muster;
let browser;
let name;

before(async () => {
  [muster, browser] = await Promise.all([Muster.start({ slots: 4 }), Browser.start()]);
  name = (await muster.call('GET', 'workers')).items[0].name;
  await muster.tryRun('submit', '-n', 'align', '--array', '1-12', '--cwd', '/', '--wait', '-q', '--', 'sleep 0.2');
});
after(async () => {
  await browser?.stop();
  await muster?.stop();
});

const worker = () => muster.call('GET', `workers/${name}`);

test('the table says what each worker has; a slot more and a slot less act at once', async () => {
  const context = await browser.signedIn(muster);
  const page = await open(context, '/workers');
  await page.getByRole('row', { name }).waitFor();
  await golden(page, 'workers');
  await inBothThemes(page, 'workers');
  await page.getByRole('button', { name: `One slot more on ${name}` }).click();
  await page.getByText(`${name} has 5 slots`).waitFor();
  await page.getByText(`muster worker set ${name} --slots 4`).waitFor();
  assert.equal((await worker()).slots.enabled, 5);
  // By keyboard: the row of the grid takes - and Enter.
  await page.getByRole('grid', { name: 'Workers' }).focus();
  await page.keyboard.press('-');
  await page.getByText(`${name} has 4 slots`).waitFor();
  assert.equal((await worker()).slots.enabled, 4);
  await page.keyboard.press('Enter');
  await page.waitForURL(new RegExp(`/workers/${name}$`));
  await close(context);
});

test('one worker says why it is idle, and is paused, changed, and resumed', async () => {
  const context = await browser.signedIn(muster);
  const page = await open(context, `/workers/${name}`);
  await page.getByText(`${name} has room, and no task is ready`).waitFor();
  await golden(page, 'worker');
  await inBothThemes(page, 'worker');
  await page.getByRole('button', { name: 'Pause…' }).click();
  await page.getByLabel('Reason').fill('new disk');
  const dialog = page.getByRole('dialog');
  assert.match(await dialog.innerText(), new RegExp(`muster worker pause ${name} --reason 'new disk'`));
  assert.match(await dialog.innerText(), /api\/v1\/workers\/[^/]+\/pause/);
  await inBothThemes(page, 'worker-pause');
  await dialog.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('heading', { name: `${name} paused` }).waitFor();
  await page.getByText('new disk').first().waitFor();
  await page.getByRole('button', { name: 'Resume…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('heading', { name: `${name} online` }).waitFor();
  await page.getByRole('button', { name: 'Change…' }).click();
  await page.getByLabel('Labels').fill('storage=lustre\nrack=7');
  await page.getByText(`muster worker set ${name} --label storage=lustre --label rack=7`).waitFor();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('definition').filter({ hasText: 'storage=lustre' }).waitFor();
  assert.deepEqual((await worker()).labels, { storage: 'lustre', rack: '7' });
  await close(context);
});

test('what would be refused is said before, with what to do instead', async () => {
  const context = await browser.signedIn(muster);
  const { batch } = await muster.call('POST', 'batches', { command: ['sleep 600'], array: '1-3', cwd: '/', name: 'long' });
  const page = await open(context, `/workers/${name}`);
  await page.getByRole('link', { name: '3 tasks that it has now' }).waitFor();
  await page.getByRole('button', { name: 'Remove…' }).click();
  await page.getByRole('alert').filter({ hasText: `muster worker lost ${name}` }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'It is dead…' }).click();
  await page.getByText('The 3 tasks that it has run again elsewhere').waitFor();
  assert.match(await page.getByRole('dialog').innerText(), new RegExp(`muster worker lost ${name} --yes`));
  await page.keyboard.press('Escape');
  await muster.run('cancel', String(batch), '--yes');
  await close(context);
});

test('the heat map has a table twin, and a cell leads to its tasks', async () => {
  const context = await browser.signedIn(muster);
  const { batch } = await muster.call('POST', 'batches', { command: ['sleep 600'], array: '1-4', cwd: '/', name: 'now' });
  const page = await open(context, `/workers/${name}`);
  await page.getByRole('link', { name: '4 tasks that it has now' }).waitFor();
  await page.goto(`${muster.url}/workers?view=heat&window=15m`);
  await page.getByRole('img', { name: 'Slots in use over time of 1 worker' }).waitFor();
  await inBothThemes(page, 'workers-heat');
  await page.getByLabel('as a table').check();
  assert.equal(new URL(page.url()).searchParams.get('as'), 'table');
  await inBothThemes(page, 'workers-heat-table');
  await page.getByRole('row', { name }).getByRole('link', { name: '%' }).last().click();
  await page.getByRole('row', { name: new RegExp(`^Select ${batch}\\.4 `) }).waitFor();
  await muster.run('cancel', String(batch), '--yes');
  await close(context);
});

test('the join line lets another machine in, once', async (context) => {
  const page = await open(await browser.signedIn(muster), '/workers');
  await page.getByRole('button', { name: 'Add a worker…' }).click();
  assert.match(page.url(), /\?add=1$/);
  await page.getByLabel('Name of the worker').fill('lab2');
  await page.getByText('muster invite --ttl 10m --name lab2').waitFor();
  await inBothThemes(page, 'invite');
  await page.getByRole('button', { name: 'Make the key' }).click();
  const line = await page.getByRole('dialog').getByText(/^muster join http/).innerText();
  await picture(page, 'invite-line');
  const folder = await mkdtemp(path.join(tmpdir(), 'muster-join-'));
  const environment = { ...muster.environment, MUSTER_DATA: folder, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
  const joined = spawn(program, [...line.split(' ').slice(1), '--folder', folder, '--slots', '1'], { cwd: folder, env: environment, stdio: 'ignore' });
  const ended = new Promise((resolve) => joined.once('exit', resolve));
  context.after(async () => {
    joined.kill('SIGTERM');
    await ended;
    await endKeepers(folder); // they outlive their agent
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  });
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
  await page.getByRole('row', { name: 'lab2' }).waitFor();
  await page.goto(`${muster.url}/workers?where=name=lab2`);
  await page.getByRole('heading', { name: 'Workers 1' }).waitFor();
  await close(page.context());
});

test('who may not is told why, and a narrow screen is usable', async () => {
  await muster.run('user', 'create', 'vera', '--role', 'viewer', '-q');
  const { token } = await muster.call('POST', 'tokens', { user: 'vera' });
  const context = await browser.signedIn(muster, { viewport: { width: 320, height: 640 } }, token);
  const page = await open(context, `/workers/${name}`);
  await page.getByText('To change workers takes the role operator in every project.').first().waitFor();
  await page.getByRole('button', { name: 'Pause…' }).waitFor();
  for (const button of ['Pause…', 'Remove…', 'Add a worker…']) assert.ok(await page.getByRole('button', { name: button }).isDisabled(), button);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page is wider than the screen');
  await inBothThemes(page, 'workers-narrow');
  await close(context);
});
