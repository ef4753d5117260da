// A dialog of the browser's own: it keeps the focus inside, closes on Escape, and gives the focus back.

import { useEffect, useId, useRef } from 'preact/hooks';
import { Icon } from './icon.jsx';

export function Dialog({ title, onClose, children, wide }) {
  const element = useRef(null);
  const label = useId();
  useEffect(() => {
    const before = document.activeElement;
    element.current.showModal();
    return () => before?.isConnected && before.focus();
  }, []);
  // A press on the backdrop is one on the dialog itself, not on what is in it.
  const outside = (event) => event.target === element.current && onClose();
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it, by the browser
    <dialog ref={element} class={`dialog ${wide ? 'wide' : ''}`} aria-labelledby={label} onClose={onClose} onClick={outside}>
      <div class="dialog-body">
        <div class="dialog-head">
          <h2 id={label}>{title}</h2>
          <button type="button" class="button quiet square" aria-label="Close" onClick={onClose}>
            <Icon name="close" />
          </button>
        </div>
        {children}
      </div>
    </dialog>
  );
}
