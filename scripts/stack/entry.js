/* global checkReinitialize, exports, handleMaybeCritical, initState */
import { head, headText, listHeaders } from 'chairside/edge.js';
import { follow, planFor } from 'chairside/plans.js';

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

// A program that has taken the place of another knows none of its turns.
function mustRun(instanceId) {
  if (initState.instanceId !== instanceId) throw new Error('the program that this request belongs to has ended');
}

// Awaits what a request waits for, one promise or several after the other, up to its `Response`: see src/shell/lane.rs.
async function goOn(first, turn) {
  const { instanceId } = initState;
  let next = first;
  try {
    for (;;) {
      if (Array.isArray(next)) {
        const all = await Promise.allSettled(next);
        mustRun(instanceId);
        const isError = ({ status }) => Number(status === 'rejected');
        next = exports.resumeAll(turn, all.map((one) => (isError(one) ? one.reason : one.value)), Uint8Array.from(all, isError));
        continue;
      }
      if (!(next instanceof Promise)) return next;
      let value;
      let hasFailed = false;
      try {
        value = await next;
      } catch (error) {
        value = error;
        hasFailed = true;
      }
      mustRun(instanceId);
      next = exports.resume(turn, value, hasFailed);
    }
  } catch (error) {
    return failed(error);
  }
}

listHeaders(exports.listedOfRead(), exports.listedOfWrite());

// Serves a request in Wasm, which is given what was told already, if there is any.
function serveInWasm(request, env, context, asked, told) {
  const first = exports.fetch(request, env, context, headText(asked), told);
  return first instanceof Promise || Array.isArray(first) ? goOn(first, exports.begun()) : first;
}

async function servePlanned(plan, request, env, context, asked) {
  try {
    const outcome = await follow(plan, request, env, context, accepts);
    if (outcome instanceof Response) return outcome;
    checkReinitialize();
    return await serveInWasm(request, env, context, asked, outcome);
  } catch (error) {
    return failed(error);
  }
}

function accepts(check, body) {
  checkReinitialize();
  return exports.accepts(check, body);
}

// As `event`, but for the promise that guarding one more takes.
function serve(request, env, context) {
  try {
    checkReinitialize();
    const asked = head(request);
    const plan = planFor(asked, request);
    return plan === undefined ? serveInWasm(request, env, context, asked) : servePlanned(plan, request, env, context, asked);
  } catch (error) {
    return failed(error);
  }
}

export default {
  fetch: serve,
  scheduled: event((controller, env, context) => exports.scheduled(controller, env, context)),
};
