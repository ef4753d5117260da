// Signing in by e-mail and password.

import { useState } from 'preact/hooks';
import { problemOf } from '../lib/problem.js';
import { Input, Refusal, Submit } from '../ui/form.jsx';
import { Icon } from '../ui/icon.jsx';

const WRONG = { message: 'E-mail and password do not match. Check both and try again.' };

export function SignIn({ client, name, ended }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(null);
  const [errors, setErrors] = useState({});

  const submit = async (event) => {
    event.preventDefault();
    if (busy) return;
    const { email, password } = Object.fromEntries(new FormData(event.target));
    const missing = { ...(!email.trim() && { email: 'Enter your e-mail address.' }), ...(!password && { password: 'Enter your password.' }) };
    setErrors(missing);
    setProblem(null);
    if (Object.keys(missing).length > 0) return event.target.querySelector(`[name=${Object.keys(missing)[0]}]`).focus();
    setBusy(true);
    const { error } = await client.auth.signInWithPassword({ email: email.trim(), password });
    setBusy(false);
    if (error) setProblem(error.code === 'invalid_credentials' ? WRONG : problemOf({ error, status: error.status ?? 0 }));
  };

  return (
    <main class="signin">
      <div class="signin-card">
        <Icon name="tooth" class="gate-mark" />
        <h1>{name}</h1>
        <p class="muted">Sign in to your visits, or to the clinic's day.</p>
        {ended && !problem && <div class="notice" role="status"><Icon name="wait" /><p>Your session has ended. Sign in again to go on.</p></div>}
        <Refusal problem={problem} />
        <form onSubmit={submit} noValidate>
          <Input label="E-mail" name="email" type="email" autoComplete="username" inputMode="email" error={errors.email} />
          <Input label="Password" name="password" type="password" autoComplete="current-password" error={errors.password} />
          <Submit busy={busy}>Sign in</Submit>
        </form>
      </div>
    </main>
  );
}
