// Stock: what is low and what goes out of date is marked, movements are kept, and another's are seen at once.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Database } from '../e2e/lib/database.mjs';
import { send } from '../e2e/lib/stack.mjs';
import { closeAll, closeBrowser, live, person, picture } from './support.mjs';

let database;
let lot;
before(async () => {
  database = await Database.open();
  await database.keep();
  [lot] = await database.rows(`select id, name, lot_no, on_hand::float, reorder_level::float as level from public.inventory
    where sku = 'GUTTA' and status = 'active' order by expires_on desc limit 1`);
});
afterEach(async () => {
  await closeAll();
  await database.restore();
});
after(async () => {
  await closeBrowser();
  await database.close();
});

const stock = async (name) => {
  const { page } = await person(name, { route: 'stock' });
  await live(page);
  return { page, article: page.locator('.article', { has: page.getByRole('heading', { name: lot.name }) }) };
};

test('what_one_takes_the_other_sees_marked_as_low', async () => {
  const [desk, dentist] = [await stock('reception1'), await stock('dentist1')];
  assert.equal(await desk.article.getByText('Low').count(), 0);
  const { status } = await send('POST', '/rest/v1/rpc/move_stock', { role: 'dentist', body: { sku: 'GUTTA', reason: 'use', quantity: 16 } });
  assert.equal(status, 200);
  for (const { article } of [desk, dentist]) await article.getByText('Low').waitFor();
  await desk.page.getByRole('button', { name: /^Low 1/ }).click();
  assert.deepEqual(await desk.page.locator('.article h2').allTextContents(), [lot.name]);
  await picture(desk.page, 'stock-low');
});

test('a_count_is_kept_and_an_error_is_shown_at_its_field', async () => {
  const { page, article } = await stock('reception1');
  await article.getByRole('button', { name: `Move stock of lot ${lot.lot_no}` }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Quantity').fill('9999');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.locator('.field.wrong .error').getByText('There is not enough in stock').waitFor();
  await dialog.getByLabel('What happened').selectOption('count');
  await dialog.getByLabel('Quantity').fill('7');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });
  await article.locator('tr', { hasText: lot.lot_no }).getByRole('cell', { name: '7', exact: true }).waitFor();
  assert.equal((await database.rows('select on_hand::float from public.inventory where id = $1', [lot.id]))[0].on_hand, 7);
});

test('a_dentist_may_only_use', async () => {
  const { page, article } = await stock('dentist1');
  await article.getByRole('button', { name: /^Move stock/ }).last().click();
  assert.deepEqual(await page.getByLabel('What happened').locator('option').allTextContents(), ['Used']);
});
