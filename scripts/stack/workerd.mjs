// The built Worker in workerd itself, without wrangler's proxy in front of it: for tests that kill it and for
// measurements. Its objects, alarms and storage are the runtime's own; only the rate limits count nothing.

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Processes } from './processes.mjs';
import { freePort, root } from './settings.mjs';
import { CHATBOT, CLINIC, configuration } from './worker.mjs';

const binary = join(createRequire(join(root, 'package.json')).resolve('workerd/package.json'), '..', 'bin', 'workerd');
const LIMITER = 'class Ratelimit { limit() { return Promise.resolve({ success: true }); } } export default () => new Ratelimit();';

const text = (value) => JSON.stringify(String(value));
const list = (items) => `[${items.join(', ')}]`;

/** The modules of a build of ours. */
export const built = (build, folder = '') => [
  { name: 'index.js', kind: 'esModule', file: join(build, 'index.js'), at: join(folder, 'index.js') },
  { name: 'index_bg.wasm', kind: 'wasm', file: join(build, 'index_bg.wasm'), at: join(folder, 'index_bg.wasm') },
];

/**
 * Starts one. `folder` holds its objects' data: one that is started there again goes on from it. `vars` are all its
 * settings. With `chatbot` the chatbot's is there too. `modules` (`{name, kind, file}`) are another Worker's, with its
 * compatibility `flags` and without objects. `under` are words before the command; one that `isSilent` keeps no log but of
 * errors; without `ready` nothing is asked of it.
 * Returns `{url, port, pid, logFile, stop(), kill()}`, as startWorker does.
 */
export async function startWorkerd({ ready = true, ...options }) {
  const { folder, vars, port, build = join(root, CLINIC.build), chatbot = false, modules, flags = [], under = [], isSilent = false } = options;
  for (const name of ['storage', 'chatbot']) mkdirSync(join(folder, name), { recursive: true });
  const main = modules?.map((module) => ({ ...module, at: module.name })) ?? built(build);
  const second = chatbot ? built(join(root, CHATBOT.build), 'chatbot') : [];
  for (const { at, file } of [...main, ...second]) copyFileSync(file, join(folder, at));
  const at = port ?? (await freePort());
  writeFileSync(join(folder, 'config.capnp'), config({ given: vars, port: at, main, second, hasObjects: !modules, flags }), { mode: 0o600 });
  const processes = new Processes(folder);
  const [command, ...args] = [...under, binary, 'serve', 'config.capnp'];
  const handle = processes.start('workerd', command, args, { cwd: folder, isSilent, unref: true });
  try {
    if (ready) await processes.ready(handle, () => answers(at), 60);
  } catch (error) {
    await processes.stopAll();
    throw error;
  }
  const url = `http://127.0.0.1:${at}`;
  return { url, port: at, pid: handle.pid, logFile: handle.logFile, stop: () => processes.stop(handle), kill: () => processes.stop(handle, { signal: 'SIGKILL' }) };
}

function config({ given, port, main, second, hasObjects, flags }) {
  const { durable_objects: declared } = configuration(CLINIC);
  const objects = hasObjects ? declared.bindings : [];
  const classes = objects.map(({ class_name: name }) => `(className = ${text(name)}, uniqueKey = ${text(`chairside-${name}`)}, enableSql = true)`);
  const bindings = [
    ...objects.map(({ name, class_name: of }) => `(name = ${text(name)}, durableObjectNamespace = ${text(of)})`),
    ...(second.length > 0 ? ['(name = "CHATBOT", service = "chatbot")'] : []),
  ];
  const chatbot = second.length > 0 ? [`(name = "chatbot", worker = ${worker({ of: CHATBOT, modules: second, given })})`] : [];
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = ${worker({ of: CLINIC, modules: main, given, flags, bindings, classes })}),
    ${chatbot.map((service) => `${service},`).join('')}
    (name = "disk", disk = (path = "storage", writable = true)),
    (name = "internet", network = (allow = ["public", "private"]))
  ],
  sockets = [(name = "main", address = "127.0.0.1:${port}", http = (), service = "main")],
  extensions = [(modules = [(name = "local:ratelimit", internal = true, esModule = ${text(LIMITER)})])]
);
`;
}

function worker({ of, modules, given, flags = [], bindings = [], classes = [] }) {
  const { compatibility_date: date, vars, ratelimits } = configuration(of);
  const all = [
    ...bindings,
    ...ratelimits.map(({ name }) => `(name = ${text(name)}, wrapped = (moduleName = "local:ratelimit"))`),
    ...Object.entries({ ...vars, ...given }).filter(([, value]) => value !== undefined).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`),
  ];
  return `(
      compatibilityDate = ${text(date)},
      compatibilityFlags = ${list(flags.map(text))},
      modules = ${list(modules.map(({ name, kind, at }) => `(name = ${text(name)}, ${kind} = embed ${text(at)})`))},
      bindings = ${list(all)},
      durableObjectNamespaces = ${list(classes)},
      ${classes.length > 0 ? 'durableObjectStorage = (localDisk = "disk"),' : ''}
      globalOutbound = "internet"
    )`;
}

async function answers(port) {
  const reply = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(2000) });
  await reply.arrayBuffer();
  return true;
}
