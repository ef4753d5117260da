// scripts/dev: options, messages, signals. Only Node's own modules are imported at the top, since
// the npm packages may still have to be installed; the parts that need them are imported later.

import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { endLeftovers, logTail } from './processes.mjs';
import { readSettings, root } from './settings.mjs';
import { claim, current, markReady, release, stop } from './supervisor.mjs';

const HELP = `Usage: scripts/dev [options]

Installs what is missing, starts PostgreSQL, PostgREST, a gateway that looks like a Supabase
project, Chroma, an embedding model, a language model, and the Worker under wrangler dev. Ctrl-C
stops all of it. Data survives; URLs, keys and tokens are printed and written to .dev/env, to be
sourced.

  --background   return when all is ready and leave it running
  --stop         stop what runs
  --reset        forget all data and keys first (stops what runs)
  --supabase     use a real Supabase by Docker and the Supabase CLI instead of the stand-ins
  --no-models    without Chroma and the models: the chatbot has full-text search alone
  --vector-store chroma|pinecone
                 where the Worker keeps its vectors (chroma); pinecone is a stand-in
  --help         this text

Ports, by environment (default): CHAIRSIDE_PORT (8787), GATEWAY_PORT (54321), POSTGRES_PORT
(54322), POSTGREST_PORT (54323), POSTGREST_ADMIN_PORT (54324), GATEWAY_CONTROL_PORT (54325),
CHROMA_PORT (54330), EMBEDDINGS_PORT (54331), CHAT_PORT (54332), PINECONE_PORT (54333).
CHAIRSIDE_STATE_DIR (.dev) holds data, logs and keys; two stacks need two folders and other ports.
AUTH_JWT_ALG=ES256 signs users' tokens with a key from the JWKS instead of the shared secret.`;

const OPTIONS = new Set(['--background', '--stop', '--reset', '--supabase', '--no-models', '--vector-store', '--help']);

const say = (line) => console.log(line);

function readOptions(given) {
  const at = given.indexOf('--vector-store');
  const vectorStore = at < 0 ? 'chroma' : given[at + 1];
  if (!['chroma', 'pinecone'].includes(vectorStore)) {
    console.error(`dev: --vector-store is chroma or pinecone\n\n${HELP}`);
    process.exit(2);
  }
  const args = at < 0 ? given : given.toSpliced(at, 2);
  const unknown = args.find((arg) => !OPTIONS.has(arg) && arg !== '-h');
  if (unknown) {
    console.error(`dev: unknown option ${unknown}\n\n${HELP}`);
    process.exit(2);
  }
  const has = (name) => args.includes(name);
  return { background: has('--background'), stop: has('--stop'), reset: has('--reset'), supabase: has('--supabase'), models: !has('--no-models'), vectorStore, help: has('--help') || has('-h') };
}

async function main() {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return say(HELP);
  const settings = readSettings(process.env);
  if (options.stop) return stopCommand(settings);
  if (options.reset) await stopQuietly(settings);
  else if (await alreadyRunning(settings)) return;
  if (options.background) return startInBackground(settings);
  await supervise(settings, options);
}

async function stopCommand({ stateDir }) {
  const { running, left } = await stop(stateDir);
  if (running) say('stopped');
  else say(left.length > 0 ? `ended what was left running: ${left.join(', ')}` : 'nothing was running');
}

async function stopQuietly({ stateDir }) {
  const { running, left } = await stop(stateDir);
  if (running || left.length > 0) say('stopped what was running');
}

/** True, and the information printed, when the stack of this state folder runs already. */
async function alreadyRunning({ stateDir }) {
  let found = current(stateDir);
  if (!found) return false;
  if (!found.ready) say(`another start is under way (process ${found.pid}); waiting for it`);
  while (found && !found.ready) {
    await sleep(200);
    found = current(stateDir);
  }
  if (!found) return false;
  say(`already running (process ${found.pid}); stop it with scripts/dev --stop`);
  printEnv(stateDir);
  return true;
}

/** Starts a detached copy of this program, shows its log until it is ready, and returns. */
async function startInBackground({ stateDir }) {
  mkdirSync(join(stateDir, 'logs'), { recursive: true });
  const logFile = join(stateDir, 'logs', 'dev.log');
  const log = openSync(logFile, 'w');
  const args = process.argv.slice(2).filter((arg) => arg !== '--background');
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...args], {
    cwd: root, detached: true, stdio: ['ignore', log, log], env: { ...process.env, CHAIRSIDE_DEV_LOG: logFile },
  });
  closeSync(log);
  let ended = false;
  child.on('exit', () => (ended = true));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill('SIGTERM'));
  const follow = follower(logFile);
  while (!ended && !(current(stateDir)?.pid === child.pid && current(stateDir).ready)) {
    await sleep(100);
    follow();
  }
  follow();
  if (ended) process.exit(child.exitCode || 1);
  child.unref();
  say('running in the background; stop it with scripts/dev --stop');
  process.exit(0);
}

// Copies what is appended to a file to standard output.
function follower(file) {
  let at = 0;
  return () => {
    const size = existsSync(file) ? statSync(file).size : 0;
    if (size <= at) return;
    const buffer = Buffer.alloc(size - at);
    const fd = openSync(file, 'r');
    readSync(fd, buffer, 0, buffer.length, at);
    closeSync(fd);
    at = size;
    process.stdout.write(buffer);
  };
}

/** Starts the stack and stays until a signal or a crash; then everything is stopped. */
async function supervise(settings, { reset, supabase, models, vectorStore }) {
  const { stateDir } = settings;
  if (!claim(stateDir)) return alreadyRunning(settings);
  const began = performance.now();
  const ending = endOnce(stateDir);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => ending.end(`stopping (${signal})`, 0));
  try {
    await toolchain(ending);
    if (reset) await forget(settings);
    const { startStack } = await import(supabase ? './supabase.mjs' : './stack.mjs');
    const onCrash = (name, how) => ending.end(`${name} ${how}\n${logTail(join(stateDir, 'logs', `${name}.log`))}\nstopping everything`, 1);
    const stack = await startStack({ ...settings, say, fresh: reset, models, vectorStore, onCrash, onProcesses: (processes) => (ending.processes = processes) });
    if (ending.begun) return;
    printEnv(stateDir);
    say(`ready after ${((performance.now() - began) / 1000).toFixed(1)} s · page and API ${stack.env.CHAIRSIDE_URL}`);
    if (!process.env.CHAIRSIDE_DEV_LOG) say('Ctrl-C stops all of it');
    markReady(stateDir);
  } catch (error) {
    await ending.end(`dev: ${error.message}`, 1);
  }
}

// However many reasons there are to stop, everything is stopped once.
function endOnce(stateDir) {
  const ending = {
    begun: null,
    processes: null,
    end(message, code) {
      ending.begun ??= (async () => {
        (code === 0 ? console.log : console.error)(message);
        ending.child?.kill('SIGTERM');
        await ending.processes?.stopAll();
        await endLeftovers(stateDir);
        release(stateDir);
        process.exit(code);
      })();
      return ending.begun;
    },
  };
  return ending;
}

function toolchain(ending) {
  return new Promise((resolve, reject) => {
    const child = spawn(join(root, 'scripts', 'toolchain'), { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    ending.child = child;
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      ending.child = null;
      if (code === 0) resolve();
      else reject(new Error(signal ? `the set-up was ended by ${signal}` : 'the set-up failed; see above'));
    });
  });
}

async function forget({ stateDir }) {
  const { dataFolder } = await import('./postgres.mjs');
  const keep = new Set(['supervisor.json', 'logs']);
  rmSync(dataFolder(stateDir), { recursive: true, force: true });
  for (const name of readdirSync(stateDir)) {
    if (!keep.has(name)) rmSync(join(stateDir, name), { recursive: true, force: true });
  }
  say('all data and keys forgotten (--reset)');
}

function printEnv(stateDir) {
  const text = readFileSync(join(stateDir, 'env'), 'utf8');
  say(`\n${text.replaceAll(/^export /gm, '')}\nthe same in ${join(stateDir, 'env')}, to be sourced`);
}

await main();
