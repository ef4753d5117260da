// Requests that come again. What a request comes to is the same as for the one before that had the same head and the same credentials,
// as long as what is told from outside is the same: that it is within its budget, and the head of the reply. So what was found out
// for one is done here for the next, and Wasm is asked for what differs, whether a body is right. When anything is told that was not
// told before (a budget that is spent, a wrong body, an error of the database), Wasm serves the request from its beginning and is
// given what was told already. Which requests have a plan, and why it holds, is in plans.rs.
import { admit, answers, lent, log, measure, nudge, numbered, sendAs } from './edge.js';

// Plans go with their credentials, which are known for a minute at most.
let made = 0;
const MAX_MADE = 1024;
const MAX_OF_URL = 8;
const MAX_ANSWERS = 16;
let lastCheck = 0;

/** A number for a check of bodies: given once in an isolate, whatever program of it asks. */
export function checkNumber() {
  lastCheck += 1;
  return lastCheck;
}

/**
 * Keeps what a request came to. `head` is its head as text but for the length, `call` the key of its budget and the URL that was asked,
 * `sent` what that answered, `answer` the middle of the line in the log, whom to tell that something was written (nobody: an empty
 * line), and the data point. `numbers` are those of its credentials; the budget; the milliseconds for the call; how much of an error is
 * read; the check of its body (0: it has none) and how long that may be; the answer's form, and whether the reply's body is the answer's.
 */
export function keepPlan(head, call, sent, answer, numbers) {
  const [credentials, budget, ms, errors, check, longest, answerForm, hasBody] = numbers;
  const known = numbered.get(credentials);
  if (known === undefined) return;
  const [method, url, , , , ...said] = head.split('\n');
  const values = said.map((line) => (line === '' ? null : line.slice(1)));
  let plan = find(known, { method, url, values });
  if (plan === undefined) {
    if (made >= MAX_MADE) makeRoom();
    made += 1;
    const [key, asked] = call.split('\n');
    // The form itself and not its number, which may be another's by now.
    plan = { method, values, budget, key, form: sent.form, url: asked, limits: { ms, whole: 0, errors, endsWithRequest: true }, check, longest, answers: new Map() };
    const others = known.plans.get(url) ?? [];
    known.plans.set(url, [plan, ...others.slice(0, MAX_OF_URL - 1)]);
  }
  // The program that knew the check by its number may have ended, or have forgotten it.
  plan.check = check;
  if (plan.answers.size >= MAX_ANSWERS) plan.answers.clear();
  const [line, clinic, ...point] = answer.split('\n');
  plan.answers.set(sent.head, { form: answers[answerForm], line, clinic, point: point.join('\n'), hasBody: hasBody === 1 });
}

// Most have ended with their credentials.
function makeRoom() {
  made = 0;
  for (const { plans } of numbered.values()) for (const ofUrl of plans.values()) made += ofUrl.length;
  if (made < MAX_MADE) return;
  made = 0;
  for (const { plans } of numbered.values()) plans.clear();
}

function find(known, { method, url, values }) {
  const ofUrl = known.plans.get(url);
  if (ofUrl === undefined) return undefined;
  for (const plan of ofUrl) if (plan.method === method && isSame(plan.values, values)) return plan;
  return undefined;
}

function isSame(one, other) {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at += 1) if (one[at] !== other[at]) return false;
  return true;
}

/** The plan for a request with this head, whose body is none or short enough. */
export function planFor(asked, request) {
  const { known, length } = asked;
  if (known === undefined || Date.now() >= known.until * 1000) return undefined;
  const plan = find(known, asked);
  if (plan === undefined) return undefined;
  const fits = plan.check === 0 ? request.body === null : Number(length) > 0 && Number(length) <= plan.longest;
  return fits ? plan : undefined;
}

/**
 * Does what is planned, up to the `Response`. `wasm` tells by `accepts` whether a check finds a body right, and serves a request by
 * `serve` that was told something which is not in the plan.
 */
export async function follow(plan, asked, request, env, context, wasm) {
  const { budget, key, form, url, check } = plan;
  const told = { at: Date.now(), id: crypto.randomUUID(), budget, key, admitted: undefined, body: undefined, method: form.method, url, isSent: false, sent: undefined, error: undefined, upstreamMs: 0 };
  try {
    told.admitted = await admit(env, budget, key);
    if (check !== 0 && told.admitted.success === true) told.body = new Uint8Array(await request.arrayBuffer());
  } catch {
    // Wasm is told of it when it asks for the same.
  }
  const goesOn = told.admitted?.success === true && (check === 0 || (told.body !== undefined && wasm.accepts(check, told.body)));
  if (!goesOn) return wasm.serve(request, env, context, asked, told);
  const began = Date.now();
  // From here on it is not sent again.
  told.isSent = true;
  try {
    told.sent = await sendAs(form, told.id, url, told.body, plan.limits);
  } catch (error) {
    told.error = error;
  }
  told.upstreamMs = Date.now() - began;
  const answer = plan.answers.get(told.sent?.head);
  return answer === undefined ? wasm.serve(request, env, context, asked, told) : respond(answer, told, env, context);
}

function respond({ form, line, clinic, point, hasBody }, { at, id, sent, upstreamMs }, env, context) {
  const { status } = form;
  const ms = Date.now() - at;
  log(`{"request_id":"${id}${line}${ms},"upstream_ms":${upstreamMs}}`, status);
  try {
    if (clinic !== '') nudge(env, clinic, context);
    if (point !== '') measure(env, point, status, ms, upstreamMs);
  } catch {
    // What was written is written, and the client hears so: these are told when they can be.
  }
  return new Response(hasBody ? sent.response.body : null, { status, headers: lent(form, id) });
}
