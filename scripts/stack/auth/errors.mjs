// Errors as Supabase Auth sends them, in both of its published forms.

/** First API version (client's `x-supabase-api-version`) with `{code, message}` bodies. */
const NEW_FORM_SINCE = '2024-01-01';

export class AuthError extends Error {
  /** `code` is the stable name (`error_code`), `extra` further members such as `weak_password`. */
  constructor(status, code, message, extra = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.extra = extra;
  }

  /** The body for a client that asked for `apiVersion` (may be undefined). */
  body(apiVersion) {
    if (apiVersion && apiVersion >= NEW_FORM_SINCE) {
      return { code: this.code, message: this.message, ...this.extra };
    }
    return { code: this.status, error_code: this.code, msg: this.message, ...this.extra };
  }
}

export const newForm = (apiVersion) => Boolean(apiVersion) && apiVersion >= NEW_FORM_SINCE;

export const invalidCredentials = () =>
  new AuthError(400, 'invalid_credentials', 'Invalid login credentials');

export const validationFailed = (message) => new AuthError(400, 'validation_failed', message);

export const badJwt = (why) => new AuthError(403, 'bad_jwt', `invalid JWT: ${why}`);
