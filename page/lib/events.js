// Server-sent events as OpenAI's form has them: `data:` lines, a blank line, `[DONE]` at the end.

/** Each event's JSON; ends at `[DONE]`. A stream that breaks off before it throws. */
export async function* eventsOf(body) {
  let rest = '';
  for await (const text of textOf(body)) {
    rest += text;
    const events = rest.split(/\r?\n\r?\n/);
    rest = events.pop();
    for (const event of events) {
      const data = dataOf(event);
      if (data === '[DONE]') return;
      if (data) yield JSON.parse(data);
    }
  }
  throw new Error('The answer broke off.');
}

const dataOf = (event) => event.split(/\r?\n/).filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trimStart()).join('\n');

// Not every browser lets a stream be iterated.
async function* textOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
