// A real server with a real worker in a folder of its own, for one file of tests.
// Must hold: it is waited for by what it prints, never by time; what was started is ended, by its own pid.
import { spawn, execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..');
export const program = process.env.MUSTER ?? path.join(root, 'build/muster');
export const build = path.dirname(program);
const runFile = promisify(execFile);

// Ends what was started with this folder among its words.
export async function endKeepers(folder) {
  const found = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (words.split('\0').some((word) => word.startsWith(folder))) found.push(Number(pid));
  }
  for (const pid of found) process.kill(pid, 'SIGKILL');
}

export class Muster {
  static async start(options = {}) {
    const one = new Muster();
    one.folder = await mkdtemp(path.join(tmpdir(), 'muster-web-'));
    one.options = options;
    await one.up('127.0.0.1:0');
    one.token = (await readFile(path.join(one.folder, 'admin.token'), 'utf8')).trim();
    return one;
  }

  get environment() {
    return { ...process.env, MUSTER_DATA: this.folder, HOME: this.folder, XDG_CONFIG_HOME: this.folder, XDG_DATA_HOME: this.folder };
  }

  // Where the page is.
  get url() {
    return this.api;
  }

  async up(listen) {
    const words = ['up', '--data', this.folder, '--listen', listen];
    if (this.options.worker === false) words.push('--no-worker');
    else words.push('--slots', String(this.options.slots ?? 2));
    this.process = spawn(program, words, { cwd: this.folder, env: this.environment, stdio: ['ignore', 'pipe', 'pipe'] });
    this.ended = new Promise((resolve) => this.process.once('exit', resolve));
    let said = '';
    await new Promise((resolve, reject) => {
      const hear = (bytes) => {
        said += bytes;
        const found = /ready at (http:\S+)/.exec(said);
        if (found) {
          this.api = found[1];
          resolve();
        }
      };
      this.process.stdout.on('data', hear);
      this.process.stderr.on('data', hear);
      this.process.once('exit', (code) => reject(new Error(`muster up ended with ${code}: ${said}`)));
    });
  }

  // As a power cut would: the server alone; the worker stays.
  async kill() {
    this.process.kill('SIGKILL');
    await this.ended;
  }

  async again() {
    await this.up(new URL(this.api).host);
  }

  async stop() {
    await runFile(program, ['down', '--data', this.folder], { env: this.environment }).catch(() => {});
    this.process.kill('SIGTERM');
    await this.ended;
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  // A file that a task waits for.
  async touch(name) {
    await writeFile(path.join(this.folder, name), '');
  }

  // A command of the command line; what it prints.
  async run(...words) {
    const running = runFile(program, words, { cwd: this.folder, env: this.environment, maxBuffer: 1 << 26 });
    running.child.stdin.end(); // items are read from there
    const { stdout } = await running;
    return stdout.trim();
  }

  // The same, where the exit code may say that tasks failed.
  async tryRun(...words) {
    return this.run(...words).catch((error) => error.stdout ?? '');
  }

  async call(method, address, body) {
    const response = await fetch(`${this.api}/api/v1/${address}`, {
      method,
      headers: { Authorization: `Bearer ${this.token}`, 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${address}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  }
}
