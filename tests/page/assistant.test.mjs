// The assistant against the real endpoint, with the models that the stack runs: what an admin wrote a moment ago is
// said to a patient, cited, and opens.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Database } from '../e2e/lib/database.mjs';
import { env, send } from '../e2e/lib/stack.mjs';
import { closeAll, closeBrowser, person, picture } from './support.mjs';

const SLUG = 'page-after-an-extraction';
const TITLE = 'After an extraction, told by the page';
const BODY = '# After an extraction\n\n## Rinsing\n\nDo not rinse on the first day after an extraction.\n\n## Eating\n\nEat soft food for two days after a tooth was pulled.';
const options = { skip: !env.CHAT_URL && 'the stack runs without models', timeout: 300_000 };

let database;
before(async () => {
  database = await Database.open();
  await database.keep();
});
afterEach(closeAll);
after(async () => {
  await send('DELETE', `/v1/knowledge/documents/${SLUG}`, { role: 'admin' });
  await closeBrowser();
  await database.restore();
  await database.close();
});

async function asking(question) {
  const { page, errors } = await person('patient1', { route: 'assistant' });
  page.setDefaultTimeout(120_000);
  await page.getByLabel('Your question').fill(question);
  await page.getByRole('button', { name: 'Ask' }).click();
  return { page, errors, answer: page.getByRole('article', { name: 'Answer' }) };
}

test('an_answer_cites_its_documents_which_open_and_is_rated', options, async () => {
  const { status } = await send('PUT', `/v1/knowledge/documents/${SLUG}`, { role: 'admin', body: { title: TITLE, body: BODY } });
  assert.ok([200, 201].includes(status));
  const { page, errors, answer } = await asking('When may I rinse after an extraction where a tooth was pulled?');
  await answer.getByText('Did this help?').waitFor();
  assert.ok((await answer.locator('.cite').count()) > 0 && (await answer.locator('.source').count()) > 0);
  await picture(page, 'assistant-real');
  const title = (await answer.locator('.cite').first().getAttribute('aria-label')).replace(/^Source \d+: /, '');
  await answer.locator('.cite').first().click();
  await page.getByRole('dialog', { name: title }).locator('.markdown > *').first().waitFor();
  await page.keyboard.press('Escape');
  await answer.getByRole('button', { name: 'Yes' }).click();
  await answer.getByText('Thank you.').waitFor();
  assert.deepEqual(errors, []);
});

test('a_red_flag_is_answered_at_once_as_an_emergency', options, async () => {
  const { page, answer } = await asking("My mouth won't stop bleeding");
  await answer.getByText('Urgent', { exact: true }).waitFor();
  assert.match(await answer.textContent(), /911/);
  await picture(page, 'assistant-urgent');
});
