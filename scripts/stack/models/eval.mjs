// scripts/eval: a database, PostgREST, Chroma and the embedding model of their own, then the
// measurement (examples/eval), then everything is stopped.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { SignJWT } from 'jose';
import { loadKeys } from '../keys.mjs';
import { applyShim, migrate, startPostgres } from '../postgres.mjs';
import { startPostgrest } from '../postgrest.mjs';
import { Processes } from '../processes.mjs';
import { isolatedSettings, root } from '../settings.mjs';
import { startModels } from './models.mjs';

const ADMIN = '00000000-0000-4000-8000-0000000000f1';

const USAGE = 'usage: scripts/eval [DIR] [--json FILE] [--embeddings minilm|e5]';
const MODELS = { minilm: 'embeddings', e5: 'e5' };

function readArguments(args) {
  const options = { '--json': null, '--embeddings': 'minilm' };
  const rest = [];
  for (let at = 0; at < args.length; at += 1) {
    if (args[at] in options) options[args[at]] = args[++at];
    else rest.push(args[at]);
  }
  const { '--json': json, '--embeddings': model } = options;
  if (rest.length > 1 || rest[0]?.startsWith('-') || json === undefined || !MODELS[model]) {
    console.error(USAGE);
    process.exit(2);
  }
  return { folder: resolve(rest[0] ?? join(root, '..', 'shared', 'eval')), json: json && resolve(json), part: MODELS[model] };
}

async function start(processes, { stateDir, ports }, part) {
  const step = async (name, work) => {
    const started = performance.now();
    const result = await work();
    console.error(`eval: ${name} · ${((performance.now() - started) / 1000).toFixed(1)} s`);
    return result;
  };
  const keys = await loadKeys(stateDir);
  await step('PostgreSQL 17', () => startPostgres(processes, { stateDir, port: ports.postgres }));
  await step('migrations', () => applyShim(ports.postgres).then(() => migrate(ports.postgres, stateDir)));
  await step('PostgREST', () => startPostgrest(processes, { stateDir, ports, keys }));
  const models = await startModels(processes, { stateDir, ports, step, parts: ['chroma', part] });
  const token = new SignJWT({ role: 'authenticated' }).setProtectedHeader({ alg: 'HS256' }).setSubject(ADMIN).setExpirationTime('1 day');
  return { ...models, POSTGREST_URL: `http://127.0.0.1:${ports.postgrest}`, ADMIN_TOKEN: await token.sign(new TextEncoder().encode(keys.jwtSecret)) };
}

function run(command, args, env) {
  return new Promise((done) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', env });
    child.on('error', () => done(1));
    child.on('exit', (code) => done(code ?? 1));
  });
}

const { folder, json, part } = readArguments(process.argv.slice(2));
const stateDir = mkdtempSync(join(tmpdir(), 'chairside-eval-'));
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'chairside');
mkdirSync(cache, { recursive: true });
const processes = new Processes(stateDir, (name, how) => console.error(`eval: ${name} ${how}`));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => processes.stopAll().then(() => process.exit(1)));
let status = 1;
try {
  const settings = await start(processes, await isolatedSettings(stateDir), part);
  const env = { ...process.env, ...settings, EVAL_CACHE: process.env.EVAL_CACHE ?? join(cache, 'eval-embeddings.bin') };
  status = await run('cargo', ['run', '--quiet', '--example', 'eval', '--', folder, ...(json ? [json] : [])], env);
} catch (error) {
  console.error(`eval: ${error.message}`);
} finally {
  await processes.stopAll();
  rmSync(stateDir, { recursive: true, force: true });
}
process.exit(status);
