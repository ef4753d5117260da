// The slot is held for some minutes: for whom, why, and then it is booked.

import { useEffect, useRef, useState } from 'preact/hooks';
import { dentistName } from '../../lib/appointments.js';
import { when } from '../../lib/clock.js';
import { useClinic } from '../../lib/context.js';
import { problemOf } from '../../lib/problem.js';
import { Dialog } from '../../ui/dialog.jsx';
import { Input, Refusal, Submit } from '../../ui/form.jsx';
import { PatientPicker } from './patient.jsx';
import { titleOf } from './services.jsx';

export function Confirm({ hold, services, onEnd }) {
  const { client, dentists, me, say, zone } = useClinic();
  const [patient, setPatient] = useState(null);
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  // The same booking however often it is sent.
  const key = useRef(crypto.randomUUID());
  const left = useCountdown(hold.hold_expires_at);
  const forOthers = me.role !== 'patient';

  const leave = () => {
    if (left > 0) client.rpc('cancel_appointment', { appointment_id: hold.appointment_id }).then(() => onEnd(false));
    else onEnd(false);
  };
  const submit = async (event) => {
    event.preventDefault();
    if (busy) return;
    if (forOthers && !patient) return setProblem({ message: 'Choose the patient.', fields: { patient_id: 'Choose the patient.' } });
    const reason = new FormData(event.target).get('reason').trim();
    setBusy(true);
    const reply = await client
      .rpc('book_appointment', { hold_id: hold.appointment_id, hold_token: hold.hold_token, ...(forOthers && { patient_id: patient.id }), ...(reason && { reason }) })
      .setHeader('Idempotency-Key', key.current);
    setBusy(false);
    if (reply.error) return setProblem(problemOf(reply));
    say(`${forOthers ? 'Booked' : 'Requested'}: ${when(hold.starts_at, zone)}, ${dentistName(dentists, hold.dentist_id)}`);
    return onEnd(true);
  };

  const fields = problem?.fields ?? {};
  return (
    <Dialog title="Confirm the booking" onClose={leave}>
      <dl class="facts">
        <div><dt>When</dt><dd>{when(hold.starts_at, zone)}</dd></div>
        <div><dt>Dentist</dt><dd>{dentistName(dentists, hold.dentist_id)}</dd></div>
        <div><dt>For</dt><dd>{services.map((service) => titleOf(service, me)).join(', ')}</dd></div>
      </dl>
      <p class={`held-for ${left < 60 ? 'soon' : ''}`}>{left > 0 ? <>Held for you for another <strong>{Math.floor(left / 60)}:{String(left % 60).padStart(2, '0')}</strong></> : 'The time is no longer held. Go back and choose it again.'}</p>
      {problem && !Object.keys(fields).some((name) => ['patient_id', 'reason'].includes(name)) && <Refusal problem={problem} />}
      <form onSubmit={submit} noValidate>
        {forOthers && <PatientPicker patient={patient} setPatient={setPatient} error={fields.patient_id} />}
        <Input label="Reason (optional)" name="reason" maxLength={500} error={fields.reason} />
        <div class="actions">
          {left > 0 && <Submit busy={busy}>{forOthers ? 'Book' : 'Request this time'}</Submit>}
          <button type="button" class="button" onClick={leave}>Choose another time</button>
        </div>
      </form>
    </Dialog>
  );
}

/** Whole seconds until then. */
function useCountdown(until) {
  const seconds = () => Math.max(0, Math.round((new Date(until) - Date.now()) / 1000));
  const [left, setLeft] = useState(seconds);
  useEffect(() => {
    const timer = setInterval(() => setLeft(seconds()), 1000);
    return () => clearInterval(timer);
  }, [until]);
  return left;
}
