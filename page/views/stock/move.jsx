// A movement of one lot: received, used, counted, discarded.

import { useState } from 'preact/hooks';
import { useClinic } from '../../lib/context.js';
import { problemOf } from '../../lib/problem.js';
import { Dialog } from '../../ui/dialog.jsx';
import { Input, Refusal, Select, Submit } from '../../ui/form.jsx';

const REASONS = [['use', 'Used'], ['receive', 'Received'], ['count', 'Counted: this is what is there'], ['discard', 'Discarded']];

export function MoveStock({ lot, onClose }) {
  const { client, me, say } = useClinic();
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  const reasons = me.role === 'dentist' ? REASONS.slice(0, 1) : REASONS;
  const submit = async (event) => {
    event.preventDefault();
    if (busy) return;
    const { reason, quantity } = Object.fromEntries(new FormData(event.target));
    if (quantity.trim() === '' || Number.isNaN(Number(quantity))) return setProblem({ fields: { quantity: 'Enter a number.' } });
    setBusy(true);
    const reply = await client.rpc('move_stock', { inventory_id: lot.id, reason, quantity: Number(quantity) });
    setBusy(false);
    if (reply.error) return setProblem(problemOf(reply));
    say(`Noted: ${lot.name}, lot ${lot.lot_no}`);
    return onClose();
  };
  const fields = problem?.fields ?? {};
  return (
    <Dialog title={`${lot.name}, lot ${lot.lot_no}`} onClose={onClose}>
      <p>{Number(lot.on_hand)} {lot.unit} on hand.</p>
      {problem?.message && Object.keys(fields).length === 0 && <Refusal problem={problem} />}
      <form onSubmit={submit} noValidate>
        <Select label="What happened" name="reason" options={reasons.map(([value, text]) => ({ value, text }))} error={fields.reason} />
        <Input label="Quantity" name="quantity" inputMode="decimal" autoComplete="off" error={fields.quantity ?? fields.inventory_id} />
        <div class="actions">
          <Submit busy={busy}>Save</Submit>
          <button type="button" class="button" onClick={onClose}>Back</button>
        </div>
      </form>
    </Dialog>
  );
}
