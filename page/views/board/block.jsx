// One appointment on the board: a button at its time. Status is told by word, mark and colour.

import { nameOf, servicesOf } from '../../lib/appointments.js';
import { clockTime, minutesOf, time } from '../../lib/clock.js';
import { STATUS } from '../../lib/status.js';
import { Icon } from '../../ui/icon.jsx';
import { lengthOf } from './geometry.js';

const SHORT_MIN = 25;

export function Block({ appointment, first, zone, open, moving, isMovable }) {
  const length = lengthOf(appointment);
  const start = minutesOf(appointment.starts_at, zone);
  const carried = moving.carried?.appointment.id === appointment.id;
  const classes = ['block', appointment.status, length <= SHORT_MIN && 'short', carried && 'lifted', isMovable && 'movable'].filter(Boolean).join(' ');
  return (
    <button
      type="button"
      class={classes}
      style={placed(start - first, length)}
      data-id={appointment.id}
      data-status={appointment.status}
      aria-describedby={isMovable ? 'board-keys' : undefined}
      onClick={() => !moving.swallowed() && open(appointment.id)}
      {...moving.handlers(appointment)}
    >
      <span class="block-line">
        <Icon name={appointment.status} />
        <strong class="block-name">{nameOf(appointment)}</strong>
        <span class="block-time">{time(appointment.starts_at, zone)}</span>
      </span>
      <span class="block-more">
        <span class="block-status">{STATUS[appointment.status]}</span>
        <span class="block-services">{servicesOf(appointment)}</span>
      </span>
    </button>
  );
}

export function Ghost({ carried, first }) {
  return (
    <div class="ghost" style={placed(carried.start - first, lengthOf(carried.appointment))} aria-hidden="true">
      {clockTime(carried.start)}
    </div>
  );
}

const placed = (minutes, length) => ({ '--at': minutes, '--long': length });
