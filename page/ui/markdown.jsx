// Markdown as elements: headings, paragraphs, lists, quotations, bold, italics, code. Nothing of a text becomes mark-up
// by itself, and links are shown as text: a document cannot lead anywhere.

const INLINE = /(\*\*[^*]+\*\*|__[^_]+__|\*[^*\s][^*]*\*|`[^`]+`|\[[^\]]+\]\([^)\s]+\))/;

/** `marked`: the heading under which the cited passage stands. */
export function Markdown({ text, marked }) {
  return <div class="markdown">{blocksOf(text).map((block, at) => <Block key={at} block={block} marked={marked} />)}</div>;
}

function Block({ block: { kind, level, text, items }, marked }) {
  if (kind === 'heading') {
    // The page's own headings are above: a document begins at the third level.
    const Heading = `h${Math.min(level + 2, 6)}`;
    const isMarked = marked && marked.split(/\s*[>›/]\s*/).at(-1) === text;
    return <Heading class={isMarked ? 'marked' : undefined} data-marked={isMarked || undefined}><Inline text={text} /></Heading>;
  }
  if (kind === 'list' || kind === 'numbers') {
    const List = kind === 'list' ? 'ul' : 'ol';
    return <List>{items.map((item, at) => <li key={at}><Inline text={item} /></li>)}</List>;
  }
  if (kind === 'quote') return <blockquote><Inline text={text} /></blockquote>;
  return <p><Inline text={text} /></p>;
}

function Inline({ text }) {
  return text.split(INLINE).filter(Boolean).map((part, at) => {
    if (/^(\*\*|__).+\1$/.test(part)) return <strong key={at}>{part.slice(2, -2)}</strong>;
    if (/^\*.+\*$/.test(part)) return <em key={at}>{part.slice(1, -1)}</em>;
    if (/^`.+`$/.test(part)) return <code key={at}>{part.slice(1, -1)}</code>;
    const link = /^\[([^\]]+)\]\(([^)\s]+)\)$/.exec(part);
    return link ? `${link[1]} (${link[2]})` : part;
  });
}

const KINDS = [
  [/^(#{1,6})\s+(.*)$/, ([, marks, text]) => ({ kind: 'heading', level: marks.length, text: text.replace(/\s#+$/, '') })],
  [/^\s*[-*+]\s+(.*)$/, ([, item]) => ({ kind: 'list', items: [item] })],
  [/^\s*\d+[.)]\s+(.*)$/, ([, item]) => ({ kind: 'numbers', items: [item] })],
  [/^>\s?(.*)$/, ([, text]) => ({ kind: 'quote', text })],
];

function blocksOf(source) {
  const blocks = [];
  let open = null;
  for (const line of source.split(/\r?\n/)) {
    if (line.trim() === '') open = null;
    else open = added(blocks, open, lineOf(line));
  }
  return blocks;
}

function lineOf(line) {
  for (const [form, make] of KINDS) {
    const found = form.exec(line);
    if (found) return make(found);
  }
  return { kind: 'paragraph', text: line.trim() };
}

// Goes on with what is open, or begins another block.
function added(blocks, open, line) {
  if (open && line.kind === open.kind && line.items) open.items.push(...line.items);
  else if (open?.items && line.kind === 'paragraph') open.items.push(`${open.items.pop()} ${line.text}`);
  else if (open && line.kind === open.kind && line.kind !== 'heading') open.text = `${open.text} ${line.text}`;
  else {
    blocks.push(line);
    return line;
  }
  return open;
}
