// What is in the cupboards: articles and their lots, with what is low and what goes out of date marked. Live.

import { useState } from 'preact/hooks';
import { addDays, dateOf, dayOf } from '../../lib/clock.js';
import { useClinic } from '../../lib/context.js';
import { problemOf } from '../../lib/problem.js';
import { useRoom } from '../../lib/room.js';
import { merged, replaced, without } from '../../lib/rows.js';
import { Icon } from '../../ui/icon.jsx';
import { Head } from '../../ui/shell.jsx';
import { Standing } from '../../ui/standing.jsx';
import { Empty, Failed, Loading } from '../../ui/states.jsx';
import { articlesOf, SOON_DAYS } from './articles.js';
import { MoveStock } from './move.jsx';

const FILTERS = [['all', 'All'], ['low', 'Low'], ['expiring', 'Expiring']];
const COLUMNS = 'id, version, sku, name, category, lot_no, location, expires_on, unit, on_hand, reorder_level, status';

export function Stock() {
  const { zone } = useClinic();
  const { rows, problem, standing, reload } = useStock();
  const [filter, setFilter] = useState('all');
  const [moving, setMoving] = useState(null);
  const today = dayOf(Date.now(), zone);
  const articles = rows && articlesOf([...rows.values()], today, addDays(today, SOON_DAYS));
  const count = { all: articles?.length, low: articles?.filter(({ low }) => low).length, expiring: articles?.filter(({ expiring }) => expiring).length };
  const shown = articles?.filter((one) => filter === 'all' || one[filter]);
  const lot = moving && rows?.get(moving);
  return (
    <section class="stock">
      <Head title="Stock"><Standing {...standing} /></Head>
      <fieldset class="filters">
        <legend class="visually-hidden">Show</legend>
        {FILTERS.map(([id, text]) => (
          <button key={id} type="button" class="tab" aria-pressed={filter === id} onClick={() => setFilter(id)}>{text} {count[id] !== undefined && <span class="count">{count[id]}</span>}</button>
        ))}
      </fieldset>
      {problem && <Failed problem={problem} retry={reload} />}
      {!shown && !problem && <Loading>Loading the stock…</Loading>}
      {shown?.length === 0 && <Empty icon="stock" title={filter === 'all' ? 'Nothing is in stock' : 'Nothing to worry about here'} />}
      <ul class="articles">{shown?.map((one) => <Article key={one.key} article={one} today={today} move={setMoving} />)}</ul>
      {lot && <MoveStock lot={lot} onClose={() => setMoving(null)} />}
    </section>
  );
}

function useStock() {
  const { client } = useClinic();
  const [{ rows, problem }, setShown] = useState({ rows: null });
  const [gone] = useState(() => new Set());
  const reload = async () => {
    const reply = await client.from('inventory').select(COLUMNS).neq('status', 'discarded').is('deleted_at', null).order('name').limit(1000);
    if (reply.error) setShown((now) => ({ ...now, problem: problemOf(reply) }));
    else setShown((now) => ({ rows: replaced(now.rows ?? new Map(), reply.data, gone) }));
  };
  const onChange = ({ eventType, old, new: row }) => {
    const stays = eventType !== 'DELETE' && !row.deleted_at && row.status !== 'discarded';
    const id = row?.id ?? old.id;
    if (stays) gone.delete(id);
    else gone.add(id);
    setShown((now) => (now.rows ? { ...now, rows: stays ? merged(now.rows, row) : without(now.rows, id) } : now));
  };
  const standing = useRoom('stock', ['inventory'], { onChange, onFresh: reload });
  return { rows, problem, standing, reload };
}

function Article({ article, today, move }) {
  return (
    <li class="card article">
      <div class="article-head">
        <div>
          <div class="article-title">
            <h2>{article.name}</h2>
            {article.low && <span class="status requested"><Icon name="alert" />Low</span>}
            {article.expiring && <span class="status cancelled"><Icon name="wait" />{article.expired ? 'Expired' : 'Expiring'}</span>}
          </div>
          <p class="muted">{article.sku} · {article.location}</p>
        </div>
        <p class="article-sum"><strong>{article.usable}</strong> {article.unit}<span class="muted">reorder at {article.level}</span></p>
      </div>
      <table>
        <caption class="visually-hidden">Lots of {article.name}</caption>
        <thead><tr><th scope="col">Lot</th><th scope="col">Expires</th><th scope="col" class="number">On hand</th><th scope="col"><span class="visually-hidden">Move</span></th></tr></thead>
        <tbody>{article.lots.map((lot) => <Lot key={lot.id} lot={lot} today={today} move={move} />)}</tbody>
      </table>
    </li>
  );
}

function left({ expires_on }, today) {
  const days = Math.round((Date.parse(expires_on) - Date.parse(today)) / 86_400_000);
  return days === 1 ? '1 day left' : `${days} days left`;
}

function Lot({ lot, today, move }) {
  const { me } = useClinic();
  const mark = lot.expired ? 'Expired' : lot.soon ? left(lot, today) : null;
  const usable = me.role !== 'dentist' || !lot.expired;
  return (
    <tr class={lot.expired || lot.soon ? 'marked' : ''}>
      <th scope="row">{lot.lot_no || '–'}</th>
      <td><span class="date">{lot.expires_on ? dateOf(lot.expires_on) : '–'}</span> {mark && <span class="mark"><Icon name="wait" />{mark}</span>}</td>
      <td class="number">{Number(lot.on_hand)}</td>
      <td class="number">{usable && <button type="button" class="button small" aria-label={`Move stock of lot ${lot.lot_no}`} onClick={() => move(lot.id)}>Move</button>}</td>
    </tr>
  );
}
