// Whom a booking is for: found by name, told apart by date of birth.

import { useEffect, useState } from 'preact/hooks';
import { dateOf } from '../../lib/clock.js';
import { useClinic } from '../../lib/context.js';
import { useReading } from '../../lib/reading.js';
import { Input } from '../../ui/form.jsx';

const PATIENT = 1;
const MOST = 6;
const PAUSE_MS = 200;

export function PatientPicker({ patient, setPatient, error }) {
  const { client } = useClinic();
  const [typed, setTyped] = useState('');
  const words = usePaused(typed).replaceAll(/[^\p{L}\p{N}' -]/gu, '').split(/\s+/).filter(Boolean).slice(0, 3);
  const found = useReading(() => {
    if (words.length === 0) return { data: [] };
    const all = client.from('user').select('id, first_name, last_name, date_of_birth, phone').eq('role_id', PATIENT);
    // Each word is the beginning of one of the names.
    const matching = words.reduce((query, word) => query.or(`first_name.ilike."${word}*",last_name.ilike."${word}*"`), all);
    return matching.order('last_name').order('first_name').limit(MOST);
  }, [words.join(' ')]);
  return (
    <div class="patient-picker">
      <Input label="Patient" type="search" value={typed} error={error} help="Type the beginning of a name" autoComplete="off" onInput={(event) => setTyped(event.target.value)} />
      <fieldset class="found">
        <legend class="visually-hidden">Patients found</legend>
        {(found.data ?? []).map((one) => (
          <button key={one.id} type="button" class="slot" aria-pressed={one.id === patient?.id} onClick={() => setPatient(one)}>
            <span class="slot-time">{one.first_name} {one.last_name}</span>
            <span class="slot-who">{one.date_of_birth ? `born ${dateOf(one.date_of_birth)}` : (one.phone ?? '')}</span>
          </button>
        ))}
      </fieldset>
      <p class="help" role="status">{words.length > 0 && found.data?.length === 0 && 'Nobody is found by that name.'}</p>
    </div>
  );
}

function usePaused(value) {
  const [paused, setPaused] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setPaused(value), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return paused;
}
