// An upstream that answers at once, as PostgREST would: rows that were made beforehand, as many as `limit` says. With an
// `offset`, which the benchmark uses for nothing else, the one row is so many bytes long. Run by itself: PORT, and JWKS, the
// key set that it has at /jwks.

import http from 'node:http';

const id = (n) => `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
const row = (n) => ({
  id: id(n), patient_id: id(0xa0001), dentist_id: id(0xd1), starts_at: '2031-03-03T09:00:00+00:00', ends_at: '2031-03-03T09:30:00+00:00', status: 'scheduled', reason: 'Control after six months', version: 1,
});
const embedded = (n) => ({ ...row(n), dentist: { first_name: 'Dana', last_name: 'Drill' }, appointment_has_service: [{ line_no: 1, quantity: 1, unit_fee: 80 }, { line_no: 2, quantity: 1, unit_fee: 45.5 }] });

const made = new Map();
function rows(count, make) {
  const key = `${make.name} ${count}`;
  if (!made.has(key)) made.set(key, Buffer.from(JSON.stringify(Array.from({ length: count }, (_, n) => make(n)))));
  return made.get(key);
}
function long(bytes) {
  const frame = JSON.stringify([{ notes: '' }]).length;
  if (!made.has(bytes)) made.set(bytes, Buffer.from(JSON.stringify([{ notes: 'x'.repeat(Math.max(bytes - frame, 0)) }])));
  return made.get(bytes);
}
const one = Buffer.from(JSON.stringify(row(1)));

function send(response, status, media, body, more) {
  response.writeHead(status, { 'content-type': `${media}; charset=utf-8`, 'content-length': body.length, ...more });
  response.end(body);
}

http
  .createServer((request, response) => {
    request.resume().on('end', () => {
      if (request.url === '/jwks') return send(response, 200, 'application/json', Buffer.from(process.env.JWKS));
      if (request.method !== 'GET') {
        const wantsRow = request.headers.prefer?.includes('return=representation');
        if (!wantsRow) return response.writeHead(request.method === 'POST' ? 201 : 204, { 'content-range': '*/*' }).end();
        return send(response, request.method === 'POST' ? 201 : 200, 'application/vnd.pgrst.object+json', one, { 'preference-applied': 'return=representation' });
      }
      if (request.headers.accept?.startsWith('application/vnd.pgrst.object+json')) return send(response, 200, 'application/vnd.pgrst.object+json', one, { 'content-range': '0-0/*' });
      const bytes = Number(/[?&]offset=(\d+)/.exec(request.url)?.[1] ?? 0);
      const count = Number(/[?&]limit=(\d+)/.exec(request.url)?.[1] ?? 1000);
      const body = bytes > 0 ? long(bytes) : rows(count, request.url.includes('appointment_dentist_id_fkey') ? embedded : row);
      send(response, 200, 'application/json', body, { 'content-range': `0-${count - 1}/*` });
    });
  })
  .listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
