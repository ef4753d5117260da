// The gateway's control port (loopback only): counts what reached the gateway and makes it
// misbehave on demand, so that tests can see how Chairside takes it.
//   GET  /requests   {total, rest, auth, paths: {"GET /rest/v1/service": 3}, recent: […]}
//   DELETE /requests sets the counts to zero
//   GET  /mode       the mode in force
//   POST /mode       {mode, ms?, kind?, status?, headers?, body?, path?, method?, count?}
//                    path is a prefix; count is how many matching requests it is for
//   POST /jwt-alg    {alg: "HS256" | "ES256"}: how the Auth stand-in signs from now on
//   GET  /realtime   counters and settings of the Realtime stand-in
//   POST /realtime   {mode, …}: how it misbehaves, see realtime/misbehave.mjs
// Modes: ok · down (nobody listens; with a filter: the connection is closed) · slow (ms before
// the answer) · garbage (kind: html, html-502, invalid-json, truncated, stalled) · reply (status,
// headers, body as given) · lose-reply (PostgREST commits, the caller never hears of it; its
// connection is cut after ms).

import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const MODES = new Set(['ok', 'down', 'slow', 'garbage', 'reply', 'lose-reply']);
const RECENT = 50;
const HTML = '<!doctype html><html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>';

export class Control {
  constructor({ auth }) {
    this.auth = auth;
    this.mode = { mode: 'ok' };
    this.reset();
    this.server = http.createServer((request, response) => {
      this.#serve(request, response).catch((error) => answer(response, 400, { error: error.message }));
    });
  }

  listen(port) {
    return listenOn(this.server, port);
  }

  /** Takes charge of the gateway's own listener, which `down` closes. */
  govern(server, port, realtime) {
    this.governed = server;
    this.governedPort = port;
    this.realtime = realtime;
  }

  async open() {
    if (!this.governed.listening) await listenOn(this.governed, this.governedPort);
  }

  async #shut() {
    if (!this.governed.listening) return;
    const closed = new Promise((resolve) => this.governed.close(resolve));
    this.governed.closeAllConnections();
    // Web sockets are no longer among the server's connections.
    this.realtime?.disconnect();
    await closed;
  }

  reset() {
    this.paths = {};
    this.recent = [];
  }

  /** Notes a request that reached the gateway. Headers are kept for tests, never logged. */
  count(request, pathname) {
    const name = `${request.method} ${pathname}`;
    this.paths[name] = (this.paths[name] ?? 0) + 1;
    this.recent.push({ method: request.method, url: request.url, headers: { ...request.headers } });
    if (this.recent.length > RECENT) this.recent.shift();
  }

  #totals() {
    const sum = (part) =>
      Object.entries(this.paths).reduce((total, [name, count]) => total + (name.includes(part) ? count : 0), 0);
    const [rest, auth] = [sum(' /rest/v1'), sum(' /auth/v1')];
    return { total: rest + auth, rest, auth, paths: this.paths, recent: this.recent };
  }

  // Whether the mode is for this request; a limited one is used up by it.
  #take(request, pathname) {
    const { mode, path, method, count } = this.mode;
    if (path && !pathname.startsWith(path)) return false;
    if (method && method !== request.method) return false;
    if (count !== undefined) {
      this.mode = count > 1 ? { ...this.mode, count: count - 1 } : { mode: 'ok' };
    }
    return mode !== 'ok';
  }

  /** True when the request is lost or answered wrongly here; `slow` only waits. */
  async misbehave(request, response, pathname) {
    const asked = this.mode;
    if (asked.mode === 'ok' || asked.mode === 'lose-reply' || !this.#take(request, pathname)) return false;
    if (asked.mode === 'slow') {
      await sleep(asked.ms ?? 1000);
      return response.destroyed;
    }
    if (asked.mode === 'down') request.socket.destroy();
    else if (asked.mode === 'garbage') garbage(response, asked.kind ?? 'html');
    else scripted(response, asked);
    return true;
  }

  /** When this request's reply is to be lost after PostgREST has done its work: `{ms}`. */
  takeLoseReply(request, pathname) {
    const { mode, ms = 0 } = this.mode;
    return mode === 'lose-reply' && this.#take(request, pathname) ? { ms } : null;
  }

  async #serve(request, response) {
    const route = `${request.method} ${request.url}`;
    if (route === 'GET /requests') return answer(response, 200, this.#totals());
    if (route === 'DELETE /requests') {
      this.reset();
      return answer(response, 200, this.#totals());
    }
    if (route === 'GET /mode') return answer(response, 200, this.mode);
    if (route === 'POST /mode') return this.#setMode(await readJson(request), response);
    if (route === 'POST /jwt-alg') return this.#setAlg(await readJson(request), response);
    if (route === 'GET /realtime') return answer(response, 200, this.realtime.stats());
    if (route === 'POST /realtime') {
      await this.realtime.misbehave.set(await readJson(request));
      return answer(response, 200, this.realtime.stats());
    }
    answer(response, 404, { error: 'unknown path' });
  }

  async #setMode(wanted, response) {
    if (!MODES.has(wanted.mode)) throw new Error(`mode must be one of ${[...MODES].join(', ')}`);
    this.mode = wanted;
    const filtered = wanted.path || wanted.method || wanted.count !== undefined;
    if (wanted.mode === 'down' && !filtered) await this.#shut();
    else await this.open();
    answer(response, 200, this.mode);
  }

  #setAlg({ alg }, response) {
    if (alg !== 'HS256' && alg !== 'ES256') throw new Error('alg must be HS256 or ES256');
    this.auth.tokens.alg = alg;
    answer(response, 200, { alg });
  }
}

function listenOn(server, port) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function garbage(response, kind) {
  const headers = { 'content-type': kind.startsWith('html') ? 'text/html' : 'application/json' };
  if (kind === 'html') response.writeHead(200, headers).end(HTML);
  else if (kind === 'html-502') response.writeHead(502, headers).end(HTML);
  else if (kind === 'invalid-json') response.writeHead(200, headers).end('[{"id":');
  else if (kind === 'stalled') {
    // Promises an error's body and falls silent in it.
    response.writeHead(400, { ...headers, 'content-length': 1000 });
    response.write('{"code":"');
  } else {
    // Promises more than it sends, then hangs up.
    response.writeHead(200, { ...headers, 'content-length': 1000 });
    response.write('[{"id":', () => response.destroy());
  }
}

function scripted(response, { status = 500, headers = {}, body = {} }) {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

async function readJson(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

function answer(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
