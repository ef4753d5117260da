/* global checkReinitialize, exports, guarded, initState */
// What follows entry.js where the Worker has Durable Objects.

/** A Durable Object in front of its part of the Wasm. */
function object(Program) {
  return class {
    #given;
    #program;
    #instanceId;

    constructor(...given) {
      this.#given = given;
      this.#here();
    }

    #here() {
      checkReinitialize();
      if (this.#instanceId !== initState.instanceId) {
        try {
          this.#program = new Program(...this.#given);
        } catch (error) {
          initState.criticalError = true;
          throw error;
        }
        this.#instanceId = initState.instanceId;
      }
      return this.#program;
    }

    // What comes in a header (see `tell` in object.rs) is taken or not, at once: `told` gives the status.
    fetch(request) {
      return guarded(() => {
        const text = request.headers.get('text');
        const program = this.#here();
        return text === null ? program.fetch(request) : new Response(null, { status: program.told(request.url, text) });
      });
    }

    alarm() {
      return guarded(() => this.#here().alarm());
    }

    webSocketMessage(socket, message) {
      return guarded(() => this.#here().webSocketMessage(socket, message));
    }

    webSocketClose(socket, code, reason, wasClean) {
      return guarded(() => this.#here().webSocketClose(socket, code, reason, wasClean));
    }

    webSocketError(socket, error) {
      return guarded(() => this.#here().webSocketError(socket, error));
    }
  };
}

export const AccessQueue = object(exports.AccessQueue);
export const Feed = object(exports.Feed);
export const Room = object(exports.Room);
