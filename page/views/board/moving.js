// Moving an appointment on the board: dragged with mouse or pen, or picked up with the space bar and carried by the
// arrow keys. Either ends in a place that is proposed, never in a change by itself.

import { useEffect, useRef, useState } from 'preact/hooks';
import { minutesOf } from '../../lib/clock.js';
import { lengthOf, placeAt, snapped } from './geometry.js';

const THRESHOLD_PX = 6;

/**
 * `{carried, handlers(appointment)}`: `carried` is `{appointment, dentistId, start, byKeys}` while something is in the
 * air. `onDrop(appointment, {dentistId, start})` is called when it is put elsewhere; `say` is read out.
 */
export function useMoving({ board, dentistIds, hours, step, zone, isMovable, onDrop, onSay }) {
  const [carried, setCarried] = useState(null);
  const press = useRef(null);
  const swallow = useRef(false);

  const origin = (appointment) => ({ dentistId: appointment.dentist_id, start: minutesOf(appointment.starts_at, zone) });
  const drop = (one) => {
    setCarried(null);
    const from = origin(one.appointment);
    if (from.dentistId !== one.dentistId || from.start !== one.start) onDrop(one.appointment, one);
  };

  const move = (event) => {
    const { appointment, x, y, grip } = press.current;
    if (!press.current.moving && Math.hypot(event.clientX - x, event.clientY - y) < THRESHOLD_PX) return;
    press.current.moving = true;
    const columns = [...board.current.querySelectorAll('[data-dentist]')].map((element) => {
      const { left, right, top, bottom } = element.getBoundingClientRect();
      return { id: element.dataset.dentist, left, right, top, bottom };
    });
    const place = placeAt({ x: event.clientX, y: event.clientY }, grip, columns, hours, step, lengthOf(appointment));
    setCarried({ appointment, ...place });
  };

  const handlers = (appointment) => {
    if (!isMovable(appointment)) return {};
    return {
      onPointerDown: (event) => {
        if (event.button !== 0 || event.pointerType === 'touch') return;
        const grip = event.clientY - event.currentTarget.getBoundingClientRect().top;
        press.current = { appointment, x: event.clientX, y: event.clientY, grip, moving: false };
        event.currentTarget.setPointerCapture(event.pointerId);
      },
      onPointerMove: (event) => press.current && move(event),
      onPointerUp: () => {
        swallow.current = Boolean(press.current?.moving);
        if (press.current?.moving && carried) drop(carried);
        press.current = null;
      },
      onPointerCancel: () => {
        press.current = null;
        setCarried(null);
      },
      onKeyDown: (event) => keyed(event, appointment),
      onBlur: () => carried?.byKeys && putBack(),
    };
  };

  const putBack = () => {
    setCarried(null);
    onSay('Put back.');
  };

  const keyed = (event, appointment) => {
    const held = carried?.byKeys ? carried : null;
    if (event.key === ' ' && !held) {
      event.preventDefault();
      const one = { appointment, ...origin(appointment), byKeys: true };
      setCarried(one);
      onSay('Picked up. Arrow keys carry it, Enter puts it down, Escape puts it back.');
    } else if (held && (event.key === ' ' || event.key === 'Enter')) {
      event.preventDefault();
      drop(held);
    } else if (held && event.key.startsWith('Arrow')) {
      event.preventDefault();
      const next = carriedBy(event.key, held, { dentistIds, hours, step });
      setCarried(next);
      onSay(next);
    }
  };

  useEffect(() => {
    if (!carried) return undefined;
    const pressed = (event) => {
      if (event.key !== 'Escape') return;
      press.current = null;
      putBack();
    };
    window.addEventListener('keydown', pressed);
    return () => window.removeEventListener('keydown', pressed);
  });

  /** Whether the click that follows belongs to a drag. */
  const swallowed = () => {
    const was = swallow.current;
    swallow.current = false;
    return was;
  };
  return { carried, handlers, swallowed };
}

function carriedBy(key, held, { dentistIds, hours, step }) {
  const aside = { ArrowLeft: -1, ArrowRight: 1 }[key] ?? 0;
  const along = { ArrowUp: -step, ArrowDown: step }[key] ?? 0;
  const column = Math.max(0, Math.min(dentistIds.indexOf(held.dentistId) + aside, dentistIds.length - 1));
  const start = along ? snapped(held.start + along, hours, step, lengthOf(held.appointment)) : held.start;
  return { ...held, dentistId: dentistIds[column], start };
}
