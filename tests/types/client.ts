// Compiled, never run: what the typed client accepts and refuses. A line under `@ts-expect-error` that compiles fails.
import { createClient } from '@supabase/supabase-js';
import type { Database, Tables, TablesInsert } from '../../types/database';

const clinic = createClient<Database>('https://clinic.example', 'key');

export async function reads(): Promise<string[]> {
  const { data } = await clinic
    .from('appointment')
    .select('id, starts_at, status, dentist!appointment_dentist_id_fkey(last_name), appointment_has_service(service(name))')
    .eq('status', 'scheduled')
    .order('starts_at');
  // @ts-expect-error: no such status
  await clinic.from('appointment').select().eq('status', 'maybe');
  // @ts-expect-error: no such table
  await clinic.from('appointments').select();
  return (data ?? []).map((row) => `${row.starts_at satisfies string} ${row.dentist?.last_name} ${row.appointment_has_service[0]?.service.name}`);
}

export async function writes(patient: string): Promise<Tables<'appointment'> | null> {
  const wanted: TablesInsert<'appointment'> = {
    patient_id: patient,
    dentist_id: '00000000-0000-4000-8000-0000000000d1',
    starts_at: '2026-12-01T09:00:00Z',
    ends_at: '2026-12-01T09:30:00Z',
  };
  const { data } = await clinic.from('appointment').insert(wanted).select().single();
  // @ts-expect-error: a start is required
  await clinic.from('appointment').insert({ dentist_id: patient, ends_at: '2026-12-01T09:30:00Z' });
  // @ts-expect-error: set by the database alone
  await clinic.from('appointment').update({ late_cancel: false }).eq('id', patient);
  // @ts-expect-error: a view is not written to
  await clinic.from('dentist').insert({ id: patient });
  return data;
}

export async function calls(service: string): Promise<string | undefined> {
  const slots = await clinic.rpc('available_slots', { service_ids: [service], from: '2026-12-01', to: '2026-12-07' });
  const first = slots.data?.[0];
  if (!first?.dentist_id || !first.starts_at) return undefined;
  const held = await clinic.rpc('hold_appointment', { service_ids: [service], dentist_id: first.dentist_id, starts_at: first.starts_at });
  // @ts-expect-error: no such argument
  await clinic.rpc('seat', { appointment: service });
  // @ts-expect-error: for the edge alone
  await clinic.rpc('idempotency_replay', { method: 'POST', path: '/', key: 'k' });
  return JSON.stringify(held.data);
}
