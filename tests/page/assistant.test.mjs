// The assistant against the real endpoint, with the models that the stack runs.

import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { env } from '../e2e/lib/stack.mjs';
import { closeAll, closeBrowser, person, picture } from './support.mjs';

const options = { skip: !env.CHAT_URL && 'the stack runs without models', timeout: 300_000 };

afterEach(closeAll);
after(closeBrowser);

async function asking(question) {
  const { page } = await person('patient1', { route: 'assistant' });
  page.setDefaultTimeout(120_000);
  await page.getByLabel('Your question').fill(question);
  await page.getByRole('button', { name: 'Ask' }).click();
  return { page, answer: page.getByRole('article', { name: 'Answer' }) };
}

test('a_red_flag_is_answered_at_once_as_an_emergency', options, async () => {
  const { page, answer } = await asking("My mouth won't stop bleeding");
  await answer.getByText('Urgent', { exact: true }).waitFor();
  assert.match(await answer.textContent(), /911/);
  await picture(page, 'assistant-urgent');
});
