// A page with one thing to say, before there is anything else to show.

import { Icon } from './icon.jsx';

export function Gate({ busy, retry, other, children }) {
  return (
    <main class="gate">
      <Icon name="tooth" class="gate-mark" />
      <h1 class="visually-hidden">Chairside</h1>
      <p role={busy ? 'status' : 'alert'}>{children}</p>
      {retry && <button type="button" class="button primary" onClick={retry}>Try again</button>}
      {other && <button type="button" class="button" onClick={other.act}>{other.label}</button>}
    </main>
  );
}
