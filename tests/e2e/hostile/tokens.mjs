// Tokens that are not good enough: what differs from a good one, and the code of the refusal.

import { createHmac } from 'node:crypto';
import { V } from './planted.mjs';

const env = process.env;
const now = Math.floor(Date.now() / 1000);
const part = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

const good = {
  iss: `${env.SUPABASE_URL}/auth/v1`,
  aud: 'authenticated',
  sub: '00000000-0000-4000-8000-0000000a0001',
  role: 'authenticated',
  iat: now,
  exp: now + 600,
  app_metadata: { clinic_role: 'patient' },
};

/** A token of the good claims and `changes`; `payload` is signed instead of them as it is. */
export function token(changes = {}, { alg = 'HS256', secret = env.JWT_SECRET, hash = 'sha256', header = {}, payload } = {}) {
  const input = `${part({ alg, typ: 'JWT', ...header })}.${part(payload ?? { ...good, ...changes })}`;
  return `${input}.${createHmac(hash, secret).update(input).digest('base64url')}`;
}

const unsigned = (alg) => `${part({ alg, typ: 'JWT' })}.${part(good)}.`;
const [head, , signature] = token().split('.');

// [code, token]
const BEARERS = [
  ['token-expired', token({ exp: now - 1 })],
  ['token-expired', token({ exp: 0 })],
  ['token-not-yet-valid', token({ nbf: now + 300 })],
  ['token-not-yet-valid', token({ iat: now + 300 })],
  ['token-issuer', token({ iss: 'https://evil.test/auth/v1' })],
  ['token-issuer', token({ iss: `${good.iss}/` })],
  ['token-issuer', token({ iss: undefined })],
  ['token-audience', token({ aud: V })],
  ['token-audience', token({ aud: ['authenticated', 5] })],
  ['token-audience', token({ aud: undefined })],
  ['token-claims', token({ exp: undefined })],
  ['token-claims', token({ exp: 'never' })],
  ['token-claims', token({ sub: undefined })],
  ['token-claims', token({ sub: "x' or 1=1--" })],
  ['token-claims', token({ sub: 5 })],
  ['token-claims', token({ role: 'postgres' })],
  ['token-claims', token({ role: 'supabase_admin' })],
  ['token-claims', token({ role: undefined })],
  ['token-claims', token({ role: 'anon' })],
  ['token-claims', token({ iss: 'supabase', aud: undefined, sub: undefined, role: 'anon' })],
  ['token-claims', token({ is_anonymous: true })],
  ['token-claims', token({ app_metadata: { clinic_role: V } })],
  ['token-claims', token({ app_metadata: { clinic_role: ['admin'] } })],
  ['token-claims', token({ app_metadata: V })],
  ['token-signature', token({}, { secret: 'x'.repeat(40) })],
  ['token-signature', token({}, { secret: '' })],
  ['token-signature', token({}, { secret: 'x', header: { jwk: { kty: 'oct', k: part('x') } } })],
  ['token-signature', `${head}.${part({ ...good, app_metadata: { clinic_role: 'admin' } })}.${signature}`],
  ['token-signature', token().replace(/[^.]*$/, '')],
  ['token-algorithm', unsigned('none')],
  ['token-algorithm', unsigned('None')],
  ['token-algorithm', unsigned('nOnE')],
  ['token-algorithm', token({}, { alg: 'HS512', hash: 'sha512' })],
  ['token-algorithm', token({}, { alg: 'HS384', hash: 'sha384' })],
  ['token-algorithm', token({}, { alg: 'ES256', header: { kid: V } })],
  ['token-algorithm', token({}, { alg: 'RS256', header: { kid: '../../dev/null' } })],
  ['token-malformed', token({}, { header: { crit: ['x'] } })],
  ['token-malformed', token({}, { header: { typ: 'at+jwt' } })],
  ['token-malformed', token({}, { header: { kid: 'k'.repeat(300) } })],
  ['token-malformed', token({}, { payload: [1] })],
  ['token-malformed', token({}, { payload: '{"role":"authenticated","role":"service_role"}' })],
  ['token-malformed', token().slice(0, -2)],
  ['token-malformed', `${token()}.x`],
  ['token-malformed', `${token()}=`],
  ['token-malformed', 'a.b'],
  ['token-malformed', V],
  ['token-malformed', 'x'.repeat(9000)],
  ['service-key-refused', token({ role: 'service_role' })],
  ['service-key-refused', env.SERVICE_ROLE_KEY],
  ['service-key-refused', env.SECRET_KEY],
];

const admin = `Bearer ${env.TOKEN_ADMIN}`;
// Authorization in other forms than `Bearer` and one token.
const MALFORMED = [
  'Basic dXNlcjpwYXNz', 'Digest username="x"', 'Bearer', 'Bearer ', env.TOKEN_ADMIN, `Bearer  ${env.TOKEN_ADMIN}`,
  `${admin} ${env.TOKEN_ADMIN}`, `${admin},x`, `Bearer "${env.TOKEN_ADMIN}"`, 'Bearer ümläut', `Bearer\t${env.TOKEN_ADMIN}`,
];
const key = ['apikey', env.ANON_KEY];

/** [expected, headers] */
export const TOKENS = [
  ...BEARERS.map(([code, value]) => [`${code === 'service-key-refused' ? 403 : 401} - ${code}`, [key, ['authorization', `Bearer ${value}`]]]),
  ...MALFORMED.map((value) => ['401 - token-malformed', [key, ['authorization', value]]]),
  ['401 - token-malformed', [key, ['authorization', admin], ['authorization', admin]]],
  ['401 - token-malformed', [key, ['authorization', `Bearer ${env.ANON_KEY}`], ['authorization', admin]]],
  ['401 - api-key-unknown', [['apikey', env.TOKEN_ADMIN]]],
  ['401 - api-key-unknown', [['apikey', V]]],
  ['401 - api-key-unknown', [['apikey', '']]],
  ['401 - api-key-unknown', [['apikey', `${env.ANON_KEY}x`]]],
  ['401 - api-key-unknown', [key, key]],
  ['401 - api-key-unknown', [['apikey', 'sb_publishable_nobody'], ['authorization', admin]]],
  ['403 - service-key-refused', [['apikey', env.SERVICE_ROLE_KEY]]],
  ['403 - service-key-refused', [['apikey', env.SECRET_KEY]]],
  ['403 - service-key-refused', [['apikey', env.SERVICE_ROLE_KEY], ['authorization', admin]]],
];
