// One message: a question as it was typed, or an answer with its marks and sources.

import { partsOf } from '../../lib/answer.js';
import { Icon } from '../../ui/icon.jsx';
import { Rating } from './rating.jsx';

const MISSING = 404;
/** The question named a red flag; the answer is the clinic's emergency text. */
const URGENT = 'triage';
const UNAVAILABLE = [0, MISSING, 501, 502, 503, 504];

export function Message({ message, openSource }) {
  const { role, content, sources = [], writing, problem, outcome, whole, id } = message;
  if (role === 'user') return <div class="message mine-said"><span class="visually-hidden">You: </span>{content}</div>;
  const cited = citedOf(content, sources);
  return (
    <article class={`message answer ${outcome === URGENT ? 'urgent' : ''}`} aria-label="Answer" aria-busy={writing ? 'true' : undefined}>
      {outcome === URGENT && <p class="urgent-title"><Icon name="alert" />Urgent</p>}
      {content.split(/\n{2,}/).filter(Boolean).map((text, at) => <Paragraph key={at} text={text} sources={sources} openSource={openSource} />)}
      {writing && !content && !problem && <p class="muted">Looking through the documents…</p>}
      {problem && <Trouble problem={problem} />}
      {cited.length > 0 && (
        <div class="sources">
          <h3>Sources</h3>
          <ol>
            {cited.map((source) => (
              <li key={source.number}>
                <button type="button" class="source" onClick={() => openSource(source)}>
                  <span class="source-number">{source.number}</span>
                  <span>{source.title}{source.heading && source.heading !== source.title && <span class="muted"> · {source.heading}</span>}</span>
                </button>
              </li>
            ))}
          </ol>
        </div>
      )}
      {whole && id && <Rating id={id} />}
    </article>
  );
}

function Paragraph({ text, sources, openSource }) {
  return (
    <p>
      {partsOf(text, sources).map((part, at) => (typeof part === 'string'
        ? part
        : <Mark key={at} source={sources.find(({ number }) => number === part)} open={openSource} />))}
    </p>
  );
}

function Mark({ source, open }) {
  return <button type="button" class="cite" aria-label={`Source ${source.number}: ${source.title}`} onClick={() => open(source)}>{source.number}</button>;
}

function Trouble({ problem }) {
  return (
    <div class="notice bad" role="alert">
      <Icon name="alert" />
      <p>
        {UNAVAILABLE.includes(problem.status) && <strong>The assistant is not available at the moment. </strong>}
        {problem.status !== MISSING && problem.message}
      </p>
    </div>
  );
}

const citedOf = (content, sources) => sources.filter(({ number }) => content.includes(`[${number}]`));
