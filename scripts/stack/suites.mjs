// Runs test suites against a stack of their own: other ports and another state folder than
// scripts/dev, so that both can run at once. Called by scripts/test; arguments: suites' names.
// A suite is the *.test.mjs files of tests/<name>; they get the variables of `.dev/env`. With
// --no-models the stack has neither Chroma nor the models.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endLeftovers, logTail } from './processes.mjs';
import { isolatedSettings, root } from './settings.mjs';
import { startStack } from './stack.mjs';

// No single test may take longer: one that hangs must not hang the whole run.
const TEST_TIMEOUT_MS = 600_000;

const say = (line) => console.log(`test: ${line}`);

let child = null;
let stack = null;
let interrupted = false;
let crashed = null;

async function main(suites, { models }) {
  const stateDir = mkdtempSync(join(tmpdir(), 'chairside-test-'));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => interrupt(signal));
  const results = [];
  try {
    const settings = await isolatedSettings(stateDir);
    stack = await startStack({ ...settings, say, watch: false, models, onCrash: (name, how) => crash(stateDir, name, how), onProcesses: keep });
    if (!interrupted) await runAll(suites, stack.env, results);
  } catch (error) {
    console.error(`test: ${error.message}`);
    results.push({ name: 'stack', ok: false });
  } finally {
    await processes?.stopAll();
    await endLeftovers(stateDir);
  }
  finish(stateDir, results);
}

let processes = null;
function keep(made) {
  processes = made;
}

function interrupt(signal) {
  interrupted = true;
  say(`stopping (${signal})`);
  child?.kill('SIGTERM');
  // While the stack is still starting there is nobody else to stop it.
  if (!stack) processes?.stopAll().then(() => process.exit(1));
}

function crash(stateDir, name, how) {
  crashed = name;
  console.error(`test: ${name} ${how}\n${logTail(join(stateDir, 'logs', `${name}.log`))}`);
}

async function runAll(suites, stackEnv, results) {
  const env = { ...process.env, ...stackEnv };
  const schema = join(root, 'scripts', 'schema');
  if (suites.includes('db') && existsSync(schema)) results.push({ name: 'schema', ok: await run(schema, ['--check'], env) });
  for (const name of suites) {
    const files = testFiles(join(root, 'tests', name));
    if (files.length === 0 || interrupted) continue;
    say(`tests/${name} (${files.length} files)`);
    const flags = ['--test', '--test-concurrency=1', `--test-timeout=${TEST_TIMEOUT_MS}`, '--test-reporter=spec'];
    results.push({ name, ok: await run(process.execPath, [...flags, ...files], env) });
  }
}

function testFiles(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .filter((file) => file.endsWith('.test.mjs'))
    .sort()
    .map((file) => join(folder, file));
}

function run(command, args, env) {
  return new Promise((resolve) => {
    child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', () => resolve(false));
    child.on('exit', (code) => {
      child = null;
      resolve(code === 0);
    });
  });
}

function finish(stateDir, results) {
  if (crashed) results.push({ name: `${crashed} (ended by itself)`, ok: false });
  const failed = results.filter(({ ok }) => !ok).map(({ name }) => name);
  if (failed.length > 0) say(`failed: ${failed.join(', ')}; logs are in ${join(stateDir, 'logs')}`);
  else rmSync(stateDir, { recursive: true, force: true });
  if (results.length === 0) say('no suite was run');
  process.exit(failed.length > 0 || interrupted || results.length === 0 ? 1 : 0);
}

const given = process.argv.slice(2);
await main(given.filter((name) => name !== '--no-models'), { models: !given.includes('--no-models') });
