// Under the board: who is not coming, and what the marks mean.

import { dentistName, nameOf } from '../../lib/appointments.js';
import { time } from '../../lib/clock.js';
import { useClinic } from '../../lib/context.js';
import { LIVE, STATUS } from '../../lib/status.js';
import { Icon } from '../../ui/icon.jsx';

export function Absent({ rows, open }) {
  const { dentists, zone } = useClinic();
  if (rows.length === 0) return null;
  return (
    <section class="absent" aria-labelledby="absent-title">
      <h2 id="absent-title">Not coming</h2>
      <ul>
        {rows.map((row) => (
          <li key={row.id}>
            <button type="button" class={`chip ${row.status}`} onClick={() => open(row.id)}>
              <Icon name={row.status} />
              {time(row.starts_at, zone)} {nameOf(row)} · {STATUS[row.status]} · {dentistName(dentists, row.dentist_id)}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Legend() {
  return (
    <ul class="legend" aria-label="Statuses">
      {LIVE.map((status) => (
        <li key={status} class={status}><Icon name={status} />{STATUS[status]}</li>
      ))}
    </ul>
  );
}
