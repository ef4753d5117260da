/* global checkReinitialize, exports, handleMaybeCritical, initState */
// The end of worker-build's shim, in whose scope it stands (see ./esbuild). What the Worker exports, as plain objects and classes:
// behind worker-build's proxies the default export would be made anew for each request, and each event of an object would make
// proxies of its functions. What follows a panic is the same: the next event finds a new instance of the Wasm.
const failed = (error) => {
  handleMaybeCritical(error);
  throw error;
};

function guarded(handle) {
  try {
    const result = handle();
    return result instanceof Promise ? result.catch(failed) : result;
  } catch (error) {
    return failed(error);
  }
}

function event(handle) {
  return (...given) => guarded(() => {
    checkReinitialize();
    return handle(...given);
  });
}

export default {
  fetch: event((request, env, context) => exports.fetch(request, env, context)),
  scheduled: event((controller, env, context) => exports.scheduled(controller, env, context)),
};

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

    // What comes in a header (see `tell` in object.rs) is taken or not, at once.
    fetch(request) {
      return guarded(() => {
        const text = request.headers.get('text');
        const program = this.#here();
        return text === null ? program.fetch(request) : new Response(null, { status: program.told(request.url, text) ? 204 : 503 });
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
