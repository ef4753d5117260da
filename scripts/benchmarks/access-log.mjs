// What the log of readings of medical records costs: two Workers on a database of their own, with and without it, in turns.
// scripts/bench-access-log [rounds]; fails when the p50 with it is more than 1.05 times that without it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureAccessLog } from './access.mjs';
import { Processes } from '../stack/processes.mjs';
import { isolatedSettings } from '../stack/settings.mjs';

const MOST = 1.05;
const rounds = Number(process.argv[2] ?? 20);
const say = (line) => console.log(`bench: ${line}`);
const stateDir = mkdtempSync(join(tmpdir(), 'chairside-bench-'));
const processes = new Processes(stateDir);
try {
  const { ports } = await isolatedSettings(stateDir);
  const { on, off, ratio, logged } = await measureAccessLog(processes, { stateDir, ports, rounds, say });
  const ms = ({ p50, p95, samples }) => `p50 ${p50.toFixed(2)} ms, p95 ${p95.toFixed(2)} ms (${samples} requests)`;
  say(`with the log:    ${ms(on)}`);
  say(`without the log: ${ms(off)}`);
  say(`ratio of p50: ${ratio.toFixed(3)} (at most ${MOST}); ${logged} readings logged`);
  process.exitCode = ratio <= MOST ? 0 : 1;
} finally {
  await processes.stopAll();
  rmSync(stateDir, { recursive: true, force: true });
}
