// An answer of the chatbot as it comes: text piece by piece, then the sources that its marks [1], [2] stand for.

import { eventsOf } from './events.js';

/** Takes one chunk of a stream, or a whole reply, into what is known of the answer. */
export function taken(answer, { id, choices = [], sources, chairside, error }) {
  if (error) throw new Error(error.message);
  const said = choices[0]?.delta ?? choices[0]?.message ?? {};
  const found = sources ?? said.sources ?? choices[0]?.sources;
  return {
    text: answer.text + (said.content ?? ''),
    sources: found ? found.map(sourceOf) : answer.sources,
    id: id ?? answer.id,
    outcome: chairside?.outcome ?? answer.outcome,
  };
}

const sourceOf = (source, at) => ({
  number: source.number ?? at + 1,
  slug: source.document ?? source.slug,
  title: source.title ?? source.document ?? source.slug,
  heading: source.heading ?? '',
  text: source.text ?? source.quote ?? '',
});

/** `onAnswer(answer)` is called for each piece; resolves with the whole. */
export async function readAnswer(reply, onAnswer) {
  let answer = { text: '', sources: [] };
  const take = (chunk) => {
    answer = taken(answer, chunk);
    onAnswer(answer);
  };
  if (!reply.headers.get('content-type')?.startsWith('text/event-stream')) take(await reply.json());
  else for await (const chunk of eventsOf(reply.body)) take(chunk);
  return answer;
}

/** The text cut at its marks: strings, and the numbers of sources that are there. */
export function partsOf(text, sources) {
  const numbers = new Set(sources.map(({ number }) => number));
  return text.split(/(\[\d+\])/).filter(Boolean).map((part) => {
    const number = Number(/^\[(\d+)\]$/.exec(part)?.[1]);
    return numbers.has(number) ? number : part;
  });
}
