// The Worker under `wrangler dev`: the stack's own one, built and watched by wrangler from
// wrangler.toml, and further ones for tests, from the finished build with other settings.

import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'smol-toml';
import { Processes } from './processes.mjs';
import { freePort, root } from './settings.mjs';

const wrangler = join(root, 'node_modules', '.bin', 'wrangler');

/** wrangler keeps its files in `folder`, tells nobody anything and asks nobody for news. */
function wranglerEnv(folder) {
  return {
    ...process.env,
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_SEND_ERROR_REPORTS: 'false',
    WRANGLER_HIDE_BANNER: 'true',
    WRANGLER_LOG_PATH: join(folder, 'wrangler-logs'),
    WRANGLER_REGISTRY_PATH: join(folder, 'wrangler-registry'),
    WRANGLER_CACHE_DIR: join(folder, 'wrangler-cache'),
    MINIFLARE_CACHE_DIR: join(folder, 'wrangler-cache'),
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    // The file given to it is what the Worker is told, not this process's environment.
    CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV: 'true',
    CLOUDFLARE_INCLUDE_PROCESS_ENV: 'false',
    CI: '1',
    NO_COLOR: '1',
  };
}

function arguments_(folder, port, storage = join(folder, 'wrangler-state')) {
  return [
    'dev', '--local', '--ip', '127.0.0.1', '--port', String(port), '--inspector-port', '0', '--persist-to', storage, '--show-interactive-dev-session=false',
  ];
}

/** What the Worker is told about the stack's gateway and keys, by the names of its settings. */
export function workerVars({ gatewayUrl, keys, alg }) {
  const vars = {
    SUPABASE_URL: gatewayUrl,
    SUPABASE_ANON_KEY: keys.anonKey,
    SUPABASE_PUBLISHABLE_KEY: keys.publishableKey,
    SUPABASE_JWT_SECRET: keys.jwtSecret,
    SUPABASE_SERVICE_ROLE_KEY: keys.serviceRoleKey,
  };
  if (alg === 'ES256') vars.SUPABASE_JWKS_URL = `${gatewayUrl}/auth/v1/.well-known/jwks.json`;
  return vars;
}

/** Writes variables and secrets where wrangler dev reads them; only the owner may read it. */
export function writeVars(file, vars) {
  mkdirSync(dirname(file), { recursive: true });
  const given = Object.entries(vars).filter(([, value]) => value !== undefined);
  const lines = given.map(([name, value]) => `${name}=${JSON.stringify(String(value))}`);
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
}

/** The stack's Worker: `wrangler dev` on wrangler.toml, which rebuilds when src/ changes. */
export async function startMainWorker(processes, { stateDir, port, vars, watch }) {
  const varsFile = join(stateDir, 'worker.vars');
  writeVars(varsFile, vars);
  const folder = join(stateDir, 'worker');
  const config = watch ? join(root, 'wrangler.toml') : writeConfig(folder, { build: copyBuild(stateDir), page: copyPage(stateDir) });
  const args = [...arguments_(folder, port), '--config', config, '--env-file', varsFile];
  const handle = processes.start('worker', wrangler, args, { cwd: root, env: wranglerEnv(folder) });
  // A build may still have to run, or run again for an edit made meanwhile.
  await processes.ready(handle, () => answersHttp(port), 900);
  return handle;
}

// Any answer will do: a Worker without its settings answers 503 on purpose.
async function answersHttp(port) {
  const reply = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(2000) });
  await reply.arrayBuffer();
  return true;
}

/**
 * Writes a wrangler configuration for a finished build: wrangler.toml's without `[build]` and
 * environments, and no bundling. `rateLimits` replaces limits by binding name, `vars` all variables;
 * without `page` there is only the Worker.
 */
function writeConfig(folder, { build, page, rateLimits = {}, vars }) {
  // wrangler's own reader would bring its signal handlers into this process.
  const { build: _command, env: _environments, assets, ...base } = parse(readFileSync(join(root, 'wrangler.toml'), 'utf8'));
  if (!existsSync(join(build, 'index.js'))) throw new Error(`no built Worker in ${build}; run scripts/build first`);
  const config = {
    ...base,
    main: join(build, 'index.js'),
    base_dir: build,
    no_bundle: true,
    find_additional_modules: true,
    rules: [{ type: 'CompiledWasm', globs: ['**/*.wasm'], fallthrough: true }],
    ratelimits: base.ratelimits.map((limit) => ({ ...limit, simple: rateLimits[limit.name] ?? limit.simple })),
    vars: vars ?? base.vars,
    ...(page && { assets: { ...assets, directory: page } }),
    send_metrics: false,
  };
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'wrangler.json');
  writeFileSync(file, JSON.stringify(config, null, 2));
  return file;
}

/** The build that further Workers run: the stack's own copy, else the checkout's. */
function finishedBuild(stateDir) {
  const copy = join(stateDir, 'build');
  return existsSync(copy) ? copy : join(root, 'build');
}

// A copy, so that a build made meanwhile does not change what is being tested.
function copyBuild(stateDir) {
  cpSync(join(root, 'build'), join(stateDir, 'build'), { recursive: true });
  return join(stateDir, 'build');
}

function copyPage(stateDir) {
  cpSync(join(root, 'public'), join(stateDir, 'page'), { recursive: true });
  return join(stateDir, 'page');
}

// RATE_LIMITS as wrangler.toml has it, with the limits of these bindings in their places.
function limitsInWords(rateLimits = {}) {
  const { vars } = parse(readFileSync(join(root, 'wrangler.toml'), 'utf8'));
  return Object.entries(rateLimits).reduce((words, [binding, { limit, period }]) => {
    const name = binding.replace('RATE_LIMIT_', '').toLowerCase();
    return words.replace(new RegExp(`\\b${name}=\\S+`), `${name}=${limit}/${period}`);
  }, vars.RATE_LIMITS);
}

let extra = 0;

/**
 * Starts a further Worker for a test, from the build that is there.
 *   stateDir    where its files go (default: the stack's, from CHAIRSIDE_STATE_DIR)
 *   port        default: a free one
 *   vars        all its settings and secrets, as strings; leave one out to have it missing
 *               (RATE_LIMITS alone follows from the bindings unless it is given)
 *   rateLimits  {RATE_LIMIT_USER: {limit, period}} instead of wrangler.toml's
 *   build       folder of another build (default: the one the stack runs)
 *   storage     folder of its Durable Objects' data; one that was killed goes on from it (default: a new one)
 *   logFile     default: a file of its own beside the stack's logs
 * Returns `{url, port, logFile, stop(), kill(), ended}`: stop asks, kill is SIGKILL to the whole
 * process group, as when a machine dies. One that a test forgets is ended with its stack.
 */
export async function startWorker({ stateDir = process.env.CHAIRSIDE_STATE_DIR, port, vars, rateLimits, build, storage, logFile } = {}) {
  const name = `worker-${process.pid}-${++extra}`;
  const folder = join(stateDir, 'extra', name);
  const at = port ?? (await freePort());
  const processes = new Processes(folder);
  const varsFile = join(folder, 'worker.vars');
  writeVars(varsFile, vars);
  // Of wrangler.toml's variables only the one that says what its bindings allow.
  const told = { RATE_LIMITS: limitsInWords(rateLimits) };
  const config = writeConfig(folder, { build: build ?? finishedBuild(stateDir), rateLimits, vars: told });
  const args = [...arguments_(folder, at, storage), '--config', config, '--env-file', varsFile];
  const handle = processes.start(name, wrangler, args, { cwd: folder, env: wranglerEnv(folder), logFile, unref: true });
  try {
    await processes.ready(handle, () => answersHttp(at), 60);
  } catch (error) {
    await processes.stopAll();
    throw error;
  }
  return {
    url: `http://127.0.0.1:${at}`,
    port: at,
    logFile: handle.logFile,
    ended: handle.ended,
    stop: () => processes.stop(handle),
    kill: () => processes.stop(handle, { signal: 'SIGKILL' }),
  };
}
