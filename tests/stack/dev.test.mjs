// scripts/dev itself, on a state folder and ports of its own: starts, restarts, resets, stops,
// and leaves nothing running, also when a part of it dies.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseEnv } from 'node:util';
import { query } from '../../scripts/stack/postgres.mjs';
import { groupLives } from '../../scripts/stack/processes.mjs';
import { isolatedSettings, root } from '../../scripts/stack/settings.mjs';

const script = join(root, 'scripts', 'dev');
const stateDir = mkdtempSync(join(tmpdir(), 'chairside-dev-'));
let environment;

before(async () => {
  const { ports } = await isolatedSettings(stateDir);
  environment = {
    // The stack of the test run must not be mistaken for this one.
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? '',
    CARGO_HOME: process.env.CARGO_HOME ?? '',
    RUSTUP_HOME: process.env.RUSTUP_HOME ?? '',
    CHAIRSIDE_STATE_DIR: stateDir,
    CHAIRSIDE_PORT: String(ports.worker),
    GATEWAY_PORT: String(ports.gateway),
    POSTGRES_PORT: String(ports.postgres),
    POSTGREST_PORT: String(ports.postgrest),
    POSTGREST_ADMIN_PORT: String(ports.postgrestAdmin),
    GATEWAY_CONTROL_PORT: String(ports.control),
    CHROMA_PORT: String(ports.chroma),
    EMBEDDINGS_PORT: String(ports.embeddings),
    CHAT_PORT: String(ports.chat),
  };
  for (const [name, value] of Object.entries(environment)) if (value === '') delete environment[name];
});

after(() => {
  dev('--stop');
  rmSync(stateDir, { recursive: true, force: true });
});

function dev(...args) {
  const result = spawnSync(script, args, { env: environment, encoding: 'utf8' });
  return { status: result.status, output: result.stdout + result.stderr };
}

function started(...args) {
  // The models have tests of their own.
  const result = dev('--background', '--no-models', ...args);
  assert.equal(result.status, 0, result.output);
  return result.output;
}

const readEnv = () => parseEnv(readFileSync(join(stateDir, 'env'), 'utf8'));
const processes = () => JSON.parse(readFileSync(join(stateDir, 'processes.json'), 'utf8'));

function nothingRuns(list) {
  const left = list.filter(({ pid }) => groupLives(pid)).map(({ name }) => name);
  assert.deepEqual(left, []);
}

async function servicesSeen() {
  const env = readEnv();
  const reply = await fetch(`${env.SUPABASE_URL}/rest/v1/service?select=id`, { headers: { apikey: env.ANON_KEY } });
  assert.equal(reply.status, 200);
  return (await reply.json()).length;
}

test('help_names_every_option_and_an_unknown_one_is_refused', () => {
  const { status, output } = dev('--help');
  assert.equal(status, 0);
  for (const option of ['--background', '--stop', '--reset', '--supabase', 'CHAIRSIDE_PORT']) assert.ok(output.includes(option));
  assert.equal(dev('--bogus').status, 2);
});

test('stop_with_nothing_running_says_so', () => {
  const { status, output } = dev('--stop');
  assert.equal(status, 0);
  assert.match(output, /nothing was running/);
});

test('background_starts_everything_and_says_how_long_each_step_took', async () => {
  const output = started();
  for (const step of ['PostgreSQL 17', 'migrations and seed', 'PostgREST', 'gateway', 'Worker']) {
    assert.match(output, new RegExp(`${step}.* · \\d+\\.\\d s`));
  }
  const env = readEnv();
  const names = ['CHAIRSIDE_URL', 'SUPABASE_URL', 'POSTGREST_URL', 'DATABASE_URL', 'ANON_KEY', 'SERVICE_ROLE_KEY', 'JWT_SECRET',
    'TOKEN_PATIENT', 'TOKEN_PATIENT_2', 'TOKEN_DENTIST', 'TOKEN_RECEPTIONIST', 'TOKEN_ADMIN'];
  for (const name of names) {
    assert.ok(env[name], name);
    assert.ok(output.includes(env[name]), `${name} is printed`);
  }
  assert.ok((await fetch(`${env.CHAIRSIDE_URL}/health`)).status > 0);
  assert.ok((await servicesSeen()) > 0);
});

test('the_env_file_can_be_sourced_by_a_shell', () => {
  const shell = spawnSync('sh', ['-c', `. "${stateDir}/env" && env`], { encoding: 'utf8' });
  assert.ok(shell.stdout.includes(`ANON_KEY=${readEnv().ANON_KEY}`));
});

test('a_second_call_says_that_it_runs_and_prints_the_same', () => {
  const before = processes();
  for (const args of [['--background'], []]) {
    const { status, output } = dev(...args);
    assert.equal(status, 0);
    assert.match(output, /already running/);
    assert.ok(output.includes(readEnv().TOKEN_ADMIN));
  }
  assert.deepEqual(processes(), before);
});

test('data_and_keys_survive_a_restart_that_is_ready_within_15_s', async () => {
  const { DATABASE_URL, ANON_KEY, JWT_SECRET } = readEnv();
  await query(DATABASE_URL, 'create table public.survivor as select 42 as answer');
  const before = processes();
  assert.match(dev('--stop').output, /stopped/);
  nothingRuns(before);
  const output = started();
  const [, seconds] = /ready after (\d+\.\d) s/.exec(output);
  assert.ok(Number(seconds) < 15, `ready after ${seconds} s`);
  assert.deepEqual(await query(DATABASE_URL, 'select answer from public.survivor'), [{ answer: 42 }]);
  assert.equal(readEnv().ANON_KEY, ANON_KEY);
  assert.equal(readEnv().JWT_SECRET, JWT_SECRET);
});

test('reset_starts_over_with_new_keys_also_while_it_runs', async () => {
  const { DATABASE_URL, JWT_SECRET } = readEnv();
  const output = started('--reset');
  assert.match(output, /stopped what was running/);
  assert.notEqual(readEnv().JWT_SECRET, JWT_SECRET);
  await assert.rejects(query(DATABASE_URL, 'select answer from public.survivor'), { code: '42P01' });
});

test('what_a_killed_supervisor_left_is_ended_by_the_next_start', async () => {
  const before = processes();
  process.kill(JSON.parse(readFileSync(join(stateDir, 'supervisor.json'), 'utf8')).pid, 'SIGKILL');
  await sleep(200);
  assert.ok(before.some(({ pid }) => groupLives(pid)));
  assert.match(started(), /had left running/);
  nothingRuns(before);
});

test('a_part_that_dies_takes_everything_down_and_is_named', async () => {
  const before = processes();
  process.kill(before.find(({ name }) => name === 'postgrest').pid, 'SIGKILL');
  for (let waited = 0; existsSync(join(stateDir, 'supervisor.json')) && waited < 15_000; waited += 100) await sleep(100);
  assert.match(readFileSync(join(stateDir, 'logs', 'dev.log'), 'utf8'), /postgrest ended by SIGKILL/);
  nothingRuns(before);
});

test('ctrl_c_stops_all_of_a_foreground_run', async () => {
  const child = spawn(script, ['--no-models'], { env: environment });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  const ended = new Promise((resolve) => child.on('exit', resolve));
  for (let waited = 0; !output.includes('Ctrl-C') && waited < 60_000; waited += 100) await sleep(100);
  const running = processes();
  assert.deepEqual(running.map(({ name }) => name).sort(), ['chatbot', 'gateway', 'postgres', 'postgrest', 'worker']);
  child.kill('SIGINT');
  assert.equal(await ended, 0);
  nothingRuns(running);
  assert.match(dev('--stop').output, /nothing was running/);
});

test('a_port_in_use_is_named_with_the_variable_to_change_it', () => {
  const taken = new URL(process.env.SUPABASE_URL).port;
  const result = spawnSync(script, ['--background'], { env: { ...environment, GATEWAY_PORT: taken }, encoding: 'utf8' });
  assert.equal(result.status, 1);
  assert.match(result.stdout + result.stderr, new RegExp(`port ${taken} .*GATEWAY_PORT`));
});
