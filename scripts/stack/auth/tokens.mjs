// Access tokens: Supabase Auth's claims, passed through the project's custom access token
// hook, signed with HS256 or ES256; and their verification.

import { decodeProtectedHeader, importJWK, jwtVerify, SignJWT } from 'jose';
import { publicJwk } from '../keys.mjs';
import { AuthError, badJwt } from './errors.mjs';

const LIFETIME_SECONDS = 3600;
// What the hook may not remove, by Supabase's documentation of the hook.
const REQUIRED_CLAIMS = ['iss', 'aud', 'exp', 'iat', 'sub', 'role', 'aal', 'session_id', 'email', 'phone', 'is_anonymous'];

export class Tokens {
  /** `alg` is what new tokens are signed with; both kinds are always accepted. */
  constructor({ keys, issuer, alg, db }) {
    this.keys = keys;
    this.issuer = issuer;
    this.alg = alg;
    this.db = db;
    this.secret = new TextEncoder().encode(keys.jwtSecret);
  }

  /** A JWKS never lists a shared secret; the ES256 key is listed when it is in use. */
  jwks() {
    return { keys: this.alg === 'ES256' ? [publicJwk(this.keys)] : [] };
  }

  /** Returns `{access_token, expires_in, expires_at}`. `method` is the hook's name of the way in. */
  async issue(user, session, method, lifetime = LIFETIME_SECONDS) {
    const iat = Math.floor(Date.now() / 1000);
    const claims = await this.#hook(this.#claims(user, session, iat, iat + lifetime), method);
    const token = await this.#sign(claims);
    return { access_token: token, expires_in: lifetime, expires_at: iat + lifetime };
  }

  #claims(user, session, iat, exp) {
    return {
      iss: this.issuer,
      sub: user.id,
      aud: user.aud || 'authenticated',
      exp,
      iat,
      email: user.email ?? '',
      phone: user.phone ?? '',
      app_metadata: user.raw_app_meta_data ?? {},
      user_metadata: user.raw_user_meta_data ?? {},
      role: user.role || 'authenticated',
      aal: 'aal1',
      amr: [{ method: 'password', timestamp: Math.floor(new Date(session.created_at).getTime() / 1000) }],
      session_id: session.id,
      is_anonymous: user.is_anonymous ?? false,
    };
  }

  async #hook(claims, method) {
    const event = { user_id: claims.sub, claims, authentication_method: method };
    const { rows } = await this.db.query('select public.custom_access_token_hook($1::jsonb) as answer', [event]);
    const answer = rows[0].answer;
    if (answer?.error) {
      throw new AuthError(answer.error.http_code ?? 500, 'hook_payload_over_size_limit', answer.error.message);
    }
    const missing = REQUIRED_CLAIMS.filter((name) => !(name in (answer?.claims ?? {})));
    if (missing.length > 0) {
      throw new AuthError(500, 'unexpected_failure', `output claims do not conform to the expected schema: ${missing} required`);
    }
    return answer.claims;
  }

  async #sign(claims) {
    if (this.alg === 'ES256') {
      const key = await importJWK(this.keys.ecPrivate, 'ES256');
      const header = { alg: 'ES256', kid: this.keys.ecPrivate.kid, typ: 'JWT' };
      return new SignJWT(claims).setProtectedHeader(header).sign(key);
    }
    return new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).sign(this.secret);
  }

  /** The claims of a caller's token, or an AuthError as Supabase Auth words it. */
  async verify(token) {
    let claims;
    try {
      const { alg } = decodeProtectedHeader(token);
      const key = alg === 'ES256' ? await importJWK(publicJwk(this.keys), 'ES256') : this.secret;
      ({ payload: claims } = await jwtVerify(token, key, { algorithms: ['HS256', 'ES256'] }));
    } catch (error) {
      const expired = error.code === 'ERR_JWT_EXPIRED';
      throw badJwt(`unable to parse or verify signature, ${expired ? 'token has invalid claims: token is expired' : 'token is malformed or its signature is invalid'}`);
    }
    if (!claims.sub) throw new AuthError(403, 'bad_jwt', 'invalid claim: missing sub claim');
    return claims;
  }
}
