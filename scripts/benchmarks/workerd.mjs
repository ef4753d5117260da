// workerd without wrangler in front of it: for each that is measured a process of its own, configured alike.

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { buildSync } from 'esbuild';
import { parse } from 'smol-toml';
import { freePort, root } from '../stack/settings.mjs';

const peers = join(root, 'tests', 'peers', 'rooms');
const binary = join(createRequire(join(root, 'package.json')).resolve('workerd/package.json'), '..', 'bin', 'workerd');
const { compatibility_date: date, vars: settings } = parse(readFileSync(join(root, 'wrangler.toml'), 'utf8'));

const text = (value) => JSON.stringify(String(value));
const texts = (vars) => Object.entries(vars).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`);
const list = (items) => `[\n    ${items.join(',\n    ')}\n  ]`;
const namespace = (binding, className, service) =>
  `(name = "${binding}", durableObjectNamespace = (className = "${className}"${service ? `, serviceName = "${service}"` : ''}))`;

/** The code of a peer, in one file. */
function bundle(folder, name) {
  const outfile = join(folder, `${name}.js`);
  const options = { bundle: true, format: 'esm', platform: 'browser', conditions: ['workerd'], external: ['cloudflare:*'], absWorkingDir: root };
  buildSync({ entryPoints: [join(peers, `${name}.js`)], outfile, logLevel: 'error', ...options });
  return [{ name: `${name}.js`, kind: 'esModule' }];
}

function chairside(folder) {
  const build = join(root, 'build');
  for (const file of ['index.js', 'index_bg.wasm']) copyFileSync(join(build, file), join(folder, file));
  return [{ name: 'index.js', kind: 'esModule' }, { name: 'index_bg.wasm', kind: 'wasm' }];
}

// A rate-limit binding that counts nothing: the other two have none.
const LIMITER = 'class Ratelimit { limit() { return Promise.resolve({ success: true }); } } export default () => new Ratelimit();';
const limiters = ['ANON', 'USER', 'AUTH'].map((name) => `(name = "RATE_LIMIT_${name}", wrapped = (moduleName = "bench:ratelimit"))`);

function worker({ modules, bindings, classes, folder, outbound }) {
  mkdirSync(join(folder, 'storage'), { recursive: true });
  const objects = classes.map((name) => `(className = "${name}", uniqueKey = "bench-${name}", enableSql = true)`);
  return `(
  compatibilityDate = "${date}",
  modules = ${list(modules.map(({ name, kind }) => `(name = "${name}", ${kind} = embed "${basename(folder)}/${name}")`))},
  bindings = ${list(bindings)},
  durableObjectNamespaces = ${list(objects)},
  durableObjectStorage = (localDisk = "${basename(folder)}-disk"),
  globalOutbound = "${outbound}"
)`;
}

/**
 * Starts one of `ours`, `bare`, `party`: `{pid, port, trigger, logFile, stop()}`; `trigger` is the port of
 * tests/peers/rooms/trigger.js. `ours` without `fed` has its own Feed and reaches what `vars` names.
 */
export async function startPeer(processes, { name, stateDir, vars = {}, fed = true, start = 0, core }) {
  const home = join(stateDir, name);
  const [main, trigger] = ['main', 'trigger'].map((part) => join(home, part));
  for (const folder of [main, trigger]) mkdirSync(folder, { recursive: true });
  const isOurs = name === 'ours';
  const own = isOurs ? [...limiters, namespace('FEED', 'Feed', fed && 'trigger'), ...texts({ ...settings, ...vars })] : [];
  const services = {
    main: worker({
      folder: main,
      modules: isOurs ? chairside(main) : bundle(main, name),
      bindings: [namespace('ROOM', 'Room'), ...own],
      classes: isOurs ? ['Room', 'Feed'] : ['Room'],
      outbound: isOurs && fed ? 'trigger' : 'internet',
    }),
    trigger: worker({
      folder: trigger,
      modules: bundle(trigger, 'trigger'),
      bindings: [namespace('ROOM', 'Room', 'main'), namespace('FEED', 'Feed'), ...texts({ EPOCH: 'bench', START: start })],
      classes: ['Feed'],
      outbound: 'internet',
    }),
  };
  const port = await freePort();
  const triggerPort = await freePort([port]);
  writeFileSync(join(home, 'config.capnp'), config(services, port, triggerPort), { mode: 0o600 });
  const [command, ...args] = [...pinned(core), binary, 'serve', 'config.capnp'];
  const handle = processes.start(`workerd-${name}`, command, args, { cwd: home });
  await processes.ready(handle, () => answers(triggerPort));
  return { name, pid: handle.pid, port, trigger: triggerPort, logFile: handle.logFile, stop: () => processes.stop(handle) };
}

function config(services, port, triggerPort) {
  const disks = Object.keys(services).map((name) => `(name = "${name}-disk", disk = (path = "${name}/storage", writable = true))`);
  const workers = Object.entries(services).map(([name, value]) => `(name = "${name}", worker = ${value})`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = ${list([...workers, ...disks, '(name = "internet", network = (allow = ["public", "private"]))'])},
  sockets = [
    (name = "main", address = "127.0.0.1:${port}", http = (), service = "main"),
    (name = "trigger", address = "127.0.0.1:${triggerPort}", http = (), service = "trigger")
  ],
  extensions = [(modules = [(name = "bench:ratelimit", internal = true, esModule = ${text(LIMITER)})])]
);
`;
}

async function answers(port) {
  await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(2000) });
  return true;
}

/** The words before a command that keep it on one core, where that can be done. */
export function pinned(core) {
  const can = core !== undefined && spawnSync('taskset', ['-c', String(core), 'true']).status === 0;
  return can ? ['taskset', '-c', String(core)] : [];
}

/** How long all threads of a process have been on a core, in ns; null where the system does not tell. */
export function cpuNs(pid) {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.reduce((sum, thread) => sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]), 0);
  } catch {
    return null;
  }
}
