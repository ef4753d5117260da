// Whether an environment of wrangler.toml or wrangler.chatbot.toml, together with the names of its secrets, is one that the Worker will run with.
// The Worker checks values again by itself; here is only seen that nothing is missing.

/** `{ errors, warnings }`, each a sentence. `secrets` are names; their values are never read. */
export function checkSettings(file, config, environment, secrets) {
  const own = config.env?.[environment];
  if (!own) return { errors: [`there is no [env.${environment}]`], warnings: [] };
  const vars = own.vars ?? {};
  const has = (name) => String(vars[name] ?? '').trim() !== '' || secrets.includes(name);
  const errors = [
    ...['SUPABASE_URL', 'CLINIC_ID', 'RATE_LIMITS'].filter((name) => !has(name)).map((name) => `${name} is missing in [env.${environment}.vars]`),
    ...missing(has, ['SUPABASE_ANON_KEY', 'SUPABASE_PUBLISHABLE_KEY'], 'the project’s public key'),
    ...missing(has, ['SUPABASE_JWKS_URL', 'SUPABASE_JWT_SECRET'], 'what tokens are verified with'),
    ...exposed(file, vars),
    ...bindings(config, own, environment),
  ];
  return { errors, warnings: file === 'wrangler.toml' ? warnings(has) : chatbotWarnings(has, vars) };
}

function missing(has, names, what) {
  return names.some(has) ? [] : [`${what} is missing: set ${names.join(' or ')}`];
}

// What must not stand in a file that is committed.
const SECRETS = /(_SECRET|_SECRET_PREVIOUS|_API_KEY|SERVICE_ROLE_KEY|_TOKEN)$/;

function exposed(file, vars) {
  const names = Object.keys(vars).filter((name) => SECRETS.test(name));
  return names.map((name) => `${name} is a secret and stands in ${file}: use \`wrangler secret put\`, and change it`);
}

/** An environment inherits no bindings: what development has, it must have too. */
function bindings(config, own, environment) {
  const names = (section) => [
    ...(section.ratelimits ?? []).map(({ name }) => name),
    ...(section.durable_objects?.bindings ?? []).map(({ name }) => name),
    ...(section.migrations ?? []).map(({ tag }) => `the migration ${tag}`),
    ...(section.services ?? []).map(({ binding }) => binding),
    ...(section.triggers?.crons ?? []).map((cron) => `the cron ${cron}`),
  ];
  const there = names(own);
  return names(config).filter((name) => !there.includes(name)).map((name) => `${name} is missing in [env.${environment}]`);
}

function warnings(has) {
  const found = [];
  if (!has('SUPABASE_SERVICE_ROLE_KEY')) found.push('without SUPABASE_SERVICE_ROLE_KEY there are no live rooms and no reminders');
  if (!has('ALLOWED_ORIGINS')) found.push('without ALLOWED_ORIGINS no web page but the Worker’s own may call');
  return [...found, ...rotated(has)];
}

function chatbotWarnings(has, vars) {
  const found = [];
  if (!has('SUPABASE_SERVICE_ROLE_KEY')) found.push('without SUPABASE_SERVICE_ROLE_KEY the knowledge base is not repaired');
  if (!has('CHAT')) found.push('without CHAT documents are searched and nothing is answered');
  if (vars.VECTOR_STORE === 'pinecone' && !has('PINECONE_API_KEY')) found.push('VECTOR_STORE is pinecone and PINECONE_API_KEY is missing: search is full text alone');
  return [...found, ...rotated(has)];
}

const rotated = (has) =>
  has('SUPABASE_JWT_SECRET_PREVIOUS') ? ['SUPABASE_JWT_SECRET_PREVIOUS is set: remove it once the tokens of before the rotation have expired'] : [];
