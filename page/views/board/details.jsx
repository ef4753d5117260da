// One appointment in full, and the next steps of the visit.

import { useState } from 'preact/hooks';
import { dentistName, nameOf, servicesOf } from '../../lib/appointments.js';
import { dateOf, longDay, dayOf, time } from '../../lib/clock.js';
import { useClinic } from '../../lib/context.js';
import { kindly, problemOf } from '../../lib/problem.js';
import { STATUS, stepsOf } from '../../lib/status.js';
import { Dialog } from '../../ui/dialog.jsx';
import { Refusal } from '../../ui/form.jsx';
import { Icon } from '../../ui/icon.jsx';
import { Cancel, Complete, Seat } from './steps.jsx';

const LABELS = { confirm: 'Confirm', check_in: 'Check in', seat: 'Seat', complete: 'Complete', move: 'Move…', no_show: 'Did not come', cancel: 'Cancel…' };
const DONE = { confirm: 'Confirmed', check_in: 'Checked in', no_show: 'Noted as not come' };
/** These ask for something first. */
const FORMS = { seat: Seat, complete: Complete, cancel: Cancel };

export function Details({ appointment, onClose, onMove }) {
  const { me, client, say } = useClinic();
  const [form, setForm] = useState(null);
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  const steps = stepsOf(me, appointment);

  const take = async (step) => {
    if (step === 'move') return onMove();
    if (FORMS[step]) return setForm(step);
    setBusy(true);
    const reply = await perform(client, step, appointment);
    setBusy(false);
    if (reply.error) return setProblem(kindly(problemOf(reply)));
    say(`${DONE[step]}: ${nameOf(appointment)}`);
    return onClose();
  };

  const Form = FORMS[form];
  return (
    <Dialog title={nameOf(appointment)} onClose={onClose}>
      <p class={`status ${appointment.status}`}><Icon name={appointment.status} />{STATUS[appointment.status]}{appointment.late_cancel && ', late'}</p>
      <Facts appointment={appointment} />
      <Refusal problem={problem} />
      {Form ? (
        <Form appointment={appointment} onBack={() => setForm(null)} onDone={onClose} />
      ) : (
        <div class="actions">
          {steps.map((step, at) => (
            <button key={step} type="button" class={`button ${at === 0 ? 'primary' : ''} ${step === 'cancel' ? 'danger' : ''}`} aria-disabled={busy} onClick={() => !busy && take(step)}>
              {LABELS[step]}
            </button>
          ))}
        </div>
      )}
    </Dialog>
  );
}

function Facts({ appointment }) {
  const { dentists, zone } = useClinic();
  const { patient, room, reason, cancel_reason } = appointment;
  const facts = [
    ['When', `${longDay(dayOf(appointment.starts_at, zone))}, ${time(appointment.starts_at, zone)} – ${time(appointment.ends_at, zone)}`],
    ['Dentist', dentistName(dentists, appointment.dentist_id)],
    ['For', servicesOf(appointment)],
    ['Room', room],
    ['Reason', reason],
    ['Cancelled because', cancel_reason],
    ['Born', patient?.date_of_birth && dateOf(patient.date_of_birth)],
    ['Telephone', patient?.phone],
  ];
  return <dl class="facts">{facts.filter(([, value]) => value).map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

function perform(client, step, { id, version }) {
  if (step === 'check_in') return client.rpc('check_in', { appointment_id: id });
  const status = { confirm: 'confirmed', no_show: 'no_show' }[step];
  // Only if it still is what is on the screen.
  return client.from('appointment').update({ status }).eq('id', id).setHeader('If-Match', `"${version}"`).select('id');
}
