// Cashiers at the same invoices, a Worker killed in between: no balance falls below zero, and the payments are exactly
// those that somebody was told of.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Database } from '../lib/database.mjs';
import { id } from '../lib/stack.mjs';
import { pick, Race } from './driver.mjs';

const CLIENTS = 64;
const ATTEMPTS = 700;
const INVOICES = 12;
const CASHIERS = [id('c1'), id('c2'), id('f1')];

let db;
let race;
before(async () => {
  db = await Database.open();
  await db.keep();
  race = await Race.open();
});
after(async () => {
  await race?.close();
  await db.restore();
  await db.close();
});

const cents = (amount) => Math.round(Number(amount) * 100);

test('payments_and_refunds_add_up_to_what_clients_were_told', async () => {
  const invoices = await db.rows(`insert into public.invoices (patient_id, subtotal) select $1, 150 from generate_series(1, $2) returning id`, [id('a0001'), INVOICES]);
  await db.rows(`update public.invoices set status = 'issued' where id = any ($1)`, [invoices.map((invoice) => invoice.id)]);

  let left = ATTEMPTS;
  const killing = race.killAfter(ATTEMPTS / 3);
  const paid = [];
  await Promise.all(Array.from({ length: CLIENTS }, async (_, n) => {
    const client = race.client(CASHIERS[n % CASHIERS.length]);
    while (left-- > 0) {
      const payment = paid.length > 0 && Math.random() < 0.25 && pick(paid);
      const amount = (500 + Math.floor(Math.random() * 4000)) / 100;
      const answer = payment
        ? await race.call(client, randomUUID(), 'refund_payment', { payment_id: payment.id, amount })
        : await race.call(client, randomUUID(), 'record_payment', { invoice_id: pick(invoices).id, amount, method: 'card' });
      if (answer.status === 200 && !payment) paid.push(answer.data);
    }
  }));
  await killing;
  race.say('payments');

  assert.ok(race.checkFaults() > 0, 'the Worker was killed and nobody noticed');
  const results = [...race.results(({ id: made }) => made).values()];
  assert.equal(results.length, ATTEMPTS);
  // Too much for the balance, or for what is left of a payment, is refused and nothing else.
  for (const { status, error } of results) assert.ok(status === 200 || status === 409 || status === 422, `${status} ${JSON.stringify(error)}`);
  const told = results.filter(({ status }) => status === 200).map(({ data }) => data);
  assert.ok(told.length > INVOICES && told.some(({ kind }) => kind === 'refund') && told.length < ATTEMPTS);

  const rows = await db.rows(`select id, invoice_id, kind, amount from public.payment where invoice_id = any ($1)`, [invoices.map((invoice) => invoice.id)]);
  assert.deepEqual(rows.map((row) => row.id).sort(), told.map((payment) => payment.id).sort());
  for (const { id: of } of invoices) {
    const sum = told.filter((payment) => payment.invoice_id === of).reduce((total, { kind, amount }) => total + (kind === 'refund' ? -1 : 1) * cents(amount), 0);
    const [invoice] = await db.rows('select paid, balance, total, status from public.invoices where id = $1', [of]);
    assert.deepEqual([cents(invoice.paid), cents(invoice.balance)], [sum, cents(invoice.total) - sum]);
    assert.ok(sum >= 0 && cents(invoice.balance) >= 0, `${JSON.stringify(invoice)}`);
  }
  const over = await db.rows(`select p.id from public.payment p join public.payment r on r.refund_of = p.id and r.status = 'succeeded'
    group by p.id, p.amount having sum(r.amount) > p.amount`);
  assert.deepEqual(over, []);
});
