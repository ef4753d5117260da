// Random writes to the eleven tables, by their owner, past what roles may do but not past what Postgres itself holds:
// a write that breaks a rule of the clinic is refused and simply tried again with other values.

const id = (tail) => `00000000-0000-4000-8000-${tail.padStart(12, '0')}`;

export const people = {
  patients: ['a0001', 'a0002', 'a0003', 'a0004'].map(id),
  dentists: ['d1', 'd2'].map(id),
  receptionist: id('c1'),
  admin: id('f1'),
  inactive: [id('a0005'), id('d3')],
  deleted: id('c2'),
};

// [table, SQL]: `$n` is filled by the names that follow it. Most rows belong to somebody who looks on.
const writes = {
  user: [
    ["insert into \"user\" (id, role_id, first_name, last_name) values ($1, $2, 'New', 'Person')", 'uuid', 'role'],
    ["update \"user\" set preferred_name = $2::text, address = jsonb_build_object('city', $2::text) where id = $1", 'person', 'word'],
    ['update "user" set status = $2 where id = $1', 'person', 'userStatus'],
    ['update "user" set deleted_at = case when deleted_at is null then now() end where id = $1', 'person'],
    ['update "user" set role_id = $2 where id = $1', 'person', 'role'],
    [`update "user" u set role_id = v.role, status = 'active', deleted_at = null from unnest($1::uuid[], $2::int[]) v (id, role)
       where u.id = v.id and (u.role_id, u.status, u.deleted_at) is distinct from (v.role, 'active', null)`, 'everybody', 'roles'],
    ['update "user" set guarantor_id = $2 where id = $1', 'patient', 'patient'],
  ],
  role: [['update role set description = $2 where id = $1', 'role', 'word']],
  patient_medical_history: [
    ["insert into patient_medical_history (id, patient_id, kind, title) values ($1, $2, 'condition', $3)", 'uuid', 'patient', 'word'],
    ['update patient_medical_history set title = $2 where id = $1', 'row', 'word'],
    ['update patient_medical_history set patient_id = $2 where id = $1', 'row', 'patient'],
    ['update patient_medical_history set deleted_at = case when deleted_at is null then now() end where id = $1', 'row'],
    ['delete from patient_medical_history where id = $1', 'row'],
  ],
  service: [
    ["insert into service (id, code, name, category, fee, active) values ($1, $2, 'A service', 'diagnostic', $3, $4)", 'uuid', 'code', 'money', 'flag'],
    ['update service set fee = $2 where id = $1', 'row', 'money'],
    ['update service set active = not active where id = $1', 'row'],
    ['update service set deleted_at = case when deleted_at is null then now() end where id = $1', 'row'],
  ],
  appointment: [
    ["insert into appointment (id, patient_id, dentist_id, starts_at, ends_at, status) values ($1, $2, $3, $4, $4::timestamptz + interval '30 minutes', 'scheduled')", 'uuid', 'patient', 'dentist', 'slot'],
    ["insert into appointment (id, dentist_id, starts_at, ends_at, status) values ($1, $2, $3, $3::timestamptz + interval '30 minutes', 'held')", 'uuid', 'dentist', 'slot'],
    ['update appointment set notes = $2 where id = $1', 'row', 'word'],
    ["update appointment set status = $2::appointment_status, cancel_reason = 'For a test' where id = $1", 'row', 'appointmentStatus'],
    ['update appointment set patient_id = $2 where id = $1', 'row', 'patient'],
    ['update appointment set dentist_id = $2 where id = $1', 'row', 'dentist'],
    ['update appointment set deleted_at = case when deleted_at is null then now() end where id = $1', 'row'],
  ],
  appointment_has_service: [
    ['insert into appointment_has_service (appointment_id, service_id) values ($1, $2)', 'appointment', 'service'],
    ['update appointment_has_service set quantity = quantity % 5 + 1 where appointment_id = $1', 'appointment'],
    ['delete from appointment_has_service where appointment_id = $1', 'appointment'],
  ],
  treatment_records: [
    ["insert into treatment_records (id, patient_id, dentist_id, service_id, fee, status) values ($1, $2, $3, $4, $5, 'planned')", 'uuid', 'patient', 'dentist', 'service', 'money'],
    ['update treatment_records set notes = $2 where id = $1', 'row', 'word'],
    ['update treatment_records set status = $2::treatment_status where id = $1', 'row', 'treatmentStatus'],
    ['update treatment_records set patient_id = $2 where id = $1', 'row', 'patient'],
  ],
  invoices: [
    ['insert into invoices (id, patient_id, guarantor_id, subtotal) values ($1, $2, $3, $4)', 'uuid', 'patient', 'patient', 'money'],
    ['insert into invoices (id, patient_id, subtotal) values ($1, $2, $3)', 'uuid', 'patient', 'money'],
    ["update invoices set status = 'issued' where id = $1", 'row'],
    ["update invoices set status = 'void', void_reason = 'For a test' where id = $1", 'row'],
    ['update invoices set guarantor_id = $2 where id = $1', 'row', 'patient'],
    ['update invoices set patient_id = $2, notes = $3 where id = $1', 'row', 'patient', 'word'],
  ],
  payment: [
    ["insert into payment (id, invoice_id, patient_id, method, status, amount) select $1, id, patient_id, 'cash', 'pending', 1 from invoices where id = $2", 'uuid', 'invoice'],
    ['update payment set status = $2::payment_status where id = $1', 'row', 'paymentStatus'],
    ['update payment set provider = $2, external_id = $3 where id = $1', 'row', 'word', 'code'],
  ],
  insurance_detail: [
    ["insert into insurance_detail (id, patient_id, subscriber_id, relationship, ordinal, carrier_name, member_id, effective_on, terminated_on) values ($1, $2, $3, 'child', $4, 'Carrier', $5, $6::timestamptz, $6::timestamptz)", 'uuid', 'patient', 'patient', 'ordinal', 'code', 'slot'],
    ["insert into insurance_detail (id, patient_id, ordinal, carrier_name, member_id, effective_on, terminated_on) values ($1, $2, $3, 'Carrier', $4, $5::timestamptz, $5::timestamptz)", 'uuid', 'patient', 'ordinal', 'code', 'slot'],
    ['update insurance_detail set plan_name = $2 where id = $1', 'row', 'word'],
    ['update insurance_detail set patient_id = $2 where id = $1', 'row', 'patient'],
    ["update insurance_detail set subscriber_id = $2, relationship = 'child' where id = $1", 'row', 'patient'],
    ['update insurance_detail set deleted_at = case when deleted_at is null then now() end where id = $1', 'row'],
  ],
  inventory: [
    ["insert into inventory (id, sku, name, category) values ($1, $2, 'Gloves', 'test')", 'uuid', 'code'],
    ['update inventory set supplier = $2 where id = $1', 'row', 'word'],
    ['update inventory set deleted_at = case when deleted_at is null then now() end where id = $1', 'row'],
    ['delete from inventory where id = $1', 'row'],
  ],
};

export const tables = Object.keys(writes);
export const statements = Object.values(writes).flat().map(([sql]) => sql);

/** What each viewer starts as; before anything is compared. */
export const preparation = [
  ['update "user" set status = \'inactive\' where id = any ($1)', [people.inactive]],
  ['update "user" set deleted_at = now() where id = $1', [people.deleted]],
];

/** Makes one random write after another; `made` keeps the ids of rows per table. */
export class Writer {
  constructor(random) {
    this.random = random;
    this.count = 0;
    this.made = Object.fromEntries(tables.map((table) => [table, []]));
  }

  /** `{sql, parameters, remember}`: call `remember` once the write has worked. */
  next(table) {
    const [sql, ...names] = this.random.pick(writes[table]);
    const parameters = names.map((name) => this.#value(table, name));
    const isNew = names[0] === 'uuid';
    return { sql, parameters, remember: () => isNew && this.made[table].push(parameters[0]) };
  }

  #value(table, name) {
    this.count += 1;
    const { random, made } = this;
    const one = (of) => (made[of].length > 0 ? random.pick(made[of]) : id('0'));
    const active = [...people.patients, ...people.dentists, people.receptionist, people.admin];
    const everybody = [...active, ...people.inactive, people.deleted];
    const values = {
      uuid: () => id(`e${this.count.toString(16).padStart(7, '0')}`),
      row: () => one(table),
      appointment: () => one('appointment'),
      service: () => one('service'),
      invoice: () => one('invoices'),
      patient: () => random.pick(people.patients),
      dentist: () => random.pick(people.dentists),
      person: () => random.pick([...everybody, ...made.user]),
      everybody: () => active,
      roles: () => [...people.patients.map(() => 1), ...people.dentists.map(() => 2), 3, 4],
      role: () => 1 + random.below(4),
      ordinal: () => 1 + random.below(3),
      word: () => `W${this.count} "ü\\`,
      code: () => `T${this.count}`,
      money: () => `${1 + random.below(900)}.${10 + random.below(90)}`,
      flag: () => random.below(2) === 0,
      userStatus: () => random.pick(['active', 'inactive', 'archived']),
      appointmentStatus: () => random.pick(['confirmed', 'arrived', 'in_chair', 'cancelled', 'no_show']),
      treatmentStatus: () => random.pick(['accepted', 'declined', 'entered_in_error', 'referred']),
      paymentStatus: () => random.pick(['authorized', 'failed', 'voided', 'succeeded']),
      slot: () => new Date(Date.UTC(2031, 2, 4 + Math.floor(this.count / 8), 9 + (this.count % 8))).toISOString(),
    };
    return values[name]();
  }
}
