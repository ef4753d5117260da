// One process that looks like a Supabase project: `/rest/v1` is PostgREST, `/auth/v1` the Auth
// stand-in, with the gateway's own rules for keys in front of both, and `/realtime/v1/websocket`
// the Realtime stand-in, which looks at keys itself. A second, loopback-only port lets tests
// count requests and make the upstream misbehave (control.mjs).
// Configuration by environment; see `readConfig`. Run by stack.mjs.

import http from 'node:http';
import { pathToFileURL } from 'node:url';
import { Auth } from './auth/index.mjs';
import { Control } from './control.mjs';
import { loadKeys } from './keys.mjs';
import { proxy } from './proxy.mjs';
import { Realtime } from './realtime/server.mjs';

const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT',
  'access-control-max-age': '3600',
};
// Paths a browser or a verifier opens without a key.
const OPEN_AUTH_PATHS = new Set(['/.well-known/jwks.json', '/callback', '/verify', '/authorize']);

const NO_KEY = {
  message: 'No API key found in request',
  hint: 'No `apikey` request header or url param was found.',
};
const BAD_KEY = {
  message: 'Invalid API key',
  hint: 'Double check your Supabase `anon` or `service_role` API key.',
};

export class Gateway {
  constructor({ keys, auth, postgrestPort, control, realtimeDatabaseUrl }) {
    this.keys = keys;
    this.auth = auth;
    this.postgrestPort = postgrestPort;
    this.control = control;
    this.server = http.createServer((request, response) => {
      this.#serve(request, response).catch((error) => {
        console.error(`gateway: ${error.name} ${error.code ?? ''}`);
        response.destroy();
      });
    });
    this.realtime = new Realtime({ databaseUrl: realtimeDatabaseUrl, keys, tokenOf: (key) => this.#tokenOf(key) });
    this.server.on('upgrade', (request, socket, head) => {
      control.count(request, request.url.split('?')[0]);
      this.realtime.upgrade(request, socket, head);
    });
  }

  async #serve(request, response) {
    const url = new URL(request.url, 'http://gateway.invalid');
    const route = /^\/(rest|auth)\/v1(\/.*)?$/.exec(url.pathname);
    if (!route) return json(response, 404, { message: 'no Route matched with those values' });
    this.control.count(request, url.pathname);
    if (request.method === 'OPTIONS' && request.headers['access-control-request-method']) {
      const headers = { ...CORS, 'access-control-allow-headers': request.headers['access-control-request-headers'] ?? '*' };
      response.writeHead(200, headers).end();
      return;
    }
    if (await this.control.misbehave(request, response, url.pathname)) return;
    response.setHeader('access-control-allow-origin', '*');
    const [, service, path = '/'] = route;
    if (!(service === 'auth' && OPEN_AUTH_PATHS.has(path)) && !this.#admit(request, response, url)) return;
    if (service === 'auth') await this.auth.handle(request, response, path, url.searchParams);
    else this.#rest(request, response, path, url);
  }

  /** Checks the key and puts the token it stands for in `authorization`, as Supabase does. */
  #admit(request, response, url) {
    const key = request.headers.apikey ?? url.searchParams.get('apikey');
    if (!key) {
      json(response, 401, NO_KEY);
      return false;
    }
    const token = this.#tokenOf(key);
    if (!token) {
      json(response, 401, BAD_KEY);
      return false;
    }
    const given = /^bearer (.*)$/i.exec(request.headers.authorization ?? '')?.[1];
    // A client without a user's token sends its key there too, or nothing at all.
    if (!given || given === key) request.headers.authorization = `Bearer ${token}`;
    return true;
  }

  #tokenOf(key) {
    const { anonKey, serviceRoleKey, publishableKey, secretKey } = this.keys;
    if (key === anonKey || key === publishableKey) return anonKey;
    if (key === serviceRoleKey || key === secretKey) return serviceRoleKey;
    return null;
  }

  #rest(request, response, path, url) {
    // PostgREST would take the key for a filter.
    const search = url.searchParams.has('apikey') ? withoutKey(url.search) : url.search;
    const loseReply = this.control.takeLoseReply(request, url.pathname);
    proxy(request, response, { port: this.postgrestPort, path: path + search, loseReply });
  }
}

function withoutKey(search) {
  const rest = search.slice(1).split('&').filter((pair) => !pair.startsWith('apikey='));
  return rest.length > 0 ? `?${rest.join('&')}` : '';
}

function json(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(body));
}

function readConfig(env) {
  return {
    stateDir: env.CHAIRSIDE_STATE_DIR,
    port: Number(env.GATEWAY_PORT),
    controlPort: Number(env.GATEWAY_CONTROL_PORT),
    postgrestPort: Number(env.POSTGREST_PORT),
    databaseUrl: env.AUTH_DATABASE_URL,
    realtimeDatabaseUrl: env.REALTIME_DATABASE_URL,
    issuer: env.AUTH_ISSUER,
    alg: env.AUTH_JWT_ALG || 'HS256',
    reuseSeconds: Number(env.AUTH_REFRESH_REUSE_SECONDS || 10),
  };
}

async function main() {
  const config = readConfig(process.env);
  const keys = await loadKeys(config.stateDir);
  const auth = new Auth({ ...config, keys });
  const control = new Control({ auth });
  const gateway = new Gateway({ ...config, keys, auth, control });
  control.govern(gateway.server, config.port, gateway.realtime);
  await control.listen(config.controlPort);
  await control.open();
  process.on('SIGTERM', () => process.exit(0));
  process.on('SIGINT', () => process.exit(0));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main();
