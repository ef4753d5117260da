// An appointment's statuses: their names, and what a member of staff can do next.

export const STATUS = {
  held: 'Held',
  requested: 'Requested',
  scheduled: 'Scheduled',
  confirmed: 'Confirmed',
  arrived: 'Arrived',
  in_chair: 'In chair',
  completed: 'Completed',
  cancelled: 'Cancelled',
  no_show: 'Did not come',
  rescheduled: 'Moved',
};

/** Those that take up a dentist's time. */
export const LIVE = ['held', 'requested', 'scheduled', 'confirmed', 'arrived', 'in_chair', 'completed'];
const MOVABLE = ['requested', 'scheduled', 'confirmed'];
const CANCELLABLE = [...MOVABLE, 'held', 'arrived'];

/** Dentists change their own appointments alone. */
const mayChange = (me, { dentist_id }) => me.role !== 'dentist' || dentist_id === me.id;

export const isMovable = (me, appointment) => mayChange(me, appointment) && MOVABLE.includes(appointment.status);

/** The next steps of a visit: 'confirm', 'check_in', 'seat', 'complete', 'no_show', 'move', 'cancel'. */
export function stepsOf(me, appointment) {
  if (!mayChange(me, appointment)) return [];
  const { status } = appointment;
  const is = (...statuses) => statuses.includes(status);
  return [
    is('requested', 'scheduled') && 'confirm',
    is('scheduled', 'confirmed') && 'check_in',
    is('arrived') && 'seat',
    is('in_chair') && me.role === 'dentist' && 'complete',
    isMovable(me, appointment) && 'move',
    is('scheduled', 'confirmed', 'arrived') && 'no_show',
    is(...CANCELLABLE) && 'cancel',
  ].filter(Boolean);
}
