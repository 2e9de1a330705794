// The screen of the administration: people, tokens, projects, limits, secrets, health, audit, API.
// Must hold: what is pressed is done on the server; what opens anything is shown once; who may not is told why.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser, close, golden, inBothThemes, open } from './browser.mjs';
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

test('a person is let in, gets another role, and is shut out', async () => {
  const context = await browser.signedIn(muster);
  const page = await open(context, '/admin');
  await page.getByRole('button', { name: 'Let a person in…' }).click();
  await page.getByLabel('Name').fill('ada');
  await page.getByText('muster user create ada --role submitter --in default').waitFor();
  await inBothThemes(page, 'admin-person');
  await page.getByRole('button', { name: 'Let them in' }).click();
  await page.getByRole('row', { name: 'ada' }).getByText('submitter').waitFor();
  await page.getByRole('button', { name: 'Role: ada' }).click();
  await page.getByRole('combobox', { name: /^Role/ }).selectOption('operator');
  await page.getByRole('dialog').getByRole('combobox', { name: /^Project/ }).selectOption('*');
  await page.getByText("muster user set ada --role operator --in '*'").waitFor();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('row', { name: 'ada' }).getByText('operator').waitFor();
  await page.getByRole('button', { name: 'Shut out: ada' }).click();
  await page.getByText('whatever their tokens say').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Shut out' }).click();
  await page.getByRole('cell', { name: 'shut out', exact: true }).waitFor();
  assert.equal((await muster.call('GET', 'users/ada')).disabled, true);
  await golden(page, 'admin-people');
  await inBothThemes(page, 'admin-people');
  await close(context);
});

test('a token is shown once when it is made, and opens nothing after it is revoked', async () => {
  await muster.run('user', 'create', 'bob', '-q');
  const context = await browser.signedIn(muster);
  const page = await open(context, '/admin/tokens?user=bob');
  await page.getByRole('button', { name: 'Make a token…' }).click();
  await page.getByLabel('Note').fill('laptop');
  await page.getByLabel(/^At most this role/).selectOption('viewer');
  await page.getByLabel(/^Good for so many days/).fill('7');
  await page.getByText('muster token create --expires 7d --user bob --role viewer --note laptop').waitFor();
  await inBothThemes(page, 'admin-token');
  await page.getByRole('button', { name: 'Make it' }).click();
  const token = await page.getByText(/^mst_user_/).innerText();
  const me = async () => (await fetch(`${muster.url}/api/v1/users/me`, { headers: { Authorization: `Bearer ${token}` } })).status;
  assert.equal(await me(), 200);
  await inBothThemes(page, 'admin-token-made');
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
  await page.getByRole('row', { name: 'laptop' }).waitFor();
  assert.equal(await page.getByText(token).count(), 0);
  await inBothThemes(page, 'admin-tokens');
  await page.getByRole('row', { name: 'laptop' }).getByRole('button').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await page.getByRole('row', { name: 'laptop' }).waitFor({ state: 'detached' });
  assert.equal(await me(), 401);
  await page.getByLabel('those, too, that are over').check();
  await page.getByRole('row', { name: 'laptop' }).getByText('revoked').waitFor();
  await close(context);
});

test('projects, limits and secrets', async () => {
  const context = await browser.signedIn(muster);
  const page = await open(context, '/admin/projects');
  await page.getByRole('button', { name: 'Make a project…' }).click();
  await page.getByLabel('Name').fill('atlas');
  await page.getByLabel('Note').fill('the big one');
  await page.getByRole('button', { name: 'Make it' }).click();
  await page.getByRole('row', { name: 'atlas' }).waitFor();
  // The project of every call without one is that called default, whatever comes first in the alphabet.
  assert.equal(await page.getByRole('banner').getByRole('combobox', { name: 'Project' }).inputValue(), 'default');
  await page.getByRole('button', { name: 'Take no more: atlas' }).click();
  await page.getByText('muster project set atlas --close').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Take no more' }).click();
  await page.getByRole('row', { name: 'atlas' }).getByText('closed').waitFor();
  await inBothThemes(page, 'admin-projects');

  await page.getByRole('link', { name: 'Limits' }).click();
  await page.getByText('Nothing is limited').waitFor();
  await page.getByRole('button', { name: 'Limit something…' }).click();
  await page.getByLabel('Name').fill('root');
  await page.getByLabel(/so many tasks at once/).fill('100');
  await page.getByText('muster limit set user:root --max-running 100').waitFor();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('row', { name: 'user:root' }).getByText('0 of 100').waitFor();
  await inBothThemes(page, 'admin-limits');
  await page.getByRole('button', { name: 'Delete: user:root' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('Nothing is limited').waitFor();

  await muster.call('POST', 'secrets', { name: 'archive-password', value: 'swordfish', note: 'read only' });
  await page.getByRole('link', { name: 'Secrets' }).click();
  await page.getByRole('row', { name: 'archive-password' }).waitFor();
  assert.equal(await page.getByText('swordfish').count(), 0);
  await inBothThemes(page, 'admin-secrets');
  await page.getByRole('button', { name: 'Delete: archive-password' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('This project has no secrets').waitFor();
  await close(context);
});

test('health says each part with a verdict', async () => {
  const context = await browser.signedIn(muster);
  const page = await open(context, '/admin/health');
  await page.getByRole('row', { name: /^Disk ok/ }).waitFor();
  for (const part of ['Server', 'Store', 'Versions of agents', 'Clock']) await page.getByRole('row', { name: new RegExp(`^${part} ok`) }).waitFor();
  await page.getByText('muster doctor').waitFor();
  await inBothThemes(page, 'admin-health');
  await close(context);
});

test('the audit log is paged, newest first, and its chain is checked', async () => {
  for (let at = 0; at < 60; ++at) await muster.call('PATCH', 'projects/default', { note: `note ${at}` });
  const context = await browser.signedIn(muster);
  const page = await open(context, '/admin/audit');
  const { rows } = await muster.call('GET', 'audit/verify');
  await page.getByRole('row', { name: `${rows} ` }).first().waitFor();
  assert.equal(await page.getByRole('row').count(), 51);
  await page.getByRole('button', { name: 'Check the chain' }).click();
  await page.getByText('the chain holds').waitFor();
  await inBothThemes(page, 'admin-audit');
  await page.getByRole('button', { name: 'Older' }).click();
  await page.waitForURL(`${muster.url}/admin/audit?from=${rows - 50}`);
  await page.getByRole('row', { name: 'user.create ada' }).waitFor();
  await page.goBack();
  await page.getByRole('row', { name: `${rows} ` }).first().waitFor();
  await close(context);
});

test('the list of operations is that of openapi.json, each with curl', async () => {
  const context = await browser.signedIn(muster);
  const page = await open(context, '/admin/api');
  const { paths } = await (await fetch(`${muster.url}/openapi.json`, { headers: { Authorization: `Bearer ${muster.token}` } })).json();
  const number = Object.values(paths).reduce((sum, methods) => sum + Object.keys(methods).length, 0);
  await page.getByText(`${number} operations`).waitFor();
  await page.getByLabel('Find').fill('worker pause');
  await page.getByText('1 operation', { exact: true }).waitFor();
  assert.match(page.url(), /q=worker\+pause/);
  await page.getByText('/api/v1/workers/{name}/pause').click();
  await page.getByText('"$MUSTER_URL/api/v1/workers/NAME/pause"').waitFor();
  await golden(page, 'admin-api');
  await inBothThemes(page, 'admin-api');
  await close(context);
});

test('who is no administrator sees what is theirs, and is told what the rest takes', async () => {
  await muster.run('user', 'create', 'vera', '--role', 'viewer', '-q');
  const { token } = await muster.call('POST', 'tokens', { user: 'vera' });
  const context = await browser.signedIn(muster, { viewport: { width: 320, height: 640 } }, token);
  const page = await open(context, '/admin');
  await page.getByRole('row', { name: /^Server ok/ }).waitFor();
  await inBothThemes(page, 'admin-narrow');
  await page.getByRole('link', { name: 'People' }).click();
  await page.getByText('To see and change people takes the role admin').waitFor();
  assert.ok(await page.getByRole('button', { name: 'Let a person in…' }).isDisabled());
  await page.getByRole('link', { name: 'Tokens' }).click();
  await page.getByRole('row', { name: 'vera' }).first().waitFor();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page is wider than the screen');
  await close(context);
});
