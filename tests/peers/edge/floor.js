// What our Worker asks of the platform for a read or an insert, and nothing besides: it counts the request against a budget, has
// the body, sends a request of its own with a time limit, writes one line and answers. No token is checked, no query and no body is
// read, and every caller is the first.

const READ = ['authorization', 'apikey', 'origin', 'x-request-id', 'accept', 'accept-profile', 'prefer', 'range'];
const WRITE = ['authorization', 'apikey', 'origin', 'x-request-id', 'accept', 'content-profile', 'prefer', 'content-type', 'content-encoding', 'content-length', 'if-match', 'idempotency-key'];
const WANTED = { GET: ['content-type', 'content-range'], POST: ['content-type', 'content-range', 'preference-applied', 'location'] };
const SENT = ['authorization', 'apikey', 'accept', 'prefer', 'content-type'];
const TIMEOUT_MS = 10_000;

// Headers are the same but for the request's id, so that they are made once for each method.
const calls = {};
const answers = {};

export default {
  async fetch(request, env) {
    const { method, headers } = request;
    const { pathname, search } = new URL(request.url);
    const names = method === 'GET' ? READ : WRITE;
    const read = names.map((name) => headers.get(name));
    if (read[0] === null) return new Response(null, { status: 401 });
    const { success } = await env.RATE_LIMIT_USER.limit({ key: '00000000-0000-4000-8000-000000000001' });
    if (!success) return new Response(null, { status: 429 });
    const id = crypto.randomUUID();
    const body = method === 'GET' ? undefined : await request.arrayBuffer();
    const reply = await send(env.SUPABASE_URL + pathname + search, { method, headers: call(method, names, read, id), body, redirect: 'manual' });
    if (reply === undefined) return new Response(null, { status: 504 });
    const passed = WANTED[method].map((name) => [name, reply.headers.get(name)]).filter(([, value]) => value !== null);
    console.log(JSON.stringify({ request_id: id, method, route: pathname, role: 'receptionist', status: reply.status, ms: 0, upstream_ms: 0 }));
    return new Response(reply.body, { status: reply.status, headers: answer(method, passed, id) });
  },
};

function send(url, init) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, TIMEOUT_MS);
    fetch(url, init).then(
      (reply) => {
        clearTimeout(timer);
        resolve(reply);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

function call(method, names, read, id) {
  calls[method] ??= new Headers(names.map((name, at) => [name, read[at]]).filter(([name, value]) => value !== null && SENT.includes(name)));
  calls[method].set('x-request-id', id);
  return calls[method];
}

function answer(method, passed, id) {
  answers[method] ??= new Headers([...passed, ['cache-control', 'no-store'], ['vary', 'origin'], ['ratelimit-policy', '"user";q=600;w=60'], ['x-content-type-options', 'nosniff']]);
  answers[method].set('x-request-id', id);
  return answers[method];
}
