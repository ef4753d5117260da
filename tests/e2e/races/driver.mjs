// A race: many clients of supabase-js, each request under a key of its own, a Worker that is killed in between. What a
// client gets no answer to it asks again under the same key, as an app would; and now and then it asks again anyway.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../scripts/stack/settings.mjs';
import { startWorkerd } from '../../../scripts/stack/workerd.mjs';
import { settings } from '../faults/worker.mjs';
import { supabase } from '../lib/clients.mjs';
import { token } from '../live/support.mjs';

/** After the Worker answers again, so long may requests still fail. */
const GRACE_MS = 2_000;
/** Who gets no answer for so long gives up, and the test fails. */
const PATIENCE_MS = 90_000;

export const pick = (list) => list[Math.floor(Math.random() * list.length)];

export class Race {
  /** Every answer: `{key, status, data, error, asked, at}`; status 0 is none at all. */
  answers = [];
  /** When the Worker was away: `{from, to}`. */
  away = [];

  static async open() {
    const race = new Race();
    const folders = join(process.env.CHAIRSIDE_STATE_DIR, 'extra');
    mkdirSync(folders, { recursive: true });
    race.folder = mkdtempSync(join(folders, 'race-'));
    race.port = await freePort();
    await race.#start();
    return race;
  }

  async #start() {
    this.worker = await startWorkerd({ folder: this.folder, vars: settings({ SUPABASE_SERVICE_ROLE_KEY: process.env.SERVICE_ROLE_KEY }), port: this.port, build: process.env.CHAIRSIDE_BUILD_DIR });
  }

  /** A client that speaks for a person. */
  client(person) {
    return supabase({ url: this.worker.url, token: token(person, 3600) });
  }

  /** Ends the Worker as a crash would, and starts another one on what it has left. */
  async kill() {
    const gap = { from: performance.now(), to: Number.POSITIVE_INFINITY };
    this.away.push(gap);
    await this.worker.kill();
    await sleep(500);
    await this.#start();
    gap.to = performance.now();
  }

  /** Kills the Worker as soon as so many answers have come, once for each. */
  async killAfter(...counts) {
    for (const count of counts) {
      while (this.answers.length < count) await sleep(20);
      await this.kill();
    }
  }

  /** Calls a function under a key until there is an answer; then perhaps again. Gives the answer. */
  async call(client, key, name, args) {
    const answer = await this.#answered(client, key, name, args);
    const again = Math.random() < 0.15 && (await this.#answered(client, key, name, args));
    return again?.status < 300 ? again : answer;
  }

  async #answered(client, key, name, args) {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      // Some send it twice at once, as an impatient thumb does.
      const twice = Math.random() < 0.1;
      const [first, second] = await Promise.all([this.#once(client, key, name, args), twice ? this.#once(client, key, name, args) : null]);
      const answers = second ? [first, second] : [first];
      const done = answers.find(({ status }) => status < 300 && status > 0);
      if (done) return done;
      // Where one of two was refused and the other got no answer, the other may have been done.
      const unanswered = answers.find(({ status }) => status === 0 || status >= 500);
      if (!unanswered) return first;
      assert.ok(performance.now() < deadline, `no answer to ${name}: ${unanswered.status} ${JSON.stringify(unanswered.error)}`);
      await sleep(200 + Math.random() * 600);
    }
  }

  async #once(client, key, name, args) {
    const asked = performance.now();
    const { data, error, status } = await client.rpc(name, args).setHeader('Idempotency-Key', key);
    const answer = { key, status, data, error, asked, at: performance.now() };
    this.answers.push(answer);
    return answer;
  }

  /** No answer was a fault of the server's but while the Worker was away. */
  checkFaults() {
    const faults = this.answers.filter(({ status }) => status === 0 || status >= 500);
    const strange = faults.filter(({ at }) => !this.away.some(({ from, to }) => at >= from && at <= to + GRACE_MS));
    const since = (at) => this.away.map(({ from, to }) => [Math.round(at - from), Math.round(at - to)]);
    assert.deepEqual(strange.map(({ status, error, at }) => ({ status, error, since: since(at) })), []);
    return faults.length;
  }

  /**
   * Every key has one result, however often it was asked for. Gives them: key → answer. What is refused has changed
   * nothing and leaves its key free; what has succeeded is told to everybody who asks from then on.
   */
  results(identity) {
    const results = new Map();
    const byKey = new Map();
    for (const answer of this.answers.filter(({ status }) => status > 0 && status < 500)) byKey.set(answer.key, [...(byKey.get(answer.key) ?? []), answer]);
    for (const [key, answers] of byKey) {
      const done = answers.filter(({ status }) => status < 300);
      const first = done[0] ?? answers[0];
      for (const { status, data, error, asked } of answers.filter((one) => done.includes(one) || one.asked > done[0]?.at)) {
        assert.deepEqual([status, data && identity(data)], [200, identity(first.data)], `two results under ${key}: ${JSON.stringify(error)}, ${asked - first.at} ms later`);
      }
      results.set(key, first);
    }
    return results;
  }

  say(what) {
    const count = {};
    for (const { status, error } of this.answers) count[`${status}${error?.code ? ` ${error.code}` : ''}`] = (count[`${status}${error?.code ? ` ${error.code}` : ''}`] ?? 0) + 1;
    const gaps = this.away.map(({ from, to }) => `${((to - from) / 1000).toFixed(1)} s`);
    console.log(`races: ${what}: ${this.answers.length} answers ${JSON.stringify(count)}, the Worker away for ${gaps.join(' and ') || '0 s'}`);
  }

  async close() {
    await this.worker?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
