// Rows that cases start from, written before either side of a pair. Times lie in 2031, far from the seed's.

import { id } from '../lib/stack.mjs';

export const APPOINTMENT = id('ee0201');
export const OTHER = id('ee0202');
export const TREATMENT = id('ee0301');
export const DRAFT = id('e0001');
export const SERVICE = id('5001');
export const LOT = id('80011');

/** An appointment of patient 1 with dentist 1, as it stands. */
export const appointment = (status, { at = '2031-03-04 15:00Z', row = APPOINTMENT, patient = 'a0001', dentist = 'd1' } = {}) => `
  insert into public.appointment (id, patient_id, dentist_id, room, starts_at, ends_at, status, source)
  values ('${row}', '${id(patient)}', '${id(dentist)}', 'Room ${row.slice(-1)}', '${at}', '${at}'::timestamptz + interval '30 minutes', '${status}', 'phone');`;

/** A service on it. */
export const line = `
  insert into public.appointment_has_service (appointment_id, line_no, service_id, unit_fee, duration_min)
  values ('${APPOINTMENT}', 1, '${SERVICE}', 85, 30);`;

/** A planned treatment of patient 1 by dentist 1. */
export const treatment = `
  insert into public.treatment_records (id, patient_id, dentist_id, service_id, status, fee)
  values ('${TREATMENT}', '${id('a0001')}', '${id('d1')}', '${SERVICE}', 'planned', 85);`;

/** A visit that is over and was treated, not yet invoiced. */
export const visit = `${appointment('completed', { at: '2020-03-04 15:00Z' })} ${line}
  insert into public.treatment_records (id, patient_id, dentist_id, appointment_id, service_id, status, performed_at, fee)
  values ('${TREATMENT}', '${id('a0001')}', '${id('d1')}', '${APPOINTMENT}', '${SERVICE}', 'completed', '2020-03-04 15:30Z', 85);`;

/** The seed's draft invoice of 120, issued. */
export const invoice = `update public.invoices set status = 'issued' where id = '${DRAFT}';`;

/** A payment on it. */
export const payment = (status, row = id('ee0401')) => `${invoice}
  insert into public.payment (id, invoice_id, patient_id, method, status, amount, paid_at)
  values ('${row}', '${DRAFT}', '${id('a0001')}', 'cash', '${status}', 50, case when '${status}' = 'succeeded' then now() end);`;
