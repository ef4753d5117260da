// Finding a free time: a dentist, a day, the times that are free on it.

import { useState } from 'preact/hooks';
import { dentistName } from '../lib/appointments.js';
import { addDays, dayOf, instantAt, longDay, shortDay } from '../lib/clock.js';
import { useClinic } from '../lib/context.js';
import { useReading } from '../lib/reading.js';
import { Select } from './form.jsx';
import { Icon } from './icon.jsx';
import { Slots } from './slots.jsx';
import { Empty, Failed, Loading } from './states.jsx';

const WEEK = 7;
const FAR_DAYS = 62;

/** `pick(slot)`; `freshness` changes when the times must be read anew. */
export function Finder({ serviceIds, dentistId, pick, freshness, fixed }) {
  const { client, dentists, zone } = useClinic();
  const today = dayOf(Date.now(), zone);
  const [dentist, setDentist] = useState(dentistId ?? '');
  const [day, setDay] = useState(today);
  const ask = (from, to) => client.rpc('available_slots', {
    service_ids: serviceIds, ...(dentist && { dentist_id: dentist }), from: instantAt(from, 0, zone).toISOString(), to: instantAt(to, 0, zone).toISOString(),
  });
  const slots = useReading(() => ask(day, addDays(day, 1)), [serviceIds.join(), dentist, day, freshness]);
  const toNextFree = async () => {
    const { data } = await ask(addDays(day, 1), addDays(day, FAR_DAYS)).limit(1);
    if (data?.[0]) setDay(dayOf(data[0].starts_at, zone));
  };
  const choices = [...(fixed ? [] : [{ value: '', text: 'Any dentist' }]), ...dentists.filter(({ id }) => !fixed || id === fixed).map(({ id }) => ({ value: id, text: dentistName(dentists, id) }))];
  return (
    <div class="finder">
      <Select label="Dentist" value={dentist} options={choices} onInput={(event) => setDentist(event.target.value)} />
      <Days today={today} day={day} setDay={setDay} />
      <div aria-live="polite">
        <Times {...slots} day={day} pick={pick} toNextFree={toNextFree} />
      </div>
    </div>
  );
}

function Days({ today, day, setDay }) {
  const first = addDays(today, Math.floor((Date.parse(day) - Date.parse(today)) / 86_400_000 / WEEK) * WEEK);
  const days = Array.from({ length: WEEK }, (_, at) => addDays(first, at));
  return (
    <fieldset class="days">
      <legend class="visually-hidden">Day</legend>
      <button type="button" class="button square" aria-label="Week before" disabled={first === today} onClick={() => setDay(addDays(first, -WEEK))}><Icon name="left" /></button>
      <div class="days-strip">
        {days.map((one) => (
          <button key={one} type="button" class="day" aria-pressed={one === day} onClick={() => setDay(one)}>
            <Short day={one} />
          </button>
        ))}
      </div>
      <button type="button" class="button square" aria-label="Week after" onClick={() => setDay(addDays(first, WEEK))}><Icon name="right" /></button>
    </fieldset>
  );
}

function Short({ day }) {
  const [weekday, date] = shortDay(day).split(', ');
  const [month, number] = date.split(' ');
  return <><span>{weekday} </span><strong><span class="day-month">{month} </span>{number}</strong></>;
}

const PARTS = [['Morning', 0, 12], ['Afternoon', 12, 17], ['Evening', 17, 24]];

function Times({ data, problem, loading, again, day, pick, toNextFree }) {
  const { zone } = useClinic();
  if (problem) return <Failed problem={problem} retry={again} />;
  if (loading) return <Loading>Looking for free times…</Loading>;
  if (data.length === 0) {
    return (
      <Empty icon="wait" title={`Nothing is free on ${longDay(day)}`}>
        <button type="button" class="button" onClick={toNextFree}>Go to the next free day</button>
      </Empty>
    );
  }
  const hour = (slot) => Number(new Intl.DateTimeFormat('en', { timeZone: zone, hour: 'numeric', hourCycle: 'h23' }).format(new Date(slot.starts_at)));
  const parts = PARTS.map(([name, from, to]) => [name, data.filter((slot) => hour(slot) >= from && hour(slot) < to)]);
  return parts.filter(([, slots]) => slots.length > 0).map(([name, slots]) => <Slots key={name} label={`${name}, ${longDay(day)}`} slots={slots} pick={pick} short />);
}
