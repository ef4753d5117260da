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
