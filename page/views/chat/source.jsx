// The document that an answer cites, opened at the passage.

import { useEffect, useRef } from 'preact/hooks';
import { useClinic } from '../../lib/context.js';
import { useReading } from '../../lib/reading.js';
import { Dialog } from '../../ui/dialog.jsx';
import { Markdown } from '../../ui/markdown.jsx';
import { Empty, Failed, Loading } from '../../ui/states.jsx';

export function Source({ source, onClose }) {
  const { client } = useClinic();
  const body = useRef(null);
  const { data, problem, loading, again } = useReading(() => client.from('knowledge_document').select('slug, title, body').eq('slug', source.slug).maybeSingle(), [source.slug]);
  useEffect(() => body.current?.querySelector('[data-marked]')?.scrollIntoView({ block: 'center' }), [data]);
  return (
    <Dialog title={source.title} onClose={onClose} wide>
      <div ref={body} class="source-body">
        {source.text && <blockquote class="passage">{source.text}</blockquote>}
        {problem && <Failed problem={problem} retry={again} />}
        {loading && <Loading>Opening the document…</Loading>}
        {!loading && !problem && !data && <Empty icon="knowledge" title="This document is no longer there" />}
        {data && <Markdown text={withoutTitle(data)} marked={source.heading} />}
      </div>
    </Dialog>
  );
}

// The dialog's own heading says it already.
const withoutTitle = ({ title, body }) => (body.trimStart().startsWith(`# ${title}\n`) ? body.trimStart().slice(title.length + 2) : body);
