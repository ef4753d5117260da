// Fields with a name, a word of help and the error that points at them; forms that say what went wrong.

import { useId } from 'preact/hooks';
import { Icon } from './icon.jsx';

/** `control(props)` renders the input; its props tie it to label, help and error. */
export function Field({ label, help, error, control }) {
  const id = useId();
  const about = [help && `${id}-help`, error && `${id}-error`].filter(Boolean).join(' ') || undefined;
  return (
    <div class={`field ${error ? 'wrong' : ''}`}>
      <label for={id}>{label}</label>
      {control({ id, 'aria-describedby': about, 'aria-invalid': error ? 'true' : undefined })}
      {help && <p class="help" id={`${id}-help`}>{help}</p>}
      {error && <p class="error" id={`${id}-error`}><Icon name="alert" />{error}</p>}
    </div>
  );
}

export function Input({ label, help, error, ...input }) {
  return <Field label={label} help={help} error={error} control={(ties) => <input {...input} {...ties} />} />;
}

export function Select({ label, help, error, options, ...select }) {
  const control = (ties) => (
    <select {...select} {...ties}>
      {options.map(({ value, text }) => <option key={value} value={value}>{text}</option>)}
    </select>
  );
  return <Field label={label} help={help} error={error} control={control} />;
}

/** What no field is to blame for. */
export function Refusal({ problem }) {
  if (!problem) return null;
  return (
    <div class="notice bad" role="alert">
      <Icon name="alert" />
      <p>{problem.message}</p>
    </div>
  );
}

export function Submit({ busy, children, kind = 'primary' }) {
  return (
    <button type="submit" class={`button ${kind}`} aria-disabled={busy ? 'true' : undefined}>
      {busy ? 'One moment…' : children}
    </button>
  );
}
