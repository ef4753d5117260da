// scripts/dev --supabase: a real Supabase by Docker and its CLI in place of the stand-ins, then
// the same Worker in front of it. Same result as stack.mjs: `{env, stop()}`.
// Supabase's own ports are those of supabase/config.toml.

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJwt, SignJWT } from 'jose';
import { startChatbot } from './chatbot.mjs';
import { PEOPLE } from './people.mjs';
import { endLeftovers, Processes } from './processes.mjs';
import { requireFreePorts, root } from './settings.mjs';
import { build, loadKnowledge, settled, steps, writeEnv } from './stack.mjs';
import { startMainWorker, workerVars } from './worker.mjs';

const SEED_PASSWORD = 'chairside-demo';
const DAY = 24 * 3600;
// What Chairside has no use for, and would take minutes to download.
const WITHOUT = 'studio,imgproxy,storage-api,edge-runtime,logflare,vector,postgres-meta,mailpit,supavisor';

const cli = join(root, 'node_modules', '.bin', 'supabase');

export async function startStack({ stateDir, ports, say, onCrash, onProcesses, fresh, models = true, vectorStore }) {
  mkdirSync(join(stateDir, 'logs'), { recursive: true });
  requireDocker();
  const step = steps(say);
  await endLeftovers(stateDir);
  await requireFreePorts({ worker: ports.worker });
  const processes = new WithSupabase(stateDir, onCrash);
  onProcesses(processes);
  try {
    await settled([step('supabase start (Docker)', () => supabase('start', '--exclude', WITHOUT)), step('Worker built', build)]);
    // Real Supabase keeps its data in Docker's volumes, not in the state folder.
    if (fresh) await step('supabase db reset', () => supabase('db', 'reset', '--yes'));
    await step('migrations', () => supabase('migration', 'up', '--local'));
    const project = await status();
    const tokens = await step('tokens', () => makeTokens(project, say));
    // Newer CLIs sign users' tokens with a key of their own: the JWKS is always needed.
    const chatbot = await startChatbot(processes, { stateDir, ports, step, models, vectorStore });
    const vars = { ...workerVars({ gatewayUrl: project.url, keys: project, alg: 'ES256' }), ...chatbot.vars };
    await step('Worker (wrangler dev)', () => startMainWorker(processes, { stateDir, port: ports.worker, vars, watch: true }));
    const env = { ...describe({ stateDir, ports, project, processes }, tokens), ...chatbot.env };
    await step('knowledge base (supabase/knowledge)', () => loadKnowledge(env));
    writeEnv(join(stateDir, 'env'), env);
    return { env, stop: () => processes.stopAll() };
  } catch (error) {
    await processes.stopAll();
    throw error;
  }
}

/** Stops Supabase's containers too, after the Worker. */
class WithSupabase extends Processes {
  async stopAll() {
    await super.stopAll();
    await supabase('stop').catch((error) => console.error(error.message));
  }
}

function requireDocker() {
  if (spawnSync('docker', ['info'], { stdio: 'ignore' }).status !== 0) {
    throw new Error('--supabase needs Docker, and `docker info` fails; without --supabase none is needed');
  }
}

function supabase(...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(cli, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, SUPABASE_TELEMETRY_DISABLED: '1' } });
    let out = '';
    let all = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
      all += chunk;
    });
    child.stderr.on('data', (chunk) => (all += chunk));
    child.on('error', reject);
    child.on('exit', (code) => (code === 0 ? resolve(out) : reject(new Error(`supabase ${args.join(' ')} failed\n${all}`))));
  });
}

/** Addresses and keys as `supabase status` tells them; newer CLIs know the new keys too. */
async function status() {
  const found = JSON.parse(await supabase('status', '--output', 'json'));
  return {
    url: found.API_URL,
    database: found.DB_URL,
    anonKey: found.ANON_KEY,
    serviceRoleKey: found.SERVICE_ROLE_KEY,
    publishableKey: found.PUBLISHABLE_KEY,
    secretKey: found.SECRET_KEY,
    jwtSecret: found.JWT_SECRET,
  };
}

// Signs in for real, so that hook and session are Supabase's own, and prolongs the token.
async function makeTokens({ url, anonKey, jwtSecret }, say) {
  const tokens = {};
  for (const [name, email] of Object.entries(PEOPLE)) {
    const reply = await fetch(`${url}/auth/v1/token?grant_type=password`, {
      method: 'POST',
      headers: { apikey: anonKey, 'content-type': 'application/json' },
      body: JSON.stringify({ email, password: SEED_PASSWORD }),
    });
    if (!reply.ok) {
      say(`no ${name}: ${email} cannot sign in (${reply.status})`);
      continue;
    }
    const claims = decodeJwt((await reply.json()).access_token);
    const longer = { ...claims, exp: claims.iat + DAY };
    tokens[name] = await new SignJWT(longer).setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).sign(new TextEncoder().encode(jwtSecret));
  }
  return tokens;
}

function describe({ stateDir, ports, project, processes }, tokens) {
  const env = {
    CHAIRSIDE_URL: `http://127.0.0.1:${ports.worker}`,
    SUPABASE_URL: project.url,
    // PostgREST itself is inside Docker; the gateway's path is the same service.
    POSTGREST_URL: `${project.url}/rest/v1`,
    DATABASE_URL: project.database,
    ANON_KEY: project.anonKey,
    SERVICE_ROLE_KEY: project.serviceRoleKey,
    PUBLISHABLE_KEY: project.publishableKey,
    SECRET_KEY: project.secretKey,
    JWT_SECRET: project.jwtSecret,
    ...tokens,
    WORKER_LOG: processes.logFile('worker'),
    CHATBOT_LOG: processes.logFile('chatbot'),
    CHAIRSIDE_STATE_DIR: stateDir,
  };
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined));
}
