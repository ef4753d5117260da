/* global checkReinitialize, exports, handleMaybeCritical */
// The end of worker-build's shim, in whose scope it stands (see ./esbuild). The default export as a plain object: as a class behind
// proxies, which is worker-build's, it would be made anew for each request. What follows a panic is the same: the next event finds
// a new instance of the Wasm.
function recovering(handle) {
  const failed = (error) => {
    handleMaybeCritical(error);
    throw error;
  };
  return (event, env, context) => {
    checkReinitialize();
    try {
      const result = handle(event, env, context);
      return result instanceof Promise ? result.catch(failed) : result;
    } catch (error) {
      return failed(error);
    }
  };
}

export default {
  fetch: recovering((request, env, context) => exports.fetch(request, env, context)),
  scheduled: recovering((event, env, context) => exports.scheduled(event, env, context)),
};
