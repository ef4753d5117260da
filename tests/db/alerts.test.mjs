// Alerts: told with a booking to those who may know, acknowledged before treatment by the dentist who treats.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture, rows } from './fixture.mjs';
import { id, people, rolledBack } from './support.mjs';

const { patient, patient2, dentist } = people;
const visit = rows.ownAppointment;
const checkup = id('5001');
const alert = (n) => id(`fa1${n}`);

// Patient 1 with three alerts and three entries that are none.
async function alerting(db) {
  await fixture(db);
  await db.rows('delete from patient_medical_history where patient_id = $1', [patient]);
  await db.rows(`insert into patient_medical_history (id, patient_id, kind, title, reaction, severity, is_alert, premedication, status) values
    ($1, $7, 'allergy', 'Latex', 'Swelling', 'severe', false, false, 'active'), ($2, $7, 'condition', 'Bleeds long', null, null, true, false, 'active'),
    ($3, $7, 'surgery', 'Heart valve', null, null, false, true, 'active'), ($4, $7, 'social', 'Smokes', null, null, false, false, 'active'),
    ($5, $7, 'allergy', 'Penicillin', 'Rash', 'mild', true, false, 'resolved'), ($6, $8, 'allergy', 'Nickel', null, null, true, false, 'active')`,
  [alert(1), alert(2), alert(3), alert(4), alert(5), alert(6), patient, patient2]);
  await db.rows(`update appointment set status = 'arrived' where id = $1`, [visit]);
  await db.rows(`update appointment set status = 'in_chair' where id = $1`, [visit]);
}
const mine = [alert(1), alert(2), alert(3)];
const acknowledge = (db, ids, which = visit) => db.attempt('select acknowledge_alerts($1, $2) as n', [which, ids]);
const complete = (db, ids = null) => db.attempt('select (complete_visit($1, acknowledged_alerts => $2)).status', [visit, ids]);
const seen = (db) => db.attempt('select * from visit_alerts($1)', [visit]);

test('a booking tells dentist, admin and patient the alerts, and reception how many there are', () => rolledBack(async (db) => {
  await alerting(db);
  const slots = await db.rows(`select * from available_slots($1, now() + interval '60 days', now() + interval '62 days', $2)`, [[checkup], dentist]);
  const book = async (slot, forPatient) => (await db.one('select (b).status, (b).patient_id, (b).alert_count as n, (b).alerts from book_appointment(dentist_id => $1, starts_at => $2, service_ids => $3, patient_id => $4) b',
    [slot.dentist_id, slot.starts_at, [checkup], forPatient]));
  for (const [i, [who, status]] of [['patient', 'requested'], ['dentist', 'scheduled'], ['admin', 'scheduled']].entries()) {
    await db.as(who);
    const got = await book(slots[i * 2], patient);
    assert.deepEqual([got.status, got.patient_id, got.n, got.alerts.map((a) => a.id).sort()], [status, patient, 3, mine], who);
    assert.deepEqual(got.alerts[0], { id: alert(1), kind: 'allergy', title: 'Latex', reaction: 'Swelling', severity: 'severe', premedication: false, reviewed: false });
  }
  await db.as('receptionist');
  assert.deepEqual(await book(slots[6], patient), { status: 'scheduled', patient_id: patient, n: 3, alerts: null });
  await db.as('admin');
  assert.deepEqual((({ n, alerts }) => ({ n, alerts }))(await book(slots[8], id('a0004'))), { n: 0, alerts: [] });
}));

test('a visit is not completed while an alert is unread, whoever tries and however', () => rolledBack(async (db) => {
  await alerting(db);
  await db.as('dentist');
  const refused = await complete(db);
  assert.deepEqual([refused.error, refused.detail], ['PT409', 'acknowledged_alerts']);
  assert.ok(!/Latex|Bleeds/.test(JSON.stringify(refused)), 'what the alerts say is not in the error');
  for (const who of ['dentist', 'receptionist', 'admin']) {
    await db.as(who);
    assert.equal((await db.attempt(`update appointment set status = 'completed' where id = $1`, [visit])).error, 'PT409', who);
  }
  await db.as('dentist');
  assert.equal((await complete(db, mine.slice(1))).error, 'PT409', 'one is missing');
  assert.equal((await complete(db, mine)).rows[0]?.status, 'completed');
}));

test('a record of treatment at a visit needs it too; one without a visit does not', () => rolledBack(async (db) => {
  await alerting(db);
  await db.as('dentist');
  const treat = (status, of = visit) => db.attempt(`insert into treatment_records (patient_id, dentist_id, service_id, fee, status, performed_at, appointment_id) values ($1, $2, $3, 1, $4, now(), $5) returning id`,
    [patient, dentist, rows.activeService, status, of]);
  for (const status of ['completed', 'in_progress']) assert.equal((await treat(status)).error, 'PT409', status);
  const planned = await treat('planned');
  assert.equal(planned.error, undefined);
  assert.equal((await treat('completed', null)).error, undefined);
  const start = () => db.attempt(`update treatment_records set status = 'in_progress' where id = $1`, [planned.rows[0].id]);
  assert.equal((await start()).error, 'PT409');
  await acknowledge(db, mine);
  assert.equal((await start()).count, 1);
  assert.equal((await treat('completed')).error, undefined);
  await db.as('patient');
  assert.equal((await treat('completed', rows.otherAppointment)).error, '42501', 'others learn nothing of alerts from the refusal');
}));

test('kept is who acknowledged what, when, and how it read; what has changed since is read again', () => rolledBack(async (db) => {
  await alerting(db);
  await db.as('dentist');
  assert.equal((await acknowledge(db, mine)).rows[0].n, 3);
  assert.equal((await acknowledge(db, mine)).rows[0].n, 3, 'twice is once');
  await db.asOwner();
  const kept = await db.rows('select alert_id, by_user, at = now() as now, alert ->> \'title\' as title from app.alert_acknowledgement where appointment_id = $1 order by alert_id', [visit]);
  assert.deepEqual(kept, [[alert(1), 'Latex'], [alert(2), 'Bleeds long'], [alert(3), 'Heart valve']].map(([alert_id, title]) => ({ alert_id, by_user: dentist, now: true, title })));
  await db.rows(`update patient_medical_history set severity = 'life_threatening' where id = $1`, [alert(1)]);
  await db.rows(`insert into patient_medical_history (id, patient_id, kind, title) values ($1, $2, 'allergy', 'Iodine')`, [alert(7), patient]);
  await db.as('dentist');
  const open = (await seen(db)).rows.filter((a) => a.acknowledged_at === null).map((a) => a.alert_id);
  assert.deepEqual(open.sort(), [alert(1), alert(7)]);
  assert.equal((await complete(db, [alert(7)])).error, 'PT409');
  assert.equal((await complete(db, open)).rows[0]?.status, 'completed');
  await db.asOwner();
  assert.equal((await db.attempt('delete from app.alert_acknowledgement')).error, 'PT409');
  assert.equal((await db.attempt('update app.alert_acknowledgement set at = now()')).error, 'PT409');
}));

test('another dentist who takes the visit over reads for themself', () => rolledBack(async (db) => {
  await alerting(db);
  await db.as('dentist');
  await acknowledge(db, mine);
  await db.as('receptionist');
  await db.rows('update appointment set dentist_id = $2 where id = $1', [visit, id('d3')]);
  await db.as(id('d3'));
  assert.equal((await complete(db)).error, 'PT409');
  assert.ok((await seen(db)).rows.every((a) => a.acknowledged_by === null));
  assert.equal((await complete(db, mine)).rows[0]?.status, 'completed');
}));

test('what is resolved or deleted needs no acknowledgement', () => rolledBack(async (db) => {
  await alerting(db);
  await db.rows(`update patient_medical_history set status = 'resolved' where id = $1`, [alert(1)]);
  await db.rows('delete from patient_medical_history where id = $1', [alert(2)]);
  await db.as('dentist');
  assert.equal((await complete(db, [alert(3)])).rows[0]?.status, 'completed');
}));

test('who may see and acknowledge', () => rolledBack(async (db) => {
  await alerting(db);
  for (const who of ['dentist', 'dentist2', 'admin', 'patient']) {
    await db.as(who);
    assert.deepEqual((await seen(db)).rows.map((a) => a.alert_id).sort(), mine, who);
  }
  for (const [who, error] of [['patient2', 'PT404'], ['receptionist', '42501'], ['anon', '42501']]) {
    await db.as(who);
    assert.equal((await seen(db)).error, error, who);
  }
  for (const [who, error] of [['dentist2', 'PT404'], ['patient', '42501'], ['receptionist', '42501'], ['admin', '42501'], ['anon', '42501']]) {
    await db.as(who);
    assert.equal((await acknowledge(db, mine)).error, error, who);
  }
  await db.as('dentist');
  for (const wrong of [[alert(4)], [alert(5)], [alert(6)], [id('dead')], [null], [], null, [alert(1), alert(6)]]) {
    assert.equal((await acknowledge(db, wrong)).error, 'PT422', JSON.stringify(wrong));
  }
  assert.equal((await complete(db, [alert(6)])).error, 'PT422');
  assert.equal((await acknowledge(db, mine, id('dead'))).error, 'PT404');
  await complete(db, mine);
  assert.equal((await acknowledge(db, mine)).error, 'PT409', 'after the treatment');
}));
