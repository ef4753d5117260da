// What sets off a fan-out, the same for all that are compared: one request from outside, one object that passes its
// body on to the rooms and waits for them. To Chairside's Rooms it is the Feed: it answers their `listen`, and the
// bodies are batches.

import { DurableObject } from 'cloudflare:workers';

const post = (room, path, body) => room.fetch(`https://object${path}`, { method: 'POST', body });

export class Feed extends DurableObject {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === '/push') {
      const body = await request.text();
      const rooms = request.headers.get('x-rooms').split(',');
      const replies = await Promise.all(rooms.map((name) => post(this.env.ROOM.getByName(name), '/batch', body)));
      await Promise.all(replies.map((reply) => reply.text()));
      return new Response(null, { status: replies.every(({ ok }) => ok) ? 204 : 502 });
    }
    if (pathname === '/listen') {
      const { room, cursor } = await request.json();
      const offset = cursor?.offset ?? Number(this.env.START);
      const batch = { epoch: this.env.EPOCH, from: offset, entries: [], head: offset, state: 'live' };
      this.ctx.waitUntil(post(this.env.ROOM.getByName(room), '/batch', JSON.stringify(batch)));
    }
    return new Response(null, { status: 204 });
  }
}

export default {
  fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === '/push') return env.FEED.getByName('bench').fetch(request);
    // What Chairside asks of Postgres when somebody joins: the role, here a patient's.
    if (pathname === '/rest/v1/user') return Response.json([{ role: { code: 'patient' } }]);
    return new Response(null, { status: 404 });
  },
};
