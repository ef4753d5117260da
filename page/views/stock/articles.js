// Lots gathered into articles: how much of each can be used, and what is the matter with it.

export const SOON_DAYS = 30;

/** `rows` of `inventory`; days are 'YYYY-MM-DD'. Those that need a look come first. */
export function articlesOf(rows, today, soon) {
  const groups = Map.groupBy ? Map.groupBy(rows, keyOf) : grouped(rows);
  return [...groups].map(([key, lots]) => articleOf(key, lots, today, soon)).sort((a, b) => b.weight - a.weight || a.name.localeCompare(b.name));
}

const keyOf = ({ sku, location }) => `${sku} ${location}`;

function grouped(rows) {
  const groups = new Map();
  for (const row of rows) groups.set(keyOf(row), [...(groups.get(keyOf(row)) ?? []), row]);
  return groups;
}

function articleOf(key, rows, today, soon) {
  const lots = rows.map((row) => marked(row, today, soon)).sort((a, b) => (a.expires_on ?? '9').localeCompare(b.expires_on ?? '9'));
  const usable = lots.filter(({ status, expired }) => status === 'active' && !expired).reduce((sum, { on_hand }) => sum + Number(on_hand), 0);
  const level = Math.max(...lots.map(({ reorder_level }) => Number(reorder_level)));
  const low = usable <= level;
  const expired = lots.some((lot) => lot.expired && Number(lot.on_hand) > 0);
  const expiring = expired || lots.some((lot) => lot.soon && Number(lot.on_hand) > 0);
  const { sku, name, unit, location } = lots[0];
  return { key, sku, name, unit, location, lots, usable, level, low, expired, expiring, weight: Number(low) * 2 + Number(expiring) };
}

function marked(row, today, soon) {
  const expired = row.status === 'expired' || (row.expires_on !== null && row.expires_on < today);
  return { ...row, expired, soon: !expired && row.expires_on !== null && row.expires_on <= soon };
}
