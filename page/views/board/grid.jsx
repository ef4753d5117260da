// The hours and the columns.

import { useEffect, useRef, useState } from 'preact/hooks';
import { dentistName } from '../../lib/appointments.js';
import { clockTime, dayOf, minutesOf } from '../../lib/clock.js';
import { useClinic } from '../../lib/context.js';
import { Block, Ghost } from './block.jsx';
import { hoursOf } from './geometry.js';
import { useMoving } from './moving.js';

export function Grid({ day, rows, chosen, open, isMovable, onDrop, onSay }) {
  const { dentists, settings, zone } = useClinic();
  const board = useRef(null);
  const hours = hoursOf(day, settings, rows, zone);
  const dentistIds = dentists.map(({ id }) => id);
  const moving = useMoving({ board, dentistIds, hours, step: settings.slot_step_minutes, zone, isMovable, onDrop, onSay });
  const lines = Array.from({ length: (hours[1] - hours[0]) / 60 }, (_, at) => hours[0] + at * 60);
  return (
    <div class={`board ${moving.carried ? 'carrying' : ''}`} ref={board} style={{ '--long': hours[1] - hours[0] }}>
      <div class="hours" aria-hidden="true">
        {lines.map((at) => <span key={at} style={{ '--at': at - hours[0] }}>{clockTime(at)}</span>)}
      </div>
      <div class="columns">
        {dentists.map(({ id, specialty }) => (
          <section key={id} class={`column ${id === chosen ? 'chosen' : ''}`} aria-label={dentistName(dentists, id)}>
            <div class="column-head">
              <h2>{dentistName(dentists, id)}</h2>
              <p class="muted">{specialty}</p>
            </div>
            <Track day={day} id={id} rows={rows.filter((row) => row.dentist_id === id)} first={hours[0]} lines={lines} open={open} moving={moving} isMovable={isMovable} />
          </section>
        ))}
      </div>
    </div>
  );
}

function Track({ day, id, rows, first, lines, open, moving, isMovable }) {
  const { zone } = useClinic();
  const { carried } = moving;
  return (
    <div class="track" data-dentist={id}>
      {lines.map((at) => <span key={at} class="hour-line" style={{ '--at': at - first }} />)}
      <ul>
        {rows.map((row) => (
          <li key={row.id}>
            <Block appointment={row} first={first} zone={zone} open={open} moving={moving} isMovable={isMovable(row)} />
          </li>
        ))}
      </ul>
      {rows.length === 0 && <p class="track-empty muted">Nothing booked</p>}
      {carried?.dentistId === id && <Ghost carried={carried} first={first} />}
      <Now day={day} first={first} />
    </div>
  );
}

function Now({ day, first }) {
  const { zone } = useClinic();
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  const at = minutesOf(now, zone) - first;
  return dayOf(now, zone) === day && at >= 0 ? <span class="now" style={{ '--at': at }} aria-hidden="true" /> : null;
}
