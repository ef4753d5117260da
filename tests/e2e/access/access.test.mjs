// What staff reads of medical records gets into access_log, once, whatever happens in between: the database away, the
// Worker killed, the reader's token at its end.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../scripts/stack/settings.mjs';
import { startWorkerd } from '../../../scripts/stack/workerd.mjs';
import { settings } from '../faults/worker.mjs';
import { supabase } from '../lib/clients.mjs';
import { Database } from '../lib/database.mjs';
import { during, env, id, send, tokens } from '../lib/stack.mjs';
import { closeAll, listen, official, SERVICES, token, until } from '../live/support.mjs';

const RECORDS = '/rest/v1/treatment_records?select=id,notes&patient_id=eq.00000000-0000-4000-8000-0000000a0001&limit=3';
const LOG = '/rest/v1/rpc/log_access';
const DENTIST = id('d1');
const PATIENCE_MS = 30_000;

let db;
let folder;
let worker;
let port;
const startAgain = async (changes = {}) => (worker = await startWorkerd({ folder, port, vars: settings({ SUPABASE_SERVICE_ROLE_KEY: env.SERVICE_ROLE_KEY, ...changes }), build: process.env.CHAIRSIDE_BUILD_DIR }));
before(async () => {
  db = await Database.open();
  await db.keep();
  const extra = join(process.env.CHAIRSIDE_STATE_DIR, 'extra');
  mkdirSync(extra, { recursive: true });
  folder = mkdtempSync(join(extra, 'access-'));
  port = await freePort();
  await startAgain();
});
after(async () => {
  await worker?.stop();
  await db.restore();
  await db.close();
  rmSync(folder, { recursive: true, force: true });
});

const read = async (requestId, { path = RECORDS, bearer = tokens.dentist } = {}) => {
  const reply = await send('GET', path, { url: worker.url, headers: { authorization: `Bearer ${bearer}`, 'x-request-id': requestId } });
  assert.equal(reply.status, 200, reply.text);
  return reply;
};
const logged = (requestId) => db.rows('select actor, actor_role, method, route, query, row_count, recorded_by from public.access_log where request_id = $1', [requestId]);
const isLogged = (requestId) => until(async () => {
  const rows = await logged(requestId);
  return rows.length > 0 && rows;
}, 'the reading to be logged', PATIENCE_MS);

test('a_reading_by_staff_is_logged_without_values_and_a_patient_s_is_not', async () => {
  const [staff, own] = [randomUUID(), randomUUID()];
  await read(own, { bearer: tokens.patient });
  await read(staff);
  assert.deepEqual(await isLogged(staff), [{
    actor: DENTIST, actor_role: 'dentist', method: 'GET', route: '/rest/v1/treatment_records', query: 'select=id,notes&patient_id=eq.?&limit=?', row_count: 3, recorded_by: 'caller',
  }]);
  await sleep(1500);
  assert.deepEqual(await logged(own), []);
});

test('embeds_functions_and_supabase_js_are_no_way_round_it', async () => {
  const client = supabase({ url: worker.url, token: tokens.admin });
  const [embedded, called] = [randomUUID(), randomUUID()];
  await client.from('appointment').select('id, records:treatment_records(tooth)').eq('patient_id', id('a0001')).limit(2).setHeader('X-Request-Id', embedded);
  await client.rpc('patients_by_lot', { lot_no: 'Hildegard' }).setHeader('X-Request-Id', called);
  const [[one], [other]] = [await isLogged(embedded), await isLogged(called)];
  assert.deepEqual([one.route, one.query, one.row_count], ['/rest/v1/appointment', 'select=id,treatment_records(tooth)&patient_id=eq.?&limit=?', 2]);
  assert.deepEqual([other.route, other.query, other.row_count], ['/rest/v1/rpc/patients_by_lot', '', 0]);
});

// Without an id of its own, by which every other request here is a new one: see src/shell/plans.rs.
test('a_reading_that_comes_again_is_logged_each_time', async () => {
  const ways = [RECORDS, '/rest/v1/appointment?select=id,treatment_records(tooth)&limit=2', '/rest/v1/rpc/patients_by_lot?lot_no=Hildegard'];
  for (const path of ways) {
    const ids = [];
    for (let times = 0; times < 4; times += 1) {
      const { status, headers, text } = await send('GET', path, { role: 'admin', url: worker.url });
      assert.equal(status, 200, text);
      ids.push(headers.get('x-request-id'));
    }
    for (const one of ids) assert.equal((await isLogged(one)).length, 1, path);
  }
});

test('staff_that_follows_medical_records_in_a_live_room_is_logged_and_nobody_else', async () => {
  const began = new Date();
  const followed = () => db.rows(`select actor, actor_role, route, query, row_count from public.access_log where method = 'LISTEN' and at >= $1 order by at`, [began]);
  const entry = { event: 'INSERT', schema: 'public', table: 'treatment_records', filter: `patient_id=eq.${id('a0001')}` };
  const subscribed = async (role, entries) => {
    const heard = listen(await official(role, { url: worker.url }), `followed-${role}`, entries).subscribe();
    await until(() => heard.oks() > 0, `${role} to be subscribed`);
    return heard;
  };
  try {
    await subscribed('patient', [entry]);
    await subscribed('admin', [SERVICES]);
    const heard = await subscribed('dentist', [entry, SERVICES]);
    const rows = await until(async () => {
      const found = await followed();
      return found.length > 0 && found;
    }, 'the subscription to be logged', PATIENCE_MS);
    await sleep(1500);
    assert.deepEqual(await followed(), rows);
    assert.deepEqual(rows, [{ actor: DENTIST, actor_role: 'dentist', route: '/realtime/v1/websocket', query: 'event=INSERT&table=treatment_records&filter=patient_id=eq.?', row_count: null }]);
    await db.rows(`insert into public.treatment_records (patient_id, dentist_id, service_id, status, fee) values ($1, $2, $3, 'planned', 85)`, [id('a0001'), DENTIST, id('5001')]);
    await heard.until(1);
  } finally {
    await closeAll();
  }
});

test('a_database_that_takes_no_entries_gets_them_later_and_each_once', async () => {
  const requests = Array.from({ length: 5 }, () => randomUUID());
  await during({ mode: 'down', path: LOG }, async () => {
    for (const request of requests) await read(request);
    await sleep(3000);
    for (const request of requests) assert.deepEqual(await logged(request), []);
  });
  for (const request of requests) assert.equal((await isLogged(request)).length, 1);
});

test('a_lost_answer_makes_no_second_entry', async () => {
  const request = randomUUID();
  await during({ mode: 'lose-reply', path: LOG, count: 1 }, async () => {
    await read(request);
    await isLogged(request);
    await sleep(4000);
  });
  assert.equal((await logged(request)).length, 1);
});

test('a_worker_killed_in_between_loses_no_reading', async () => {
  const requests = Array.from({ length: 10 }, () => randomUUID());
  await during({ mode: 'down', path: LOG }, async () => {
    for (const request of requests) await read(request);
    // As long as notes gather before they are stored: here the objects die with the Worker, which elsewhere they do not.
    await sleep(200);
    await worker.kill();
  });
  await startAgain();
  for (const request of requests) assert.equal((await isLogged(request)).length, 1);
});

test('a_token_at_its_end_gives_way_to_the_service_key_in_the_reader_s_name', async () => {
  const [late, deactivated] = [randomUUID(), randomUUID()];
  await read(late, { bearer: token(DENTIST, 4) });
  assert.deepEqual((await isLogged(late)).map((row) => [row.actor, row.recorded_by]), [[DENTIST, 'service']]);
  // Somebody who was deactivated right after still is who has read.
  await during({ mode: 'down', path: LOG }, () => read(deactivated, { bearer: token(id('d2'), 600) }));
  await db.rows(`update public."user" set status = 'inactive' where id = $1`, [id('d2')]);
  assert.deepEqual((await isLogged(deactivated)).map((row) => row.actor), [id('d2')]);
});

test('switched_off_by_name_nothing_is_logged', async () => {
  const began = new Date();
  await worker.stop();
  await startAgain({ ACCESS_LOG: 'off' });
  const request = randomUUID();
  await read(request);
  const heard = listen(await official('dentist', { url: worker.url }), 'off', [{ event: '*', schema: 'public', table: '*' }]).subscribe();
  await until(() => heard.oks() > 0, 'the dentist to be subscribed');
  await closeAll();
  await sleep(2500);
  assert.deepEqual(await logged(request), []);
  assert.equal((await db.rows(`select from public.access_log where method = 'LISTEN' and at >= $1`, [began])).length, 0);
});
