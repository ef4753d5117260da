// Free times to choose from.

import { dentistName } from '../lib/appointments.js';
import { time, when } from '../lib/clock.js';
import { useClinic } from '../lib/context.js';

/** `short`: the day is told above them already. */
export function Slots({ label, slots, pick, chosen, short }) {
  const { dentists, zone } = useClinic();
  const isChosen = (slot) => chosen && slot.starts_at === chosen.starts_at && slot.dentist_id === chosen.dentist_id;
  return (
    <fieldset class={`slots ${short ? 'short' : ''}`}>
      <legend>{label}</legend>
      {slots.map((slot) => (
        <button key={`${slot.dentist_id} ${slot.starts_at}`} type="button" class="slot" aria-pressed={chosen === undefined ? undefined : Boolean(isChosen(slot))} onClick={() => pick(slot)}>
          <span class="slot-time">{short ? time(slot.starts_at, zone) : when(slot.starts_at, zone)}</span>
          <span class="slot-who">{dentistName(dentists, slot.dentist_id)}</span>
        </button>
      ))}
    </fieldset>
  );
}
