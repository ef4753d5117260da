// The running stack as the end-to-end tests see it: addresses, keys and tokens come from the environment.

export const env = process.env;
for (const name of ['CHAIRSIDE_URL', 'POSTGREST_URL', 'DATABASE_URL', 'ANON_KEY', 'TOKEN_ADMIN', 'GATEWAY_CONTROL_URL']) {
  if (!env[name]) throw new Error(`${name} is not set; source .dev/env or run scripts/test e2e`);
}

export const PASSWORD = 'chairside-demo';
export const ROLES = ['anon', 'patient', 'dentist', 'receptionist', 'admin'];

/** The bearer token of a role, as a client sends it; `patient2` is another patient. */
export const tokens = {
  anon: env.ANON_KEY,
  patient: env.TOKEN_PATIENT,
  patient2: env.TOKEN_PATIENT_2,
  dentist: env.TOKEN_DENTIST,
  receptionist: env.TOKEN_RECEPTIONIST,
  admin: env.TOKEN_ADMIN,
};

/** An id of the seed, or of a test, by its last digits: id('d1') is the first dentist. */
export const id = (tail) => `00000000-0000-4000-8000-${tail.padStart(12, '0')}`;

/** Asks the gateway's control port, such as control('GET', '/requests'). */
export async function control(method, path, body) {
  const reply = await fetch(`${env.GATEWAY_CONTROL_URL}${path}`, { method, body: body && JSON.stringify(body) });
  if (!reply.ok) throw new Error(`control ${method} ${path}: ${reply.status}`);
  return reply.json();
}

/** Runs `work` while the gateway misbehaves; it behaves again whatever happens. */
export async function during(mode, work) {
  await control('POST', '/mode', mode);
  try {
    return await work();
  } finally {
    await control('POST', '/mode', { mode: 'ok' });
  }
}

// What the Worker's objects ask by themselves, for requests that are long answered: the Feed's backfill, readings that
// wait to be logged.
const BY_ITSELF = ['GET /rest/v1/change_log', 'POST /rest/v1/rpc/log_access'];

/** How many requests reached the gateway's /rest/v1 for others while `work` ran. */
export async function upstreamRequests(work) {
  await control('DELETE', '/requests');
  await work();
  const { paths } = await control('GET', '/requests');
  const asked = Object.entries(paths).filter(([path]) => path.includes(' /rest/v1/') && !BY_ITSELF.includes(path));
  return asked.reduce((sum, [, count]) => sum + count, 0);
}

/** One HTTP request to the Worker: `{status, headers, text, json}`; json is undefined when the body is none. */
export async function send(method, path, { role = 'anon', headers = {}, body, url = env.CHAIRSIDE_URL } = {}) {
  const reply = await fetch(`${url}${path}`, {
    method,
    headers: {
      apikey: env.ANON_KEY,
      ...(tokens[role] ? { authorization: `Bearer ${tokens[role]}` } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await reply.text();
  return { status: reply.status, headers: reply.headers, text, json: parse(text) };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
