// The built Worker in workerd itself, without wrangler's proxy in front of it: for tests that kill it and for
// measurements. Its objects, alarms and storage are the runtime's own; only the rate limits count nothing.

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { Processes } from './processes.mjs';
import { freePort, root } from './settings.mjs';

const binary = join(createRequire(join(root, 'package.json')).resolve('workerd/package.json'), '..', 'bin', 'workerd');
const LIMITER = 'class Ratelimit { limit() { return Promise.resolve({ success: true }); } } export default () => new Ratelimit();';

const text = (value) => JSON.stringify(String(value));
const list = (items) => `[${items.join(', ')}]`;

const built = (build) => [
  { name: 'index.js', kind: 'esModule', file: join(build, 'index.js') },
  { name: 'index_bg.wasm', kind: 'wasm', file: join(build, 'index_bg.wasm') },
];

/**
 * Starts one. `folder` holds its objects' data: one that is started there again goes on from it. `vars` are all its
 * settings. `modules` (`{name, kind, file}`) are another Worker's, with its compatibility `flags` and without objects. `under`
 * are words before the command; without `ready` nothing is asked of it. Returns `{url, port, pid, logFile, stop(), kill()}`, as
 * startWorker does.
 */
export async function startWorkerd({ ready = true, ...options }) {
  const { folder, vars, port, build = join(root, 'build'), modules, flags = [], under = [] } = options;
  mkdirSync(join(folder, 'storage'), { recursive: true });
  const parts = modules ?? built(build);
  for (const { name, file } of parts) copyFileSync(file, join(folder, name));
  const at = port ?? (await freePort());
  writeFileSync(join(folder, 'config.capnp'), config({ given: vars, port: at, modules: parts, hasObjects: !modules, flags }), { mode: 0o600 });
  const processes = new Processes(folder);
  const [command, ...args] = [...under, binary, 'serve', 'config.capnp'];
  const handle = processes.start('workerd', command, args, { cwd: folder, unref: true });
  try {
    if (ready) await processes.ready(handle, () => answers(at), 60);
  } catch (error) {
    await processes.stopAll();
    throw error;
  }
  const url = `http://127.0.0.1:${at}`;
  return { url, port: at, pid: handle.pid, logFile: handle.logFile, stop: () => processes.stop(handle), kill: () => processes.stop(handle, { signal: 'SIGKILL' }) };
}

function config({ given, port, modules, hasObjects, flags }) {
  const { compatibility_date: date, vars, durable_objects: declared, ratelimits } = parse(readFileSync(join(root, 'wrangler.toml'), 'utf8'));
  const objects = hasObjects ? declared.bindings : [];
  const classes = objects.map(({ class_name: name }) => `(className = ${text(name)}, uniqueKey = ${text(`chairside-${name}`)}, enableSql = true)`);
  const bindings = [
    ...objects.map(({ name, class_name: of }) => `(name = ${text(name)}, durableObjectNamespace = ${text(of)})`),
    ...ratelimits.map(({ name }) => `(name = ${text(name)}, wrapped = (moduleName = "local:ratelimit"))`),
    ...Object.entries({ ...vars, ...given }).filter(([, value]) => value !== undefined).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`),
  ];
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      compatibilityDate = ${text(date)},
      compatibilityFlags = ${list(flags.map(text))},
      modules = ${list(modules.map(({ name, kind }) => `(name = ${text(name)}, ${kind} = embed ${text(name)})`))},
      bindings = ${list(bindings)},
      durableObjectNamespaces = ${list(classes)},
      durableObjectStorage = (localDisk = "disk"),
      globalOutbound = "internet"
    )),
    (name = "disk", disk = (path = "storage", writable = true)),
    (name = "internet", network = (allow = ["public", "private"]))
  ],
  sockets = [(name = "main", address = "127.0.0.1:${port}", http = (), service = "main")],
  extensions = [(modules = [(name = "local:ratelimit", internal = true, esModule = ${text(LIMITER)})])]
);
`;
}

async function answers(port) {
  const reply = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(2000) });
  await reply.arrayBuffer();
  return true;
}
