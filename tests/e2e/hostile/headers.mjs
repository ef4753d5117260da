// Headers that are refused, bodies and queries that are too long, too deep or no text: [expected, request].

import { V } from './planted.mjs';

const READ = { target: '/rest/v1/service?select=id' };
const WRITE = { method: 'POST', target: '/rest/v1/service', body: '{}' };
const UPDATE = { method: 'PATCH', target: '/rest/v1/service?id=eq.00000000-0000-4000-8000-000000005001', body: '{"active":true}' };

// One request for each value of a header.
const each = (expected, request, name, values) => values.map((value) => [expected, { ...request, headers: [[name, value]] }]);
const post = (body, extra = {}) => ({ ...WRITE, body, ...extra });
const get = (query) => ({ target: `/rest/v1/${query}` });

function chunked(text, size = 65_536) {
  const pieces = [];
  for (let at = 0; at < text.length; at += size) {
    const piece = text.slice(at, at + size);
    pieces.push(`${piece.length.toString(16)}\r\n${piece}\r\n`);
  }
  return { body: `${pieces.join('')}0\r\n\r\n`, framing: false, headers: [['transfer-encoding', 'chunked']] };
}

const LONG = `{"code":"${'x'.repeat(1024 * 1024)}"}`;

export const HEADERS = [
  ...each('415 header:content-type media-type', WRITE, 'content-type', [
    'text/csv', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain', 'application/xml', 'json',
    'application/octet-stream', 'application/jsonp', 'application/vnd.api+json', 'application/json, text/csv',
    'application/json; charset=latin1', 'application/json;charset=utf-16',
  ]),
  ['415 header:content-type media-type', { ...WRITE, headers: [['content-type', 'application/json'], ['content-type', 'text/csv']] }],
  ...each('415 header:content-encoding media-type', WRITE, 'content-encoding', ['gzip', 'br', 'deflate', 'zstd', 'identity, gzip', V]),
  ...each('406 header:accept media-type', READ, 'accept', [
    'application/xml', 'application/geo+json', 'application/octet-stream', 'application/openapi+json', 'image/png', V,
    'application/vnd.pgrst.array', 'application/vnd.pgrst.plan', 'application/vnd.pgrst.plan+json; options=analyze|verbose|buffers',
  ]),
  ...each('406 header:accept-profile schema', READ, 'accept-profile', ['auth', 'app', 'pg_catalog', 'PUBLIC', '"public"', 'public,auth', '', V]),
  ...each('406 header:content-profile schema', WRITE, 'content-profile', ['auth', 'app', 'public;drop']),
  ...each('400 header:prefer refused-preference', READ, 'prefer', ['tx=rollback', 'tx=commit', 'timezone=UTC', `count=exact, timezone=${V}`]),
  ...each('400 header:prefer unknown-preference', READ, 'prefer', [
    `handling=strict, ${V}`, 'handling=strict,return=all', 'handling=strict,count=1', 'handling=strict,missing=x',
    'handling=strict,max-affected=-1', 'handling=strict,max-affected=x', 'handling=strict,params=single-object',
    'handling=strict,max-affected=18446744073709551616',
  ]),
  ...each('400 header:range range', READ, 'range', [
    'a-b', '-5', '5', '0-1000', '0-1-2', '0--1', '99999999999-', 'rows=0-1', 'items=0-1', '1e3-2e3', '0-9,20-29', '0-99999999999999999999', V,
  ]),
  ['416* - PGRST103', { ...READ, headers: [['range', '5-2']] }],
  ...each('400 header:if-match etag', UPDATE, 'if-match', ['3', '*', '""', '"x"', 'W/"3"', '"3","4"', '"-1"', '"99999999999"', V]),
  ['400 - invalid-header', { ...UPDATE, target: '/rest/v1/service?active=eq.true', headers: [['if-match', '"1"']] }],
  ['400 - invalid-header', { ...UPDATE, method: 'POST', target: '/rest/v1/rpc/book_appointment', headers: [['if-match', '"1"']] }],
  ...each('400 header:idempotency-key idempotency-key', WRITE, 'idempotency-key', ['', 'a b', 'a, b', 'a\tb', 'kéy', 'x'.repeat(256)]),
  ['400 header:idempotency-key idempotency-key', { ...WRITE, headers: [['idempotency-key', 'a'], ['idempotency-key', 'b']] }],
];

export const SIZES = [
  ['413 / too-large', post(LONG)],
  ['413 / too-large', post('', chunked(LONG))],
  ['413 / too-large', post(LONG.repeat(3))],
  ['413 / too-many-rows', post(`[${'{},'.repeat(1000)}{}]`)],
  ['414 ? too-long', get(`service?name=eq.${V.repeat(800)}`)],
  ['414 ? too-long', get(`service?${'x'.repeat(60_000)}`)],
  ['400 ? too-many-filters', get(`service?${'fee=gt.1&'.repeat(201)}`)],
  ['400 ? too-many-filters', get(`service?or=(${'fee.gt.1,'.repeat(200)}fee.gt.1)`)],
  ['400 ?fee too-many-values', get(`service?fee=in.(${'1,'.repeat(1000)}1)`)],
  ['400 ?or too-deep', get(`service?or=${'(and'.repeat(9)}(fee.gt.1)${')'.repeat(9)}`)],
  ['400 ?or too-deep', get(`service?or=${'(or'.repeat(4000)}`)],
  ['400 ?or too-deep', get(`service?or=${'(not.and'.repeat(1500)}`)],
  ['400 ?select too-deep', get(`appointment?select=${'user!appointment_patient_id_fkey(x:appointment!appointment_patient_id_fkey('.repeat(3)}id${'))'.repeat(3)}`)],
  ['400 ?select too-deep', get(`appointment?select=${'a('.repeat(5000)}`)],
  ['400 ?address value-type', get(`user?address=eq.${'['.repeat(5000)}`)],
  ['400 / depth', post(`{"name":${'['.repeat(16)}${']'.repeat(16)}}`)],
  ['400 / depth', post('['.repeat(500_000))],
  ['400 / depth', post('{"a":'.repeat(100_000))],
  ['400 / utf-8', post(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))],
  ['400 / utf-8', post(Buffer.concat([Buffer.from('{"code":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]))],
  ['400 / syntax', post(Buffer.from('{"code":"x"}', 'utf16le'))],
  ['400 / syntax', post('\ufeff{}')],
  ['400 ?fee value-type', { target: Buffer.concat([Buffer.from('/rest/v1/service?fee=eq.'), Buffer.from([0xff])]) }],
  ['404 - not-found', { target: Buffer.concat([Buffer.from('/rest/v1/serv'), Buffer.from([0xff, 0xfe])]) }],
  ['415 - unsupported-media-type', post('grant_type=x', { target: '/auth/v1/token?grant_type=password', headers: [['content-type', 'application/x-www-form-urlencoded']] })],
  ['413 - too-large', post(`"${'x'.repeat(70_000)}"`, { target: '/auth/v1/token?grant_type=password' })],
  ['414 - uri-too-long', post('{}', { target: `/auth/v1/token?grant_type=password&x=${'y'.repeat(5000)}` })],
  ['400 ?apikey not-here', post('{}', { target: `/auth/v1/token?grant_type=password&apikey=${V}` })],
];
