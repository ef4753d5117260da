// Each role sees its own and nothing else.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Database } from '../e2e/lib/database.mjs';
import { id } from '../e2e/lib/stack.mjs';
import { until } from '../e2e/live/support.mjs';
import { boardAt, busyDay } from './clinic.mjs';
import { closeAll, closeBrowser, live, person } from './support.mjs';

const VIEWS = {
  patient1: ['My visits', 'Book', 'Assistant'],
  dentist1: ['Day board', 'Book', 'Stock', 'Assistant'],
  reception1: ['Day board', 'Book', 'Stock', 'Assistant'],
  admin: ['Day board', 'Book', 'Stock', 'Assistant', 'Knowledge'],
};

let database;
before(async () => {
  database = await Database.open();
  await database.keep();
});
afterEach(closeAll);
after(async () => {
  await closeBrowser();
  await database.restore();
  await database.close();
});

for (const [name, views] of Object.entries(VIEWS)) {
  test(`${name}_has_the_views_of_the_role`, async () => {
    const { page } = await person(name);
    assert.deepEqual(await page.getByRole('navigation', { name: 'Main' }).getByRole('link').allTextContents().then((all) => all.map((text) => views.find((view) => text.startsWith(view)) ?? text)), views);
    // An address that is not the role's leads to the first view.
    await page.goto(`/#/${name === 'patient1' ? 'board' : 'visits'}`);
    await page.getByRole('heading', { level: 1, name: views[0] }).waitFor();
  });
}

test('a_patient_sees_the_own_visits_and_invoices_alone', async () => {
  const { page } = await person('patient1');
  const rows = [];
  page.on('response', async (reply) => {
    // What a reload has overtaken cannot be read any more.
    if (/\/rest\/v1\/(appointment|invoices)\?/.test(reply.url()) && reply.ok()) rows.push(...(await reply.json().catch(() => [])));
  });
  await page.reload();
  await live(page);
  const [{ coming }] = await database.rows(
    `select count(*)::int as coming from public.appointment where patient_id = $1 and ends_at > now() and status in ('requested', 'scheduled', 'confirmed', 'arrived', 'in_chair')`, [id('a0001')]);
  const [{ invoices }] = await database.rows(`select count(*)::int as invoices from public.invoices where (patient_id = $1 or guarantor_id = $1) and status <> 'draft'`, [id('a0001')]);
  assert.ok(coming > 0 && invoices > 0);
  // Each list is read on its own, and its rows reach the screen and this test on ways of their own.
  for (const list of ['.visits', '.invoices']) await page.locator(`${list} > li`).first().waitFor();
  assert.deepEqual([await page.locator('.visits > li').count(), await page.locator('.invoices > li').count()], [coming, invoices]);
  await until(() => rows.length >= coming + invoices, 'the rows that are on the screen');
  const family = (await database.rows(`select id from public."user" where guarantor_id = $1`, [id('a0001')])).map((row) => row.id);
  const whose = new Set(rows.map(({ patient_id }) => patient_id));
  assert.deepEqual([...whose].filter((one) => one !== id('a0001') && !family.includes(one)), []);
});

test('a_dentist_moves_and_seats_the_own_appointments_alone', async () => {
  const { page } = await person('dentist1');
  await live(page);
  const mine = page.locator(`[data-dentist="${id('d1')}"] .block.movable`);
  const others = page.locator(`[data-dentist="${id('d2')}"] .block`);
  for (let days = 0; (await mine.count()) === 0 || (await others.count()) === 0; days += 1) {
    assert.ok(days < 7, 'a week without appointments');
    await page.getByRole('button', { name: 'Day after' }).click();
    await page.locator('.board').waitFor();
    await page.waitForTimeout(400);
  }
  assert.equal(await page.locator(`[data-dentist="${id('d2')}"] .block.movable`).count(), 0);
  await others.first().click();
  assert.equal(await page.getByRole('dialog').locator('.actions button').count(), 0);
});

test('a_role_that_is_taken_away_leaves_nothing_of_others_on_the_screen', async () => {
  const { page } = await person('reception2');
  await live(page);
  await boardAt(page, await busyDay(database));
  await page.locator('.block').first().waitFor();
  await database.rows('update public."user" set role_id = 1 where id = $1', [id('c2')]);
  await page.locator('.track-empty').nth(2).waitFor();
  assert.equal(await page.locator('.block, .chip').count(), 0);
});
