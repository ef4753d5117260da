// The Worker's own JavaScript (src/shell/edge.js): which credentials it knows by number, and what its forms send and keep.

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { defineAnswer, defineCall, forgetCalls, hasCall, head, headText, know, listHeaders, nudge, respond, send } from '../../src/shell/edge.js';

listHeaders('origin,prefer', 'content-type');
const realFetch = globalThis.fetch;
const realLog = console.log;
const realNow = Date.now;
afterEach(() => {
  globalThis.fetch = realFetch;
  console.log = realLog;
  forgetCalls();
});

const said = (headers, method = 'GET') => headText(head(new Request('http://127.0.0.1/rest/v1/user', { method, headers }))).replace(/\n[^\n]*$/, '');
const FIRST = 'GET\nhttp://127.0.0.1/rest/v1/user\n';

test('credentials are known by their whole text, apikey included', () => {
  assert.equal(said({ authorization: 'Bearer a', apikey: 'k', prefer: 'p' }), `${FIRST}\n=Bearer a\n=k\n\n=p`);
  const one = know('Bearer a\n=k', 100, 1);
  const other = know('Bearer b\n', 100, 1);
  assert.notEqual(one, other);
  assert.equal(said({ authorization: 'Bearer a', apikey: 'k', prefer: 'p' }), `${FIRST}${one}\n\n\n\n=p`);
  assert.equal(said({ authorization: 'Bearer b' }), `${FIRST}${other}\n\n\n\n`);
  for (const headers of [{ authorization: 'Bearer a' }, { authorization: 'Bearer a', apikey: '' }, { authorization: 'Bearer a', apikey: 'x' }, { authorization: 'Bearer b', apikey: '' }, { authorization: 'bearer a', apikey: 'k' }, { apikey: 'k' }]) {
    const lines = said(headers).split('\n');
    assert.equal(lines[2], '', JSON.stringify(headers));
    assert.deepEqual(lines.slice(3, 5), [headers.authorization, headers.apikey].map((value) => (value === undefined ? '' : `=${value}`)));
  }
});

test('a body’s length comes last', () => {
  const asked = (length) => headText(head(new Request('http://127.0.0.1/rest/v1/user', { method: 'POST', headers: { authorization: 'Bearer n', 'content-type': 'text/csv', ...length } })));
  const lines = 'POST\nhttp://127.0.0.1/rest/v1/user\n\n=Bearer n\n\n=text/csv';
  assert.deepEqual([asked({ 'content-length': '7' }), asked({})], [`${lines}\n=7`, `${lines}\n`]);
  assert.equal(headText(head(new Request('http://127.0.0.1/', { headers: { 'content-length': '7' } }))), 'GET\nhttp://127.0.0.1/\n\n\n\n\n\n', 'of a read it is none');
});

test('numbers are given once, and what has ended is forgotten', () => {
  const numbers = [know('Bearer a\n=k', 100, 1), know('Bearer b\n=k', 200, 1), know('Bearer a\n=k', 150, 1)];
  assert.equal(new Set(numbers).size, 3);
  const numberOf = (bearer) => said({ authorization: `Bearer ${bearer}`, apikey: 'k' }).split('\n')[2];
  assert.equal(numberOf('a'), String(numbers[2]));
  know('Bearer c\n=k', 300, 149);
  assert.equal(numberOf('a'), String(numbers[2]));
  know('Bearer d\n=k', 300, 150);
  assert.equal(numberOf('a'), '');
  assert.equal(numberOf('b'), String(numbers[1]));
  for (let n = 0; n < 1100; n += 1) know(`Bearer ${n}\n=k`, 200, 150);
  assert.equal(numberOf('b'), '', 'there are never more than so many');
  assert.notEqual(numberOf(1099), '');
});

/** What the upstream was sent, by calls that begin before any of them is answered. */
async function sent(calls) {
  const seen = [];
  globalThis.fetch = async (url, init) => {
    const request = new Request(url, init);
    seen.push({ url, method: request.method, headers: Object.fromEntries(request.headers) });
    await Promise.resolve();
    return new Response('[]', { headers: { 'content-type': 'application/json', 'x-other': '1' } });
  };
  const replies = await Promise.all(calls.map(([number, known, id, url]) => send(number, known, `${id}\n${url}`, undefined, 1000, 0, 0, true)));
  return { seen, replies };
}

test('each call has the headers of its form, of its caller and its own id', async () => {
  const caller = know('Bearer a\n=k', 100, 1);
  const other = know('Bearer b\n=k', 100, 1);
  assert.ok(defineCall(1, caller, 'GET\ncontent-type,etag\nauthorization\nBearer a\naccept\napplication/json'));
  assert.ok(defineCall(1, other, 'GET\n\nauthorization\nBearer b'));
  assert.ok(defineCall(2, caller, 'POST\n\nauthorization\nBearer a'));
  assert.ok(defineCall(1, 0, 'GET\n'));
  const { seen, replies } = await sent([[1, caller, 'i1', 'http://up/1'], [1, other, 'i2', 'http://up/2'], [1, caller, '', 'http://up/3'], [1, 0, 'i4', 'http://up/4'], [2, caller, 'i5', 'http://up/5'], [1, caller, 'i6', 'http://up/6']]);
  assert.deepEqual(seen.map(({ url, method, headers }) => [url, method, headers.authorization, headers['x-request-id']]), [
    ['http://up/1', 'GET', 'Bearer a', 'i1'], ['http://up/2', 'GET', 'Bearer b', 'i2'], ['http://up/3', 'GET', 'Bearer a', undefined],
    ['http://up/4', 'GET', undefined, 'i4'], ['http://up/5', 'POST', 'Bearer a', 'i5'], ['http://up/6', 'GET', 'Bearer a', 'i6'],
  ]);
  assert.deepEqual(replies.map(({ head: lines }) => lines), ['200\n=application/json\n', '200', '200\n=application/json\n', '200', '200', '200\n=application/json\n']);
});

test('a form for once is not kept', async () => {
  defineCall(0, 0, 'GET\n\nauthorization\nBearer once');
  const { seen } = await sent([[0, 0, 'i', 'http://up/1']]);
  assert.equal(seen[0].headers.authorization, 'Bearer once');
  await assert.rejects(sent([[0, 0, 'i', 'http://up/1']]));
});

test('a caller’s forms end with the credentials, and no other’s do', async () => {
  const caller = know('Bearer a\n=k', 100, 1);
  const other = know('Bearer b\n=k', 200, 1);
  for (const known of [0, caller, other]) {
    assert.equal(hasCall(3, known), false);
    assert.equal(defineCall(3, known, 'GET\n'), true);
    assert.equal(hasCall(3, known), true);
    assert.equal(hasCall(4, known), false);
  }
  know('Bearer c\n=k', 300, 100);
  assert.deepEqual([0, caller, other].map((known) => hasCall(3, known)), [true, false, true]);
  assert.equal(defineCall(3, caller, 'GET\n'), false);
  await assert.rejects(sent([[3, caller, 'i', 'http://up/1']]));
  know('Bearer b\n', 300, 100);
  assert.equal(hasCall(3, other), false, 'the same token with another key is somebody else');
  const again = know('Bearer b\n', 300, 100);
  assert.equal(hasCall(3, again), false);
  forgetCalls();
  assert.equal(hasCall(3, 0), false);
});

test('there are never more than so many forms', () => {
  const callers = Array.from({ length: 8 }, (_, n) => know(`Bearer ${n}\n=k`, 100, 1));
  for (let form = 1; form <= 400; form += 1) for (const caller of callers) assert.ok(defineCall(form, caller, 'GET\n'));
  // Those for once count for nothing.
  for (let n = 0; n < 3000; n += 1) defineCall(0, 0, 'GET\n');
  const kept = callers.map((caller) => Array.from({ length: 401 }, (_, form) => hasCall(form, caller)).filter(Boolean).length);
  assert.ok(kept.reduce((sum, count) => sum + count) <= 2048);
  assert.ok(hasCall(400, callers[7]));
});

test('a late call is answered with nothing, and aborted where no request ends it', async () => {
  for (const endsWithRequest of [true, false]) {
    let signal;
    globalThis.fetch = (_, init) => {
      signal = init.signal;
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    };
    defineCall(1, 0, 'GET\n');
    assert.deepEqual(await send(1, 0, '\nhttp://up/', undefined, 20, 0, 0, endsWithRequest), {});
    assert.equal(signal?.aborted, endsWithRequest ? undefined : true);
  }
});

test('answers of one form differ by their ids, and each has its line', async () => {
  const lines = [];
  console.log = (line) => lines.push(line);
  defineAnswer(1, '201\n\ncontent-type\ntext/plain\nvary\norigin');
  const answers = [['a', 'one'], ['b', ''], ['', 'three']].map(([id, line]) => respond(1, `${id}\n${line}`, new TextEncoder().encode(id)));
  assert.deepEqual(answers.map(({ status, headers }) => [status, headers.get('content-type'), headers.get('x-request-id')]), [[201, 'text/plain', 'a'], [201, 'text/plain', 'b'], [201, 'text/plain', null]]);
  assert.equal(await answers[0].text(), 'a');
  assert.deepEqual(lines, ['one', 'three']);
});

test('a call that fails is rejected, also at once and after its head, and leaves no timer', async () => {
  const timers = new Set();
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  globalThis.setTimeout = (...given) => {
    const timer = set(...given);
    timers.add(timer);
    return timer;
  };
  globalThis.clearTimeout = (timer) => {
    timers.delete(timer);
    clear(timer);
  };
  const gone = () => new TypeError('gone');
  const broken = new ReadableStream({ pull: () => Promise.reject(gone()) });
  const ways = {
    refused: () => Promise.reject(gone()),
    thrown: () => {
      throw gone();
    },
    cut: async () => new Response(broken, { status: 500 }),
    answered: async () => new Response('x'),
  };
  try {
    for (const [way, answer] of Object.entries(ways)) {
      globalThis.fetch = answer;
      defineCall(1, 0, 'GET\n');
      const sent = send(1, 0, '\nhttp://up/', undefined, 600_000, 0, 1024, true);
      if (way === 'answered') assert.equal((await sent).head, '200');
      else await assert.rejects(sent, /gone/);
      assert.equal(timers.size, 0, way);
    }
    await assert.rejects(send(9, 0, '\nhttp://up/', undefined, 600_000, 0, 1024, true), TypeError);
    assert.equal(timers.size, 0);
  } finally {
    globalThis.setTimeout = set;
    globalThis.clearTimeout = clear;
  }
});

test('what many write is told together, and seldom where nobody listens', async () => {
  const waits = [];
  globalThis.scheduler = { wait: async (ms) => waits.push(ms) };
  let now = Date.now() + 10_000;
  Date.now = () => now;
  let isHeard = true;
  let onTold = () => {};
  const told = [];
  const fetch = async (url) => {
    told.push(url);
    onTold();
    return new Response(null, { status: isHeard ? 204 : 202 });
  };
  const running = [];
  const write = () => nudge({ FEED: { getByName: () => ({ fetch }) } }, 'clinic', { waitUntil: (promise) => running.push(promise) });
  const all = () => Promise.all(running);
  try {
    // While it is told, five more write, which takes one telling.
    onTold = () => {
      onTold = () => {};
      for (let n = 0; n < 5; n += 1) write();
    };
    write();
    await all();
    assert.deepEqual([told.length, running.length, waits], [2, 1, [20]]);
    now += 1000;
    isHeard = false;
    write();
    await all();
    now += 1;
    write();
    await all();
    assert.deepEqual([told.length, waits], [4, [20, 249]]);
    now += 1000;
    isHeard = true;
    write();
    await all();
    now += 1;
    write();
    await all();
    assert.deepEqual([told.length, waits], [6, [20, 249, 19]]);
  } finally {
    Date.now = realNow;
    delete globalThis.scheduler;
  }
});
