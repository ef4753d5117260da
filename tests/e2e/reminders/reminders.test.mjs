// Reminders from the scheduled event to a receiver that is not well at first: signed, tried again, each once.

import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { start } from '../faults/worker.mjs';
import { Database } from '../lib/database.mjs';
import { env, id } from '../lib/stack.mjs';
import { APPOINTMENTS, closeAll, insert, official, ready, until } from '../live/support.mjs';

const CRON = '*/5 * * * *';
const key = randomBytes(32);

let db;
let worker;
let receiver;
const received = [];
let answer = () => 204;
before(async () => {
  db = await Database.open();
  await db.keep();
  // The seed's own appointments are not what this is about.
  await db.rows('update public.appointment set reminder_sent_at = now() where reminder_sent_at is null');
  receiver = http.createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const message = { headers: request.headers, body: Buffer.concat(chunks).toString() };
    received.push(message);
    response.writeHead(answer(message)).end();
  });
  await new Promise((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  worker = await start({
    SUPABASE_SERVICE_ROLE_KEY: env.SERVICE_ROLE_KEY,
    REMINDER_WEBHOOK_URL: `http://127.0.0.1:${receiver.address().port}/reminders`,
    REMINDER_WEBHOOK_SECRET: `whsec_${key.toString('base64')}`,
  });
});
after(async () => {
  await closeAll();
  await worker?.stop();
  receiver?.close();
  await db.restore();
  await db.close();
});

async function run() {
  const reply = await fetch(`${worker.url}/cdn-cgi/handler/scheduled?cron=${encodeURIComponent(CRON)}`);
  assert.equal(reply.status, 200, await reply.text());
}

// Within the clinic's lead, on the grid, in nobody's way.
async function due(patient, minutes) {
  const starts = new Date(Math.ceil((Date.now() + minutes * 60_000) / 900_000) * 900_000);
  const row = { id: crypto.randomUUID(), patient_id: patient, dentist_id: id('d3'), starts_at: starts, ends_at: new Date(+starts + 900_000), status: 'scheduled' };
  await db.rows(`update public.appointment set deleted_at = now() where starts_at < $2 and ends_at > $1 and (dentist_id = $3 or patient_id = $4)`, [row.starts_at, row.ends_at, row.dentist_id, patient]);
  await insert(db, 'appointment', row);
  return row;
}

const sentAt = async ({ id: of }) => (await db.rows('select reminder_sent_at from public.appointment where id = $1', [of]))[0].reminder_sent_at;
const about = (row) => received.filter(({ body }) => JSON.parse(body).data.appointment_id === row.id);
const leaseOver = () => db.rows(`update app.reminder_claim set lease_until = now() - interval '1 second'`);

function checkSignature({ headers, body }) {
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  assert.equal(headers['webhook-signature'], `v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
  assert.ok(Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp'])) < 60);
}

test('a_reminder_is_signed_tried_again_under_the_same_id_and_sent_once', async () => {
  const desk = await ready(official('receptionist', { url: worker.url }), 'reminders', [APPOINTMENTS]);
  const [one, other] = [await due(id('a0005'), 120), await due(id('a0006'), 180)];
  answer = ({ body }) => (JSON.parse(body).data.appointment_id === one.id ? 500 : 204);
  await run();
  assert.deepEqual([about(one).length, about(other).length], [1, 1]);
  assert.equal(await sentAt(one), null);
  assert.notEqual(await sentAt(other), null);
  await until(() => desk.changes.some((change) => change.new.id === other.id && change.new.reminder_sent_at), 'the front desk to see it');

  await run();
  assert.equal(about(one).length, 1, 'not before its time');
  answer = () => 204;
  await leaseOver();
  await run();
  const [first, again] = about(one);
  assert.equal(again.headers['webhook-id'], first.headers['webhook-id']);
  assert.equal(again.body, first.body);
  for (const message of received) checkSignature(message);
  assert.notEqual(await sentAt(one), null);

  await leaseOver();
  await run();
  assert.deepEqual([about(one).length, about(other).length], [2, 1], 'what has arrived is not sent again');
  const { type, data } = JSON.parse(first.body);
  assert.equal(type, 'appointment.reminder');
  assert.deepEqual(Object.keys(data).sort(), ['appointment_id', 'dentist_id', 'patient_id', 'starts_at', 'time_zone'], 'nothing but ids and times');
});

test('runs_at_the_same_time_send_each_once', async () => {
  const rows = [];
  for (let n = 0; n < 6; n++) rows.push(await due(id(`a002${n}`), 240 + n * 30));
  await Promise.all([run(), run(), run()]);
  assert.deepEqual(rows.map((row) => about(row).length), rows.map(() => 1));
});

test('an_appointment_that_moves_is_a_new_reminder', async () => {
  const row = await due(id('a0030'), 600);
  await run();
  const moved = new Date(+row.starts_at + 900_000);
  await db.rows('update public.appointment set starts_at = $2, ends_at = $3, reminder_sent_at = null where id = $1', [row.id, moved, new Date(+moved + 900_000)]);
  await run();
  const ids = about(row).map(({ headers }) => headers['webhook-id']);
  assert.equal(new Set(ids).size, 2);
});
