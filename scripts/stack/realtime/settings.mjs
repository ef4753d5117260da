// Delays and limits of the Realtime stand-in. Defaults are the real one's, as far as they are known;
// tests change them over the control port.

export const DEFAULTS = {
  /** Between polls while nothing changes. */
  idle_poll_ms: 500,
  /** From a join's reply to `system ok`: with the poller running, and with the poller to be started. */
  warm_ms: 5,
  cold_ms: 2000,
  /** A poller without subscribers is stopped after. */
  linger_ms: 60_000,
  /** After another token the subscription is made anew; anywhere in this range. */
  resubscribe_ms: [1000, 3000],
  /** How long a refused join keeps its socket waiting. */
  join_error_ms: 5000,
  /** Without any frame from the client the socket is closed. */
  client_timeout_ms: 60_000,
  max_connections: 500,
  max_channels: 100,
  joins_per_second: 500,
  messages_per_second: 500,
  /** Changes above it are dropped without a word; null is no quota. */
  changes_per_second: null,
};

/** The defaults with `wanted` in their places; throws on what is not there or of another kind. */
export function settingsWith(wanted) {
  for (const [name, value] of Object.entries(wanted)) {
    if (!Object.hasOwn(DEFAULTS, name)) throw new Error(`no setting ${name}; there are ${Object.keys(DEFAULTS).join(', ')}`);
    const kind = (one) => (Array.isArray(one) ? `${one.length} numbers` : typeof (one ?? 0));
    if (kind(value) !== kind(DEFAULTS[name])) throw new Error(`${name} must be like ${JSON.stringify(DEFAULTS[name] ?? 1)}`);
  }
  return { ...DEFAULTS, ...wanted };
}
