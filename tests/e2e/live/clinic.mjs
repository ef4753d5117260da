// A writer that keeps changing the clinic, directly and through Chairside, and what each role must have seen of it:
// change_log's own entries, through the policies of the two tables that it writes to.

import { send } from '../lib/stack.mjs';
import { appointment, insert, people, sleep } from './support.mjs';

const PATIENTS = [people.patient, people.patient2];
const pick = (from) => from[Math.floor(Math.random() * from.length)];
const service = () => ({ id: crypto.randomUUID(), code: `W${crypto.randomUUID().slice(0, 8).toUpperCase()}`, name: 'A service', category: 'diagnostic', fee: 10 });

// [table, SQL of one change to the row $1]
const CHANGES = [
  ['appointment', 'update public.appointment set notes = md5(random()::text) where id = $1'],
  ['appointment', 'update public.appointment set notes = md5(random()::text), reason = repeat($$x$$, 400) where id = $1'],
  ['appointment', `update public.appointment set patient_id = case patient_id when '${PATIENTS[0]}' then '${PATIENTS[1]}'::uuid else '${PATIENTS[0]}' end where id = $1`],
  ['appointment', 'update public.appointment set deleted_at = case when deleted_at is null then now() end where id = $1'],
  ['service', 'update public.service set fee = fee + 1 where id = $1'],
  ['service', 'update public.service set active = not active where id = $1'],
];

export class Writer {
  #stopped = false;

  constructor(database, url) {
    Object.assign(this, { database, url, rows: { appointment: [], service: [] }, through: 0, refused: 0 });
  }

  async prepare() {
    for (let count = 0; count < 12; count++) {
      const patient_id = PATIENTS[count % 2];
      this.rows.appointment.push((await insert(this.database, 'appointment', appointment({ patient_id }))).id);
      if (count < 3) this.rows.service.push((await insert(this.database, 'service', service())).id);
    }
  }

  /** A change that everybody sees; gives its row's id. */
  mark() {
    return insert(this.database, 'service', service()).then(({ id }) => id);
  }

  start() {
    this.done = Promise.all([this.#direct(), this.#throughChairside()]);
  }

  stop() {
    this.#stopped = true;
    return this.done;
  }

  async #direct() {
    while (!this.#stopped) {
      const [table, sql] = pick(CHANGES);
      await this.database.rows(sql, [pick(this.rows[table])]);
      await sleep(7);
    }
  }

  // What is refused while things break is not repeated: only what was committed counts.
  async #throughChairside() {
    while (!this.#stopped) {
      const path = `/rest/v1/appointment?id=eq.${pick(this.rows.appointment)}`;
      const reply = await send('PATCH', path, { role: 'receptionist', url: this.url, body: { notes: `by hand ${this.through}` } }).catch(() => null);
      if (reply?.status === 204) this.through += 1;
      else this.refused += 1;
      await sleep(reply ? 60 : 300);
    }
  }

  async newest() {
    const [{ seq }] = await this.database.rows('select coalesce(max(seq), 0)::int as seq from public.change_log');
    return seq;
  }

  /** What the role must have seen of everything after `seq`, in order. */
  async seen(role, seq) {
    const log = await this.database.rows(
      "select table_name, op, key, record, old_record from public.change_log where seq > $1 and table_name in ('appointment', 'service') order by seq", [seq]);
    return log.map((entry) => shown(entry, role)).filter(Boolean);
  }
}

function shown({ table_name: table, op, key, record, old_record }, role) {
  const [before, after] = [old_record, record].map((row) => row && sees(table, row, role));
  if (after && op === 'INSERT') return { table, type: 'INSERT', now: record, old: {} };
  if (after) return { table, type: 'UPDATE', now: record, old: before ? old_record : key };
  return before ? { table, type: 'DELETE', now: {}, old: key } : null;
}

function sees(table, row, role) {
  if (row.deleted_at !== null) return false;
  const isStaff = role === 'dentist' || role === 'receptionist';
  if (table === 'service') return row.active || isStaff;
  return isStaff || (row.patient_id === people[role] && role !== 'anon');
}

/** What supabase-js gave its callback, in the same form. */
export const got = ({ table, eventType, new: now, old }) => ({ table, type: eventType, now, old });
