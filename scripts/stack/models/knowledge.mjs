// scripts/knowledge load DIR: every *.md of a folder to PUT /v1/knowledge/documents/{slug}. The slug is
// the file's name; title, category, language, audience and validity come from the lines between `---`
// at its start. What has not changed is left alone by the server, so a load can be repeated at will.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';

const USAGE = 'usage: scripts/knowledge load DIR [--url URL]';
const FIELDS = new Set(['title', 'category', 'language', 'audience', 'valid_from', 'valid_until']);
const AT_ONCE = 4;

function readArguments(args) {
  const at = args.indexOf('--url');
  const url = at < 0 ? (process.env.CHAIRSIDE_URL ?? 'http://127.0.0.1:8787') : args[at + 1];
  const [command, folder, ...more] = at < 0 ? args : args.toSpliced(at, 2);
  if (command !== 'load' || !folder || more.length > 0 || !url) fail(USAGE, 2);
  const token = process.env.ADMIN_TOKEN ?? process.env.TOKEN_ADMIN;
  if (!token) fail('knowledge: ADMIN_TOKEN is not set', 2);
  return { folder: resolve(folder), url: url.replace(/\/$/, ''), token };
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
  return (slug) => {
    done += 1;
    const width = 24;
    const full = Math.round((done / total) * width);
    const line = `[${'#'.repeat(full)}${' '.repeat(width - full)}] ${done}/${total} · ${slug}`;
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}${done === total ? '\n' : ''}`);
    else if (done % 10 === 0 || done === total) console.error(line);
  };
}

async function put({ url, token }, { slug, document }) {
  const reply = await fetch(`${url}/v1/knowledge/documents/${encodeURIComponent(slug)}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(document),
  });
  const answer = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Error(`${reply.status} ${answer.error?.message ?? answer.detail ?? answer.message ?? ''}`.trim());
  return answer.outcome;
}

async function load(target) {
  if (!statSync(target.folder, { throwIfNoEntry: false })?.isDirectory()) fail(`knowledge: ${target.folder} is no folder`);
  const files = readdirSync(target.folder).filter((name) => name.endsWith('.md')).sort();
  if (files.length === 0) fail(`knowledge: no *.md in ${target.folder}`);
  // All are read before the first is sent: a mistake in one leaves nothing half loaded.
  const documents = files.map((name) => readDocument(join(target.folder, name)));
  const tick = progress(documents.length);
  const outcomes = {};
  const failures = [];
  const queue = [...documents];
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const { slug } = next;
      await put(target, next).then(
        (outcome) => (outcomes[outcome] = (outcomes[outcome] ?? 0) + 1),
        (error) => failures.push(`${slug}: ${error.message}`),
      );
      tick(slug);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  console.log(Object.entries(outcomes).map(([outcome, count]) => `${count} ${outcome}`).join(', ') || 'nothing was written');
  if (failures.length > 0) fail(`knowledge: ${failures.length} failed\n${failures.join('\n')}`);
}

if (process.argv[1] && import.meta.url.endsWith(basename(process.argv[1]))) {
  try {
    await load(readArguments(process.argv.slice(2)));
  } catch (error) {
    fail(`knowledge: ${error.message}`);
  }
}
