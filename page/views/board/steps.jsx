// The steps of a visit that ask for something first.

import { useState } from 'preact/hooks';
import { nameOf } from '../../lib/appointments.js';
import { useClinic } from '../../lib/context.js';
import { kindly, problemOf } from '../../lib/problem.js';
import { Input, Refusal, Select, Submit } from '../../ui/form.jsx';

/** A form around one call: `call(values)` gives the request, `done` is said when it worked. */
function Step({ appointment, call, done, label, kind, onBack, onDone, children }) {
  const { say } = useClinic();
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    const reply = await call(Object.fromEntries(new FormData(event.target)));
    setBusy(false);
    if (reply.error) return setProblem(kindly(problemOf(reply)));
    say(`${done}: ${nameOf(appointment)}`);
    return onDone();
  };
  const fields = problem?.fields ?? {};
  return (
    <form class="step" onSubmit={submit} noValidate>
      {problem && !Object.values(fields).some(Boolean) && <Refusal problem={problem} />}
      {children(fields)}
      <div class="actions">
        <Submit busy={busy} kind={kind}>{label}</Submit>
        <button type="button" class="button" onClick={onBack}>Back</button>
      </div>
    </form>
  );
}

export function Seat({ appointment, ...rest }) {
  const { client } = useClinic();
  const call = ({ room }) => client.rpc('seat', { appointment_id: appointment.id, ...(room.trim() && { room: room.trim() }) });
  return (
    <Step appointment={appointment} call={call} done="Seated" label="Seat" {...rest}>
      {(errors) => <Input label="Room" name="room" defaultValue={appointment.room ?? ''} maxLength={50} error={errors.room} />}
    </Step>
  );
}

export function Cancel({ appointment, ...rest }) {
  const { client, settings } = useClinic();
  const late = new Date(appointment.starts_at) - Date.now() < settings.cancellation_window_hours * 3_600_000;
  const call = ({ reason }) => client.rpc('cancel_appointment', { appointment_id: appointment.id, ...(reason.trim() && { reason: reason.trim() }) });
  const help = late ? `It counts as late: less than ${settings.cancellation_window_hours} hours before.` : undefined;
  return (
    <Step appointment={appointment} call={call} done="Cancelled" label="Cancel the appointment" kind="danger" {...rest}>
      {(errors) => <Input label="Reason" name="reason" help={help} error={errors.reason} />}
    </Step>
  );
}

const AREAS = {
  quadrant: [['UR', 'Upper right'], ['UL', 'Upper left'], ['LR', 'Lower right'], ['LL', 'Lower left']],
  arch: [['U', 'Upper'], ['L', 'Lower']],
  sextant: ['1', '2', '3', '4', '5', '6'].map((code) => [code, `Sextant ${code}`]),
};

export function Complete({ appointment, ...rest }) {
  const { client } = useClinic();
  const call = (values) => client.rpc('complete_visit', { appointment_id: appointment.id, details: appointment.lines.map((line) => detail(line, values)) });
  return (
    <Step appointment={appointment} call={call} done="Completed" label="Complete the visit" {...rest}>
      {(errors) => appointment.lines.map((line) => <Line key={line.line_no} line={line} errors={errors} />)}
    </Step>
  );
}

// Only what was filled in: the booking knows the rest.
function detail({ line_no }, values) {
  const given = ['tooth', 'surfaces', 'area_code', 'tooth_range', 'notes'].map((name) => [name, values[`${name}-${line_no}`]?.trim()]);
  return { line_no, ...Object.fromEntries(given.filter(([, value]) => value)) };
}

function Line({ line: { line_no, service, tooth, surfaces }, errors }) {
  const area = service?.treatment_area;
  return (
    <fieldset class="line">
      <legend>{service?.name}</legend>
      {['tooth', 'surface'].includes(area) && <Input label="Tooth" name={`tooth-${line_no}`} defaultValue={tooth ?? ''} error={errors.tooth} />}
      {area === 'surface' && <Input label="Surfaces" name={`surfaces-${line_no}`} defaultValue={surfaces ?? ''} error={errors.surfaces} />}
      {area === 'tooth_range' && <Input label="Teeth" name={`tooth_range-${line_no}`} help="Separated by commas: 3,4,5" error={errors.tooth_range} />}
      {AREAS[area] && <Select label="Where" name={`area_code-${line_no}`} options={AREAS[area].map(([value, text]) => ({ value, text }))} error={errors.area_code} />}
      <Input label="Notes" name={`notes-${line_no}`} error={errors.notes} />
    </fieldset>
  );
}
