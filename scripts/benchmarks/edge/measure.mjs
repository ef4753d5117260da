// What is measured of a case: rounds in which the peers take turns, each peer's medians, and ratios within a round.

import { readFileSync } from 'node:fs';
import { median, percentile } from '../figures.mjs';
import { cpuNs } from '../workerd.mjs';
import { closedLoop } from './load.mjs';

/** One turn of one peer: `{perSecond, p50, p99, cpuUs}`; `cpuUs` is null for who has no process of its own. */
export async function turn({ url, pid }, request, load) {
  const before = pid ? cpuNs(pid) : null;
  const { times, ms } = await closedLoop(url, request, load);
  const cpuUs = pid ? (cpuNs(pid) - before) / 1e3 / times.length : null;
  return { perSecond: (times.length / ms) * 1e3, p50: percentile(times, 0.5), p99: percentile(times, 0.99), cpuUs };
}

const FIGURES = ['perSecond', 'p50', 'p99', 'cpuUs'];

/** Rounds of turns in changing order; `{peers: {name: figures}, ratios: {other: {figure: ours to other}}}`. */
export async function rounds(peers, of, { rounds: count, load }) {
  const names = Object.keys(peers);
  const turns = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < count; round++) {
    const first = round % names.length;
    for (const name of [...names.slice(first), ...names.slice(0, first)]) turns[name].push(await turn(peers[name], of(name), load));
  }
  const middle = (name) => Object.fromEntries(FIGURES.map((figure) => [figure, turns[name][0][figure] === null ? null : median(turns[name].map((one) => one[figure]))]));
  const ratio = (other, figure) => (turns[other][0][figure] === null ? null : median(turns.ours.map((one, round) => one[figure] / turns[other][round][figure])));
  const others = names.filter((name) => name !== 'ours');
  return {
    peers: Object.fromEntries(names.map((name) => [name, middle(name)])),
    ratios: Object.fromEntries(others.map((other) => [other, Object.fromEntries(FIGURES.map((figure) => [figure, ratio(other, figure)]))])),
  };
}

/** Resident memory of a process, in MiB. */
export function residentMiB(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}
