// Signing in, and what becomes of a session: renewed in time, renewed when refused, ended.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Database } from '../e2e/lib/database.mjs';
import { id } from '../e2e/lib/stack.mjs';
import { token } from '../e2e/live/support.mjs';
import { appointmentOn, boardAt, busyDay } from './clinic.mjs';
import { closeAll, closeBrowser, live, person, signIn, sleep, visitor } from './support.mjs';

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

/** Changes the session that the page has kept. */
const tamper = (page, change) => page.evaluate((given) => {
  const kept = JSON.parse(localStorage.getItem('chairside'));
  localStorage.setItem('chairside', JSON.stringify({ ...kept, ...given }));
}, change);

const now = () => Math.floor(Date.now() / 1000);

test('a_wrong_password_is_told_and_empty_fields_are_pointed_at', async () => {
  const { page } = await visitor();
  await page.goto('/');
  await page.getByRole('button', { name: 'Sign in' }).click();
  assert.equal(await page.getByLabel('E-mail').getAttribute('aria-invalid'), 'true');
  assert.equal(await page.getByLabel('E-mail').evaluate((input) => document.activeElement === input), true);
  await page.getByLabel('E-mail').fill('reception1@clinic.test');
  await page.getByLabel('Password').fill('not-the-password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').getByText('do not match').waitFor();
});

test('a_session_outlives_a_reload_and_ends_when_signed_out', async () => {
  const { page } = await person('reception1');
  await page.reload();
  await page.getByRole('heading', { name: 'Day board' }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Password').waitFor();
  assert.equal(await page.getByText('Your session has ended').count(), 0);
  await page.reload();
  await page.getByLabel('Password').waitFor();
});

test('a_token_that_ends_while_the_board_is_open_is_renewed_and_the_room_goes_on', async () => {
  const { page } = await person('reception1');
  await live(page);
  // Ends in some seconds; supabase-js renews what has less than a minute and a half left.
  await tamper(page, { access_token: token(id('c1'), 8), expires_at: now() + 8 });
  await page.reload();
  await live(page);
  const day = await busyDay(database);
  const row = await appointmentOn(database, day);
  await boardAt(page, day);
  await page.locator(`[data-id="${row.id}"]`).waitFor();
  await sleep(9000);
  await database.rows(`update public.appointment set status = 'arrived' where id = $1`, [row.id]);
  await page.locator(`[data-id="${row.id}"][data-status=arrived]`).waitFor();
  await live(page);
});

test('a_token_that_the_clinic_refuses_is_renewed_and_the_request_sent_again', async () => {
  const { page, errors } = await person('reception1');
  await live(page);
  // The browser takes it for good; the clinic knows that it ended.
  await tamper(page, { access_token: token(id('c1'), -60), expires_at: now() + 3600 });
  const refused = page.waitForResponse((reply) => reply.url().includes('/rest/v1/') && reply.status() === 401);
  await page.reload();
  await refused;
  await page.getByRole('heading', { name: 'Day board' }).waitFor();
  await live(page);
  assert.deepEqual(errors, []);
});

test('a_session_that_cannot_be_renewed_ends_at_the_sign_in_page_with_a_word', async () => {
  const { page } = await person('reception1');
  await live(page);
  await tamper(page, { access_token: token(id('c1'), -60), expires_at: now() + 3600, refresh_token: 'no-such-token' });
  // Of the two readings of the clinic's facts, the one that the old token is refused is answered last.
  let isHeld = false;
  await page.route('**/rest/v1/clinic_settings*', async (route) => {
    if (isHeld) return route.continue();
    isHeld = true;
    const response = await route.fetch();
    await sleep(2000);
    await route.fulfill({ response });
  });
  await page.reload();
  await page.getByText('Your session has ended').waitFor();
  await sleep(2500);
  await page.getByText('Your session has ended').waitFor({ timeout: 500 });
  await signIn(page, 'reception1@clinic.test');
  await live(page);
});
