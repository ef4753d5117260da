// What looks hostile but is a text or a header like any other: it is served, has no effect, and does not go upstream.

import assert from 'node:assert/strict';
import { V } from './planted.mjs';

const env = process.env;
const ROW = '/rest/v1/service?select=id&limit=1';
const read = (target, headers = []) => ({ target, headers });
const finds = (count) => (reply) => {
  assert.equal(reply.status, 200, reply.text);
  assert.equal(reply.json.length, count);
};
const isRow = finds(1);

const SQL = encodeURIComponent(`'; drop table service; -- ${V}`);
const PGRST = encodeURIComponent('a",name.not.is.null)');
const text = (query) => ({ name: query.slice(0, 60), request: read(`/rest/v1/service?select=id&${query}`), check: finds(0) });

export const HARMLESS = [
  text(`name=eq.${SQL}`),
  text(`name=in.(${SQL},"${SQL}")`),
  text(`or=(name.eq."${SQL}",lay_name.eq.${SQL})`),
  text(`name=eq.${PGRST}`),
  text(`name=like.*${PGRST}*`),
  text('name=eq.null'),
  text('name=eq.x%26select%3D*'),
  text('name=eq.%2A%29%2Cor%3D%28id.not.is.null'),
  text('name=plfts.%27%3B--'),
  {
    name: 'another method in a header',
    request: read(ROW, [['x-http-method-override', 'DELETE'], ['x-http-method', 'DELETE'], ['x-method-override', 'DELETE']]),
    check: (reply, upstream) => {
      isRow(reply);
      assert.equal(upstream.method, 'GET');
    },
  },
  {
    name: 'another address, host or path in a header',
    request: read(ROW, [['x-forwarded-for', '6.6.6.6'], ['x-forwarded-host', 'evil.test'], ['forwarded', 'for=6.6.6.6;host=evil.test'], ['x-original-url', '/auth/v1/admin/users'], ['x-rewrite-url', '/x']]),
    check: (reply, upstream) => {
      isRow(reply);
      assert.equal(upstream.url, '/rest/v1/service?select=id&limit=1');
    },
  },
  {
    name: 'the edge’s own headers',
    request: read(ROW, [['x-chairside-body-sha256', '0'.repeat(64)], ['x-chairside-max-affected', '0'], ['idempotency-key', 'stray'], ['chairside-deleted', '5']]),
    check: isRow,
  },
  { name: 'a role in a header', request: read(ROW, [['role', 'service_role'], ['x-role', 'admin'], ['x-hasura-role', 'admin']]), check: isRow },
  { name: 'cookies and trackers', request: read(ROW, [['cookie', `sb-access-token=${V}`], ['referer', `http://${V}`], ['x-client-info', 'é€']]), check: isRow },
  ...["'; drop table service; --", V, '{00000000-0000-4000-8000-000000000001', 'x'.repeat(5000), 'a, b'].map((id) => ({
    name: `a request id that is none (${id.slice(0, 20)})`,
    request: read(ROW, [['x-request-id', id]]),
    check: (reply, upstream) => {
      isRow(reply);
      assert.match(reply.headers['x-request-id'], /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      assert.equal(upstream.headers['x-request-id'], reply.headers['x-request-id']);
    },
  })),
  { name: 'a header of 60 KB', request: read(ROW, [['x-big', V.repeat(2700)]]), check: isRow },
  { name: '500 headers', request: read(ROW, Array.from({ length: 500 }, (_, at) => [`x-h${at}`, V])), check: isRow },
  { name: 'a body on GET', request: { target: ROW, body: `{"name":"${V}"}` }, check: isRow },
  { name: 'a proxy’s path tricks', request: read('/rest/v1/user\\..\\service?select=id&limit=1'), check: isRow },
  { name: 'empty credentials', request: { target: ROW, credentials: [['authorization', '']] }, check: isRow },
];

// What may go upstream at all; `host` and `cf-worker` are the runtime's.
const UPSTREAM = new Set([
  'host', 'cf-worker', 'connection', 'accept', 'apikey', 'authorization', 'x-request-id', 'prefer', 'range', 'range-unit', 'content-type', 'content-length',
]);

/** The name of a header that should not have gone upstream, or a value of the service's; undefined when all is well. */
export function refusedUpstreamHeader(headers) {
  return Object.entries(headers).find(([name, value]) => !UPSTREAM.has(name) || value.includes(env.SERVICE_ROLE_KEY))?.[0];
}
