// The assistant as a person sees it: text while it is being written, marks that open their document, and a plain word
// when it is not available. The endpoint's form is OpenAI's; here it is played, so that a stream can be stopped midway.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { after, afterEach, before, test } from 'node:test';
import { proxy } from '../../scripts/stack/proxy.mjs';
import { Database } from '../e2e/lib/database.mjs';
import { env } from '../e2e/lib/stack.mjs';
import { closeAll, closeBrowser, person, picture, whenClosed } from './support.mjs';

const SLUG = 'after-an-extraction-test';
const BODY = '# After a tooth was pulled\n\nBite on the gauze for **30 minutes**.\n\n## Eating\n\nEat soft food on the first day.\n\n- Soup\n- Yoghurt';
const SOURCE = { number: 1, id: `${SLUG}#1`, document: SLUG, title: 'After a tooth was pulled', heading: 'Eating', text: 'Eat soft food on the first day.' };

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

/** The Worker, but for the chatbot, which `answer(request, response)` plays. */
async function withChatbot(answer) {
  const { port } = new URL(env.CHAIRSIDE_URL);
  const asked = [];
  const server = createServer(async (request, response) => {
    if (request.url !== '/v1/chat/completions') return proxy(request, response, { port, path: request.url });
    let body = '';
    for await (const part of request) body += part;
    asked.push({ authorization: request.headers.authorization, ...JSON.parse(body) });
    return answer(response);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  whenClosed(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, asked };
}

const chunk = (delta, rest = {}) => `data: ${JSON.stringify({ object: 'chat.completion.chunk', choices: [{ index: 0, delta }], ...rest })}\n\n`;

async function asking(chatbot, question = 'What may I eat?') {
  const { page, errors } = await person('patient1', { url: chatbot.url, route: 'assistant' });
  await page.getByLabel('Your question').fill(question);
  await page.getByRole('button', { name: 'Ask' }).click();
  return { page, errors };
}

test('an_answer_is_shown_while_it_is_written_and_its_marks_open_their_document', async () => {
  const hash = createHash('sha256').update(BODY).digest('hex');
  await database.rows(`insert into public.knowledge_document (slug, title, body, content_hash) values ($1, $2, $3, $4)`, [SLUG, SOURCE.title, BODY, hash]);
  let finish;
  const chatbot = await withChatbot((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(chunk({ role: 'assistant', content: 'Eat soft food ' }));
    finish = () => response.end(`${chunk({ content: 'on the first day [1]. See [9].' })}${chunk({}, { sources: [SOURCE] })}data: [DONE]\n\n`);
  });
  const { page, errors } = await asking(chatbot);
  const answer = page.getByRole('article', { name: 'Answer' });
  await answer.getByText('Eat soft food').waitFor();
  assert.equal(await answer.getAttribute('aria-busy'), 'true');
  assert.equal(await answer.locator('.sources').count(), 0);
  await page.getByRole('button', { name: 'Stop' }).waitFor();
  finish();
  await answer.locator('.sources').waitFor();
  assert.equal(await answer.getAttribute('aria-busy'), null);
  assert.match(await answer.textContent(), /See \[9\]/, 'a mark without a source is no link');
  await picture(page, 'assistant-answer');
  await answer.getByRole('button', { name: 'Source 1: After a tooth was pulled' }).click();
  const dialog = page.getByRole('dialog', { name: SOURCE.title });
  assert.equal(await dialog.getByRole('heading', { name: 'Eating' }).getAttribute('data-marked'), 'true');
  assert.deepEqual(await dialog.getByRole('listitem').allTextContents(), ['Soup', 'Yoghurt']);
  await picture(page, 'assistant-source');
  const [{ model, stream, messages, authorization }] = chatbot.asked;
  assert.deepEqual([typeof model, stream, messages], ['string', true, [{ role: 'user', content: 'What may I eat?' }]]);
  assert.match(authorization, /^Bearer ey/);
  assert.deepEqual(errors, []);
});

test('a_document_is_text_and_never_mark_up', async () => {
  const body = '# <img src=x onerror="window.pwned = 1">\n\n<script>window.pwned = 1</script> [click](javascript:window.pwned=1)';
  await database.rows(`insert into public.knowledge_document (slug, title, body, content_hash) values ($1, 'T', $2, $3)`, [SLUG, body, createHash('sha256').update(body).digest('hex')]);
  const chatbot = await withChatbot((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(`${chunk({ content: '<b>no</b> [1]' })}${chunk({}, { sources: [SOURCE] })}data: [DONE]\n\n`);
  });
  const { page } = await asking(chatbot);
  await page.locator('.cite').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('<script>window.pwned = 1</script>').waitFor();
  assert.equal(await dialog.locator('script, img, a').count() + await page.locator('.answer b').count(), 0);
  assert.equal(await page.evaluate(() => window.pwned), undefined);
});

test('an_assistant_that_is_not_available_says_so_and_one_can_ask_again', async () => {
  let up = false;
  const chatbot = await withChatbot((response) => {
    if (up) {
      response.writeHead(200, { 'content-type': 'application/json' });
      return response.end(JSON.stringify({ choices: [{ message: { role: 'assistant', content: 'Now I am here.' } }], sources: [] }));
    }
    response.writeHead(503, { 'content-type': 'application/json' });
    return response.end(JSON.stringify({ error: { message: 'The language model does not answer.', type: 'server_error', code: 'unavailable' } }));
  });
  const { page } = await asking(chatbot);
  await page.getByRole('alert').getByText('The assistant is not available at the moment.').waitFor();
  await page.getByText('The language model does not answer.').waitFor();
  up = true;
  await page.getByLabel('Your question').fill('And now?');
  await page.getByLabel('Your question').press('Enter');
  await page.getByRole('article').getByText('Now I am here.').waitFor();
  assert.deepEqual(chatbot.asked[1].messages.map(({ content }) => content).at(-1), 'And now?');
});

test('an_answer_that_breaks_off_says_so_and_keeps_what_was_said', async () => {
  const chatbot = await withChatbot((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(chunk({ content: 'Rinse gently' }));
    setTimeout(() => response.destroy(), 300);
  });
  const { page } = await asking(chatbot);
  await page.getByRole('alert').getByText('The answer broke off. Ask again.').waitFor();
  assert.ok(await page.getByText('Rinse gently').first().isVisible());
});
