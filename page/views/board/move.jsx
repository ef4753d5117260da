// Where to an appointment moves: proposed by the drag, changed at will, done only when it is said so.

import { useState } from 'preact/hooks';
import { dentistName, freeNearby, nameOf, serviceIds } from '../../lib/appointments.js';
import { dayOf, instantAt, minutesOf, when } from '../../lib/clock.js';
import { useClinic } from '../../lib/context.js';
import { kindly, problemOf } from '../../lib/problem.js';
import { Dialog } from '../../ui/dialog.jsx';
import { Input, Refusal, Select, Submit } from '../../ui/form.jsx';
import { Slots } from '../../ui/slots.jsx';

const pad = (number) => String(number).padStart(2, '0');
const clock = (minutes) => `${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
const minutesIn = (text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5));

export function Move({ appointment, dentistId, start, onClose }) {
  const { client, dentists, me, say, zone } = useClinic();
  const [place, setPlace] = useState({
    day: dayOf(appointment.starts_at, zone),
    time: clock(start ?? minutesOf(appointment.starts_at, zone)),
    dentist_id: dentistId ?? appointment.dentist_id,
  });
  const [problem, setProblem] = useState(null);
  const [free, setFree] = useState([]);
  const [busy, setBusy] = useState(false);
  const set = (change) => setPlace((now) => ({ ...now, ...change }));

  const submit = async (event) => {
    event.preventDefault();
    if (busy || !place.day || !place.time) return;
    setBusy(true);
    const starts_at = instantAt(place.day, minutesIn(place.time), zone).toISOString();
    const reply = await client.rpc('reschedule_appointment', { appointment_id: appointment.id, starts_at, dentist_id: place.dentist_id });
    if (!reply.error) {
      say(`Moved ${nameOf(appointment)} to ${when(starts_at, zone)}, ${dentistName(dentists, place.dentist_id)}`);
      return onClose();
    }
    const refused = kindly(problemOf(reply));
    const alternatives = refused.code !== 'slot-taken' ? [] : refused.alternatives;
    setProblem(refused);
    setFree(refused.code === 'slot-taken' && alternatives.length === 0
      ? await freeNearby(client, { serviceIds: serviceIds(appointment), dentistId: place.dentist_id, startsAt: starts_at })
      : alternatives);
    return setBusy(false);
  };

  const fields = problem?.fields ?? {};
  const mine = me.role === 'dentist' ? dentists.filter(({ id }) => id === me.id) : dentists;
  return (
    <Dialog title={`Move ${nameOf(appointment)}`} onClose={onClose}>
      <p>Now {when(appointment.starts_at, zone)}, {dentistName(dentists, appointment.dentist_id)}.</p>
      {!fields.starts_at && !fields.dentist_id && <Refusal problem={problem} />}
      {free.length > 0 && <Slots label="Free nearby" slots={free} pick={(slot) => set({ day: dayOf(slot.starts_at, zone), time: clock(minutesOf(slot.starts_at, zone)), dentist_id: slot.dentist_id })} />}
      <form onSubmit={submit} noValidate>
        <div class="row">
          <Input label="Day" type="date" value={place.day} onInput={(event) => set({ day: event.target.value })} />
          <Input label="Time" type="time" step={300} value={place.time} error={fields.starts_at} onInput={(event) => set({ time: event.target.value })} />
        </div>
        <Select label="Dentist" value={place.dentist_id} options={mine.map(({ id }) => ({ value: id, text: dentistName(dentists, id) }))} error={fields.dentist_id} onInput={(event) => set({ dentist_id: event.target.value })} />
        <div class="actions">
          <Submit busy={busy}>Move</Submit>
          <button type="button" class="button" onClick={onClose}>Leave it</button>
        </div>
      </form>
    </Dialog>
  );
}
