// A language model that does as it is told: OpenAI's streaming protocol, with whatever fault a test wants.

import { createServer } from 'node:http';

const delta = (content) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`;
const last = (reason) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: reason }] })}\n\n`;
const usage = `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 50, completion_tokens: 10, total_tokens: 60 } })}\n\n`;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Starts one. `script(response, asked)` writes the answer; `says(text)` is the usual one. */
export async function startModel() {
  const model = { script: says(''), asked: [], open: 0, aborted: 0 };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const asked = JSON.parse(body);
    model.asked.push(asked);
    model.open += 1;
    response.on('close', () => {
      model.open -= 1;
      if (!response.writableFinished) model.aborted += 1;
    });
    await model.script(response, asked);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  model.url = `http://127.0.0.1:${server.address().port}/v1`;
  model.stop = () => {
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  };
  return model;
}

const begin = (response) => response.writeHead(200, { 'content-type': 'text/event-stream' });

/** The text in small pieces, then the end. */
export const says = (text, { reason = 'stop', pauseMs = 0 } = {}) => async (response) => {
  begin(response);
  for (const piece of text.match(/.{1,7}/gs) ?? []) {
    if (response.destroyed) return;
    response.write(delta(piece));
    if (pauseMs) await sleep(pauseMs);
  }
  response.end(`${last(reason)}${usage}data: [DONE]\n\n`);
};

/** The text, and then the connection breaks. */
export const breaksOff = (text) => async (response) => {
  begin(response);
  response.write(delta(text));
  await sleep(100);
  response.destroy();
};

/** The text, and then nothing, with the connection open. */
export const fallsSilent = (text) => (response) => {
  begin(response);
  if (text) response.write(delta(text));
  else response.flushHeaders();
};

/** No head at all. */
export const neverAnswers = () => () => {};

/** Something else. */
export const answers = (status, body, headers = {}) => (response) => response.writeHead(status, headers).end(body);

/** Goes on and on. */
export const babbles = (sentence) => async (response) => {
  begin(response);
  while (!response.destroyed) {
    response.write(delta(`${sentence} `));
    await sleep(50);
  }
};
