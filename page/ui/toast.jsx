// Short words about what was done, seen for some seconds and read out.

import { useCallback, useRef, useState } from 'preact/hooks';

const SHOWN_MS = 6000;

/** `[say(text, kind), element]`. */
export function useToasts() {
  const [toasts, setToasts] = useState([]);
  const next = useRef(0);
  const say = useCallback((text, kind = 'good') => {
    const id = next.current++;
    setToasts((all) => [...all.slice(-2), { id, text, kind }]);
    setTimeout(() => setToasts((all) => all.filter((one) => one.id !== id)), SHOWN_MS);
  }, []);
  const element = (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.map(({ id, text, kind }) => (
        <p key={id} class={`toast ${kind}`}>{text}</p>
      ))}
    </div>
  );
  return [say, element];
}
