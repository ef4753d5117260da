// scripts/deploy: what it refuses and in which order it works, with scripted tools in the place of wrangler and the
// Supabase CLI; and that both environments of both Workers are ones that the real wrangler takes.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'smol-toml';
import { checkSettings } from '../../scripts/deployment/settings.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const FILES = ['wrangler.chatbot.toml', 'wrangler.toml'];
const [chatbot, clinic] = FILES.map((file) => readFileSync(join(root, file), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'chairside-deploy-'));
after(() => rmSync(folder, { recursive: true }));

/** A tool that notes how it was called; `extra` is what it does besides. */
function script(name, extra) {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\necho "${name} $*" >>"${folder}/calls"\n${extra}\n`);
  chmodSync(file, 0o755);
}

function execute(command, args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.on('exit', (code) => resolve({ code, output }));
  });
}

async function deploy(args, { secrets = [], env = {} } = {}) {
  rmSync(join(folder, 'calls'), { force: true });
  script('wrangler', `if [ "$1" = secret ]; then echo '${JSON.stringify(secrets.map((name) => ({ name, type: 'secret_text' })))}'; fi`);
  script('supabase', '');
  const result = await execute(join(root, 'scripts', 'deploy'), args, { CHAIRSIDE_DEPLOY_TOOLS: folder, DATABASE_URL: '', ...env });
  const calls = existsSync(join(folder, 'calls')) ? readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n') : [];
  return { ...result, calls };
}

const filled = (toml = clinic) => {
  const config = parse(toml);
  Object.assign(config.env.staging.vars, { SUPABASE_URL: 'https://p.supabase.co', CLINIC_ID: 'elm', SUPABASE_JWKS_URL: 'https://p.supabase.co/auth/v1/.well-known/jwks.json', ALLOWED_ORIGINS: 'https://app.example' });
  return config;
};

test('what is missing is named all at once, and nothing is touched', async () => {
  const { code, output, calls } = await deploy(['staging', '--dry-run']);
  assert.equal(code, 1);
  for (const name of ['SUPABASE_URL', 'CLINIC_ID', 'SUPABASE_ANON_KEY or SUPABASE_PUBLISHABLE_KEY', 'SUPABASE_JWKS_URL or SUPABASE_JWT_SECRET']) assert.match(output, new RegExp(name));
  for (const file of FILES) assert.match(output, new RegExp(`${file}: CLINIC_ID`));
  assert.deepEqual(calls, FILES.map((file) => `wrangler secret list --config ${file} --env staging --format json`));
});

test('complete settings pass; what is optional is said', () => {
  assert.deepEqual(checkSettings('wrangler.toml', filled(), 'staging', ['SUPABASE_ANON_KEY', 'SUPABASE_SERVICE_ROLE_KEY']), { errors: [], warnings: [] });
  assert.equal(checkSettings('wrangler.toml', filled(), 'staging', ['SUPABASE_ANON_KEY']).warnings.length, 1);
  const { errors, warnings } = checkSettings('wrangler.chatbot.toml', filled(chatbot), 'staging', ['SUPABASE_ANON_KEY', 'SUPABASE_SERVICE_ROLE_KEY']);
  assert.deepEqual([errors, warnings.length], [[], 1]);
  assert.match(warnings[0], /without CHAT/);
});

test('a secret in the file, and a binding that the environment lacks, are refused', () => {
  const config = filled();
  config.env.staging.vars.SUPABASE_JWT_SECRET = 'in the open';
  config.env.staging.ratelimits.pop();
  const { errors } = checkSettings('wrangler.toml', config, 'staging', ['SUPABASE_ANON_KEY']);
  assert.equal(errors.length, 2, errors.join('\n'));
  assert.match(errors[0], /SUPABASE_JWT_SECRET is a secret/);
  assert.match(errors[1], /RATE_LIMIT_AUTH is missing/);
});

test('each environment has every binding, migration and cron that development has', () => {
  for (const environment of ['staging', 'production']) {
    for (const [at, toml] of [chatbot, clinic].entries()) {
      const { errors } = checkSettings(FILES[at], parse(toml), environment, []);
      assert.deepEqual(errors.filter((error) => error.endsWith(`[env.${environment}]`)), []);
    }
  }
});

test('the two Workers count in the same budgets, and one is bound to the other by its name', () => {
  for (const environment of ['staging', 'production', null]) {
    const [second, first] = [chatbot, clinic].map((toml) => (environment ? parse(toml).env[environment] : parse(toml)));
    assert.deepEqual(second.ratelimits, first.ratelimits);
    assert.equal(second.vars.RATE_LIMITS, first.vars.RATE_LIMITS);
    assert.deepEqual(first.services.map(({ binding, service }) => [binding, service]), [['CHATBOT', second.name]]);
    assert.equal(second.workers_dev, false, 'no address of its own');
    assert.equal(second.preview_urls, false);
  }
});

const SECRETS = ['SUPABASE_URL', 'CLINIC_ID', 'SUPABASE_ANON_KEY', 'SUPABASE_JWT_SECRET', 'SUPABASE_SERVICE_ROLE_KEY', 'ALLOWED_ORIGINS'];

test('a dry run shows migrations and upload and changes nothing', async () => {
  const { code, output, calls } = await deploy(['production', '--dry-run'], { secrets: SECRETS });
  assert.equal(code, 0, output);
  const uploads = FILES.map((file) => `wrangler deploy --dry-run --config ${file} --env production`);
  assert.deepEqual(calls.slice(2), ['supabase db push --dry-run --linked', ...uploads]);
});

test('without a terminal it does not go on by itself; with --yes migrations come first, and /ready is asked', async (t) => {
  const clean = (await execute('git', ['status', '--porcelain'])).output.trim() === '';
  if (!clean) return t.skip('the checkout has changes, of which a deployment is refused');
  const refused = await deploy(['production'], { secrets: SECRETS });
  assert.equal(refused.code, 1);
  assert.match(refused.output, /nobody is there to confirm/);
  assert.equal(refused.calls.length, 5, 'only what changes nothing');

  let asked = 0;
  const server = createServer((_, reply) => {
    asked += 1;
    reply.writeHead(asked < 2 ? 503 : 200).end('{"status":"ready"}');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const env = { CHAIRSIDE_URL: `http://127.0.0.1:${server.address().port}`, CHAIRSIDE_READY_PAUSE_MS: '10' };
  const done = await deploy(['production', '--yes'], { secrets: SECRETS, env });
  server.close();
  assert.equal(done.code, 0, done.output);
  assert.equal(asked, 2);
  assert.match(done.calls[5], /^supabase db push --yes --linked$/);
  for (const [at, file] of FILES.entries()) assert.match(done.calls[6 + at], new RegExp(`^wrangler deploy --config ${file} --env production --message [0-9a-f]+$`));
});

test('anything else is answered with how to use it', async () => {
  for (const args of [[], ['staging', 'production'], ['staging', '--force']]) {
    const { code, output } = await deploy(args);
    assert.equal(code, 1);
    assert.match(output, /usage/);
  }
});

const LIMITS = ['env.RATE_LIMIT_ANON', 'env.RATE_LIMIT_USER', 'env.RATE_LIMIT_AUTH', 'env.METRICS'];
const BINDINGS = { 'wrangler.toml': ['env.FEED', 'env.ROOM', 'env.ACCESS_QUEUE', 'env.CHATBOT', ...LIMITS], 'wrangler.chatbot.toml': ['env.AI', ...LIMITS] };

for (const [file, environment] of FILES.flatMap((file) => [[file, 'staging'], [file, 'production']])) {
  test(`the real wrangler would deploy ${file} to ${environment}`, async () => {
    const args = ['deploy', '--dry-run', '--config', file, '--env', environment, '--outdir', join(folder, `${file}-${environment}`)];
    const env = { WRANGLER_SEND_METRICS: 'false', WRANGLER_LOG_PATH: join(folder, 'logs'), CI: '1', NO_COLOR: '1' };
    const { code, output } = await execute(join(root, 'node_modules', '.bin', 'wrangler'), args, env);
    assert.equal(code, 0, output);
    for (const binding of BINDINGS[file]) assert.match(output, new RegExp(binding));
    assert.doesNotMatch(output, /WARNING/, output);
  });
}
