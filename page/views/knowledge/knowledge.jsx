// The knowledge base, for admins: what the assistant may say.

import { useState } from 'preact/hooks';
import { dateOf } from '../../lib/clock.js';
import { useClinic } from '../../lib/context.js';
import { useReading } from '../../lib/reading.js';
import { Input } from '../../ui/form.jsx';
import { Icon } from '../../ui/icon.jsx';
import { Head } from '../../ui/shell.jsx';
import { Empty, Failed, Loading } from '../../ui/states.jsx';
import { Editor } from './editor.jsx';

const NEW = { slug: null, version: 0, title: '', body: '', category: 'general', language: 'en', audience: 'public', valid_from: null, valid_until: null };
const AUDIENCES = { public: 'Everybody', patients: 'Patients', staff: 'Staff' };

export function Knowledge() {
  const { client } = useClinic();
  const list = useReading(() => client.from('knowledge_document').select('slug, title, category, audience, updated_at').order('title').limit(1000), [client]);
  const [open, setOpen] = useState(null);
  const [wanted, setWanted] = useState('');
  const word = wanted.trim().toLowerCase();
  const shown = list.data?.filter(({ title, category, slug }) => [title, category, slug].some((text) => text.toLowerCase().includes(word)));
  const done = (slug) => {
    list.again();
    setOpen(slug ? { slug } : null);
  };
  return (
    <section class="knowledge">
      <Head title="Knowledge" note="The documents that the assistant answers from. Nothing about a patient belongs here.">
        <button type="button" class="button primary" onClick={() => setOpen({ slug: null })}><Icon name="plus" />New document</button>
      </Head>
      <div class={`knowledge-parts ${open ? 'editing' : ''}`}>
        <div class="documents">
          <Input label="Find a document" type="search" value={wanted} onInput={(event) => setWanted(event.target.value)} />
          {list.problem && <Failed problem={list.problem} retry={list.again} />}
          {!shown && !list.problem && <Loading />}
          {shown?.length === 0 && <Empty icon="knowledge" title={word ? 'None is called that' : 'No document yet'} />}
          <ul>
            {shown?.map((one) => (
              <li key={one.slug}>
                <button type="button" class="document" aria-current={open?.slug === one.slug ? 'true' : undefined} onClick={() => setOpen({ slug: one.slug })}>
                  <span class="document-title">{one.title}</span>
                  <span class="muted">{one.category} · {AUDIENCES[one.audience]} · {dateOf(one.updated_at)}</span>
                </button>
              </li>
            ))}
          </ul>
        </div>
        {open ? <Opened key={open.slug ?? 'new'} slug={open.slug} onDone={done} onClose={() => setOpen(null)} /> : <div class="card documents-none"><Empty icon="knowledge" title="Choose a document to change it" /></div>}
      </div>
    </section>
  );
}

function Opened({ slug, onDone, onClose }) {
  const { client } = useClinic();
  const { data, problem, again } = useReading(() => (slug
    ? client.from('knowledge_document').select('slug, version, title, body, category, language, audience, valid_from, valid_until').eq('slug', slug).single()
    : { data: NEW }), [slug]);
  if (problem) return <Failed problem={problem} retry={again} />;
  if (!data) return <Loading>Opening the document…</Loading>;
  const saved = async (now) => {
    // At once: by the time that it is read, another document may be open.
    onDone(now);
    if (now === slug) await again();
  };
  return <Editor key={data.version} document={data} onDone={saved} onClose={onClose} onStale={again} />;
}
