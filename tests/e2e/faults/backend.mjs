// A backend and a Worker of the test's own, whose parts may be stopped and started again.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadKeys } from '../../../scripts/stack/keys.mjs';
import { databaseUrl, startPostgres } from '../../../scripts/stack/postgres.mjs';
import { startPostgrest } from '../../../scripts/stack/postgrest.mjs';
import { Processes } from '../../../scripts/stack/processes.mjs';
import { isolatedSettings } from '../../../scripts/stack/settings.mjs';
import { startBackend } from '../../../scripts/stack/stack.mjs';
import { startWorker, workerVars } from '../../../scripts/stack/worker.mjs';
import { settings } from './worker.mjs';

const START = { postgres: ({ processes, ...rest }) => startPostgres(processes, { ...rest, port: rest.ports.postgres }), postgrest: ({ processes, ...rest }) => startPostgrest(processes, rest) };

export class Backend {
  static async start(changes = {}) {
    const backend = new Backend();
    backend.stateDir = mkdtempSync(join(tmpdir(), 'chairside-faults-'));
    const { ports } = await isolatedSettings(backend.stateDir);
    const keys = await loadKeys(backend.stateDir);
    const gatewayUrl = `http://127.0.0.1:${ports.gateway}`;
    const auth = { databaseUrl: databaseUrl(ports.postgres, 'supabase_auth_admin'), keys, issuer: `${gatewayUrl}/auth/v1`, alg: 'HS256' };
    backend.parts = { stateDir: backend.stateDir, ports, keys, processes: new Processes(backend.stateDir) };
    backend.keys = keys;
    try {
      const silent = () => {};
      backend.tokens = await startBackend({ ...backend.parts, auth, say: silent, step: (_, work) => work() });
      const vars = settings({ ...workerVars({ gatewayUrl, keys, alg: 'HS256' }), ...changes });
      backend.worker = await startWorker({ stateDir: backend.stateDir, build: process.env.CHAIRSIDE_BUILD_DIR, vars });
    } catch (error) {
      await backend.end();
      throw error;
    }
    return backend;
  }

  /** Ends a part for real, by its process id. */
  async stop(name, signal) {
    const handle = this.parts.processes.running.find((running) => running.name === name);
    await this.parts.processes.stop(handle, signal ? { signal } : {});
  }

  /** Starts a part again, on its port and its data. */
  restart(name) {
    return START[name](this.parts);
  }

  async end() {
    await this.worker?.stop();
    await this.parts.processes.stopAll();
    rmSync(this.stateDir, { recursive: true, force: true });
  }
}
