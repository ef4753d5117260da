// Pinecone's three shapes of error.

/** Control plane, records and inference: `{status, error: {code, message}}`. */
export class NamedError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.body = JSON.stringify({ error: { code, message }, status });
    this.type = 'application/json';
  }
}

const HTTP = { 3: 400, 5: 404, 6: 409, 8: 429, 9: 400, 11: 400, 12: 501, 14: 503 };

/** Vectors: a gRPC status, `{code, message, details}`. */
export class StatusError extends Error {
  constructor(code, message) {
    super(message);
    this.status = HTTP[code];
    this.body = JSON.stringify({ code, message, details: [] });
    this.type = 'application/json';
  }
}

/** What its edge answers by itself: plain text. */
export class PlainError extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
    this.body = text;
    this.type = 'text/plain';
  }
}

export const invalid = (message) => new StatusError(3, message);
export const notFound = (message) => new StatusError(5, message);
export const badRequest = (message) => new NamedError(400, 'INVALID_ARGUMENT', message);
