// A patient chooses another free time for a visit.

import { useState } from 'preact/hooks';
import { dentistName, freeNearby, nameOf, serviceIds } from '../../lib/appointments.js';
import { when } from '../../lib/clock.js';
import { useClinic } from '../../lib/context.js';
import { kindly, problemOf } from '../../lib/problem.js';
import { Dialog } from '../../ui/dialog.jsx';
import { Finder } from '../../ui/finder.jsx';
import { Refusal } from '../../ui/form.jsx';
import { Slots } from '../../ui/slots.jsx';

export function Reschedule({ appointment, onClose }) {
  const { client, dentists, say, zone } = useClinic();
  const [slot, setSlot] = useState(null);
  const [refused, setRefused] = useState({ problem: null, free: [] });
  const [freshness, setFreshness] = useState(0);
  const ids = serviceIds(appointment);

  const move = async () => {
    const reply = await client.rpc('reschedule_appointment', { appointment_id: appointment.id, starts_at: slot.starts_at, dentist_id: slot.dentist_id });
    if (!reply.error) {
      say(`Asked for ${when(slot.starts_at, zone)}, ${dentistName(dentists, slot.dentist_id)}`);
      return onClose();
    }
    const problem = kindly(problemOf(reply));
    const free = problem.code === 'slot-taken' ? await freeNearby(client, { serviceIds: ids, dentistId: slot.dentist_id, startsAt: slot.starts_at }) : [];
    setRefused({ problem, free });
    setSlot(null);
    return setFreshness((now) => now + 1);
  };

  return (
    <Dialog title="Change the time" onClose={onClose} wide>
      <p>{nameOf(appointment)}, now {when(appointment.starts_at, zone)}.</p>
      <Refusal problem={refused.problem} />
      {refused.free.length > 0 && <Slots label="Free nearby" slots={refused.free} pick={setSlot} />}
      {slot ? (
        <div class="actions">
          <button type="button" class="button primary" onClick={move}>Ask for {when(slot.starts_at, zone)}, {dentistName(dentists, slot.dentist_id)}</button>
          <button type="button" class="button" onClick={() => setSlot(null)}>Choose another time</button>
        </div>
      ) : (
        <Finder serviceIds={ids} dentistId={appointment.dentist_id} pick={setSlot} freshness={freshness} />
      )}
    </Dialog>
  );
}
