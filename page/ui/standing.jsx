// How far the screen can be trusted, always in sight: live, catching up, stale since, no connection since.

import { time } from '../lib/clock.js';
import { useClinic } from '../lib/context.js';
import { Icon } from './icon.jsx';

const WORDS = {
  connecting: { icon: 'wait', text: 'Connecting…' },
  live: { icon: 'live', text: 'Live' },
  'catching-up': { icon: 'wait', text: 'Catching up…' },
  stale: { icon: 'alert', text: 'Stale' },
  offline: { icon: 'cut', text: 'No connection' },
};

export function Standing({ state, since }) {
  const { zone } = useClinic();
  const { icon, text } = WORDS[state] ?? WORDS['catching-up'];
  return (
    <p class={`standing ${state}`} role="status" data-state={state}>
      <Icon name={icon} />
      <span>{text}{since && <> since <time dateTime={since.toISOString()}>{time(since, zone)}</time></>}</span>
    </p>
  );
}
