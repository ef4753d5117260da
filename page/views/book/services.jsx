// What a booking is for: one or more of the clinic's services.

import { useState } from 'preact/hooks';
import { money } from '../../lib/clock.js';
import { useClinic } from '../../lib/context.js';
import { useReading } from '../../lib/reading.js';
import { Input } from '../../ui/form.jsx';
import { Failed, Loading } from '../../ui/states.jsx';

export function Services({ chosen, setChosen }) {
  const { client, me } = useClinic();
  const [wanted, setWanted] = useState('');
  const services = useReading(() => {
    const all = client.from('service').select('id, name, lay_name, category, duration_min, fee, currency').eq('active', true).order('category').order('name');
    return me.role === 'patient' ? all.eq('online_bookable', true) : all;
  }, [client]);
  const toggle = (service) => setChosen((now) => (now.some(({ id }) => id === service.id) ? now.filter(({ id }) => id !== service.id) : [...now, service]));
  const minutes = chosen.reduce((sum, { duration_min }) => sum + duration_min, 0);
  const word = wanted.trim().toLowerCase();
  const fits = (service) => [service.name, service.lay_name ?? '', service.category].some((text) => text.toLowerCase().includes(word)) || chosen.some(({ id }) => id === service.id);
  return (
    <section class="card" aria-labelledby="what">
      <h2 id="what">What for?</h2>
      {services.problem && <Failed problem={services.problem} retry={services.again} />}
      {!services.data && !services.problem && <Loading />}
      {services.data && (
        <>
          <Input label="Find a service" type="search" value={wanted} onInput={(event) => setWanted(event.target.value)} />
          <fieldset class="choices">
            <legend class="visually-hidden">Services</legend>
            {services.data.filter(fits).map((service) => (
              <label key={service.id} class="choice">
                <input type="checkbox" checked={chosen.some(({ id }) => id === service.id)} onChange={() => toggle(service)} />
                <span class="choice-name">{titleOf(service, me)}</span>
                <span class="muted">{service.duration_min} min · {money(service.fee, service.currency)}</span>
              </label>
            ))}
          </fieldset>
          <p class="sum" role="status">{chosen.length > 0 && `${chosen.length} chosen, ${minutes} minutes`}</p>
        </>
      )}
    </section>
  );
}

/** Patients read a lay name where there is one. */
export const titleOf = ({ name, lay_name }, me) => (me.role === 'patient' ? (lay_name ?? name) : name);
