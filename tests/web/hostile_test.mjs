// Names, commands and logs that want to be more than text, and tokens that are less than they should be.
// Must hold: they change nothing but themselves; no script of theirs runs and nothing is asked of anybody.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Browser, close, open, picture } from './browser.mjs';
import { Muster } from './muster.mjs';

const script = '<script>window.pwned=1</script><img src=x onerror="window.pwned=1">';
let muster;
let browser;

before(async () => {
  [muster, browser] = await Promise.all([Muster.start(), Browser.start()]);
  const long = 'y'.repeat(1_000_000);
  await writeFile(
    path.join(muster.folder, 'hostile.log'),
    Buffer.concat([
      Buffer.from(`${script}\n\x1b]0;title\x07\x1b[31mred\x1b[0m \x1b[38;5;46mgreen\x1b[m\x1b[2J\x1b[999;999H\x1b]8;;http://evil.example\x07link\x1b]8;;\x07\n`),
      Buffer.from([0xff, 0xfe, 0xc3, 0x28, 0x0a]),
      Buffer.from(`\x1b[${'1;'.repeat(5000)}m bomb\n${long}\nprogress 10%\rprogress 100%\nlast line`),
    ]),
  );
  await muster.call('POST', 'batches', { command: ['sh', '-c', `cat hostile.log; : ${script}`], cwd: muster.folder, name: 'x"><svg onload=alert(1)>'.slice(0, 60) }).catch(() => {});
  await muster.call('POST', 'batches', { command: ['cat', 'hostile.log'], cwd: muster.folder });
  await muster.run('wait', '1').catch(() => {});
});
after(async () => {
  await browser?.stop();
  await muster?.stop();
});

test('hostile names and logs are text, and the page says so with nothing else', async () => {
  const context = await browser.signedIn(muster);
  const list = await muster.call('GET', 'tasks?state=succeeded');
  const page = await open(context, `/tasks/${list.items[0].id}`);
  const log = page.getByRole('log');
  await log.getByText('last line').waitFor();
  const find = page.getByRole('searchbox', { name: 'Find' });
  await find.fill('window.pwned');
  await find.press('Enter');
  await log.getByText('<script>window.pwned=1</script>').waitFor();
  assert.equal(await log.getByText('red', { exact: true }).getAttribute('class').then((name) => /ansi-1\b/.test(name)), true);
  assert.match(await log.innerText(), /more on this line/);
  assert.equal(await log.locator('a, img, script').count(), 0);
  await picture(page, 'hostile-log');
  await find.fill('progress 100%');
  await find.press('Enter');
  await log.getByText('progress 100%').waitFor();
  assert.equal(await log.getByText('progress 10%').count(), 0);
  for (const address of ['/', '/tasks', '/batches', '/batches/1?tab=spec']) {
    await page.goto(muster.url + address);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.waitForTimeout(150);
  }
  assert.equal(await page.evaluate(() => globalThis.pwned), undefined);
  await close(context);
});

test('a viewer is not offered what is refused, and a refusal says what to do', async () => {
  await muster.call('POST', 'users', { name: 'vera', roles: { default: 'viewer' } });
  const { token } = await muster.call('POST', 'tokens', { user: 'vera' });
  const context = await browser.signedIn(muster, {}, token);
  const page = await open(context, '/');
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await page.getByText('vera').waitFor();
  assert.equal(await page.getByRole('button', { name: '+ New batch' }).count(), 0);
  const id = (await muster.call('GET', 'batches')).items[0].id;
  await page.goto(`${muster.url}/tasks/${id}.1`);
  await page.getByRole('button', { name: 'Retry…' }).click();
  await page.getByRole('dialog').getByRole('alert').waitFor();
  assert.match(await page.getByRole('dialog').getByRole('alert').innerText(), /role|allowed|submitter/i);
  await muster.call('PATCH', 'users/vera', { disabled: true });
  await page.goto(`${muster.url}/tasks`);
  await page.getByLabel('Token').waitFor();
  await close(context);
});
