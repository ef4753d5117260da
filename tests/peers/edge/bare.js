// The platform's floor: the request goes through and nothing is checked.

export default {
  fetch(request, env) {
    const { pathname, search } = new URL(request.url);
    return fetch(env.SUPABASE_URL + pathname + search, request);
  },
};
