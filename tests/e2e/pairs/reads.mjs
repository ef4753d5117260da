// Plain reads: columns, aliases, casts, JSON, order, windows, counts, single objects, CSV, and reads that fail.
// A case: [name, call, options]. Options: roles (default all five), refused or stricter (see pairs.test.mjs).

import { id } from '../lib/stack.mjs';

const service = (db, columns, options) => db.from('service').select(columns, options).order('id');
const appointment = (db, columns, options) => db.from('appointment').select(columns, options).order('id');
const user = (db, columns, options) => db.from('user').select(columns, options).order('id');
const TABLES = [
  'user', 'role', 'patient_medical_history', 'service', 'appointment', 'treatment_records', 'invoices', 'payment',
  'insurance_detail', 'inventory', 'dentist', 'clinic_settings', 'provider_hours', 'invoice_line',
];

export const reads = [
  ...TABLES.map((table) => [`${table}: all a role may see`, (db) => db.from(table).select().order('id')]),
  ['appointment_has_service: all a role may see', (db) => db.from('appointment_has_service').select().order('appointment_id').order('line_no')],

  ['columns', (db) => service(db, 'id, code, name,fee')],
  ['one column twice', (db) => service(db, 'code,code').limit(2)],
  ['star and a column', (db) => service(db, '*,again:code').limit(2)],
  ['aliases', (db) => service(db, 'key:id, "the price":fee, name')],
  ['quoted names', (db) => service(db, '"id","code"')],
  ['casts', (db) => service(db, 'id::text, fee::int4, tax_rate::text, active::text, created_at::date')],
  ['cast with alias', (db) => service(db, 'price:fee::text').limit(5)],
  ['cast of an enum', (db) => appointment(db, 'id,status::text').limit(5)],
  ['json arrow', (db) => user(db, 'id,address->city,address->>postal_code')],
  ['json arrow with alias and cast', (db) => user(db, 'town:address->>city,code:address->>postal_code::int4')],
  ['json path by index', (db) => db.from('clinic_settings').select('opening_hours->0,opening_hours->0->>opens,last:opening_hours->-1->>closes')],
  ['json path that is not there', (db) => user(db, 'id,address->nothing->>more').limit(3)],

  ['order descending', (db) => db.from('service').select('code').order('code', { ascending: false })],
  ['order by several', (db) => db.from('service').select('category,fee,code').order('category').order('fee', { ascending: false }).order('code')],
  ['nulls first', (db) => db.from('appointment').select('id,reason').order('reason', { nullsFirst: true }).order('id').limit(30)],
  ['nulls last descending', (db) => db.from('appointment').select('id,reason').order('reason', { ascending: false, nullsFirst: false }).order('id').limit(30)],
  ['order by json', (db) => db.from('user').select('id').order('address->>postal_code').order('id')],
  ['limit', (db) => service(db).limit(3)],
  ['limit of nothing', (db) => service(db).limit(0)],
  ['range', (db) => service(db, 'code').range(5, 9)],
  ['range of the first row', (db) => service(db, 'code').range(0, 0)],
  ['range over the end', (db) => service(db, 'code').range(25, 60)],
  ['range past the end, not counted', (db) => service(db, 'code').range(500, 510)],
  ['range past the end, counted', (db) => service(db, 'code', { count: 'exact' }).range(500, 510)],
  ['limit over the edge’s own', (db) => service(db, 'code').limit(1001), { stricter: '?limit' }],
  ['range over the edge’s own', (db) => service(db, 'code').range(0, 1000), { stricter: '?limit' }],

  ['count exact', (db) => service(db, '*', { count: 'exact' })],
  ['count exact of a page', (db) => service(db, 'code', { count: 'exact' }).range(10, 14)],
  ['count planned', (db) => appointment(db, 'id', { count: 'planned' }).limit(5)],
  ['count estimated', (db) => appointment(db, 'id', { count: 'estimated' }).limit(5)],
  ['count of nothing', (db) => service(db, 'id', { count: 'exact' }).eq('code', 'NONE')],
  ['head', (db) => service(db, '*', { head: true })],
  ['head with count', (db) => service(db, '*', { head: true, count: 'exact' })],
  ['head of a range', (db) => service(db, '*', { head: true, count: 'exact' }).range(2, 4)],
  ['head of what is not allowed', (db) => db.from('role').select('*', { head: true, count: 'exact' })],

  ['head of a range past the end', (db) => service(db, '*', { head: true, count: 'exact' }).range(500, 510)],

  ['single', (db) => service(db).eq('code', 'CHECKUP').single()],
  ['single of none', (db) => service(db).eq('code', 'NONE').single()],
  ['single of many', (db) => service(db).single()],
  ['single with count', (db) => service(db, 'code', { count: 'exact' }).eq('code', 'CHECKUP').single()],
  ['maybeSingle', (db) => service(db).eq('code', 'CLEAN-A').maybeSingle()],
  ['maybeSingle of none', (db) => service(db).eq('code', 'NONE').maybeSingle()],
  ['maybeSingle of many', (db) => service(db).limit(2).maybeSingle()],
  ['single of a limit', (db) => service(db, 'code').limit(1).single()],
  ['stripNulls', (db) => appointment(db).limit(5).stripNulls()],
  ['stripNulls of one', (db) => user(db).limit(1).single().stripNulls()],
  ['csv', (db) => service(db, 'code,name,fee').csv()],
  ['csv of nothing', (db) => service(db, 'code,name').eq('code', 'NONE').csv()],
  ['csv with texts that need quotes', (db) => db.from('clinic_settings').select('name,emergency_text,opening_hours').csv()],
  ['csv with count', (db) => service(db, 'code', { count: 'exact' }).range(0, 2).csv()],
  ['throwOnError of what works', (db) => service(db, 'code').limit(1).throwOnError()],
  ['throwOnError of what fails', (db) => service(db).single().throwOnError()],
  ['abort', (db) => service(db).abortSignal(AbortSignal.abort()), { roles: ['dentist'] }],
  ['abortSignal that does not fire', (db) => service(db, 'code').limit(1).abortSignal(AbortSignal.timeout(60_000)), { roles: ['dentist'] }],
  ['another header', (db) => service(db, 'code').limit(1).setHeader('prefer', 'handling=lenient, wait=10')],
  ['strict handling', (db) => service(db, 'code', { count: 'exact' }).limit(1).setHeader('prefer', 'handling=strict, count=exact')],
  ['strict handling of what is unknown', (db) => service(db, 'code').limit(1).setHeader('prefer', 'handling=strict, wait=10'), { refused: 'header:prefer' }],

  ['explain', (db) => service(db).explain(), { refused: 'header:accept' }],
  ['geojson', (db) => service(db).geojson(), { refused: 'header:accept', roles: ['dentist'] }],
  ['another schema', (db) => db.schema('app').from('service').select(), { refused: 'header:accept-profile' }],
  ['a table that is not there', (db) => db.from('nothing').select(), { refused: null }],
  ['a table that is not served', (db) => db.from('change_log').select(), { refused: null }],
  ['a column that is not there', (db) => db.from('service').select('nothing'), { refused: '?select' }],
  ['a column that is not there, in order', (db) => db.from('service').select().order('nothing'), { refused: '?order' }],
  ['aggregates', (db) => db.from('service').select('fee.sum()'), { refused: '?select' }],
  ['a cast that Postgres has not', (db) => service(db, 'id::int4'), { refused: '?select' }],
  ['a cast to an unknown type', (db) => service(db, 'id::nothing'), { refused: '?select' }],
  ['an arrow into no json', (db) => service(db, 'name->x'), { stricter: '?select' }],
  ['one row of another', (db) => user(db).eq('id', id('a0002')).maybeSingle()],
];
