// The keys of one local Supabase-like project: made once per state folder, kept over restarts.
// Shapes are Supabase's own: legacy anon and service keys are JWTs with `iss: supabase` and
// neither `aud` nor `sub`; the new keys (`sb_publishable_…`, `sb_secret_…`) are no JWTs.

import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

const TEN_YEARS = 10 * 365 * 24 * 3600;
const PROJECT_REF = 'local';

/** Reads `<stateDir>/keys.json`, or makes it. Only its owner may read the file. */
export async function loadKeys(stateDir) {
  const file = join(stateDir, 'keys.json');
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  const keys = await makeKeys();
  writeFileSync(file, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
  return keys;
}

async function makeKeys() {
  const jwtSecret = randomBytes(40).toString('base64url');
  const ecPrivate = await makeSigningKey();
  return {
    jwtSecret,
    ecPrivate,
    anonKey: await legacyKey(jwtSecret, 'anon'),
    serviceRoleKey: await legacyKey(jwtSecret, 'service_role'),
    publishableKey: opaqueKey('sb_publishable_'),
    secretKey: opaqueKey('sb_secret_'),
  };
}

async function makeSigningKey() {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, kid: randomBytes(16).toString('hex'), alg: 'ES256', use: 'sig' };
}

function legacyKey(secret, role) {
  const iat = Math.floor(Date.now() / 1000);
  return new SignJWT({ iss: 'supabase', ref: PROJECT_REF, role, iat, exp: iat + TEN_YEARS })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .sign(new TextEncoder().encode(secret));
}

// 22 random characters, then 8 that depend on them, as Supabase's own keys look.
function opaqueKey(prefix) {
  const body = prefix + randomBytes(16).toString('base64url');
  const checksum = createHash('sha256').update(body).digest('base64url').slice(0, 8);
  return `${body}_${checksum}`;
}

/** The public half of the ES256 key, as a JWKS shows it. */
export function publicJwk(keys) {
  const { d: _private, ...rest } = keys.ecPrivate;
  return { ...rest, key_ops: ['verify'] };
}

/** What PostgREST needs to accept both kinds of token: a JWKS with the shared secret in it. */
export function verificationJwks(keys) {
  const shared = { kty: 'oct', k: Buffer.from(keys.jwtSecret).toString('base64url'), alg: 'HS256' };
  return { keys: [shared, publicJwk(keys)] };
}
