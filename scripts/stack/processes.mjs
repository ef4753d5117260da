// Child processes that never outlive the stack: each leads a process group of its own, is
// written down in the state folder with its start time, and is ended by that id alone. After a
// crash of the supervisor the next start (or stop) finds and ends what was left.

import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

// The fields of /proc/<pid>/stat from the state on, or null: no such process, or only its corpse,
// which holds nothing any more but waits for a parent that may be slow to collect it.
function stat(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : fields;
  } catch {
    return null;
  }
}

const hasProc = existsSync('/proc/self/stat');
const GROUP = 2;
const START = 19;

/** When a process started, as the system tells it (only to be compared), or null if it is gone. */
export function startTime(pid) {
  if (hasProc) return stat(pid)?.[START] ?? null;
  return spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim() || null;
}

export const sameProcess = ({ pid, started }) => started !== null && startTime(pid) === started;

/** Whether any process of the group that `pid` leads, or led, still runs. */
export function groupLives(pid) {
  if (hasProc) return readdirSync('/proc').some((name) => /^\d+$/.test(name) && stat(name)?.[GROUP] === String(pid));
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}

const signalGroup = (pid, signal) => {
  try {
    process.kill(-pid, signal);
  } catch {
    // Already gone.
  }
};

/** Ends a group: asks its leader first, insists after `patience` ms. */
async function endGroup(pid, signal, patience) {
  try {
    process.kill(pid, signal);
  } catch {
    // The leader is gone; what is left of the group is ended below.
  }
  const deadline = Date.now() + patience;
  while (startTime(pid) !== null && Date.now() < deadline) await sleep(20);
  signalGroup(pid, 'SIGKILL');
  while (groupLives(pid) && Date.now() < deadline + 2000) await sleep(20);
}

export class Processes {
  /** `stateDir` holds the list of what runs; `onExit(name, how)` hears of an end nobody asked for. */
  constructor(stateDir, onExit = () => {}) {
    this.stateDir = stateDir;
    this.file = join(stateDir, 'processes.json');
    this.onExit = onExit;
    this.running = [];
  }

  logFile(name) {
    return join(this.stateDir, 'logs', `${name}.log`);
  }

  /**
   * Starts `command`; its output goes to `logs/<name>.log`, of one that `isSilent` only errors. `signal` is how it likes to be stopped;
   * with `unref` this process may end before it.
   */
  start(name, command, args, { env = process.env, cwd, signal = 'SIGTERM', logFile = this.logFile(name), isSilent = false, unref = false } = {}) {
    mkdirSync(dirname(logFile), { recursive: true });
    const log = openSync(logFile, 'w', 0o600);
    const child = spawn(command, args, { env, cwd, detached: true, stdio: ['ignore', isSilent ? 'ignore' : log, log] });
    closeSync(log);
    if (unref) child.unref();
    const entry = { name, pid: child.pid, started: child.pid ? startTime(child.pid) : null, signal };
    const ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(`could not start: ${error.message}`));
      child.once('exit', (code, by) => resolve(by ? `ended by ${by}` : `exited with ${code}`));
    });
    const handle = { ...entry, logFile, ended, over: null, stopping: false };
    ended.then((how) => {
      handle.over = how;
      if (!handle.stopping) this.onExit(name, how);
    });
    if (child.pid) {
      this.running.push(handle);
      this.#write();
    }
    return handle;
  }

  /** Waits until `check()` is true; throws with the log's end when the process ends before. */
  async ready(handle, check, seconds = 30) {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      if (handle.over) throw new Error(`${handle.name} ${handle.over}\n${logTail(handle.logFile)}`);
      if (await check().catch(() => false)) return;
      if (Date.now() > deadline) throw new Error(`${handle.name} was not ready within ${seconds} s\n${logTail(handle.logFile)}`);
      await sleep(40);
    }
  }

  async stop(handle, { signal = handle.signal, patience = 8000 } = {}) {
    handle.stopping = true;
    await endGroup(handle.pid, signal, patience);
    this.running = this.running.filter((other) => other !== handle);
    this.#write();
  }

  /** Stops all, the last started first. */
  async stopAll() {
    for (const handle of [...this.running].reverse()) await this.stop(handle);
  }

  #write() {
    const list = this.running.map(({ name, pid, started, signal }) => ({ name, pid, started, signal }));
    if (existsSync(this.stateDir)) writeFileSync(this.file, JSON.stringify(list));
  }
}

/**
 * Ends whatever an earlier supervisor of `stateDir` left behind, and further Workers that tests
 * left there (each in a folder of `extra/`); returns the names.
 */
export async function endLeftovers(stateDir) {
  const found = [];
  for (const file of lists(stateDir)) {
    for (const entry of JSON.parse(readFileSync(file, 'utf8') || '[]').reverse()) {
      // A group outlives its leader under the leader's number, which is then given to nobody else.
      const left = sameProcess(entry) || (startTime(entry.pid) === null && groupLives(entry.pid));
      if (!left) continue;
      found.push(entry.name);
      await endGroup(entry.pid, entry.signal, 8000);
    }
    rmSync(file, { force: true });
  }
  return found;
}

function lists(stateDir) {
  const extra = join(stateDir, 'extra');
  const folders = existsSync(extra) ? readdirSync(extra).map((name) => join(extra, name)) : [];
  return [...folders, stateDir].map((folder) => join(folder, 'processes.json')).filter(existsSync);
}

export function logTail(file, lines = 25) {
  if (!existsSync(file)) return '';
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}
