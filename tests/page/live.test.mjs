// Two people at work: what one does, the other sees without a reload. And a network that goes and comes back.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Database } from '../e2e/lib/database.mjs';
import { id, send } from '../e2e/lib/stack.mjs';
import { appointmentOn, boardAt, busyDay, freeTimes } from './clinic.mjs';
import { cable, closeAll, closeBrowser, live, person, picture } from './support.mjs';

let database;
before(async () => {
  database = await Database.open();
  await database.keep();
});
afterEach(async () => {
  await closeAll();
  await database.restore();
});
after(async () => {
  await closeBrowser();
  await database.close();
});

test('one_books_and_the_other_s_board_changes_without_reload', async (context) => {
  const desk = await person('reception1');
  const patient = await person('patient1', { route: 'book' });
  await live(desk.page);

  await patient.page.getByRole('checkbox', { name: /^Check-up / }).check();
  await freeTimes(patient.page);
  await patient.page.locator('.finder .slot').first().click();
  const dialog = patient.page.getByRole('dialog', { name: 'Confirm the booking' });
  await dialog.getByLabel('Reason').fill('A tooth that aches');
  const held = await database.rows(`select id, (starts_at at time zone 'America/New_York')::date::text as day from public.appointment where status = 'held' and patient_id = $1`, [id('a0001')]);
  assert.equal(held.length, 1, 'the slot is held while the dialog is open');

  await boardAt(desk.page, held[0].day);
  const block = desk.page.locator(`[data-id="${held[0].id}"]`);
  await block.waitFor();
  assert.equal(await block.getAttribute('data-status'), 'held');
  const marker = await desk.page.evaluate(() => (window.notReloaded = true));
  const clicked = performance.now();
  await dialog.getByRole('button', { name: 'Request this time' }).click();
  await desk.page.locator(`[data-id="${held[0].id}"][data-status=requested]`).waitFor();
  context.diagnostic(`on the other's board ${Math.round(performance.now() - clicked)} ms after the click`);
  await dialog.waitFor({ state: 'detached' });
  assert.equal(await desk.page.evaluate(() => window.notReloaded), marker);
  assert.match(await block.textContent(), /Requested/);
  assert.deepEqual([desk.errors, patient.errors, desk.foreign, patient.foreign], [[], [], [], []]);
});

test('a_network_that_is_cut_is_told_and_what_was_missed_arrives', async () => {
  const line = await cable();
  const desk = await person('reception1', { url: line.url });
  await live(desk.page);
  const day = await busyDay(database);
  const before = await appointmentOn(database, day);
  await boardAt(desk.page, day);
  await live(desk.page);
  const block = desk.page.locator(`[data-id="${before.id}"]`);
  await block.waitFor();
  await desk.page.evaluate(() => (window.notReloaded = true));

  line.cut();
  await desk.page.locator('.standing[data-state=offline]').waitFor();
  assert.match(await desk.page.locator('.standing').textContent(), /No connection since \d/);
  await picture(desk.page, 'board-offline');
  const { status } = await send('POST', '/rest/v1/rpc/cancel_appointment', { role: 'receptionist', body: { appointment_id: before.id, reason: 'Rang up' } });
  assert.equal(status, 200);
  assert.ok(await block.isVisible(), 'the screen shows what was known');

  line.mend();
  await live(desk.page);
  await block.waitFor({ state: 'detached' });
  await desk.page.locator('.absent').getByText(/Cancelled/).first().waitFor();
  assert.equal(await desk.page.evaluate(() => window.notReloaded), true);
});
