// The Workers under `wrangler dev`: the stack's own, built and watched by wrangler from wrangler.toml and wrangler.chatbot.toml,
// and further ones for tests, from the finished builds with other settings. The chatbot's has a process of its own, which wrangler's
// registry connects to the other: in one process with it a second Worker would have no rate limits.

import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { Processes } from './processes.mjs';
import { freePort, root } from './settings.mjs';

const wrangler = join(root, 'node_modules', '.bin', 'wrangler');
/** The two Workers: each its configuration and the folder of its build, in the checkout or in a stack's state. */
export const CLINIC = { toml: 'wrangler.toml', build: 'build' };
export const CHATBOT = { toml: 'wrangler.chatbot.toml', build: 'build-chatbot' };

/** A Worker's configuration as it is committed. */
export const configuration = ({ toml }) => parse(readFileSync(join(root, toml), 'utf8'));

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
    // What the Workers are told is in `.dev.vars`, not in other files nor in this process's environment.
    CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV: 'false',
    CI: '1',
    NO_COLOR: '1',
  };
}

function arguments_(folder, { port, config, storage = join(folder, 'wrangler-state') }) {
  return ['dev', '--local', '--ip', '127.0.0.1', '--port', String(port), '--inspector-port', '0', '--persist-to', storage, '--show-interactive-dev-session=false', '--config', config];
}

/**
 * Starts the chatbot's for the other of the same folder, which is started after it: a Worker that is bound to another begins
 * anew when that one comes. Returns its handle and its address, which nobody but tests needs.
 */
async function startChatbotWorker(processes, { folder, config, cwd, name = 'chatbot', ...options }) {
  const port = await freePort();
  const args = arguments_(folder, { port, config, storage: join(folder, 'chatbot-state') });
  const handle = processes.start(name, wrangler, args, { cwd, env: wranglerEnv(folder), ...options });
  await processes.ready(handle, () => answersHttp(port), 900);
  return { handle, url: `http://127.0.0.1:${port}` };
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

// Variables and secrets, where wrangler dev reads them for each configuration of the folder; only the owner may read it.
function writeVars(folder, vars) {
  const given = Object.entries(vars).filter(([, value]) => value !== undefined);
  const lines = given.map(([name, value]) => `${name}=${JSON.stringify(String(value))}`);
  writeFileSync(join(folder, '.dev.vars'), `${lines.join('\n')}\n`, { mode: 0o600 });
}

/** The stack's Workers: `wrangler dev` on their configurations, which rebuilds when src/ changes. */
export async function startMainWorker(processes, { stateDir, port, vars, watch }) {
  const folder = join(stateDir, 'worker');
  const [config, second] = watch ? writeWatched(folder) : writeCopies(folder, stateDir);
  writeVars(folder, vars);
  await startChatbotWorker(processes, { folder, config: second, cwd: root });
  const args = arguments_(folder, { port, config });
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

// What is committed, of the checkout and not of the folder that it is written to.
function writeWatched(folder) {
  return [CLINIC, CHATBOT].map((worker) => {
    const { build, assets, env: _environments, ...base } = configuration(worker);
    const config = {
      ...base,
      main: join(root, base.main),
      build: { command: build.command, cwd: root, watch_dir: join(root, build.watch_dir) },
      ...(assets && { assets: { ...assets, directory: join(root, assets.directory) } }),
      send_metrics: false,
    };
    return write(folder, config);
  });
}

function write(folder, config) {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${config.name}.json`);
  writeFileSync(file, JSON.stringify(config, null, 2));
  return file;
}

// Copies, so that a build made meanwhile does not change what is being tested.
function writeCopies(folder, stateDir) {
  const copy = (from, to) => {
    cpSync(join(root, from), join(stateDir, to), { recursive: true });
    return join(stateDir, to);
  };
  const page = copy('public', 'page');
  return [writeConfig(folder, CLINIC, { build: copy(CLINIC.build, CLINIC.build), page }), writeConfig(folder, CHATBOT, { build: copy(CHATBOT.build, CHATBOT.build) })];
}

/**
 * Writes a wrangler configuration for a finished build: what is committed without `[build]` and
 * environments, and no bundling. `rateLimits` replaces limits by binding name, `vars` all variables;
 * without `page` there is only the Worker.
 */
function writeConfig(folder, worker, { build, page, rateLimits = {}, vars }) {
  // wrangler's own reader would bring its signal handlers into this process.
  const { build: _command, env: _environments, assets, ...base } = configuration(worker);
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
  return write(folder, config);
}

/** The build that further Workers run: the stack's own copy, else the checkout's. */
export function finishedBuild(stateDir, { build } = CLINIC) {
  const copy = stateDir && join(stateDir, build);
  return copy && existsSync(copy) ? copy : join(root, build);
}

// RATE_LIMITS as wrangler.toml has it, with the limits of these bindings in their places.
function limitsInWords(rateLimits = {}) {
  const { vars } = configuration(CLINIC);
  return Object.entries(rateLimits).reduce((words, [binding, { limit, period }]) => {
    const name = binding.replace('RATE_LIMIT_', '').toLowerCase();
    return words.replace(new RegExp(`\\b${name}=\\S+`), `${name}=${limit}/${period}`);
  }, vars.RATE_LIMITS);
}

let extra = 0;

/**
 * Starts a further Worker for a test, from the builds that are there.
 *   stateDir    where its files go (default: the stack's, from CHAIRSIDE_STATE_DIR)
 *   port        default: a free one
 *   vars        all its settings and secrets, as strings; leave one out to have it missing
 *               (RATE_LIMITS alone follows from the bindings unless it is given)
 *   rateLimits  {RATE_LIMIT_USER: {limit, period}} instead of wrangler.toml's
 *   build       folder of another build of the clinic's (default: the one the stack runs)
 *   storage     folder of its Durable Objects' data; one that was killed goes on from it (default: a new one)
 *   logFile     default: a file of its own beside the stack's logs
 *   chatbot     whether the chatbot's Worker is started too; `chatbot` is `{url, logFile}` then
 * Returns `{url, port, logFile, stop(), kill(), ended, chatbot}`: stop asks, kill is SIGKILL to the whole
 * process group, as when a machine dies. One that a test forgets is ended with its stack.
 */
export async function startWorker({ stateDir = process.env.CHAIRSIDE_STATE_DIR, port, vars, rateLimits, build, storage, logFile, chatbot = false } = {}) {
  const name = `worker-${process.pid}-${++extra}`;
  const folder = join(stateDir, 'extra', name);
  const at = port ?? (await freePort());
  const processes = new Processes(folder);
  // Of wrangler.toml's variables only the one that says what its bindings allow.
  const told = { RATE_LIMITS: limitsInWords(rateLimits) };
  const config = writeConfig(folder, CLINIC, { build: build ?? finishedBuild(stateDir), rateLimits, vars: told });
  writeVars(folder, vars);
  const args = arguments_(folder, { port: at, config, storage });
  let handle;
  let second;
  try {
    if (chatbot) {
      const config = writeConfig(folder, CHATBOT, { build: finishedBuild(stateDir, CHATBOT), rateLimits, vars: told });
      second = await startChatbotWorker(processes, { folder, config, cwd: folder, name: `${name}-chatbot`, unref: true });
    }
    handle = processes.start(name, wrangler, args, { cwd: folder, env: wranglerEnv(folder), logFile, unref: true });
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
    chatbot: second && { url: second.url, logFile: second.handle.logFile },
    stop: () => processes.stopAll(),
    kill: () => Promise.all([handle, ...(second ? [second.handle] : [])].map((one) => processes.stop(one, { signal: 'SIGKILL' }))),
  };
}
