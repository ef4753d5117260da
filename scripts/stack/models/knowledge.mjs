// scripts/knowledge: reindex fills a new index and switches to it; load DIR sends every *.md of a folder to PUT /v1/knowledge/documents/{slug}. The slug is
// the file's name; title, category, language, audience and validity come from the lines between `---`
// at its start. What has not changed is left alone by the server, so a load can be repeated at will.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const USAGE = `usage: scripts/knowledge load DIR [--url URL]       each *.md of DIR, under its file's name
       scripts/knowledge reindex NAME [--url URL]   fills a new index of the vector store, then searches it`;
const FIELDS = new Set(['title', 'category', 'language', 'audience', 'valid_from', 'valid_until']);
const AT_ONCE = 4;
const TRIES = 5;

function readArguments(args) {
  const at = args.indexOf('--url');
  const url = at < 0 ? (process.env.CHAIRSIDE_URL ?? 'http://127.0.0.1:8787') : args[at + 1];
  const [command, what, ...more] = at < 0 ? args : args.toSpliced(at, 2);
  if (!['load', 'reindex'].includes(command) || !what || more.length > 0 || !url) fail(USAGE, 2);
  const token = process.env.ADMIN_TOKEN ?? process.env.TOKEN_ADMIN;
  if (!token) fail('knowledge: ADMIN_TOKEN is not set', 2);
  return { command, what, url: url.replace(/\/$/, ''), token };
}

function fail(message, code = 1) {
  console.error(message);
  process.exit(code);
}

/** A file as `{slug, document}`. */
export function readDocument(file) {
  const text = readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
  const found = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(text);
  if (!found) throw new Error(`${file}: begins with lines between ---, among them title:`);
  const document = { body: found[2].trim() };
  for (const line of found[1].split('\n').filter((each) => each.trim() !== '')) {
    const [, name, value] = /^(\w+):\s*(.*?)\s*$/.exec(line) ?? [];
    if (!FIELDS.has(name)) throw new Error(`${file}: ${JSON.stringify(line)} is none of ${[...FIELDS].join(', ')}`);
    document[name] = value.replace(/^"(.*)"$/, '$1');
  }
  if (!document.title) throw new Error(`${file}: has no title`);
  return { slug: basename(file, '.md'), document };
}

// `[########            ] 12/40 · fillings`, written over itself where there is a terminal.
function progress(total) {
  let done = 0;
  return (what, steps = 1) => {
    done = Math.min(total, done + steps);
    const width = 24;
    const full = total === 0 ? width : Math.round((done / total) * width);
    const line = `[${'#'.repeat(full)}${' '.repeat(width - full)}] ${done}/${total} · ${what}`;
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}${done === total ? '\n' : ''}`);
    else if (steps > 1 || done % 10 === 0 || done === total) console.error(line);
  };
}

const retryable = (status) => status === 429 || status >= 500;

/** One request; tried again when the server is busy or away. Writes here may be repeated: the same content changes nothing. */
async function ask({ url, token }, method, path, body) {
  for (let attempt = 1; ; attempt += 1) {
    const last = attempt === TRIES;
    try {
      const headers = { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) };
      const reply = await fetch(`${url}/v1/knowledge/${path}`, { method, headers, body: body && JSON.stringify(body) });
      const answer = await reply.json().catch(() => ({}));
      if (reply.ok) return answer;
      if (last || !retryable(reply.status)) throw new Refused(`${reply.status} ${answer.error?.message ?? ''}`.trim());
      await sleep(1000 * Number(reply.headers.get('retry-after') || 2 ** attempt / 4));
    } catch (error) {
      if (last || error instanceof Refused) throw error;
      await sleep(250 * 2 ** attempt);
    }
  }
}

class Refused extends Error {}

/** Puts every file of a folder; `tick(slug)` hears of each. Returns `{outcomes, pending, failures}`. */
export async function loadFolder(target, folder, tick = () => {}) {
  const files = readdirSync(folder).filter((name) => name.endsWith('.md')).sort();
  if (files.length === 0) throw new Error(`no *.md in ${folder}`);
  // All are read before the first is sent: a mistake in one leaves nothing half loaded.
  const queue = files.map((name) => readDocument(join(folder, name)));
  const found = { outcomes: {}, pending: 0, failures: [] };
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const { slug, document } = next;
      try {
        const { outcome, vectors } = await ask(target, 'PUT', `documents/${encodeURIComponent(slug)}`, document);
        found.outcomes[outcome] = (found.outcomes[outcome] ?? 0) + 1;
        if (vectors?.state === 'pending') found.pending += 1;
      } catch (error) {
        found.failures.push(`${slug}: ${error.message}`);
      }
      tick(slug);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return found;
}

export const inWords = (outcomes) => Object.entries(outcomes).map(([outcome, count]) => `${count} ${outcome}`).join(', ') || 'nothing was written';

async function load(target) {
  const folder = resolve(target.what);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) fail(`knowledge: ${folder} is no folder`);
  const total = readdirSync(folder).filter((name) => name.endsWith('.md')).length;
  const { outcomes, pending, failures } = await loadFolder(target, folder, progress(total));
  console.log(inWords(outcomes));
  if (pending > 0) console.log(`${pending} without vectors for now: they follow with the scheduled reconcile`);
  if (failures.length > 0) fail(`knowledge: ${failures.length} failed\n${failures.join('\n')}`);
}

// The server fills the index part by part and goes on where it left off, so that this may be broken off and called again.
async function reindex(target) {
  const name = encodeURIComponent(target.what);
  let compared = 0;
  for (let complete = false; !complete; ) {
    const part = await ask(target, 'POST', `indexes/${name}/fill`);
    compared += part.compared;
    complete = part.complete;
    console.error(`${compared} pieces compared, ${part.written} written${complete ? ' · complete' : ''}`);
  }
  const { active } = await ask(target, 'POST', `indexes/${name}/activate`);
  console.log(`searched from now on: ${active.name}; the index before is kept for ten minutes and then emptied`);
}

if (process.argv[1] && import.meta.url.endsWith(basename(process.argv[1]))) {
  const target = readArguments(process.argv.slice(2));
  await (target.command === 'load' ? load(target) : reindex(target)).catch((error) => fail(`knowledge: ${error.message}`));
}
