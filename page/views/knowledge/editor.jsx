// One document: its text in Markdown, how it will look, and who may read it.

import { useState } from 'preact/hooks';
import { useClinic } from '../../lib/context.js';
import { ask } from '../../lib/v1.js';
import { Field, Input, Refusal, Select, Submit } from '../../ui/form.jsx';
import { Markdown } from '../../ui/markdown.jsx';

const AUDIENCES = [['public', 'Everybody'], ['patients', 'Patients who are signed in'], ['staff', 'Staff']].map(([value, text]) => ({ value, text }));
const KEPT = ['language', 'valid_from', 'valid_until'];

const slugged = (title) => title.toLowerCase().normalize('NFKD').replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '').slice(0, 100);

export function Editor({ document, onDone, onClose, onStale }) {
  const clinic = useClinic();
  const isNew = document.slug === null;
  const [draft, setDraft] = useState(document);
  const [preview, setPreview] = useState(false);
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const set = (name) => (event) => setDraft((now) => ({ ...now, [name]: event.target.value }));
  const slug = document.slug ?? slugged(draft.title);
  const path = `/v1/knowledge/documents/${encodeURIComponent(slug)}`;
  // What somebody else has saved meanwhile is not written over.
  const condition = isNew ? { 'if-none-match': '*' } : { 'if-match': `"${document.version}"` };

  const perform = async (options, said) => {
    if (busy) return;
    setBusy(true);
    setProblem(null);
    const { problem: refused } = await ask(clinic, path, { ...options, headers: condition });
    if (refused) setProblem(refused);
    else {
      clinic.say(said);
      // Until the version that this one has made is here, another change would pass for somebody else's.
      await onDone(options.method === 'DELETE' ? null : slug);
    }
    setBusy(false);
  };
  const save = (event) => {
    event.preventDefault();
    const missing = Object.fromEntries(['title', 'body'].filter((name) => !draft[name].trim()).map((name) => [name, 'This must not be empty.']));
    if (Object.keys(missing).length > 0) return setProblem({ fields: missing });
    const kept = Object.fromEntries(KEPT.filter((name) => draft[name]).map((name) => [name, draft[name]]));
    const body = { title: draft.title.trim(), body: draft.body, category: draft.category.trim(), audience: draft.audience, ...kept };
    return perform({ method: 'PUT', body }, `Saved: ${draft.title}`);
  };

  const fields = problem?.fields ?? {};
  return (
    <form class="card editor" onSubmit={save} noValidate aria-label={isNew ? 'New document' : document.title}>
      {problem?.status === 412 ? <Stale onStale={onStale} /> : problem?.message && <Refusal problem={problem} />}
      <Input label="Title" value={draft.title} maxLength={200} error={fields.title ?? fields.slug} help={`Its name in links: ${slug || '…'}`} onInput={set('title')} />
      <div class="row">
        <Input label="Category" value={draft.category} maxLength={50} error={fields.category} onInput={set('category')} />
        <Select label="Who may read it" value={draft.audience} options={AUDIENCES} error={fields.audience} onInput={set('audience')} />
      </div>
      <fieldset class="filters">
        <legend class="visually-hidden">Text</legend>
        <button type="button" class="tab" aria-pressed={!preview} onClick={() => setPreview(false)}>Write</button>
        <button type="button" class="tab" aria-pressed={preview} onClick={() => setPreview(true)}>Preview</button>
      </fieldset>
      {preview
        ? <div class="preview"><Markdown text={draft.body} /></div>
        : <Field label="Text, in Markdown" error={fields.body} control={(ties) => <textarea class="editor-text" rows={16} value={draft.body} onInput={set('body')} {...ties} />} />}
      <div class="actions">
        <Submit busy={busy}>Save</Submit>
        <button type="button" class="button" onClick={onClose}>Close</button>
        {!isNew && !deleting && <button type="button" class="button danger" aria-disabled={busy} onClick={() => !busy && setDeleting(true)}>Delete…</button>}
        {deleting && <button type="button" class="button danger" aria-disabled={busy} onClick={() => perform({ method: 'DELETE' }, `Deleted: ${document.title}`)}>Yes, delete “{document.title}”</button>}
      </div>
    </form>
  );
}

function Stale({ onStale }) {
  return (
    <div class="notice" role="alert">
      <p>Somebody else has saved this document meanwhile. Copy what you want to keep, then load theirs.</p>
      <button type="button" class="button small" onClick={onStale}>Load theirs</button>
    </div>
  );
}
