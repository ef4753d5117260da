// The least that fans out: a Durable Object that sends what it is given to each of its hibernating sockets, and answers
// heartbeats.

import { DurableObject } from 'cloudflare:workers';

export class Room extends DurableObject {
  async fetch(request) {
    if (request.headers.get('upgrade') === 'websocket') {
      const { 0: theirs, 1: ours } = new WebSocketPair();
      this.ctx.acceptWebSocket(ours);
      return new Response(null, { status: 101, webSocket: theirs });
    }
    const frame = await request.text();
    for (const socket of this.ctx.getWebSockets()) socket.send(frame);
    return new Response();
  }

  webSocketMessage(socket, message) {
    socket.send(message);
  }

  webSocketClose(socket) {
    socket.close();
  }
}

export default {
  fetch(request, env) {
    return env.ROOM.getByName(new URL(request.url).searchParams.get('room')).fetch(request);
  },
};
