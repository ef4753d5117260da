// Booking: two people who want one time, and the patient's own visits.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Database } from '../e2e/lib/database.mjs';
import { id } from '../e2e/lib/stack.mjs';
import { freeTimes } from './clinic.mjs';
import { closeAll, closeBrowser, live, person, picture } from './support.mjs';

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

async function choosing(name) {
  const { page } = await person(name, { route: 'book' });
  await page.getByRole('checkbox', { name: /^Check-up|Check-up/ }).first().check();
  await freeTimes(page);
  return page;
}

test('of_two_who_want_one_time_the_second_is_shown_what_is_free_nearby', async () => {
  const [first, second] = [await choosing('patient1'), await choosing('patient2')];
  await first.locator('.finder .slot').first().click();
  await first.getByRole('dialog', { name: 'Confirm the booking' }).waitFor();
  await second.locator('.finder .slot').first().click();
  await second.getByText('Somebody else has just taken this time').waitFor();
  await picture(second, 'book-taken');
  await second.locator('[role=alert] .slot').first().click();
  const dialog = second.getByRole('dialog', { name: 'Confirm the booking' });
  await dialog.getByRole('button', { name: 'Request this time' }).click();
  await dialog.waitFor({ state: 'detached' });
  const booked = await database.rows(`select status from public.appointment where patient_id = $1 and created_at > now() - interval '1 minute'`, [id('a0002')]);
  assert.deepEqual(booked, [{ status: 'requested' }]);
});

test('a_time_that_is_not_wanted_after_all_is_free_again', async () => {
  const page = await choosing('patient1');
  await page.locator('.finder .slot').first().click();
  await page.getByRole('button', { name: 'Choose another time' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  const left = await database.rows(`select status from public.appointment where patient_id = $1 and created_at > now() - interval '1 minute'`, [id('a0001')]);
  assert.deepEqual(left, [{ status: 'cancelled' }]);
});

test('reception_books_for_a_patient_found_by_name', async () => {
  const { page } = await person('reception1', { route: 'book' });
  await page.getByLabel('Find a service').fill('check');
  await page.getByRole('checkbox').first().check();
  await freeTimes(page);
  await page.locator('.finder .slot').first().click();
  const dialog = page.getByRole('dialog', { name: 'Confirm the booking' });
  await dialog.getByRole('button', { name: 'Book' }).click();
  assert.equal(await dialog.getByLabel('Patient').getAttribute('aria-invalid'), 'true', 'the missing patient is pointed at');
  const [{ first_name, last_name }] = await database.rows(`select first_name, last_name from public."user" where id = $1`, [id('a0003')]);
  await dialog.getByLabel('Patient').fill(`${last_name} ${first_name.slice(0, 2)}`);
  await dialog.getByRole('button', { name: `${first_name} ${last_name}` }).click();
  await dialog.getByRole('button', { name: 'Book' }).click();
  await dialog.waitFor({ state: 'detached' });
  const booked = await database.rows(`select status from public.appointment where patient_id = $1 and created_at > now() - interval '1 minute'`, [id('a0003')]);
  assert.deepEqual(booked, [{ status: 'scheduled' }]);
});

test('a_patient_moves_and_cancels_the_own_visits_and_sees_it_live', async () => {
  const { page } = await person('patient1');
  await live(page);
  const visits = page.locator('.visits > li');
  const last = visits.last();
  await last.getByRole('button', { name: 'Change the time' }).click();
  const dialog = page.getByRole('dialog', { name: 'Change the time' });
  await freeTimes(dialog.page());
  await dialog.locator('.finder .slot').first().click();
  await dialog.getByRole('button', { name: /^Ask for / }).click();
  await dialog.waitFor({ state: 'detached' });
  await visits.locator('.status.requested').first().waitFor();

  const count = await visits.count();
  await visits.first().getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Cancel the appointment' }).click();
  await page.waitForFunction((wanted) => document.querySelectorAll('.visits > li').length === wanted, count - 1);
});
