// The tokens Realtime takes, and what it says of those it refuses. A refusal carries `code`, which
// stands before the text in a join's reply only.

import { decodeJwt, errors, importJWK, jwtVerify } from 'jose';
import { publicJwk } from '../keys.mjs';

export class Refused extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

export class Tokens {
  constructor(keys) {
    this.keys = keys;
    this.secret = new TextEncoder().encode(keys.jwtSecret);
  }

  // The algorithm belongs to the key: a token cannot choose.
  #keyOf({ alg, kid }) {
    if (alg === 'HS256') return this.secret;
    if (alg === 'ES256' && kid === this.keys.ecPrivate.kid) return importJWK(publicJwk(this.keys), 'ES256');
    throw new errors.JWSSignatureVerificationFailed();
  }

  /** The claims of a valid token; throws `Refused`. */
  async verify(token) {
    const claims = await this.#check(token);
    if (typeof claims.role !== 'string' || !Number.isInteger(claims.exp)) {
      throw new Refused('InvalidJWTToken', 'Fields `role` and `exp` are required in JWT');
    }
    return claims;
  }

  async #check(token) {
    try {
      return (await jwtVerify(token, (header) => this.#keyOf(header))).payload;
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw new Refused('InvalidJWTToken', expired(decodeJwt(token).exp));
      if (error instanceof errors.JWSSignatureVerificationFailed) throw new Refused('JwtSignatureError', 'Failed to validate JWT signature');
      throw new Refused('MalformedJWT', 'The token provided is not a valid JWT');
    }
  }
}

export const expired = (exp, now = Date.now()) => `Token has expired ${Math.max(0, Math.floor(now / 1000) - exp)} seconds ago`;
