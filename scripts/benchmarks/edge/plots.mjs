// How cost grows, as SVG: points, their line and axes from zero.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [300, 220, 52, 40, 30, 16];

/** A number that is not below and is easy to read. */
function round(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((step) => step * unit).find((step) => step >= value * 0.999);
}

const short = (value) => (value >= 1e6 ? `${value / 1e6}M` : value >= 1e3 ? `${value / 1e3}k` : String(value));

/** One plot at `x`: `points` as [across, up], `title`, and what the axes are. */
export function plot({ x = 0, y = 0, title, across, up, lines }) {
  const all = lines.flatMap(({ points }) => points);
  const [most, highest] = [round(Math.max(...all.map(([a]) => a))), round(Math.max(...all.map(([, b]) => b)))];
  const px = (value) => (LEFT + (value / most) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const py = (value) => (HEIGHT - BOTTOM - (value / highest) * (HEIGHT - BOTTOM - TOP)).toFixed(1);
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  const grid = ticks.map((tick) => {
    const [gx, gy] = [px(tick * most), py(tick * highest)];
    return `<path class="grid" d="M${LEFT} ${gy}H${WIDTH - RIGHT}"/><text class="end" x="${LEFT - 6}" y="${Number(gy) + 3}">${short(Number((tick * highest).toPrecision(3)))}</text><text class="mid" x="${gx}" y="${HEIGHT - BOTTOM + 14}">${short(Number((tick * most).toPrecision(3)))}</text>`;
  });
  const drawn = lines.map(({ points, name }, at) => {
    // What is measured grows: the corner above its beginning is free.
    const label = name ? `<text class="c${at}" x="${LEFT + 8}" y="${TOP + 13 + 14 * at}">${name}</text>` : '';
    return `<polyline class="l${at}" points="${points.map(([a, b]) => `${px(a)},${py(b)}`).join(' ')}"/>${points.map(([a, b]) => `<circle class="p${at}" cx="${px(a)}" cy="${py(b)}" r="2.5"/>`).join('')}${label}`;
  });
  return `<g transform="translate(${x} ${y})"><text class="title" x="${LEFT}" y="16">${title}</text>${grid.join('')}${drawn.join('')}<text class="mid" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}">${across}</text><text class="mid" transform="translate(12 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)">${up}</text></g>`;
}

/** A picture of plots side by side. */
export function picture(all) {
  const style = 'text{font:11px system-ui,sans-serif;fill:#333}.title{font-weight:600;font-size:12px}.end{text-anchor:end}.mid{text-anchor:middle}.grid{stroke:#ddd}polyline{fill:none;stroke-width:1.5}.l0{stroke:#0b6e99}.p0,.c0{fill:#0b6e99}.l1{stroke:#c2410c}.p1,.c1{fill:#c2410c}';
  const plots = all.map((one, at) => plot({ ...one, x: at * WIDTH }));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${all.length * WIDTH} ${HEIGHT}" width="${all.length * WIDTH}" height="${HEIGHT}"><style>${style}</style><rect width="100%" height="100%" fill="#fff"/>${plots.join('')}</svg>\n`;
}

/** Writes growth.svg. */
export function plots({ growth }, folder) {
  if (!growth) return;
  mkdirSync(folder, { recursive: true });
  const line = (kind, figure) => growth[kind].map((one) => [one.size, one[figure]]);
  writeFileSync(join(folder, 'growth.svg'), picture([
    { title: 'Response, streamed', across: 'bytes', up: 'CPU µs', lines: [{ points: line('bytes', 'cpuUs') }] },
    { title: 'Memory meanwhile', across: 'bytes of the response', up: 'MiB of workerd', lines: [{ points: line('bytes', 'residentMiB') }] },
    { title: 'Bulk insert', across: 'rows', up: 'CPU µs', lines: [{ points: line('rows', 'cpuUs') }] },
    { title: 'Query', across: 'filters', up: 'CPU µs', lines: [{ points: line('filters', 'cpuUs') }] },
  ]));
}
