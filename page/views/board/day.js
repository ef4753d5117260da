// A day's appointments: read once, then kept by the room. What is on the screen is one of these at any time.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { select } from '../../lib/appointments.js';
import { addDays, dayOf, instantAt } from '../../lib/clock.js';
import { useClinic } from '../../lib/context.js';
import { problemOf } from '../../lib/problem.js';
import { useRoom } from '../../lib/room.js';
import { merged, replaced, without } from '../../lib/rows.js';

/** `{rows: Map | null, problem, standing, reload}` of a day. */
export function useDay(day) {
  const { client, zone } = useClinic();
  const [{ rows, problem, of }, setShown] = useState({ rows: null });
  const wanted = useRef(day);
  wanted.current = day;
  const gone = useRef(new Set());
  const change = (work) => setShown((now) => (now.rows ? { ...now, rows: work(now.rows) } : now));

  const reload = useCallback(async () => {
    gone.current = new Set();
    const [from, to] = [instantAt(day, 0, zone), instantAt(addDays(day, 1), 0, zone)];
    const reply = await select(client).gte('starts_at', from.toISOString()).lt('starts_at', to.toISOString()).order('starts_at');
    if (wanted.current !== day) return;
    if (reply.error) setShown((now) => ({ ...now, problem: problemOf(reply), of: day }));
    else setShown((now) => ({ rows: replaced(now.of === day && now.rows ? now.rows : new Map(), reply.data, gone.current), of: day }));
  }, [client, zone, day]);
  useEffect(() => void reload(), [reload]);

  const complete = useRows(client, (row) => change((now) => (now.has(row.id) ? merged(now, row) : now)));
  const onChange = ({ eventType, old, new: row }) => {
    const stays = eventType !== 'DELETE' && !row.deleted_at && dayOf(row.starts_at, zone) === wanted.current;
    if (!stays) {
      const id = row?.id ?? old.id;
      gone.current.add(id);
      return change((now) => without(now, id));
    }
    gone.current.delete(row.id);
    change((now) => merged(now, row));
    complete(row.id);
  };
  const standing = useRoom('board', ['appointment'], { onChange, onFresh: reload });
  return of === day ? { rows, problem, standing, reload } : { rows: null, standing, reload };
}

const TOGETHER_MS = 60;

// A change carries the row alone; names and services are read for all that came within a moment.
function useRows(client, take) {
  const waiting = useRef(new Set());
  const timer = useRef(null);
  const taking = useRef(take);
  taking.current = take;
  useEffect(() => () => clearTimeout(timer.current), []);
  return (id) => {
    waiting.current.add(id);
    timer.current ??= setTimeout(async () => {
      timer.current = null;
      const ids = [...waiting.current];
      waiting.current.clear();
      const { data } = await select(client).in('id', ids);
      for (const row of data ?? []) taking.current(row);
    }, TOGETHER_MS);
  };
}
