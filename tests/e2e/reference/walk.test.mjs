// The API reference before two judges from outside: a validator of OpenAPI, and schemathesis, which walks every
// operation with thousands of good and bad requests (their number, the seed and what is switched off are in its file).

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { installed, python } from '../../../scripts/stack/models/packages.mjs';
import { Database } from '../lib/database.mjs';
import { env, tokens } from '../lib/stack.mjs';

const document = fileURLToPath(new URL('../../../docs/openapi.json', import.meta.url));
const settings = fileURLToPath(new URL('schemathesis.toml', import.meta.url));

let database;
const folder = mkdtempSync(join(tmpdir(), 'chairside-reference-'));
before(async () => {
  database = await Database.open();
  await database.keep();
});
after(async () => {
  await database.restore();
  await database.close();
  rmSync(folder, { recursive: true });
});

async function run(...args) {
  const PYTHONPATH = await installed('reference');
  return new Promise((resolve) => {
    const child = spawn(python, args, { cwd: folder, env: { ...process.env, PYTHONPATH, NO_COLOR: '1' }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('exit', (code) => resolve({ code, output }));
  });
}

test('it is valid OpenAPI 3.1', async () => {
  const { code, output } = await run('-m', 'openapi_spec_validator', document);
  assert.equal(code, 0, output);
});

// Each edge of every schema once, as somebody who may see and do much; then chance alone, as a patient.
for (const { role, phases, least } of [
  { role: 'receptionist', phases: 'examples,coverage,fuzzing', least: 8_000 },
  { role: 'patient', phases: 'examples,fuzzing', least: 500 },
]) {
  test(`no server error and no answer that it does not describe, as ${role}`, async () => {
    const headers = ['-H', `apikey: ${env.ANON_KEY}`, '-H', `Authorization: Bearer ${tokens[role]}`];
    const walk = ['run', document, '--url', env.CHAIRSIDE_URL, '--phases', phases, ...headers];
    const { code, output } = await run('-m', 'schemathesis.cli', '--config-file', settings, ...walk);
    assert.equal(code, 0, output.slice(0, 20_000));
    const cases = Number(output.match(/(\d+) generated/)?.[1]);
    assert.ok(cases > least, `only ${cases} requests: ${output.slice(-2_000)}`);
  });
}
