// The clinic's assistant: answers from the clinic's documents alone, as they are written, with their sources.

import { useEffect, useRef, useState } from 'preact/hooks';
import { readAnswer } from '../../lib/answer.js';
import { useClinic } from '../../lib/context.js';
import { ask } from '../../lib/v1.js';
import { Icon } from '../../ui/icon.jsx';
import { Head } from '../../ui/shell.jsx';
import { Message } from './message.jsx';
import { Source } from './source.jsx';

const MODEL = 'chairside';
const EXAMPLES = ['What may I eat after a tooth was pulled?', 'How do I look after a new crown?', 'How late can I cancel?'];
/** How much of the conversation goes with a question. */
const REMEMBERED = 10;

export function Chat() {
  const { settings } = useClinic();
  const { messages, busy, send, stop, clear } = useConversation();
  const [open, setOpen] = useState(null);
  const last = messages.at(-1);
  return (
    <section class="chat">
      <Head title="Assistant" note="Answers come from the clinic's own documents. It is no dentist and gives no diagnosis.">
        {messages.length > 0 && <button type="button" class="button" onClick={clear}>New conversation</button>}
      </Head>
      <Talk messages={messages} send={send} openSource={setOpen} />
      <p class="visually-hidden" role="status">{busy ? 'Answering…' : last?.role === 'assistant' && `Answer: ${last.content}`}</p>
      <Ask busy={busy} send={send} stop={stop} />
      <p class="emergency muted"><Icon name="alert" />{settings.emergency_text}</p>
      {open && <Source source={open} onClose={() => setOpen(null)} />}
    </section>
  );
}

function useConversation() {
  const clinic = useClinic();
  const [messages, setMessages] = useState([]);
  const [busy, setBusy] = useState(false);
  const abort = useRef(null);
  useEffect(() => () => abort.current?.abort(), []);
  const change = (last) => setMessages((all) => [...all.slice(0, -1), { ...all.at(-1), ...last }]);

  const send = async (question) => {
    const asked = [...messages.filter(({ problem, content }) => !problem && content), { role: 'user', content: question }];
    setMessages((all) => [...all, { role: 'user', content: question }, { role: 'assistant', content: '', sources: [], writing: true }]);
    setBusy(true);
    abort.current = new AbortController();
    const body = { model: MODEL, stream: true, messages: asked.slice(-REMEMBERED).map(({ role, content }) => ({ role, content })) };
    const { reply, problem } = await ask(clinic, '/v1/chat/completions', { method: 'POST', body, signal: abort.current.signal });
    if (problem) change({ problem });
    else if (reply) await answered(reply);
    change({ writing: false });
    setBusy(false);
  };
  const answered = async (reply) => {
    try {
      await readAnswer(reply, ({ text, ...rest }) => change({ content: text, ...rest }));
      change({ whole: true });
    } catch {
      if (!abort.current.signal.aborted) change({ problem: { message: 'The answer broke off. Ask again.' } });
    }
  };
  const stop = () => abort.current?.abort();
  const clear = () => {
    stop();
    setMessages([]);
  };
  return { messages, busy, send, stop, clear };
}

function Talk({ messages, send, openSource }) {
  const end = useRef(null);
  const length = messages.at(-1)?.content?.length;
  useEffect(() => {
    if (messages.length > 0) end.current.scrollIntoView({ block: 'nearest' });
  }, [messages.length, length]);
  return (
    <div class="talk">
      {messages.length === 0 && (
        <div class="talk-start">
          <Icon name="chat" />
          <h2>What would you like to know?</h2>
          <ul>
            {EXAMPLES.map((example) => <li key={example}><button type="button" class="button" onClick={() => send(example)}>{example}</button></li>)}
          </ul>
        </div>
      )}
      {messages.map((message, at) => <Message key={at} message={message} openSource={openSource} />)}
      <div ref={end} />
    </div>
  );
}

function Ask({ busy, send, stop }) {
  const [text, setText] = useState('');
  const submit = (event) => {
    event.preventDefault();
    if (busy || text.trim() === '') return;
    send(text.trim());
    setText('');
  };
  const keyed = (event) => event.key === 'Enter' && !event.shiftKey && !event.isComposing && submit(event);
  return (
    <form class="ask" onSubmit={submit}>
      <label class="visually-hidden" for="question">Your question</label>
      <textarea id="question" rows={2} maxLength={2000} placeholder="Ask the clinic's documents…" value={text} onInput={(event) => setText(event.target.value)} onKeyDown={keyed} />
      {busy
        ? <button type="button" class="button" onClick={stop}>Stop</button>
        : <button type="submit" class="button primary"><Icon name="send" />Ask</button>}
    </form>
  );
}
