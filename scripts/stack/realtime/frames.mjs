// Phoenix frames in both serializers. 2.0.0: `[join_ref, ref, topic, event, payload]`, and a binary
// form for broadcasts; 1.0.0: `{topic, event, payload, ref}`. Payloads go out as JSON text that was
// made before, since a row's numbers do not survive JavaScript.

export const VERSIONS = new Set(['1.0.0', '2.0.0']);

const USER_BROADCAST_PUSH = 3;
const USER_BROADCAST = 4;
const JSON_ENCODING = 1;

/** A client's text frame as `{joinRef, ref, topic, event, payload}`, or null when it is none. */
export function decodeText(vsn, text) {
  let parsed;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (parsed === null || typeof parsed !== 'object') return null;
  const [joinRef, ref, topic, event, payload] =
    vsn === '2.0.0' ? (Array.isArray(parsed) ? parsed : []) : [parsed.join_ref, parsed.ref, parsed.topic, parsed.event, parsed.payload];
  if (typeof topic !== 'string' || typeof event !== 'string') return null;
  return { joinRef: joinRef ?? null, ref: ref ?? null, topic, event, payload: payload ?? {} };
}

/** A client's binary broadcast: `payload` is `{event, encoding, body}` with `body` as it came. */
export function decodeBinary(buffer) {
  if (buffer.length < 7 || buffer[0] !== USER_BROADCAST_PUSH) return null;
  const sizes = [...buffer.subarray(1, 6)];
  const encoding = buffer[6];
  let at = 7;
  const [joinRef, ref, topic, event] = sizes.map((size) => {
    at += size;
    return buffer.toString('utf8', at - size, at);
  });
  if (at > buffer.length) return null;
  return { joinRef: joinRef || null, ref: ref || null, topic, event: 'broadcast', payload: { event, encoding, body: buffer.subarray(at) }, binary: true };
}

/** A server's frame; `json` is the payload's text. A frame of 1.0.0 has no join_ref. */
export function encode(vsn, { joinRef = null, ref = null, topic, event, json }) {
  const text = JSON.stringify;
  if (vsn === '2.0.0') return `[${text(joinRef)},${text(ref)},${text(topic)},${text(event)},${json}]`;
  return `{"event":${text(event)},"payload":${json},"ref":${text(ref)},"topic":${text(topic)}}`;
}

/** A broadcast that came in binary form, for a client of `vsn`; null when 1.0.0 cannot show it. */
export function encodeUserBroadcast(vsn, topic, { event, encoding, body }) {
  if (vsn === '2.0.0') {
    const [topicBytes, eventBytes] = [Buffer.from(topic), Buffer.from(event)];
    const head = Buffer.from([USER_BROADCAST, topicBytes.length, eventBytes.length, 0, encoding]);
    return Buffer.concat([head, topicBytes, eventBytes, body]);
  }
  if (encoding !== JSON_ENCODING) return null;
  const json = `{"event":${JSON.stringify(event)},"payload":${body.toString('utf8')},"type":"broadcast"}`;
  return encode(vsn, { topic, event: 'broadcast', json });
}
