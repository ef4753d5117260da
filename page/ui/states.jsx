// What a view shows before, without and instead of its rows.

import { Icon } from './icon.jsx';

export function Loading({ children = 'Loading…' }) {
  return (
    <div class="loading" role="status">
      <span class="visually-hidden">{children}</span>
      <div class="bone" /><div class="bone" /><div class="bone" />
    </div>
  );
}

export function Empty({ icon, title, children }) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <p class="empty-title">{title}</p>
      {children && <div class="muted">{children}</div>}
    </div>
  );
}

export function Failed({ problem, retry }) {
  return (
    <div class="notice bad" role="alert">
      <Icon name="alert" />
      <p>{problem.message}</p>
      {retry && <button type="button" class="button small" onClick={retry}>Try again</button>}
    </div>
  );
}
