// The one supervisor of a state folder: who it is, whether it is ready, and how to end it.
// The file is made exclusively, so that two starts at once cannot both go on.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endLeftovers, sameProcess, startTime } from './processes.mjs';

const file = (stateDir) => join(stateDir, 'supervisor.json');

/** `{pid, started, ready}` of a supervisor that lives, or null. */
export function current(stateDir) {
  let entry;
  try {
    entry = JSON.parse(readFileSync(file(stateDir), 'utf8'));
  } catch {
    return null;
  }
  return sameProcess(entry) ? entry : null;
}

/** Makes this process the supervisor; false when another one lives. */
export function claim(stateDir) {
  mkdirSync(stateDir, { recursive: true });
  for (;;) {
    try {
      write(stateDir, false, 'wx');
      return true;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (current(stateDir)) return false;
      // Left by a supervisor that was killed.
      rmSync(file(stateDir), { force: true });
    }
  }
}

export const markReady = (stateDir) => write(stateDir, true, 'w');

function write(stateDir, ready, flag) {
  const entry = { pid: process.pid, started: startTime(process.pid), ready };
  writeFileSync(file(stateDir), JSON.stringify(entry), { flag });
}

export function release(stateDir) {
  rmSync(file(stateDir), { force: true });
}

/** Ends the supervisor, and what one that was killed has left. Returns what was found. */
export async function stop(stateDir, seconds = 40) {
  const running = current(stateDir);
  if (running) {
    process.kill(running.pid, 'SIGTERM');
    const deadline = Date.now() + seconds * 1000;
    while (sameProcess(running) && Date.now() < deadline) await sleep(50);
    if (sameProcess(running)) process.kill(running.pid, 'SIGKILL');
  }
  const left = await endLeftovers(stateDir);
  if (existsSync(file(stateDir)) && !current(stateDir)) release(stateDir);
  return { running: running !== null, left };
}
