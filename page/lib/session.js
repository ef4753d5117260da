// Who is signed in. A session that ends by itself (its refresh token was revoked, or too old) says so.

import { useEffect, useRef, useState } from 'preact/hooks';

const ROLES = { 1: 'patient', 2: 'dentist', 3: 'receptionist', 4: 'admin' };

/** `{state: 'loading' | 'out' | 'in', me, ended, problem}` and how to sign out. */
export function useSession(client) {
  const [session, setSession] = useState({ state: 'loading' });
  const leaving = useRef(false);
  const known = useRef(null);
  useEffect(() => {
    const changed = (event, current) => {
      // Their own lock is held while this runs: whatever asks them again has to wait until it is over.
      setTimeout(() => settle(event, current));
    };
    const settle = async (event, current) => {
      if (!current) {
        const ended = event === 'SIGNED_OUT' && !leaving.current;
        known.current = null;
        leaving.current = false;
        setSession((now) => ({ state: 'out', ended: ended || Boolean(now.ended) }));
      } else if (known.current !== current.user.id) {
        known.current = current.user.id;
        const person = await personOf(client, current.user);
        // The very question may have shown that the session is over.
        if (known.current === current.user.id) setSession(person);
      }
    };
    const { data } = client.auth.onAuthStateChange(changed);
    return () => data.subscription.unsubscribe();
  }, [client]);
  const signOut = async () => {
    leaving.current = true;
    await client.removeAllChannels();
    await client.auth.signOut({ scope: 'local' });
  };
  return { ...session, signOut };
}

async function personOf(client, { id }) {
  const { data, error, status } = await client.from('user').select('first_name, last_name, role_id').eq('id', id).maybeSingle();
  if (error || !data) return { state: 'lost', problem: error ? { error, status } : null };
  return { state: 'in', me: { id, role: ROLES[data.role_id], name: `${data.first_name} ${data.last_name}` } };
}
