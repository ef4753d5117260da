// Work at the board: dragged, carried by keys, checked in; and what is said when somebody else was quicker.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Database } from '../e2e/lib/database.mjs';
import { id, send } from '../e2e/lib/stack.mjs';
import { appointmentOn, boardAt, busyDay } from './clinic.mjs';
import { closeAll, closeBrowser, live, PHONE, person, picture } from './support.mjs';

let database;
let day;
before(async () => {
  database = await Database.open();
  await database.keep();
  day = await busyDay(database);
});
afterEach(async () => {
  await closeAll();
  await database.restore();
});
after(async () => {
  await closeBrowser();
  await database.close();
});

/** The board of the day, and the first appointment of the dentist on it. */
async function board(options) {
  const { page, errors } = await person('reception1', options);
  await live(page);
  const row = await appointmentOn(database, day, id('d1'));
  await boardAt(page, day);
  const block = page.locator(`[data-id="${row.id}"]`);
  await page.locator('.board').waitFor();
  const tab = page.locator('.dentist-tabs .tab', { hasText: row.dentist });
  if (await tab.isVisible()) await tab.click();
  await block.waitFor();
  return { page, row, block, errors };
}

const stateOf = async ({ id: which }) => (await database.rows('select status, version from public.appointment where id = $1', [which]))[0];
const movedFrom = async ({ id: which }) => (await database.rows(
  `select dentist_id, (extract(epoch from (starts_at at time zone 'America/New_York')::time) / 60)::int as start from public.appointment where rescheduled_from = $1`, [which]))[0];

/** Clears a time of a dentist. */
const cleared = (dentist, start) => database.rows(
  `update public.appointment set status = 'cancelled', cancelled_at = now() where dentist_id = $1 and deleted_at is null and status <> 'cancelled'
     and tstzrange(starts_at, ends_at) && tstzrange(($2::date + make_interval(mins => $3)) at time zone 'America/New_York', ($2::date + make_interval(mins => $3 + 60)) at time zone 'America/New_York')`,
  [dentist, day, start]);

test('an_appointment_is_dragged_to_another_dentist_and_time_and_moves_when_that_is_confirmed', async () => {
  await cleared(id('d2'), 780);
  const { page, row, block, errors } = await board();
  const [from, track] = [await block.boundingBox(), await page.locator(`[data-dentist="${id('d2')}"]`).boundingBox()];
  const minute = (from.height + 2) / ((new Date(row.ends_at) - new Date(row.starts_at)) / 60_000);
  await page.mouse.move(from.x + 20, from.y + 6);
  await page.mouse.down();
  await page.mouse.move(track.x + 40, from.y + 6 + (780 - row.start) * minute, { steps: 8 });
  await page.locator('.ghost').waitFor();
  assert.match(await page.locator('.ghost').textContent(), /1:00/);
  await page.mouse.up();
  const dialog = page.getByRole('dialog', { name: `Move ${row.name}` });
  assert.deepEqual([await dialog.getByLabel('Time').inputValue(), await dialog.getByLabel('Dentist').inputValue()], ['13:00', id('d2')]);
  assert.equal((await stateOf(row)).status === 'rescheduled', false, 'a drag alone changes nothing');
  await dialog.getByRole('button', { name: 'Move' }).click();
  await dialog.waitFor({ state: 'detached' });
  await block.waitFor({ state: 'detached' });
  await page.locator(`[data-dentist="${id('d2')}"] .block`, { hasText: row.name }).first().waitFor();
  assert.deepEqual(await movedFrom(row), { dentist_id: id('d2'), start: 780 });
  assert.deepEqual(errors, []);
});

test('an_appointment_is_carried_by_keys_or_put_back', async () => {
  const { page, row, block } = await board();
  await block.focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('ArrowDown');
  await page.locator('.ghost').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.ghost').waitFor({ state: 'detached' });
  assert.equal(await page.getByRole('dialog').count(), 0);

  await page.keyboard.press('Space');
  for (const key of ['ArrowRight', 'ArrowRight', 'ArrowDown', 'ArrowDown']) await page.keyboard.press(key);
  await page.getByRole('status').filter({ hasText: /Dr\. / }).first().waitFor();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: `Move ${row.name}` });
  await dialog.waitFor();
  assert.equal(await dialog.getByLabel('Time').inputValue(), `${String(Math.floor((row.start + 30) / 60)).padStart(2, '0')}:${String((row.start + 30) % 60).padStart(2, '0')}`);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  assert.equal(await block.evaluate((element) => document.activeElement === element), true, 'the focus is back on the block');
});

test('a_taken_time_is_told_with_free_ones_nearby_and_one_of_them_is_taken', async () => {
  const { page, row, block } = await board();
  const [other] = await database.rows(
    `select (extract(epoch from (starts_at at time zone 'America/New_York')::time) / 60)::int as start from public.appointment
      where dentist_id = $1 and (starts_at at time zone 'America/New_York')::date = $2::date and status in ('scheduled', 'confirmed') and id <> $3 order by starts_at limit 1`,
    [row.dentist_id, day, row.id]);
  await block.click();
  await page.getByRole('button', { name: 'Move…' }).click();
  const dialog = page.getByRole('dialog', { name: `Move ${row.name}` });
  await dialog.getByLabel('Time').fill(`${String(Math.floor(other.start / 60)).padStart(2, '0')}:00`);
  await dialog.getByRole('button', { name: 'Move' }).click();
  await dialog.locator('.field.wrong').getByText('another appointment at this time').waitFor();
  await dialog.locator('.slot').first().waitFor();
  await picture(page, 'board-taken');
  await dialog.locator('.slot').first().click();
  await dialog.getByRole('button', { name: 'Move' }).click();
  await dialog.waitFor({ state: 'detached' });
  assert.ok(await movedFrom(row));
});

test('a_visit_goes_its_way_from_the_door_to_the_chair', async () => {
  const { page, row, block } = await board();
  await block.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Check in' }).click();
  await page.locator(`[data-id="${row.id}"][data-status=arrived]`).waitFor();
  await block.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Seat' }).click();
  await page.getByRole('dialog').getByLabel('Room').fill('Room 9');
  await page.getByRole('dialog').getByRole('button', { name: 'Seat' }).click();
  await page.locator(`[data-id="${row.id}"][data-status=in_chair]`).waitFor();
  assert.equal((await database.rows('select room from public.appointment where id = $1', [row.id]))[0].room, 'Room 9');
});

test('a_change_by_somebody_else_is_told_kindly_and_not_written_over', async () => {
  const { page, row, block } = await board();
  const { status } = await stateOf(row);
  await block.click();
  // The change is on its way to the screen, but the finger is quicker.
  await page.route('**/rest/v1/appointment?id=eq.*', async (route) => {
    if (route.request().method() === 'PATCH') await database.rows(`update public.appointment set notes = 'Rang up' where id = $1`, [row.id]);
    await route.continue();
  });
  await page.getByRole('dialog').getByRole('button', { name: 'Did not come' }).click();
  await page.getByRole('alert').getByText('Somebody else has just changed this').waitFor();
  assert.equal((await stateOf(row)).status, status);
});

test('cancelling_says_why_and_leaves_the_board', async () => {
  const { page, row, block } = await board({ viewport: PHONE });
  await block.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel…' }).click();
  await page.getByLabel('Reason').fill('Has a cold');
  await page.getByRole('button', { name: 'Cancel the appointment' }).click();
  await page.getByText(`Cancelled: ${row.name}`).waitFor();
  await block.waitFor({ state: 'detached' });
  const { json } = await send('GET', `/rest/v1/appointment?id=eq.${row.id}&select=status,cancel_reason`, { role: 'receptionist' });
  assert.deepEqual(json, [{ status: 'cancelled', cancel_reason: 'Has a cold' }]);
});
