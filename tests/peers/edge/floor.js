// What our Worker asks of the platform for a read or an insert, and nothing besides: it counts the request against a budget, has
// the body, sends a request of its own with a time limit, has the one row that comes back, writes one line and answers. No token
// is checked, no query and no body is read.

const READ = ['authorization', 'apikey', 'origin', 'x-request-id', 'accept', 'accept-profile', 'prefer', 'range'];
const WRITE = ['content-type', 'accept', 'prefer'];
const WANTED = ['content-type', 'content-range', 'preference-applied', 'location'];
const TIMEOUT_MS = 10_000;

export default {
  async fetch(request, env) {
    const { pathname, search } = new URL(request.url);
    const read = Object.fromEntries(READ.map((name) => [name, request.headers.get(name)]));
    const { success } = await env.RATE_LIMIT_USER.limit({ key: '00000000-0000-4000-8000-000000000001' });
    if (!success) return new Response(null, { status: 429 });
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), TIMEOUT_MS);
    const id = crypto.randomUUID();
    const headers = { 'x-request-id': id, accept: 'application/json', apikey: read.apikey, authorization: read.authorization };
    const body = request.method === 'GET' ? undefined : await request.arrayBuffer();
    if (body) for (const name of WRITE) headers[name] = request.headers.get(name);
    const reply = await fetch(env.SUPABASE_URL + pathname + search, { method: request.method, headers, body, redirect: 'manual', signal: controller.signal });
    const content = body ? await reply.arrayBuffer() : reply.body;
    clearTimeout(timer);
    const passed = WANTED.map((name) => [name, reply.headers.get(name)]).filter(([, value]) => value !== null);
    console.log(JSON.stringify({ request_id: id, method: request.method, route: pathname, role: 'receptionist', status: reply.status, ms: 0, upstream_ms: 0 }));
    return new Response(content, {
      status: reply.status,
      headers: { ...Object.fromEntries(passed), 'cache-control': 'no-store', vary: 'origin', 'ratelimit-policy': '"user";q=600;w=60', 'x-content-type-options': 'nosniff', 'x-request-id': id },
    });
  },
};
