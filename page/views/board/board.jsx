// The clinic's day: a column for each dentist, appointments at their times, live.

import { useState } from 'preact/hooks';
import { dentistName } from '../../lib/appointments.js';
import { addDays, clockTime, dayOf, longDay, shortDay, zoneName } from '../../lib/clock.js';
import { useClinic } from '../../lib/context.js';
import { isMovable, LIVE } from '../../lib/status.js';
import { Icon } from '../../ui/icon.jsx';
import { Head } from '../../ui/shell.jsx';
import { Standing } from '../../ui/standing.jsx';
import { Failed, Loading } from '../../ui/states.jsx';
import { useDay } from './day.js';
import { Details } from './details.jsx';
import { Grid } from './grid.jsx';
import { Move } from './move.jsx';
import { Absent, Legend } from './strip.jsx';

export function Board() {
  const { zone } = useClinic();
  const [day, setDay] = useState(() => dayOf(Date.now(), zone));
  const shown = useDay(day);
  const [openId, setOpenId] = useState(null);
  const [move, setMove] = useState(null);
  const appointment = openId && shown.rows?.get(openId);
  const startMove = (one, place) => {
    setOpenId(null);
    setMove({ appointment: one, ...place });
  };
  return (
    <section class="board-view">
      <Head title="Day board" note={`Times are the clinic's (${zoneName(zone)})`}>
        <DayPicker day={day} setDay={setDay} />
        <Standing {...shown.standing} />
      </Head>
      <Day day={day} shown={shown} open={setOpenId} startMove={startMove} />
      {appointment && <Details appointment={appointment} onClose={() => setOpenId(null)} onMove={() => startMove(appointment)} />}
      {move && <Move {...move} onClose={() => setMove(null)} />}
    </section>
  );
}

function Day({ day, shown, open, startMove }) {
  if (shown.problem && !shown.rows) return <Failed problem={shown.problem} retry={shown.reload} />;
  if (!shown.rows) return <Loading>Loading the day…</Loading>;
  const all = [...shown.rows.values()].sort((a, b) => new Date(a.starts_at) - new Date(b.starts_at));
  const present = all.filter(({ status, hold_expires_at }) => LIVE.includes(status) && !(status === 'held' && new Date(hold_expires_at) < new Date()));
  const absent = all.filter(({ status }) => status === 'cancelled' || status === 'no_show');
  return (
    <>
      {shown.problem && <Failed problem={shown.problem} retry={shown.reload} />}
      <Columns day={day} rows={present} open={open} startMove={startMove} />
      <Absent rows={absent} open={open} />
      <Legend />
    </>
  );
}

function DayPicker({ day, setDay }) {
  const { zone } = useClinic();
  const today = dayOf(Date.now(), zone);
  return (
    <fieldset class="picker">
      <legend class="visually-hidden">Day</legend>
      <button type="button" class="button square" aria-label="Day before" onClick={() => setDay(addDays(day, -1))}><Icon name="left" /></button>
      <label class="picker-day">
        <span class="picker-long" aria-hidden="true">{longDay(day)}</span>
        <span class="picker-short" aria-hidden="true">{shortDay(day)}</span>
        <input type="date" aria-label="Day" value={day} onChange={(event) => event.target.value && setDay(event.target.value)} />
      </label>
      <button type="button" class="button square" aria-label="Day after" onClick={() => setDay(addDays(day, 1))}><Icon name="right" /></button>
      {day !== today && <button type="button" class="button" onClick={() => setDay(today)}>Today</button>}
    </fieldset>
  );
}

// On a phone there is room for one dentist's column at a time.
function Columns({ day, rows, open, startMove }) {
  const { dentists, me } = useClinic();
  const [chosen, setChosen] = useState(() => (me.role === 'dentist' ? me.id : dentists[0]?.id));
  const [said, setSaid] = useState('');
  const tell = (what) => setSaid(typeof what === 'string' ? what : `${clockTime(what.start)}, ${dentistName(dentists, what.dentistId)}`);
  return (
    <>
      <fieldset class="dentist-tabs">
        <legend class="visually-hidden">Dentist</legend>
        {dentists.map(({ id }) => (
          <button key={id} type="button" class="tab" aria-pressed={id === chosen} onClick={() => setChosen(id)}>
            {dentistName(dentists, id)} <span class="count">{rows.filter((row) => row.dentist_id === id).length}</span>
          </button>
        ))}
      </fieldset>
      <p id="board-keys" class="visually-hidden">Enter opens it. Space picks it up to be carried by the arrow keys.</p>
      <Grid day={day} rows={rows} chosen={chosen} open={open} isMovable={(one) => isMovable(me, one)} onDrop={startMove} onSay={tell} />
      <p class="visually-hidden" role="status">{said}</p>
    </>
  );
}
