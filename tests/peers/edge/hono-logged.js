// The same with what ours has besides: a request's id, a limit of time, and a line of log.

import { Hono } from 'hono';
import { requestId } from 'hono/request-id';
import { routePath } from 'hono/route';
import { timeout } from 'hono/timeout';
import plain from './hono.js';

const app = new Hono();
app.use(requestId());
app.use(async (c, next) => {
  const began = Date.now();
  await next();
  console.log(JSON.stringify({ request_id: c.get('requestId'), method: c.req.method, route: routePath(c, -1), status: c.res.status, ms: Date.now() - began }));
});
app.use(timeout(10_000));
app.route('/', plain);

export default app;
