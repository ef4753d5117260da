// The knowledge base's editor, against the real endpoint: written, previewed, changed, kept from being written over,
// deleted.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Database } from '../e2e/lib/database.mjs';
import { send } from '../e2e/lib/stack.mjs';
import { until } from '../e2e/live/support.mjs';
import { closeAll, closeBrowser, person, picture } from './support.mjs';

const TITLE = 'Parking near the clinic';
const SLUG = 'parking-near-the-clinic';
const TEXT = 'There are **four** places behind the house.\n\n- Free for patients\n- For two hours';

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

const stored = async () => (await database.rows('select title, body, audience, version from public.knowledge_document where slug = $1', [SLUG]))[0];
const put = (body) => send('PUT', `/v1/knowledge/documents/${SLUG}`, { role: 'admin', body: { title: TITLE, body } });

async function editor() {
  const { page, errors } = await person('admin', { route: 'knowledge' });
  await page.getByRole('button', { name: 'New document' }).waitFor();
  return { page, errors };
}

test('a_document_is_written_previewed_changed_and_deleted', async () => {
  const { page, errors } = await editor();
  await page.getByRole('button', { name: 'New document' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('.field.wrong').getByText('This must not be empty.').first().waitFor();
  await page.getByLabel('Title').fill(TITLE);
  await page.getByLabel('Who may read it').selectOption('patients');
  await page.getByLabel('Text, in Markdown').fill(TEXT);
  await page.getByRole('button', { name: 'Preview' }).click();
  assert.deepEqual([await page.locator('.preview strong').textContent(), await page.locator('.preview li').allTextContents()], ['four', ['Free for patients', 'For two hours']]);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText(`Saved: ${TITLE}`).waitFor();
  assert.deepEqual(await stored(), { title: TITLE, body: TEXT, audience: 'patients', version: 1 });

  await page.getByRole('button', { name: new RegExp(`^${TITLE}`) }).click();
  await page.getByLabel('Text, in Markdown').fill(`${TEXT}\n- Not for lorries`);
  await page.getByRole('button', { name: 'Save' }).click();
  await until(async () => (await stored()).version === 2, 'the second version');
  await page.getByRole('button', { name: 'Save' }).waitFor();
  assert.equal((await stored()).body, `${TEXT}\n- Not for lorries`);
  await picture(page, 'knowledge-document');

  await page.getByRole('button', { name: 'Delete…' }).click();
  await page.getByRole('button', { name: `Yes, delete “${TITLE}”` }).click();
  await page.getByText(`Deleted: ${TITLE}`).waitFor();
  assert.equal(await stored(), undefined);
  assert.deepEqual(errors, []);
});

test('what_somebody_else_has_saved_meanwhile_is_not_written_over', async () => {
  assert.ok([200, 201].includes((await put(TEXT)).status));
  const { page } = await editor();
  await page.getByRole('button', { name: new RegExp(`^${TITLE}`) }).click();
  await page.getByLabel('Text, in Markdown').fill('Mine.');
  assert.equal((await put('Theirs.')).status, 200);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Somebody else has saved this document meanwhile').waitFor();
  assert.equal((await stored()).body, 'Theirs.');
  await page.getByRole('button', { name: 'Load theirs' }).click();
  await page.waitForFunction(() => document.querySelector('.editor textarea')?.value === 'Theirs.');
});

test('an_error_is_shown_at_the_field_that_it_points_to', async () => {
  const { page } = await editor();
  await page.getByRole('button', { name: 'New document' }).click();
  await page.getByLabel('Title').fill(TITLE);
  await page.getByLabel('Category').fill('Not A Category!');
  await page.getByLabel('Text, in Markdown').fill(TEXT);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('.field.wrong', { hasText: 'Category' }).locator('.error').waitFor();
  assert.equal(await stored(), undefined);
});
