// Booking: what for, when, and then a slot that is held while the rest is said.

import { useState } from 'preact/hooks';
import { useClinic } from '../../lib/context.js';
import { problemOf } from '../../lib/problem.js';
import { Refusal } from '../../ui/form.jsx';
import { Finder } from '../../ui/finder.jsx';
import { Head } from '../../ui/shell.jsx';
import { Slots } from '../../ui/slots.jsx';
import { Confirm } from './confirm.jsx';
import { Services } from './services.jsx';

const TAKEN = 'Somebody else has just taken this time. These are free nearby:';

export function Book() {
  const { client, me } = useClinic();
  const [chosen, setChosen] = useState([]);
  const [hold, setHold] = useState(null);
  const [problem, setProblem] = useState(null);
  const [freshness, setFreshness] = useState(0);
  const serviceIds = chosen.map(({ id }) => id);

  const pick = async (slot) => {
    setProblem(null);
    const reply = await client.rpc('hold_appointment', { dentist_id: slot.dentist_id, starts_at: slot.starts_at, service_ids: serviceIds });
    if (reply.error) {
      setProblem(problemOf(reply));
      setFreshness((now) => now + 1);
    } else {
      setHold(reply.data);
    }
  };
  const ended = (booked) => {
    setHold(null);
    setFreshness((now) => now + 1);
    if (booked) setChosen([]);
  };

  return (
    <section class="book">
      <Head title="Book" note={me.role === 'patient' ? 'Your booking is a request until the clinic confirms it.' : undefined} />
      <div class="book-steps">
        <Services chosen={chosen} setChosen={setChosen} />
        <section class="card" aria-labelledby="when">
          <h2 id="when">When?</h2>
          <Refused problem={problem} pick={pick} />
          {serviceIds.length === 0
            ? <p class="muted">Choose at least one service to see free times.</p>
            : <Finder serviceIds={serviceIds} dentistId={me.role === 'dentist' ? me.id : undefined} fixed={me.role === 'dentist' ? me.id : undefined} pick={pick} freshness={freshness} />}
        </section>
      </div>
      {hold && <Confirm hold={hold} services={chosen} onEnd={ended} />}
    </section>
  );
}

function Refused({ problem, pick }) {
  if (!problem) return null;
  if (problem.code !== 'slot-taken') return <Refusal problem={problem} />;
  return (
    <div role="alert">
      <Refusal problem={{ message: problem.alternatives.length > 0 ? TAKEN : 'Somebody else has just taken this time. Choose another.' }} />
      {problem.alternatives.length > 0 && <Slots label="Free nearby" slots={problem.alternatives} pick={pick} />}
    </div>
  );
}
