// Rows read for a view, with what it shows meanwhile and when that fails.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { problemOf } from './problem.js';

/**
 * `{data, problem, loading, again}` of `read()`, which gives a request of supabase-js; read anew when `keys` change, which
 * is `loading` again, while `again()` leaves what is shown until there is an answer. One that another request has
 * overtaken is dropped.
 */
export function useReading(read, keys) {
  const [shown, setShown] = useState({ data: null });
  const latest = useRef(0);
  const again = useCallback(async function reading() {
    const mine = ++latest.current;
    const reply = await read();
    if (mine !== latest.current) return;
    if (reply.error) setShown((now) => ({ data: now.data, problem: problemOf(reply), of: reading }));
    else setShown({ data: reply.data, of: reading });
  }, keys);
  useEffect(() => {
    again();
    return () => void latest.current++;
  }, [again]);
  const loading = shown.of !== again;
  return { data: shown.data, problem: loading ? undefined : shown.problem, loading, again };
}
