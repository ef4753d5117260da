// The Auth stand-in: Supabase Auth's published protocol for sign-up, password sign-in, refresh,
// sign-out and the user, over the same tables. Out of scope: all that needs mail, SMS or
// another provider; those paths answer 404 with the code `not_implemented` in Auth's own form (the
// clients take a 5xx for a fault that passes).

import pg from 'pg';
import { AuthError, newForm } from './errors.mjs';
import { routes } from './handlers.mjs';
import { Tokens } from './tokens.mjs';

const MAX_BODY = 1 << 20;
// Supabase Auth has these, the stand-in does not.
const ELSEWHERE = /^\/(admin|authorize|callback|factors|invite|magiclink|otp|reauthenticate|recover|resend|sso|verify)\b/;

export class Auth {
  /** `reuseSeconds`: how long a just revoked refresh token may be used again (Supabase: 10). */
  constructor({ databaseUrl, keys, issuer, alg = 'HS256', reuseSeconds = 10 }) {
    this.db = new pg.Pool({ connectionString: databaseUrl, max: 8 });
    // A connection that breaks while idle (Postgres restarted) is simply replaced.
    this.db.on('error', () => {});
    this.reuseSeconds = reuseSeconds;
    this.tokens = new Tokens({ keys, issuer, alg, db: this.db });
  }

  /** Answers one request; `path` is what follows `/auth/v1`. */
  async handle(request, response, path, query) {
    const apiVersion = request.headers['x-supabase-api-version'];
    try {
      const handler = findHandler(request.method, path);
      const body = await readJson(request);
      send(response, await handler({ auth: this, body, query, bearer: bearerOf(request) }), apiVersion);
    } catch (error) {
      const known = error instanceof AuthError ? error : unexpected(error);
      response.setHeader('x-sb-error-code', known.code);
      send(response, { status: known.status, body: known.body(apiVersion) }, apiVersion);
    }
  }

  close() {
    return this.db.end();
  }
}

function findHandler(method, path) {
  const handler = routes[`${method} ${path}`];
  if (handler) return handler;
  if (ELSEWHERE.test(path)) {
    throw new AuthError(404, 'not_implemented', 'The local Auth stand-in does not offer this; use a Supabase project for it');
  }
  if (Object.keys(routes).some((route) => route.endsWith(` ${path}`))) {
    throw new AuthError(405, 'method_not_allowed', 'Method not allowed');
  }
  throw new AuthError(404, 'not_found', 'Path not found');
}

function bearerOf(request) {
  const match = /^bearer (\S+)$/i.exec(request.headers.authorization ?? '');
  return match?.[1] ?? null;
}

async function readJson(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY) throw new AuthError(413, 'request_too_large', 'Request body is too large');
    chunks.push(chunk);
  }
  if (size === 0) return {};
  try {
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body;
  } catch {
    // Said below, for both kinds of wrong body.
  }
  throw new AuthError(400, 'bad_json', 'Could not parse request body as JSON');
}

// The cause goes to the log without any value of the request; the client gets none of it.
function unexpected(error) {
  console.error(`auth: unexpected ${error.name} ${error.code ?? ''} at ${error.stack?.split('\n')[1]?.trim()}`);
  return new AuthError(500, 'unexpected_failure', 'Internal Server Error');
}

function send(response, { status, body }, apiVersion) {
  if (newForm(apiVersion)) response.setHeader('x-supabase-api-version', '2024-01-01');
  if (body === undefined) {
    response.writeHead(status).end();
    return;
  }
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
