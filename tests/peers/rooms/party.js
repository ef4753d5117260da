// The same by PartyServer, as its documentation has it, with hibernation.

import { routePartykitRequest, Server } from 'partyserver';

export class Room extends Server {
  static options = { hibernate: true };

  onMessage(connection, message) {
    connection.send(message);
  }

  async onRequest(request) {
    this.broadcast(await request.text());
    return new Response();
  }
}

export default {
  async fetch(request, env) {
    return (await routePartykitRequest(request, env)) ?? new Response(null, { status: 404 });
  },
};
