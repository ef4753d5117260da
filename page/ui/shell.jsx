// What is around every view: the clinic's name, where one can go, and who one is.

import { Icon } from './icon.jsx';

export function Shell({ views, view, name, me, signOut, children }) {
  return (
    <div class="shell">
      <button type="button" class="skip" onClick={skip}>Skip to content</button>
      <div class="side">
        <header class="brand">
          <Icon name="tooth" class="brand-mark" />
          <span class="brand-name">{name}</span>
        </header>
        <nav class="nav" aria-label="Main">
          <ul>
            {views.map(({ id, title, short, icon }) => (
              <li key={id}>
                <a href={`#/${id}`} aria-current={id === view.id ? 'page' : undefined}>
                  <Icon name={icon} />
                  <span class="nav-long">{title}</span>
                  <span class="nav-short" aria-hidden="true">{short ?? title}</span>
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <section class="me" aria-label="Account">
          <span class="me-name">{me.name}</span>
          <span class="me-role">{me.role}</span>
          <button type="button" class="button quiet" onClick={signOut} aria-label="Sign out">
            <Icon name="out" />
            <span class="me-out">Sign out</span>
          </button>
        </section>
      </div>
      <main id="main" class="main" tabIndex={-1}>{children}</main>
    </div>
  );
}

// No link: the address's hash says which view there is.
const skip = () => document.getElementById('main').focus();

/** A view's head: its name, what can be done, and how live it is. */
export function Head({ title, note, children }) {
  return (
    <div class="head">
      <div class="head-title">
        <h1>{title}</h1>
        {note && <p class="muted">{note}</p>}
      </div>
      {children && <div class="head-tools">{children}</div>}
    </div>
  );
}
