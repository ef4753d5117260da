// Malformed and hostile requests, by hand over a socket: each is a 4xx problem that says where and what, shows no value of
// the request, and, when it is refused for its form, reaches no upstream. At the end nothing of them is in the Worker's log.

import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { before, test } from 'node:test';
import { control } from '../lib/stack.mjs';
import { HARMLESS, refusedUpstreamHeader } from './harmless.mjs';
import { HEADERS, SIZES } from './headers.mjs';
import { N, planted, V } from './planted.mjs';
import { raw } from './raw.mjs';
import { TOKENS } from './tokens.mjs';

const env = process.env;
const ADMIN = [['apikey', env.ANON_KEY], ['authorization', `Bearer ${env.TOKEN_ADMIN}`]];
const LEAST = 260;

let tried = 0;
const LOGS = [env.WORKER_LOG, env.CHATBOT_LOG];
let logStarts = [];
before(() => {
  logStarts = LOGS.map((file) => statSync(file).size);
});

/** The cases of a text table, by their headings. */
function table(file) {
  const groups = [];
  for (const line of readFileSync(new URL(file, import.meta.url), 'utf8').split('\n')) {
    const heading = /^# (.*)/.exec(line);
    if (heading) groups.push([heading[1], []]);
    else if (line) groups.at(-1)[1].push(readCase(line));
  }
  return groups.filter(([, cases]) => cases.length > 0);
}

function readCase(line) {
  const [, expected, method, target, body] = /^(\S+ \S+ \S+) (\S+) (\S+)(?: (.*))?$/.exec(line);
  return [expected, { method, target: planted(target.startsWith('/') ? target : `/rest/v1/${target}`), body: body && planted(body) }];
}

/** Sends a case as an admin, unless it brings credentials of its own. */
async function ask({ headers = [], credentials = ADMIN, ...request }) {
  const typed = request.body === undefined || headers.some(([name]) => name === 'content-type');
  const own = typed ? headers : [['content-type', 'application/json'], ...headers];
  const { total } = await control('GET', '/requests');
  const reply = await raw(env.CHAIRSIDE_URL, { ...request, headers: [...credentials, ...own] });
  return { reply, upstream: (await control('GET', '/requests')).total - total };
}

function judge(expected, { reply, upstream }) {
  const [, status, asks, pointer, code] = /^(\d+)(\*?) (\S+) (\S+)$/.exec(expected);
  assert.equal(reply.status, Number(status), reply.text.slice(0, 200));
  isProblem(reply);
  const [violation] = reply.json.errors;
  const found = violation ? `${violation.pointer || '/'} ${violation.code}` : `- ${reply.json.code}`;
  assert.equal(found, `${planted(pointer).replaceAll('␠', ' ')} ${code}`);
  if (asks) assert.ok(upstream > 0, 'the database should have been asked');
  else assert.equal(upstream, 0, 'it went upstream');
  assert.ok(!reply.text.includes(V), 'a value came back');
}

function isProblem({ status, headers, json }) {
  assert.equal(headers['content-type'], 'application/problem+json');
  assert.equal(headers['cache-control'], 'no-store');
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.deepEqual(Object.keys(json), ['type', 'title', 'status', 'detail', 'instance', 'code', 'message', 'details', 'hint', 'errors']);
  assert.match(json.type, /^https:\/\/chairside\.dev\/errors\/[a-z-]+$/);
  assert.ok(json.title && json.detail && json.message === json.detail && json.status === status);
  assert.equal(json.instance, `urn:uuid:${headers['x-request-id']}`);
  for (const { pointer, code, detail } of json.errors) assert.ok(typeof pointer === 'string' && code && detail);
  assert.equal(headers['www-authenticate']?.startsWith('Bearer realm="chairside"') ?? false, status === 401);
  assert.equal('allow' in headers, status === 405);
}

function group(title, cases) {
  test(`${title} (${cases.length})`, async () => {
    const wrong = [];
    for (const [expected, request] of cases) {
      tried += 1;
      try {
        judge(expected, await ask(request));
      } catch (error) {
        const sent = `${request.method ?? 'GET'} ${String(request.target).slice(0, 90)} ${JSON.stringify(request.headers ?? '').slice(0, 60)} ${String(request.body ?? '').slice(0, 60)}`;
        wrong.push(`${expected}: ${sent}\n    ${error.message.split('\n').join(' ')}`);
      }
    }
    assert.equal(wrong.length, 0, `\n${wrong.join('\n')}`);
  });
}

for (const file of ['query.txt', 'paths.txt', 'bodies.txt']) for (const [title, cases] of table(file)) group(title, cases);
group('Tokens and keys', TOKENS.map(([expected, credentials]) => [expected, { target: '/rest/v1/service?select=id', credentials }]));
group('Headers', HEADERS);
group('Too long, too deep, no text', SIZES);

for (const { name, request, check } of HARMLESS) {
  test(`harmless: ${name}`, async () => {
    const { reply } = await ask(request);
    const { recent } = await control('GET', '/requests');
    check(reply, recent.at(-1));
    assert.equal(refusedUpstreamHeader(recent.at(-1).headers), undefined);
  });
}

test('enough_was_tried_and_the_next_request_is_served', async () => {
  assert.ok(tried >= LEAST, `${tried} hostile requests`);
  const { reply } = await ask({ target: '/rest/v1/service?select=id&limit=1' });
  assert.equal(reply.status, 200);
});

test('nothing_of_it_is_in_the_log', () => {
  const logs = LOGS.map((file, at) => readFileSync(file).subarray(logStarts[at]).toString('utf8'));
  assert.ok(logs[0].includes('"request_id"'), 'the log is not the Worker’s');
  const log = logs.join('\n');
  const secrets = [V, env.TOKEN_ADMIN, env.ANON_KEY, env.SERVICE_ROLE_KEY, env.SECRET_KEY, env.JWT_SECRET];
  for (const secret of secrets) assert.ok(!log.includes(secret), 'a value, a body or a key is in the log');
  // wrangler dev itself writes down each path, deployed Workers do not.
  const ours = log.split('\n').filter((line) => !line.includes('[wrangler:'));
  assert.ok(!ours.some((line) => line.includes(N)), 'a name that a client made up is in the log');
  const trouble = ours.filter((line) => /exception|uncaught|panick|unreachable|stack:|RuntimeError|"status":5/i.test(line));
  assert.deepEqual(trouble, []);
});
