// Whether an answer helped: one press, and nothing of what was said goes with it.

import { useState } from 'preact/hooks';
import { useClinic } from '../../lib/context.js';
import { ask } from '../../lib/v1.js';

export function Rating({ id }) {
  const clinic = useClinic();
  const [said, setSaid] = useState(null);
  const rate = async (rating) => {
    const { problem } = await ask(clinic, '/v1/chat/feedback', { method: 'POST', body: { completion_id: id, rating } });
    setSaid(problem ? problem.message : 'Thank you.');
  };
  if (said) return <p class="rating" role="status">{said}</p>;
  return (
    <div class="rating">
      <span>Did this help?</span>
      <button type="button" class="button small" onClick={() => rate('up')}>Yes</button>
      <button type="button" class="button small" onClick={() => rate('down')}>No</button>
    </div>
  );
}
