// Debian's Chromium on the page: signs in, keeps pictures, and fails a test that left an error in the console.
// Must hold: one browser for a file of tests; every page is closed with its test.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { build } from './muster.mjs';

const here = path.dirname(new URL(import.meta.url).pathname);
const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const pictures = path.join(build, 'web-pictures');

export class Browser {
  static async start() {
    const one = new Browser();
    one.chromium = await chromium.launch({
      executablePath: process.env.MUSTER_CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-dev-shm-usage', '--force-color-profile=srgb'],
    });
    return one;
  }

  async stop() {
    await this.chromium.close();
  }

  // A context of its own: what is signed in here is not signed in there.
  async context(muster, options = {}) {
    const context = await this.chromium.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...options });
    context.setDefaultTimeout(15_000);
    context.errors = [];
    context.on('weberror', (error) => context.errors.push(String(error.error())));
    context.on('console', (message) => {
      if (message.type() === 'error' && !isExpected(message.text())) context.errors.push(message.text());
    });
    context.muster = muster;
    return context;
  }

  async signedIn(muster, options = {}, token = muster.token) {
    const context = await this.context(muster, options);
    await context.addInitScript(
      ([origin, text]) => {
        if (location.origin === origin && !localStorage.getItem('muster-session')) localStorage.setItem('muster-session', JSON.stringify({ token: text }));
      },
      [muster.url, token],
    );
    return context;
  }
}

// What Chromium says of answers that a test is about: a lost server, a refusal.
function isExpected(text) {
  return /^Failed to load resource: (net::|the server responded with a status of 4)/.test(text);
}

export async function open(context, address) {
  const page = await context.newPage();
  await page.goto(context.muster.url + address);
  return page;
}

export async function close(context) {
  const errors = [...context.errors];
  await context.close();
  assert.deepEqual(errors, [], 'the page left errors');
}

export async function picture(page, name) {
  await mkdir(pictures, { recursive: true });
  await page.screenshot({ path: path.join(pictures, `${name}.png`) });
}

// Both themes: a picture of each, and what axe has against it.
export async function inBothThemes(page, name) {
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.waitForTimeout(60);
    await picture(page, `${name}-${scheme}`);
    await page.evaluate(axeSource);
    const found = await page.evaluate(async () => {
      const result = await globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
      return result.violations.map((one) => `${one.id}: ${one.help}\n  ${one.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.any[0]?.message ?? ''}`).join('\n  ')}`);
    });
    assert.deepEqual(found, [], `${name}, ${scheme}`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

// By its link: the figures of other rows may hold the same digits.
export function taskRow(page, task) {
  return page.getByRole('row').filter({ has: page.getByRole('link', { name: task, exact: true }) });
}

// The screen as a reader hears it, compared with a file; MUSTER_WRITE_GOLDEN=1 writes it.
export async function golden(page, name, selector = '#main') {
  const found = masked(await page.locator(selector).ariaSnapshot());
  const file = path.join(here, 'golden', `${name}.txt`);
  if (process.env.MUSTER_WRITE_GOLDEN) {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, found);
  }
  assert.equal(found, await readFile(file, 'utf8'), `the screen is not as in ${file}`);
}

function masked(text) {
  return `${text
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, '<time>')
    .replace(/\d\d:\d\d:\d\d/g, '<time>')
    .replace(/\b\d{4}-\d\d-\d\d\b/g, '<date>')
    .replace(/\b\d+ CPUs?(?=,)/g, '<cpus>')
    .replace(/\b(\d+) \/ \d+\b(?! [KMGT]?i?B)/g, '$1 / <number>')
    .replace(/(?<![\w.])\d+\.\d+\.\d+(?![\w.])/g, '<version>')
    .replace(/\b\d+(\.\d+)? (ms|s|min|h|d)\b( \d\d s\b)?/g, '<duration>')
    .replace(/\b\d+(\.\d+)? ([KMGT]i)?B\b/g, '<size>')
    .replace(/127\.0\.0\.1:\d+/g, '<server>')
    .replace(/<1 %|\b\d+ %/g, '<percent>')
    .replace(new RegExp(`\\b${hostname()}\\b`, 'g'), '<host>')
    .replace(/muster-web-\w+/g, '<folder>')}\n`;
}
