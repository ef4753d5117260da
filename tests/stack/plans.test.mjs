// Requests that come again (src/shell/plans.js): which have a plan, what is done by it, and what is told to Wasm where it ends.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { defineAnswer, defineCall, forgetCalls, head, headText, know, listHeaders, send } from '../../src/shell/edge.js';
import { checkNumber, follow, keepPlan, planFor } from '../../src/shell/plans.js';

listHeaders('origin,x-request-id,prefer', 'origin,x-request-id,content-type');
const URL_ = 'http://127.0.0.1/rest/v1/user?select=id';
const UP = 'http://up/user?select=id';
const REPLY = '200\n=application/json';
const [MS, ERRORS, LONGEST] = [1000, 64, 100];

const real = { fetch: globalThis.fetch, log: console.log, error: console.error, now: Date.now };
const lines = [];
beforeEach(() => {
  lines.length = 0;
  console.log = (line) => lines.push(JSON.parse(line));
});
afterEach(() => {
  globalThis.fetch = real.fetch;
  delete globalThis.scheduler;
  console.log = real.log;
  Date.now = real.now;
});

const seconds = () => Math.floor(Date.now() / 1000);
const asked = (bearer, { method = 'GET', headers = {}, body, url = URL_ } = {}) =>
  new Request(url, { method, headers: { authorization: `Bearer ${bearer}`, ...(body && { 'content-length': String(body.length), 'content-type': 'application/json' }), ...headers }, body });

// A head as Wasm gives it back: the length is left out.
const linesOf = (request) => headText(head(request)).replace(/\n[^\n]*$/, '');

let bearers = 0;
/** Somebody whose request has come to something once: `known` is their number. */
function somebody(first = {}, { reply = REPLY, check = 0, hasBody = true, nudges = '', point = '', until = seconds() + 60 } = {}) {
  bearers += 1;
  const bearer = `t${bearers}`;
  const known = know(`Bearer ${bearer}\n`, until, seconds());
  defineAnswer(1, '200\n\ncontent-type\napplication/json\ncache-control\nno-store');
  const form = { method: first.method ?? 'GET', wanted: ['content-type'], headers: new Headers({ authorization: `Bearer ${bearer}` }) };
  const keep = (answered) => keepPlan(linesOf(asked(bearer, first)), `user-${bearer}\n${UP}`, { head: answered, form }, `","method":"GET","status":200,"ms":\n${nudges}\n${point}`, new Float64Array([known, 1, MS, ERRORS, check, LONGEST, 1, Number(hasBody)]));
  keep(reply);
  return { bearer, known, keep };
}

const plan = (bearer, options) => {
  const request = asked(bearer, options);
  return planFor(head(request), request);
};

// What Wasm is told stands for what it would answer.
const handedOn = (_request, _env, _context, _asked, told) => told;

/** Follows the plan of a request, against an upstream that answers so. */
async function followed(bearer, options, answer, { budget = async () => ({ success: true }), accepts = () => assert.fail('there is no check'), env = {} } = {}) {
  const sent = [];
  const counted = [];
  globalThis.fetch = (url, init) => {
    const request = new Request(url, { ...init, ...(init.body && { duplex: 'half' }) });
    sent.push({ url, method: request.method, bearer: request.headers.get('authorization'), id: request.headers.get('x-request-id'), body: init.body && new TextDecoder().decode(init.body) });
    return answer();
  };
  const waited = [];
  const request = asked(bearer, options);
  const limit = ({ key }) => {
    counted.push(key);
    return budget();
  };
  const bindings = { RATE_LIMIT_USER: { limit }, ...env };
  const context = { waitUntil: (promise) => waited.push(promise) };
  const outcome = await follow(planFor(head(request), request), head(request), request, bindings, context, { accepts, serve: handedOn });
  await Promise.all(waited);
  return { outcome, sent, counted };
}

const good = (body = '[]') => async () => new Response(body, { headers: { 'content-type': 'application/json' } });

test('what came to something once is done again, under a new id', async () => {
  const { bearer } = somebody();
  const ids = new Set();
  for (const body of ['[1]', '[2]']) {
    const { outcome, sent, counted } = await followed(bearer, {}, good(body));
    assert.ok(outcome instanceof Response);
    const id = outcome.headers.get('x-request-id');
    ids.add(id);
    assert.deepEqual([outcome.status, outcome.headers.get('content-type'), outcome.headers.get('cache-control'), await outcome.text()], [200, 'application/json', 'no-store', body]);
    assert.deepEqual(sent, [{ url: UP, method: 'GET', bearer: `Bearer ${bearer}`, id, body: undefined }]);
    assert.deepEqual(counted, [`user-${bearer}`]);
    assert.deepEqual(Object.keys(lines.at(-1)), ['request_id', 'method', 'status', 'ms', 'upstream_ms']);
    assert.equal(lines.at(-1).request_id, id);
  }
  assert.equal(ids.size, 2);
  assert.equal(lines.length, 2);
});

test('another request has no plan', () => {
  const { bearer } = somebody();
  assert.ok(plan(bearer));
  for (const other of [{ url: `${URL_}&limit=1` }, { method: 'HEAD' }, { method: 'POST', body: '{}' }, { method: 'DELETE' }, { headers: { prefer: 'count=exact' } }, { headers: { origin: 'http://a.test' } }, { headers: { 'x-request-id': crypto.randomUUID() } }, { headers: { apikey: 'k' } }, { headers: { authorization: `bearer ${bearer}` } }]) {
    assert.equal(plan(bearer, other), undefined, JSON.stringify(other));
  }
  assert.equal(plan(`${bearer}x`), undefined);
  assert.equal(plan(somebody({ url: `${URL_}&limit=2` }).bearer), undefined, 'a plan is its own caller’s');
});

test('a plan ends with its credentials', () => {
  const until = seconds() + 60;
  const { bearer } = somebody({}, { until });
  Date.now = () => until * 1000 - 1;
  assert.ok(plan(bearer));
  Date.now = () => until * 1000;
  assert.equal(plan(bearer), undefined);
  Date.now = real.now;
  // The same credentials again are others.
  know(`Bearer ${bearer}\n`, until, seconds());
  assert.equal(plan(bearer), undefined);
});

test('none is kept for credentials that nobody has', () => {
  const { bearer, known } = somebody();
  const keep = (name, url) => keepPlan(linesOf(asked(bearer, { url })), `k\n${UP}`, { head: REPLY, form: {} }, '","ms":\n\n', new Float64Array([name, 1, MS, ERRORS, 0, 0, 1, 1]));
  keep(known + 1000, `${URL_}&a=1`);
  keep(known, `${URL_}&a=2`);
  assert.deepEqual([1, 2].map((n) => plan(bearer, { url: `${URL_}&a=${n}` }) !== undefined), [false, true]);
});

// Forms of calls are numbered anew now and then: what a number meant when a call was sent it may not mean when it is answered.
test('a plan has the form that its call was sent under, whatever has its number by then', async () => {
  const { bearer, known } = somebody();
  globalThis.fetch = good();
  defineCall(7, known, `GET\ncontent-type\nauthorization\nBearer ${bearer}`);
  const sent = await send(7, known, `i\n${UP}`, undefined, MS, 0, 0, true);
  forgetCalls();
  defineCall(7, known, `DELETE\n\nauthorization\nBearer ${bearer}`);
  const other = { url: `${URL_}&limit=7` };
  keepPlan(linesOf(asked(bearer, other)), `k\n${UP}`, sent, '","ms":\n\n', new Float64Array([known, 1, MS, ERRORS, 0, 0, 1, 1]));
  const again = await followed(bearer, other, good());
  assert.ok(again.outcome instanceof Response);
  assert.deepEqual(again.sent.map(({ method, url }) => [method, url]), [['GET', UP]]);
});

test('what was told is handed on when a budget is spent or does not answer', async () => {
  const { bearer } = somebody();
  const spent = await followed(bearer, {}, good(), { budget: async () => ({ success: false }) });
  assert.deepEqual([spent.outcome.admitted, spent.outcome.isSent, spent.sent], [{ success: false }, false, []]);
  // Whose it is is said with it.
  assert.deepEqual([spent.outcome.budget, spent.outcome.key, spent.outcome.method, spent.outcome.url], [1, `user-${bearer}`, 'GET', UP]);
  const strange = await followed(bearer, {}, good(), { budget: async () => ({ success: 'yes' }) });
  assert.deepEqual([strange.outcome.admitted, strange.sent], [{ success: 'yes' }, []]);
  for (const nothing of [undefined, null]) {
    const { outcome, sent } = await followed(bearer, {}, good(), { budget: async () => nothing });
    assert.deepEqual([outcome.isSent, sent], [false, []]);
  }
  for (const budget of [() => Promise.reject(new Error('away')), () => { throw new Error('away'); }]) {
    const { outcome, sent } = await followed(bearer, {}, good(), { budget });
    assert.deepEqual([outcome.admitted, outcome.isSent, sent], [undefined, false, []]);
  }
  assert.deepEqual(lines, []);
});

test('a reply that is not in the plan is handed on with its id, and asked for once', async () => {
  const { bearer, keep } = somebody();
  const other = async () => new Response('{"code":"X"}', { status: 409, headers: { 'content-type': 'application/json' } });
  const { outcome, sent } = await followed(bearer, {}, other);
  assert.equal(sent.length, 1);
  assert.deepEqual([outcome.isSent, outcome.id, outcome.sent.head, outcome.error], [true, sent[0].id, '409\n=application/json', undefined]);
  assert.equal(new TextDecoder().decode(outcome.sent.taken), '{"code":"X"}');
  assert.ok(outcome.at <= Date.now() && outcome.upstreamMs >= 0);
  assert.deepEqual(lines, [], 'who answers writes the line');
  const csv = async () => new Response('id', { headers: { 'content-type': 'text/csv' } });
  assert.equal((await followed(bearer, {}, csv)).outcome.sent.head, '200\n=text/csv');
  keep('200\n=text/csv');
  assert.ok((await followed(bearer, {}, csv)).outcome instanceof Response);
  assert.ok((await followed(bearer, {}, good())).outcome instanceof Response);
});

test('a call that fails or is late is handed on, and not made again', async () => {
  const { bearer } = somebody();
  for (const [what, answer] of Object.entries({ refused: () => Promise.reject(new TypeError('gone')), thrown: () => { throw new TypeError('gone'); } })) {
    const { outcome, sent } = await followed(bearer, {}, answer);
    assert.deepEqual([outcome.isSent, outcome.sent, outcome.error.message, sent.length], [true, undefined, 'gone', 1], what);
  }
  const late = await followed(bearer, {}, () => new Promise(() => {}));
  assert.deepEqual([late.outcome.isSent, late.outcome.sent, late.outcome.error, late.sent.length], [true, {}, undefined, 1]);
});

const INSERT = { method: 'POST', body: '{"a":1}' };

test('a body is checked each time, and sent as it came', async () => {
  const check = checkNumber();
  const { bearer } = somebody(INSERT, { check });
  for (const body of ['{"a":1}', '{"a":22}', `"${'x'.repeat(LONGEST - 2)}"`]) {
    const seen = [];
    const accepts = (number, bytes) => seen.push([number, new TextDecoder().decode(bytes)]);
    const { outcome, sent } = await followed(bearer, { method: 'POST', body }, good(), { accepts });
    assert.ok(outcome instanceof Response);
    assert.deepEqual(seen, [[check, body]]);
    assert.deepEqual(sent.map((call) => call.body), [body]);
  }
  const { outcome, sent } = await followed(bearer, INSERT, good(), { accepts: () => false });
  assert.deepEqual([outcome.admitted, new TextDecoder().decode(outcome.body), outcome.isSent, sent], [{ success: true }, INSERT.body, false, []]);
  assert.notEqual(checkNumber(), check);
});

test('a body of no length, of none that is told, or of too much has no plan; nor has a read with one', () => {
  const { bearer } = somebody(INSERT, { check: checkNumber() });
  assert.ok(plan(bearer, INSERT));
  for (const length of ['0', '-1', String(LONGEST + 1), '1e9', 'x', '']) {
    const request = asked(bearer, { ...INSERT, headers: { 'content-length': length } });
    assert.equal(planFor(head(request), request), undefined, length);
  }
  const told = head(asked(bearer, INSERT));
  assert.equal(planFor({ ...told, length: null }, asked(bearer, INSERT)), undefined);
  const read = somebody();
  const request = asked(read.bearer);
  assert.ok(planFor(head(request), request));
  assert.equal(planFor(head(request), { body: new ReadableStream() }), undefined);
});

test('a body that breaks off is handed on without one', async () => {
  const { bearer } = somebody(INSERT, { check: checkNumber() });
  const request = asked(bearer, INSERT);
  const found = planFor(head(request), request);
  const cut = { arrayBuffer: () => Promise.reject(new TypeError('cut')) };
  globalThis.fetch = () => assert.fail('it was sent');
  const told = await follow(found, head(request), cut, { RATE_LIMIT_USER: { limit: async () => ({ success: true }) } }, {}, { accepts: () => true, serve: handedOn });
  assert.deepEqual([told.admitted, told.body, told.isSent], [{ success: true }, undefined, false]);
});

test('what is written is told and measured as the first time', async () => {
  const told = [];
  const points = [];
  const object = (name) => ({
    fetch: async (url) => {
      told.push([name, url]);
      return new Response(null);
    },
  });
  const env = { FEED: { getByName: object }, METRICS: { writeDataPoint: (point) => points.push(point) } };
  const { bearer } = somebody(INSERT, { check: checkNumber(), hasBody: false, nudges: 'clinic', point: 'clinic\nPOST\nuser\nadmin\n' });
  const { outcome } = await followed(bearer, INSERT, good(), { accepts: () => true, env });
  assert.equal(outcome.body, null);
  assert.deepEqual(told, [['clinic', 'https://object/nudge']]);
  assert.equal(lines.length, 1);
  assert.deepEqual(points.map(({ indexes, blobs, doubles }) => [indexes, blobs, doubles[0], doubles.length]), [[['clinic'], ['POST', 'user', 'admin', ''], 200, 3]]);
});

test('what cannot be told of a write does not take its answer away', async () => {
  const away = () => {
    throw new Error('away');
  };
  globalThis.scheduler = { wait: async () => {} };
  const { bearer } = somebody(INSERT, { check: checkNumber(), nudges: 'clinic', point: 'clinic\nPOST\n\n\n' });
  const { outcome } = await followed(bearer, INSERT, good('[7]'), { accepts: () => true, env: { FEED: { getByName: away }, METRICS: { writeDataPoint: away } } });
  assert.equal(await outcome.text(), '[7]');
  assert.equal(lines.length, 1);
});

test('there are never more than so many, of one caller or of all', () => {
  const { bearer, keep } = somebody();
  for (let n = 0; n < 100; n += 1) keep(`200\n=text/${n}`);
  assert.ok(plan(bearer).answers.size <= 16 && plan(bearer).answers.has('200\n=text/99'));
  const count = () => all.filter((each) => plan(each) !== undefined).length;
  const all = Array.from({ length: 500 }, () => somebody().bearer);
  assert.equal(count(), 500);
  // Those that have ended with their credentials make room.
  for (let n = 0; n < 2000; n += 1) {
    somebody({}, { until: seconds() });
  }
  assert.equal(count(), 500);
  const more = Array.from({ length: 1100 }, () => somebody().bearer);
  const kept = [...all, ...more].filter((each) => plan(each) !== undefined);
  assert.ok(kept.length <= 1024 && kept.includes(more.at(-1)), String(kept.length));
});
