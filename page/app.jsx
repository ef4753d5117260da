// Who is here decides what there is: signing in, or the views of a role.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { Clinic } from './lib/context.js';
import { problemOf } from './lib/problem.js';
import { useRoute } from './lib/route.js';
import { useSession } from './lib/session.js';
import { Gate } from './ui/gate.jsx';
import { Shell } from './ui/shell.jsx';
import { useToasts } from './ui/toast.jsx';
import { SignIn } from './views/signin.jsx';
import { viewOf, viewsOf } from './views/views.js';

export function App({ clinic }) {
  const session = useSession(clinic.client);
  const facts = useFacts(clinic.client, session.state);
  if (facts.problem) return <Gate retry={facts.again}>{facts.problem.message}</Gate>;
  if (session.state === 'loading' || !facts.settings) return <Gate busy>Opening the clinic…</Gate>;
  if (session.state === 'out') return <SignIn client={clinic.client} name={facts.settings.name} ended={session.ended} />;
  if (session.state === 'lost') return <Lost {...session} />;
  return <Inside key={session.me.id} clinic={clinic} facts={facts} session={session} />;
}

// The clinic's own facts, which everybody may read; but nobody with a token that has ended, so they are read anew then.
function useFacts(client, whose) {
  const [facts, setFacts] = useState({});
  // Of two readings the later one counts, whichever is answered first: the refusal of a token that ended may come last.
  const latest = useRef(0);
  const out = whose === 'out';
  const read = useCallback(async () => {
    const mine = ++latest.current;
    const [settings, dentists] = await Promise.all([
      client.from('clinic_settings').select().single(),
      client.from('dentist').select('id, first_name, last_name, specialty').order('last_name'),
    ]);
    if (mine !== latest.current) return;
    const failed = [settings, dentists].find(({ error }) => error);
    if (failed) setFacts({ problem: problemOf(failed) });
    else setFacts({ settings: settings.data, dentists: dentists.data });
  }, [client, out]);
  useEffect(() => void read(), [read]);
  return { ...facts, again: read };
}

function Inside({ clinic, facts, session }) {
  const route = useRoute();
  const [say, toasts] = useToasts();
  const { me, signOut } = session;
  const views = viewsOf(me.role);
  const view = viewOf(views, route);
  useEffect(() => {
    document.title = `${view.title} · ${facts.settings.name}`;
  }, [view.title]);
  const value = { ...clinic, settings: facts.settings, zone: facts.settings.time_zone, dentists: facts.dentists, me, say };
  return (
    <Clinic.Provider value={value}>
      <Shell views={views} view={view} name={facts.settings.name} me={me} signOut={signOut}>
        <view.View key={view.id} />
      </Shell>
      {toasts}
    </Clinic.Provider>
  );
}

function Lost({ problem, signOut }) {
  const said = problem ? problemOf(problem).message : 'This account is not known to the clinic. Ask at the reception.';
  return (
    <Gate retry={() => location.reload()} other={{ label: 'Sign out', act: signOut }}>
      {said}
    </Gate>
  );
}
