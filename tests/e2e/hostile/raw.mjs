// HTTP by hand over a socket, for requests that fetch would refuse to send or would tidy up first.

import net from 'node:net';

const CRLF = '\r\n';
const TIMEOUT_MS = 15_000;

/**
 * Sends one request as it is written and reads its answer: `{status, headers, text, json}`; headers by lower-case
 * name. `target` and header values may be text (sent as UTF-8) or Buffers; `headers` is a list of pairs, so that a name
 * can come twice. `framing: false` leaves Content-Length to the caller.
 */
export async function raw(url, { method = 'GET', target = '/', headers = [], body, framing = true }) {
  const { hostname, port } = new URL(url);
  const pairs = [['Host', `${hostname}:${port}`], ...headers, ['Connection', 'close']];
  if (framing && body !== undefined) pairs.push(['Content-Length', String(Buffer.byteLength(body))]);
  const head = [Buffer.from(`${method} `), bytes(target), Buffer.from(` HTTP/1.1${CRLF}`)];
  for (const [name, value] of pairs) head.push(Buffer.from(`${name}: `), bytes(value), Buffer.from(CRLF));
  head.push(Buffer.from(CRLF), bytes(body ?? ''));
  return exchange(hostname, Number(port), Buffer.concat(head), method === 'HEAD');
}

const bytes = (value) => (Buffer.isBuffer(value) ? value : Buffer.from(String(value)));

// An answer may come before all of a long body was sent; it counts. The dev server is slow to close, so the answer's
// own framing says when it is whole.
function exchange(host, port, message, bodiless) {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const socket = net.connect(port, host, () => socket.write(message));
    const timer = setTimeout(() => end(new Error('no answer in time')), TIMEOUT_MS);
    const end = (error) => {
      clearTimeout(timer);
      socket.destroy();
      const answer = parse(received, bodiless);
      if (answer) resolve(answer);
      else reject(error ?? new Error(`no HTTP answer (${received.length} bytes)`));
    };
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (parse(received, bodiless)?.whole) end();
    });
    socket.on('error', end);
    socket.on('close', () => end());
  });
}

function parse(answer, bodiless) {
  const end = answer.indexOf(CRLF + CRLF);
  if (end < 0) return undefined;
  const [first, ...lines] = answer.subarray(0, end).toString('latin1').split(CRLF);
  const headers = {};
  for (const line of lines) {
    const at = line.indexOf(':');
    headers[line.slice(0, at).toLowerCase()] = line.slice(at + 1).trim();
  }
  const status = Number(first.split(' ')[1]);
  const rest = answer.subarray(end + 4);
  const chunked = headers['transfer-encoding'] === 'chunked';
  const text = (chunked ? unchunk(rest) : rest).toString('utf8');
  const whole = bodiless || status === 204 || (chunked ? rest.toString('latin1').endsWith('0\r\n\r\n') : rest.length >= Number(headers['content-length']));
  return { status, headers, text, json: json(text), whole };
}

function unchunk(data) {
  const parts = [];
  for (let at = 0; ; ) {
    const line = data.indexOf(CRLF, at);
    const size = Number.parseInt(data.subarray(at, line).toString('latin1'), 16);
    if (!(size > 0)) return Buffer.concat(parts);
    parts.push(data.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
