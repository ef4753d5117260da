// A patient's invoices, and those of the people they pay for.

import { dateOf, money } from '../../lib/clock.js';
import { useClinic } from '../../lib/context.js';
import { Icon } from '../../ui/icon.jsx';
import { Empty, Failed, Loading } from '../../ui/states.jsx';

const STATUS = {
  issued: ['Open', 'requested', 'wait'],
  partially_paid: ['Partly paid', 'requested', 'wait'],
  paid: ['Paid', 'confirmed', 'confirmed'],
  void: ['Void', 'completed', 'cancelled'],
  written_off: ['Written off', 'completed', 'completed'],
};

export function Invoices({ data, problem, again }) {
  const { me, settings } = useClinic();
  if (problem) return <Failed problem={problem} retry={again} />;
  if (!data) return <Loading>Loading your invoices…</Loading>;
  const due = data.reduce((sum, { balance, status }) => (status === 'void' ? sum : sum + Number(balance)), 0);
  return (
    <section aria-labelledby="invoices">
      <div class="section-head">
        <h2 id="invoices">Invoices</h2>
        {due > 0 && <p class="due">To be paid: <strong>{money(due, settings.currency)}</strong></p>}
      </div>
      {data.length === 0 && <Empty icon="visits" title="No invoices yet" />}
      <ul class="invoices">{data.map((one) => <Invoice key={one.id} invoice={one} mine={one.patient_id === me.id} />)}</ul>
    </section>
  );
}

function Invoice({ invoice, mine }) {
  const [text, tone, icon] = STATUS[invoice.status] ?? [invoice.status, 'completed', 'completed'];
  const rest = Number(invoice.balance);
  return (
    <li class="card">
      <details>
        <summary>
          <span class="invoice-no">{invoice.invoice_no}{!mine && <span class="muted"> · family</span>}</span>
          <span class="muted">{invoice.issued_at && dateOf(invoice.issued_at)}</span>
          <span class={`status ${tone}`}><Icon name={icon} />{text}</span>
          <span class="invoice-sum">{money(invoice.total, invoice.currency)}</span>
        </summary>
        <table>
          <caption class="visually-hidden">Lines of {invoice.invoice_no}</caption>
          <thead><tr><th scope="col">Treatment</th><th scope="col" class="number">Number</th><th scope="col" class="number">Amount</th></tr></thead>
          <tbody>
            {[...invoice.lines].sort((a, b) => a.line_no - b.line_no).map((line) => (
              <tr key={line.line_no}><td>{line.description}</td><td class="number">{line.quantity}</td><td class="number">{money(line.amount, invoice.currency)}</td></tr>
            ))}
          </tbody>
        </table>
        {rest > 0 && Number(invoice.insurance_estimate) > 0 && <p class="muted">Of the total, your insurance is expected to pay {money(invoice.insurance_estimate, invoice.currency)}.</p>}
        {rest > 0 && <p>Open: <strong>{money(rest, invoice.currency)}</strong>{invoice.due_on && ` by ${dateOf(invoice.due_on)}`}</p>}
      </details>
    </li>
  );
}
