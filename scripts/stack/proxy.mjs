// Passes one request on to PostgREST, streaming both ways, headers as they came.

import http from 'node:http';

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
// Headers that belong to one connection, not to the message (RFC 9110, 7.6.1).
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding', 'upgrade']);

/** With `loseReply`, PostgREST does its work and the client's connection is cut, `ms` later, instead of answered. */
export function proxy(request, response, { port, path, loseReply }) {
  const options = { host: '127.0.0.1', port, path, method: request.method, headers: endToEnd(request.headers), agent };
  const upstream = http.request(options, (reply) => {
    if (loseReply) {
      reply.resume().on('end', () => setTimeout(() => request.socket.destroy(), loseReply.ms));
      return;
    }
    for (const [name, value] of Object.entries(endToEnd(reply.headers))) response.setHeader(name, value);
    response.writeHead(reply.statusCode);
    reply.pipe(response);
    reply.on('error', () => response.destroy());
  });
  upstream.on('error', () => unavailable(response));
  response.on('close', () => {
    if (!loseReply && !response.writableFinished) upstream.destroy();
  });
  request.pipe(upstream);
}

function endToEnd(headers) {
  const kept = Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name));
  return Object.fromEntries(kept);
}

// What Supabase's gateway says when PostgREST cannot be reached.
function unavailable(response) {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(503, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify({ message: 'name resolution failed' }));
}
