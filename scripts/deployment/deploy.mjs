// scripts/deploy: settings, secrets, migrations, deployment, in this order and each seen before the next begins.
// The tools are this checkout's wrangler and Supabase CLI; they take their sign-in from their own environment variables.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'smol-toml';
import { checkSettings } from './settings.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
// A test puts scripted tools here.
const tools = process.env.CHAIRSIDE_DEPLOY_TOOLS || join(root, 'node_modules', '.bin');

const USAGE = 'usage: scripts/deploy staging|production [--dry-run] [--yes]';
/** In the order of deployment: a service binding needs the Worker that it names. */
const WORKERS = ['wrangler.chatbot.toml', 'wrangler.toml'];
const say = (line) => console.log(`deploy: ${line}`);

class Refusal extends Error {}

async function main(args) {
  const flags = args.filter((arg) => arg.startsWith('--'));
  const [environment, ...rest] = args.filter((arg) => !arg.startsWith('--'));
  const known = flags.every((flag) => ['--dry-run', '--yes'].includes(flag));
  if (!environment || rest.length > 0 || !known) throw new Refusal(USAGE);
  const isDry = flags.includes('--dry-run');

  const commit = await checkout(isDry);
  const configs = WORKERS.map((file) => ({ file, config: parse(readFileSync(join(root, file), 'utf8')) }));
  await settings(configs, environment);
  const database = databaseArguments();
  say('migrations that are not applied yet:');
  await run('supabase', ['db', 'push', '--dry-run', ...database]);
  say('what would be uploaded:');
  for (const file of WORKERS) await run('wrangler', ['deploy', '--dry-run', '--config', file, '--env', environment]);
  if (isDry) return say('nothing was changed (--dry-run)');

  const name = configs.at(-1).config.env[environment].name;
  if (!flags.includes('--yes')) await confirm(name);
  // Migrations first: they only add, so that the Workers of before run on.
  await run('supabase', ['db', 'push', '--yes', ...database]);
  for (const file of WORKERS) await run('wrangler', ['deploy', '--config', file, '--env', environment, '--message', commit]);
  await ready();
  say(`${name} runs ${commit}`);
}

/** What is deployed can be found again: a commit, without changes beside it. */
async function checkout(isDry) {
  const changes = await read('git', ['status', '--porcelain']);
  if (changes.trim() !== '' && !isDry) throw new Refusal('the checkout has changes that are not committed');
  return (await read('git', ['rev-parse', '--short', 'HEAD'])).trim();
}

async function settings(configs, environment) {
  const wrong = [];
  for (const { file, config } of configs) {
    const listed = config.env?.[environment] ? await read('wrangler', ['secret', 'list', '--config', file, '--env', environment, '--format', 'json']) : '[]';
    const secrets = JSON.parse(listed).map(({ name }) => name);
    const { errors, warnings } = checkSettings(file, config, environment, secrets);
    for (const warning of warnings) say(`note: ${file}: ${warning}`);
    for (const error of errors) wrong.push(`${file}: ${error}`);
    if (errors.length === 0) say(`${file}: settings and ${secrets.length} secrets are there`);
  }
  if (wrong.length > 0) throw new Refusal(`the settings are not complete:\n  ${wrong.join('\n  ')}`);
}

// The password stays out of the list of processes where the project is linked (`supabase link`, SUPABASE_DB_PASSWORD).
function databaseArguments() {
  return process.env.DATABASE_URL ? ['--db-url', process.env.DATABASE_URL] : ['--linked'];
}

async function confirm(name) {
  if (!process.stdin.isTTY) throw new Refusal('nobody is there to confirm: run it in a terminal, or with --yes');
  const ask = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await ask.question(`deploy: type ${name} to apply the migrations and deploy: `);
  ask.close();
  if (answer.trim() !== name) throw new Refusal('not confirmed; nothing was changed');
}

/** Asks the new Worker whether its upstreams answer, where CHAIRSIDE_URL tells where it is. */
async function ready() {
  const url = process.env.CHAIRSIDE_URL;
  if (!url) return say('set CHAIRSIDE_URL to have /ready asked after a deployment');
  for (let attempt = 0; attempt < 12; attempt += 1) {
    const reply = await fetch(`${url}/ready`, { signal: AbortSignal.timeout(10_000) }).catch(() => null);
    if (reply?.ok) return say(`${url}/ready: ${await reply.text()}`);
    await new Promise((resolve) => setTimeout(resolve, Number(process.env.CHAIRSIDE_READY_PAUSE_MS ?? 5_000)));
  }
  throw new Refusal(`${url}/ready does not answer 200; \`npx wrangler rollback --env …\` brings back the Worker of before`);
}

const command = (name) => (name === 'git' ? 'git' : join(tools, name));

function run(name, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command(name), args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', reject);
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Refusal(`${name} ${args[0]} failed; nothing after it was done`))));
  });
}

function read(name, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command(name), args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('exit', (code) => (code === 0 ? resolve(output) : reject(new Refusal(`${name} ${args.join(' ')} failed`))));
  });
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Refusal ? `deploy: ${error.message}` : error);
  process.exit(1);
}
