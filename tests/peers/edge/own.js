// What of a request is ours alone: the built Worker in workerd, with everything outside replaced by something that costs next to
// nothing. It is called so many times for each request to this one, whose body says `{requests, count, cold, none}`: `cold` goes,
// before each call, through more code and data than the core's caches hold, as the runtime and the kernel do between two requests;
// `none` does that alone.

import filler from './filler.wasm';
import worker from './index.js';

const run = new WebAssembly.Instance(filler).exports.run;
const RealResponse = Response;
const row = new TextEncoder().encode('{"version":1,"reason":"Control after six months"}');
const unread = new ReadableStream();
const context = { waitUntil() {} };

class Answer {
  constructor(body, init) {
    Object.assign(this, { body, status: init.status });
  }
}

// An upstream's, or what the Worker makes of it.
class Reply extends Answer {
  constructor(media, status) {
    super({}, { status });
    const headers = { 'content-type': media, 'content-range': '0-19/*', 'content-length': String(row.length) };
    this.headers = { get: (name) => headers[name] ?? null };
  }

  async arrayBuffer() {
    return row.slice().buffer;
  }
}

class Ratelimit {
  async limit() {
    return { success: true };
  }
}

function surroundings(env) {
  Object.assign(globalThis, {
    Response: Answer,
    fetch: async (_, { method, headers }) => new Reply(headers.get('accept'), method === 'POST' ? 201 : 200),
    setTimeout: () => 1,
    clearTimeout() {},
    scheduler: { wait: () => new Promise(() => {}) },
  });
  console.log = () => {};
  const object = { getByName: () => ({ fetch: async () => ({ ok: true }) }) };
  const limit = new Ratelimit();
  return { ...env, FEED: object, ACCESS_QUEUE: object, ROOM: object, RATE_LIMIT_ANON: limit, RATE_LIMIT_USER: limit, RATE_LIMIT_AUTH: limit };
}

function request({ path, method = 'GET', headers, body }) {
  const bytes = body && new TextEncoder().encode(body);
  const all = new Map(Object.entries({ ...headers, ...(bytes && { 'content-length': String(bytes.length) }) }));
  return { method, url: `http://127.0.0.1${path}`, headers: { get: (name) => all.get(name) ?? null }, body: bytes ? unread : null, arrayBuffer: async () => bytes.slice().buffer };
}

const data = new Uint8Array(1 << 20);

// More code and data than the caches next to a core hold.
function evict(n) {
  let sum = run(n);
  for (let at = 0; at < data.length; at += 64) sum += data[at]++;
  return sum;
}

let around;
let sum = 0;

export default {
  async fetch(asked, env) {
    if (asked.method !== 'POST') return new RealResponse('POST');
    const { requests, count, cold, none } = await asked.json();
    around ??= surroundings(env);
    const made = requests.map(request);
    for (let n = 0; n < count; n++) {
      if (cold) sum += evict(n);
      if (none) continue;
      const at = n % made.length;
      const { status } = await worker.fetch(made[at], around, context);
      if (status !== requests[at].status) return new RealResponse(`answered ${status}`, { status: 500 });
    }
    return new RealResponse(String(sum));
  },
};
