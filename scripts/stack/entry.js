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

// Calls into the Wasm. What throws out of one was left in the middle, and with it whatever else the program holds: it gives way to a
// new one, as after a panic. Errors that are expected come as answers.
function inWasm(call) {
  try {
    return call();
  } catch (error) {
    handleMaybeCritical(error);
    if (!initState.criticalError) console.error('Critical', error);
    initState.criticalError = true;
    throw error;
  }
}

function resumeAll(turn, settled) {
  const isError = ({ status }) => Number(status === 'rejected');
  return exports.resumeAll(turn, settled.map((one) => (isError(one) ? one.reason : one.value)), Uint8Array.from(settled, isError));
}

// Awaits what a request waits for, one promise or several after the other, up to its `Response`: see src/shell/lane.rs.
async function goOn(first, turn) {
  const { instanceId } = initState;
  let next = first;
  for (;;) {
    if (Array.isArray(next)) {
      const settled = await Promise.allSettled(next);
      mustRun(instanceId);
      next = inWasm(() => resumeAll(turn, settled));
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
    next = inWasm(() => exports.resume(turn, value, hasFailed));
  }
}

listHeaders(exports.listedOfRead(), exports.listedOfWrite());

// The Wasm's part of a request. One that has a plan comes to it in the middle, or not at all: see src/shell/plans.js.
const wasm = {
  serve(request, env, context, asked, told) {
    const first = inWasm(() => {
      checkReinitialize();
      return exports.fetch(request, env, context, headText(asked), told);
    });
    return first instanceof Promise || Array.isArray(first) ? goOn(first, exports.begun()) : first;
  },

  accepts: (check, body) => inWasm(() => {
    checkReinitialize();
    return exports.accepts(check, body);
  }),
};

function serve(request, env, context) {
  const asked = head(request);
  const plan = planFor(asked, request);
  return plan === undefined ? wasm.serve(request, env, context, asked) : follow(plan, asked, request, env, context, wasm);
}

export default {
  fetch: serve,
  scheduled: event((controller, env, context) => exports.scheduled(controller, env, context)),
};
