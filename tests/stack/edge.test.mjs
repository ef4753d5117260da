// The Worker's own JavaScript (src/shell/edge.js): which credentials it knows by number, and what its forms send and keep.

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { defineAnswer, defineCall, forgetEnded, head, know, names, respond, send } from '../../src/shell/edge.js';

const NAMES = names('origin,prefer', 'content-type');
const realFetch = globalThis.fetch;
const realLog = console.log;
afterEach(() => {
  globalThis.fetch = realFetch;
  console.log = realLog;
  forgetEnded(Number.POSITIVE_INFINITY);
});

const said = (headers, method = 'GET') => head(new Request('http://127.0.0.1/rest/v1/user', { method, headers }), NAMES);
const FIRST = 'GET\nhttp://127.0.0.1/rest/v1/user\n';

test('credentials are known by their whole text, apikey included', () => {
  assert.equal(said({ authorization: 'Bearer a', apikey: 'k', prefer: 'p' }), `${FIRST}\n=Bearer a\n=k\n\n=p`);
  const one = know('Bearer a\n=k', 100);
  const other = know('Bearer b\n', 100);
  assert.notEqual(one, other);
  assert.equal(said({ authorization: 'Bearer a', apikey: 'k', prefer: 'p' }), `${FIRST}${one}\n\n\n\n=p`);
  assert.equal(said({ authorization: 'Bearer b' }), `${FIRST}${other}\n\n\n\n`);
  for (const headers of [{ authorization: 'Bearer a' }, { authorization: 'Bearer a', apikey: '' }, { authorization: 'Bearer a', apikey: 'x' }, { authorization: 'Bearer b', apikey: '' }, { authorization: 'bearer a', apikey: 'k' }, { apikey: 'k' }]) {
    const lines = said(headers).split('\n');
    assert.equal(lines[2], '', JSON.stringify(headers));
    assert.deepEqual(lines.slice(3, 5), [headers.authorization, headers.apikey].map((value) => (value === undefined ? '' : `=${value}`)));
  }
});

test('numbers are given once, and what has ended is forgotten', () => {
  const numbers = [know('Bearer a\n=k', 100), know('Bearer b\n=k', 200), know('Bearer a\n=k', 150)];
  assert.equal(new Set(numbers).size, 3);
  assert.equal(said({ authorization: 'Bearer a', apikey: 'k' }).split('\n')[2], String(numbers[2]));
  assert.equal(forgetEnded(149), false);
  assert.equal(forgetEnded(150), true);
  assert.equal(said({ authorization: 'Bearer a', apikey: 'k' }).split('\n')[2], '');
  assert.equal(said({ authorization: 'Bearer b', apikey: 'k' }).split('\n')[2], String(numbers[1]));
  for (let n = 0; n < 1100; n += 1) know(`Bearer ${n}\n=k`, 200);
  assert.equal(said({ authorization: 'Bearer b', apikey: 'k' }).split('\n')[2], '', 'there are never more than so many');
  assert.notEqual(said({ authorization: 'Bearer 1099', apikey: 'k' }).split('\n')[2], '');
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
  const replies = await Promise.all(calls.map(([number, id, url]) => send(number, `${id}\n${url}`, undefined, 1000, 0, 0, true)));
  return { seen, replies };
}

test('each call has the headers of its form and its own id', async () => {
  defineCall(1, 'GET\ncontent-type,etag\nauthorization\nBearer a\naccept\napplication/json');
  defineCall(2, 'POST\n\nauthorization\nBearer b');
  const { seen, replies } = await sent([[1, 'i1', 'http://up/1'], [2, 'i2', 'http://up/2'], [1, '', 'http://up/3'], [1, 'i4', 'http://up/4']]);
  assert.deepEqual(seen.map(({ url, method, headers }) => [url, method, headers.authorization, headers['x-request-id']]), [
    ['http://up/1', 'GET', 'Bearer a', 'i1'], ['http://up/2', 'POST', 'Bearer b', 'i2'], ['http://up/3', 'GET', 'Bearer a', undefined], ['http://up/4', 'GET', 'Bearer a', 'i4'],
  ]);
  assert.deepEqual(replies.map(({ head: lines }) => lines), ['200\n=application/json\n', '200', '200\n=application/json\n', '200\n=application/json\n']);
});

test('a form for once is not kept, and no call’s is once credentials have ended', async () => {
  defineCall(0, 'GET\n\nauthorization\nBearer once');
  const { seen } = await sent([[0, 'i', 'http://up/1']]);
  assert.equal(seen[0].headers.authorization, 'Bearer once');
  await assert.rejects(sent([[0, 'i', 'http://up/1']]));
  defineCall(3, 'GET\n\nauthorization\nBearer a');
  assert.equal((await sent([[3, 'i', 'http://up/1']])).seen.length, 1);
  know('Bearer a\n=k', 100);
  forgetEnded(100);
  await assert.rejects(sent([[3, 'i', 'http://up/1']]));
});

test('a late call is answered with nothing, and aborted where no request ends it', async () => {
  for (const endsWithRequest of [true, false]) {
    let signal;
    globalThis.fetch = (_, init) => {
      signal = init.signal;
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    };
    defineCall(1, 'GET\n');
    assert.deepEqual(await send(1, '\nhttp://up/', undefined, 20, 0, 0, endsWithRequest), {});
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
