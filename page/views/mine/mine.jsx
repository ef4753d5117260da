// A patient's own: what is coming, what was, and what is to be paid. Live.

import { useState } from 'preact/hooks';
import { dentistName, select, servicesOf } from '../../lib/appointments.js';
import { longDay, dayOf, time, when, zoneName } from '../../lib/clock.js';
import { useClinic } from '../../lib/context.js';
import { useReading } from '../../lib/reading.js';
import { useRoom } from '../../lib/room.js';
import { STATUS } from '../../lib/status.js';
import { Dialog } from '../../ui/dialog.jsx';
import { Icon } from '../../ui/icon.jsx';
import { Head } from '../../ui/shell.jsx';
import { Standing } from '../../ui/standing.jsx';
import { Empty, Failed, Loading } from '../../ui/states.jsx';
import { Cancel } from '../board/steps.jsx';
import { Invoices } from './invoices.jsx';
import { Reschedule } from './reschedule.jsx';

const OPEN = ['requested', 'scheduled', 'confirmed', 'arrived', 'in_chair'];
const CHANGEABLE = ['requested', 'scheduled', 'confirmed'];
const PAST_SHOWN = 10;

export function Mine() {
  const { client, me, zone } = useClinic();
  const visits = useReading(() => select(client).eq('patient_id', me.id).neq('status', 'rescheduled').order('starts_at', { ascending: false }).limit(100), [client]);
  const invoices = useReading(() => client.from('invoices')
    .select('id, patient_id, invoice_no, status, issued_at, due_on, currency, total, balance, insurance_estimate, lines:invoice_line(line_no, description, quantity, amount)')
    .order('issued_at', { ascending: false }).limit(100), [client]);
  // What changed is read again: these are a handful of rows.
  const onChange = ({ table }) => (table === 'appointment' ? visits : invoices).again();
  const onFresh = () => {
    visits.again();
    invoices.again();
  };
  const standing = useRoom('mine', ['appointment', 'invoices'], { onChange, onFresh });
  return (
    <section class="mine">
      <Head title="My visits" note={`Times are the clinic's (${zoneName(zone)})`}>
        <a class="button primary" href="#/book"><Icon name="plus" />Book a visit</a>
        <Standing {...standing} />
      </Head>
      <Visits {...visits} />
      <Invoices {...invoices} />
    </section>
  );
}

function Visits({ data, problem, again }) {
  const [open, setOpen] = useState(null);
  if (problem) return <Failed problem={problem} retry={again} />;
  if (!data) return <Loading>Loading your visits…</Loading>;
  const coming = data.filter(({ status, ends_at }) => OPEN.includes(status) && new Date(ends_at) > new Date()).reverse();
  const past = data.filter((one) => !coming.includes(one) && one.status !== 'held').slice(0, PAST_SHOWN);
  const chosen = open && data.find(({ id }) => id === open.id);
  return (
    <>
      <section aria-labelledby="coming">
        <h2 id="coming">Coming</h2>
        {coming.length === 0 && <Empty icon="visits" title="No visit is booked"><a href="#/book">Book one</a></Empty>}
        <ul class="visits">{coming.map((one) => <Visit key={one.id} visit={one} setOpen={setOpen} />)}</ul>
      </section>
      {past.length > 0 && (
        <section aria-labelledby="past">
          <h2 id="past">Past</h2>
          <ul class="past">{past.map((one) => <Past key={one.id} visit={one} />)}</ul>
        </section>
      )}
      {chosen && open.what === 'cancel' && (
        <Dialog title="Cancel this visit?" onClose={() => setOpen(null)}>
          <Cancel appointment={chosen} onBack={() => setOpen(null)} onDone={() => setOpen(null)} />
        </Dialog>
      )}
      {chosen && open.what === 'move' && <Reschedule appointment={chosen} onClose={() => setOpen(null)} />}
    </>
  );
}

function Visit({ visit, setOpen }) {
  const { dentists, zone } = useClinic();
  const id = `visit-${visit.id}`;
  return (
    <li class="card visit">
      <div>
        <h3 id={id}>{longDay(dayOf(visit.starts_at, zone))}, {time(visit.starts_at, zone)}</h3>
        <p>{servicesOf(visit)}</p>
        <p class="muted">{dentistName(dentists, visit.dentist_id)}{visit.room && `, ${visit.room}`}</p>
      </div>
      <p class={`status ${visit.status}`}><Icon name={visit.status} />{STATUS[visit.status]}</p>
      {CHANGEABLE.includes(visit.status) && (
        <div class="visit-actions">
          <button type="button" class="button small" aria-describedby={id} onClick={() => setOpen({ id: visit.id, what: 'move' })}>Change the time</button>
          <button type="button" class="button small danger" aria-describedby={id} onClick={() => setOpen({ id: visit.id, what: 'cancel' })}>Cancel</button>
        </div>
      )}
    </li>
  );
}

function Past({ visit }) {
  const { zone } = useClinic();
  return (
    <li>
      <span class="past-when">{when(visit.starts_at, zone)}</span>
      <span>{servicesOf(visit)}</span>
      <span class={`status ${visit.status}`}><Icon name={visit.status} />{STATUS[visit.status]}</span>
    </li>
  );
}
