// Appointments as the page reads them: with the patient's name and the services booked.

const COLUMNS = `id, version, patient_id, dentist_id, room, starts_at, ends_at, status, priority, source, reason, hold_expires_at,
  cancel_reason, late_cancel, patient:user!appointment_patient_id_fkey(first_name, last_name, phone, date_of_birth),
  lines:appointment_has_service(line_no, tooth, surfaces, service(id, name, lay_name, treatment_area))`.replaceAll(/\s+/g, '');

export const select = (client) => client.from('appointment').select(COLUMNS);

export function nameOf({ patient, status, patient_id }) {
  if (patient) return `${patient.first_name} ${patient.last_name}`;
  return status === 'held' || !patient_id ? 'Held slot' : 'Patient';
}

export const servicesOf = ({ lines = [] }) => [...lines].sort((a, b) => a.line_no - b.line_no).map(({ service }) => service?.lay_name ?? service?.name ?? 'Service').join(', ');

export const serviceIds = ({ lines = [] }) => lines.map(({ service }) => service?.id).filter(Boolean);

export const dentistName = (dentists, id) => {
  const found = dentists.find((dentist) => dentist.id === id);
  return found ? `Dr. ${found.last_name}` : 'Dentist';
};

/** Up to five free times near a taken one, for where the answer has none. */
export async function freeNearby(client, { serviceIds, dentistId, startsAt }) {
  if (serviceIds.length === 0) return [];
  const at = new Date(startsAt).getTime();
  const from = new Date(Math.max(Date.now(), at - 86_400_000)).toISOString();
  const to = new Date(at + 5 * 86_400_000).toISOString();
  const { data } = await client.rpc('available_slots', { service_ids: serviceIds, dentist_id: dentistId, from, to });
  return (data ?? []).sort((a, b) => Math.abs(new Date(a.starts_at) - at) - Math.abs(new Date(b.starts_at) - at)).slice(0, 5);
}
