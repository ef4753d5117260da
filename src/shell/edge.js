// JavaScript's side of the Worker: each of these does in one call out of Wasm what would take many. What has several parts is
// passed as one string, a line for each part: no URL and no header holds a line break.

// The names of headers that requests are read for, by what their method gives a meaning to.
let listed;

/** Lists them, with commas between: those of GET and HEAD, those of all other methods. */
export function listHeaders(read, write) {
  listed = { read: read.split(','), write: write.split(',') };
}

/**
 * What a request is but for its body: `known` are its credentials, if they are; `values` those of the listed headers, null for one that
 * is not there; `length` says how long its body is.
 */
export function head(request) {
  const { method, url, headers } = request;
  const authorization = headers.get('authorization');
  const apikey = headers.get('apikey');
  const found = authorization === null ? undefined : credentials.get(authorization);
  const known = found?.apikey === apikey ? found : undefined;
  const isRead = method === 'GET' || method === 'HEAD';
  const values = [];
  for (const name of isRead ? listed.read : listed.write) values.push(headers.get(name));
  return { method, url, known, authorization, apikey, values, length: isRead ? null : headers.get('content-length') };
}

/**
 * The same as text: method, URL, the number of known credentials or the credentials, the headers, one that is there with `=` before its
 * value. The length comes last.
 */
export function headText({ method, url, known, authorization, apikey, values, length }) {
  let lines = `${method}\n${url}\n`;
  lines += known === undefined ? `${line(authorization)}${line(apikey)}` : `${known.number}\n\n`;
  for (const value of values) lines += line(value);
  return lines + line(length);
}

function line(value) {
  return value === null ? '\n' : `\n=${value}`;
}

// Credentials that were found right: by what `authorization` says, and by number. A number is given once in an isolate. In Wasm it
// stands for the long texts, most of what a request's head has: it is told what was found out of exactly these, see
// src/auth/verified.rs. Each has what is in its name, which holds its token and goes with it: forms of calls, and plans (plans.js).
const credentials = new Map();
export const numbered = new Map();
const MAX_CREDENTIALS = 1024;
let lastNumber = 0;
// How many forms were made since all were forgotten.
let made = 0;
const MAX_MADE = 2048;

/**
 * Keeps credentials until then, in Unix seconds: `authorization`, then a line for `apikey`, with `=` before it if it is there. Their
 * number. Those that have ended by `now` are forgotten.
 */
export function know(lines, until, now) {
  for (const known of numbered.values()) if (known.until <= now) forget(known);
  const [authorization, apikey] = lines.split('\n');
  if (credentials.size >= MAX_CREDENTIALS) {
    credentials.clear();
    numbered.clear();
  }
  const before = credentials.get(authorization);
  if (before !== undefined) forget(before);
  lastNumber += 1;
  const known = { number: lastNumber, authorization, apikey: apikey === '' ? null : apikey.slice(1), until, calls: [], plans: new Map() };
  credentials.set(authorization, known);
  numbered.set(lastNumber, known);
  return lastNumber;
}

function forget({ number, authorization }) {
  credentials.delete(authorization);
  numbered.delete(number);
}

// What is the same in many calls and answers, by number: see forms.rs. The first is for once.
const ONCE = 0;
const calls = [];
export const answers = [];

// The forms of calls in the name of these credentials, of nobody's for 0; nothing where they were forgotten.
function callsOf(known) {
  return known === 0 ? calls : numbered.get(known)?.calls;
}

/** Whether there is this form of calls in the name of these credentials. */
export function hasCall(number, known) {
  return callsOf(known)?.[number] !== undefined;
}

/**
 * Has a form of calls in the name of these credentials: a method, the names of a reply's headers that are wanted, then headers. False
 * where they were forgotten.
 */
export function defineCall(number, known, lines) {
  const forms = callsOf(known);
  if (forms === undefined) return false;
  if (number !== ONCE) {
    if (made >= MAX_MADE) forgetCalls();
    made += 1;
  }
  const [method, wanted, ...pairs] = lines.split('\n');
  forms[number] = { method, wanted: wanted === '' ? [] : wanted.split(','), headers: headersOf(pairs) };
  return true;
}

/** Forgets all forms of calls. */
export function forgetCalls() {
  made = 0;
  calls.length = 0;
  for (const known of numbered.values()) known.calls.length = 0;
}

/** Has a form of answers: a status, a line of no meaning, then headers. */
export function defineAnswer(number, lines) {
  const [status, , ...pairs] = lines.split('\n');
  answers[number] = { status: Number(status), headers: headersOf(pairs) };
}

function headersOf(pairs) {
  const headers = new Headers();
  for (let at = 0; at + 1 < pairs.length; at += 2) headers.set(pairs[at], pairs[at + 1]);
  return headers;
}

function take(forms, number) {
  const form = forms?.[number];
  if (number === ONCE) forms[ONCE] = undefined;
  return form;
}

// A form's headers with a request's id, which may be empty. They are lent until the next call.
export function lent({ headers }, id) {
  if (id === '') headers.delete('x-request-id');
  else headers.set('x-request-id', id);
  return headers;
}

const BUDGETS = ['RATE_LIMIT_ANON', 'RATE_LIMIT_USER', 'RATE_LIMIT_AUTH'];

/** Whether one more request is within the budget of this key: `{success}`; `budget` is its place in the list. */
export function admit(env, budget, key) {
  return env[BUDGETS[budget]].limit({ key });
}

/** Hands a request to the chatbot's Worker as it is: its answer is the client's. */
export function passToChatbot(env, request) {
  return env.CHATBOT.fetch(request);
}

/** What the chatbot's Worker answers to `/ready`, as text. */
export async function chatbotReady(env, ms) {
  const reply = await env.CHATBOT.fetch('https://chatbot/ready', { signal: AbortSignal.timeout(ms) });
  return reply.text();
}

// Since when a nudge is on its way, and whether something was written since. One whose request ended without it counts as
// lost after a while. They are so far apart: what many write at once is told together, and a Feed that nobody listens to, which reads
// all of it when somebody does, is not asked to be awake.
let nudgedAt = 0;
let toldAt = 0;
let again = false;
let isHeard = true;
const NUDGE_MS = 1000;
const GAP_MS = 20;
const UNHEARD_GAP_MS = 250;
// What a Feed answers that took it and has nobody to tell.
const UNHEARD = 202;

/** Tells the Feed that something was written; what is written while it is being told, it is told once after that. */
export function nudge(env, clinic, context) {
  if (Date.now() < nudgedAt + NUDGE_MS) {
    again = true;
    return;
  }
  context.waitUntil(nudgeFeed(env, clinic));
}

async function nudgeFeed(env, clinic) {
  do {
    nudgedAt = Date.now();
    const gap = isHeard ? GAP_MS : UNHEARD_GAP_MS;
    const early = toldAt + gap - nudgedAt;
    if (early > 0) await scheduler.wait(Math.min(early, gap));
    again = false;
    toldAt = Date.now();
    try {
      const { status } = await env.FEED.getByName(clinic).fetch('https://object/nudge', { headers: { text: '' } });
      isHeard = status !== UNHEARD;
    } catch {
      // The next poll of Realtime tells it.
    }
  } while (again);
  nudgedAt = 0;
}

/**
 * Sends a request of this form, in the name of these credentials, and waits for the reply, as `sendAs` does. `call` has the request's id
 * and the URL.
 */
export function send(number, known, call, body, ms, whole, errors, endsWithRequest) {
  const form = take(callsOf(known), number);
  const end = call.indexOf('\n');
  return sendAs(form, call.slice(0, end), call.slice(end + 1), body, { ms, whole, errors, endsWithRequest });
}

/**
 * Sends a request of this form under this id, and waits for the reply, at most `ms`: `{response, head, form, taken}`, where `head` is
 * the status and the headers that the form wants, as above, or nothing when it is too late. Up to `whole` bytes of a good reply's body are
 * `taken`, of an error's up to `errors`. These stand beside the response, not on it: an object of the runtime with a property of ours
 * lives until the next great collection. A late one is aborted, unless it ends anyway with the request that is answered then: an
 * AbortController takes 3 % of a read.
 */
export function sendAs(form, id, url, body, { ms, whole, errors, endsWithRequest }) {
  const controller = endsWithRequest ? undefined : new AbortController();
  return new Promise((resolve, reject) => {
    // What throws in here rejects, and leaves no timer.
    const replied = fetch(url, { method: form.method, headers: lent(form, id), body, redirect: 'manual', signal: controller?.signal });
    const timer = setTimeout(() => {
      resolve({});
      controller?.abort();
    }, ms);
    const settle = (sent) => {
      clearTimeout(timer);
      resolve(sent);
    };
    const fail = (error) => {
      clearTimeout(timer);
      reject(error);
    };
    replied
      .then((response) => {
        const head = replyHead(response, form.wanted);
        const limit = response.status < 400 ? whole : errors;
        if (limit === 0 || response.body === null) return settle({ response, head, form });
        return upTo(response, limit).then(({ bytes, rest }) => settle({ response: rest ?? response, head, form, taken: bytes }));
      })
      .catch(fail);
  });
}

/** Tells an object of a namespace something in a header: whether it took it. What else it answers is not read. */
export async function tell(objects, name, url, header, text) {
  const { ok } = await objects.getByName(name).fetch(url, { headers: { [header]: text } });
  return ok;
}

// The keys that were imported, by their text. The sets that they come from are short: a clinic has two or three, and some more
// over the years.
const imported = new Map();
const MAX_IMPORTED = 32;
const ALGORITHMS = {
  EC: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  RSA: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
};

/** Whether the key, a JWK, made the signature; throws for a key that is none, such as a point off the curve. */
export async function verify(jwk, signed, signature) {
  const { key, algorithm } = imported.get(jwk) ?? (await importKey(jwk));
  return crypto.subtle.verify(algorithm, key, signature, signed);
}

async function importKey(jwk) {
  const members = JSON.parse(jwk);
  const algorithm = ALGORITHMS[members.kty];
  const key = await crypto.subtle.importKey('jwk', members, algorithm, false, ['verify']);
  // What is kept is the key and no promise of it: a promise belongs to the request that made it.
  if (imported.size >= MAX_IMPORTED) imported.clear();
  imported.set(jwk, { key, algorithm });
  return { key, algorithm };
}

/** A reply's status and the headers of these names, as `head` has them. */
export function replyHead({ status, headers }, names) {
  let lines = String(status);
  for (const name of names) lines += line(headers.get(name));
  return lines;
}

/** An answer. `said` has the request's id and the line for the log. The body is bytes, what `send` or `wrap` gave, or null. */
export function respond(number, said, body) {
  const form = take(answers, number);
  const { status } = form;
  const end = said.indexOf('\n');
  if (end + 1 < said.length) log(said.slice(end + 1), status);
  const content = body === null || body instanceof Uint8Array ? body : (body.taken ?? body.response.body);
  return new Response(content, { status, headers: lent(form, said.slice(0, end)) });
}

/** Writes a request's line to the log, to that of errors where it is one of ours or of an upstream. */
export function log(line, status) {
  if (status >= 500) console.error(line);
  else console.log(line);
}

/** Writes a request's data point to Analytics Engine: `point` has its index, then a line for each blob. Whether there is that binding. */
export function measure(env, point, status, ms, upstreamMs) {
  if (env.METRICS === undefined) return false;
  const [index, ...blobs] = point.split('\n');
  env.METRICS.writeDataPoint({ indexes: [index], blobs, doubles: [status, ms, upstreamMs] });
  return true;
}

/** A response as `send` gives it, but for the head. */
export function wrap(response) {
  return { response };
}

/**
 * A body that is read here, within `ms`: `{bytes}`, or `{rest}`, a response with all of it, when it is longer than `limit`, or
 * nothing when it is too late.
 */
export async function collect(response, limit, ms) {
  if (response.body === null) return { bytes: new Uint8Array() };
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms, {});
  });
  try {
    return await Promise.race([upTo(response, limit), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function upTo(response, limit) {
  const length = response.headers.get('content-length');
  const isPlain = response.headers.get('content-encoding') === null;
  if (length !== null && Number(length) <= limit && isPlain) return { bytes: new Uint8Array(await response.arrayBuffer()) };
  const reader = response.body.getReader();
  const pieces = [];
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { bytes: joined(pieces, bytes) };
    pieces.push(value);
    bytes += value.byteLength;
    if (bytes > limit) return { rest: new Response(resumed(pieces, reader)) };
  }
}

function joined(pieces, length) {
  if (pieces.length === 1) return pieces[0];
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.byteLength;
  }
  return all;
}

// What has been read already, then the rest of it.
function resumed(pieces, reader) {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = pieces.length > 0 ? { value: pieces.shift() } : await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
