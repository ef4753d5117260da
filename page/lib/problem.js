// What went wrong, as a person reads it: from problem+json as supabase-js hands it on, or from a network that is gone.

const UNREACHABLE = 'The clinic cannot be reached. Check your connection and try again.';

/** `{status, code, message, fields: {name: message}, alternatives}` of `{error, status}` or of a thrown error. */
export function problemOf({ error, status = 0 }) {
  const given = error ?? {};
  if (!status && !given.title) return { status: 0, code: 'unreachable', message: UNREACHABLE, fields: {}, alternatives: [] };
  return {
    status,
    code: given.type?.split('/').at(-1) ?? given.code ?? 'unknown',
    message: sentence(given),
    fields: fieldsOf(given.errors ?? []),
    alternatives: given.alternatives ?? [],
  };
}

/** Reads a refused reply of `fetch`. */
export async function problemOfReply(reply) {
  const error = await reply.json().catch(() => ({ detail: `The clinic's service answers ${reply.status}.` }));
  return problemOf({ error: error.error ? { ...error, ...error.error } : error, status: reply.status });
}

function sentence({ title, detail, message, hint }) {
  const said = detail || message || title || 'Something went wrong.';
  return hint ? `${said} ${hint}` : said;
}

// `/starts_at` and `/0/starts_at` both point at starts_at.
function fieldsOf(errors) {
  return Object.fromEntries(errors.map(({ pointer = '', detail }) => [pointer.split('/').findLast((part) => part && !/^\d+$/.test(part)) ?? '', detail]));
}

/** What a refusal means when two people are at work on one appointment. */
export function kindly(problem) {
  if (problem.status === 412) return { ...problem, message: 'Somebody else has just changed this. What you see now is how it stands; try again if it still fits.' };
  if (problem.status === 409 && problem.code === 'conflict') return { ...problem, message: `${problem.message} Somebody else may have changed it meanwhile.` };
  return problem;
}
