// What each path of the Auth stand-in does. A handler gets `{auth, body, query, bearer}` and
// returns `{status, body}`; errors are thrown as AuthError.

import { AuthError, badJwt, invalidCredentials, validationFailed } from './errors.mjs';
import * as sessions from './sessions.mjs';
import * as users from './users.mjs';

const MIN_PASSWORD = 6;
const MAX_PASSWORD = 72;
const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

export const routes = {
  'POST /signup': signUp,
  'POST /token': token,
  'POST /logout': signOut,
  'GET /user': getUser,
  'PUT /user': updateUser,
  'GET /.well-known/jwks.json': ({ auth }) => ({ status: 200, body: auth.tokens.jwks() }),
  'GET /health': () => ({
    status: 200,
    body: { version: 'local', name: 'GoTrue', description: 'GoTrue is a user registration and authentication API' },
  }),
  'GET /settings': settings,
};

function settings() {
  return {
    status: 200,
    body: {
      external: { anonymous_users: false, email: true, phone: false },
      disable_signup: false,
      mailer_autoconfirm: true,
      phone_autoconfirm: false,
      sms_provider: '',
      saml_enabled: false,
    },
  };
}

async function signUp({ auth, body }) {
  if (body.phone) throw new AuthError(400, 'phone_provider_disabled', 'Phone signups are disabled');
  if (!body.email && !body.password) {
    throw new AuthError(422, 'anonymous_provider_disabled', 'Anonymous sign-ins are disabled');
  }
  if (!isText(body.password)) throw validationFailed('Signup requires a valid password');
  checkPassword(body.password);
  checkEmail(body.email);
  if (await users.findByEmail(auth.db, body.email)) {
    throw new AuthError(422, 'user_already_exists', 'User already registered');
  }
  const user = await users.create(auth.db, body);
  return { status: 200, body: await signIn(auth, user) };
}

function token(call) {
  const grant = call.query.get('grant_type');
  if (grant === 'password') return passwordGrant(call);
  if (grant === 'refresh_token') return refreshGrant(call);
  throw new AuthError(400, 'invalid_credentials', 'unsupported_grant_type');
}

async function passwordGrant({ auth, body }) {
  if (body.phone) throw new AuthError(400, 'phone_provider_disabled', 'Phone logins are disabled');
  if (!isText(body.email)) throw validationFailed('missing email or phone');
  if (!isText(body.password)) throw invalidCredentials();
  const user = await users.findByEmail(auth.db, body.email);
  if (!user || !(await users.passwordMatches(auth.db, user.id, body.password))) throw invalidCredentials();
  refuseBanned(user);
  if (!user.email_confirmed_at) throw new AuthError(400, 'email_not_confirmed', 'Email not confirmed');
  return { status: 200, body: await signIn(auth, user) };
}

async function signIn(auth, { id }) {
  const user = await users.stampSignIn(auth.db, id);
  const { session, refreshToken } = await sessions.start(auth.db, user.id);
  return sessionBody(auth, user, session, refreshToken, 'password');
}

async function refreshGrant({ auth, body }) {
  if (!isText(body.refresh_token)) throw validationFailed('refresh_token required');
  const { session, refreshToken } = await sessions.rotate(auth.db, body.refresh_token, auth.reuseSeconds);
  const user = await users.findById(auth.db, session.user_id);
  if (!user) throw new AuthError(400, 'refresh_token_not_found', 'Invalid Refresh Token: Refresh Token Not Found');
  refuseBanned(user);
  return { status: 200, body: await sessionBody(auth, user, session, refreshToken, 'token_refresh') };
}

async function sessionBody(auth, user, session, refreshToken, method) {
  const issued = await auth.tokens.issue(user, session, method);
  return {
    access_token: issued.access_token,
    token_type: 'bearer',
    expires_in: issued.expires_in,
    expires_at: issued.expires_at,
    refresh_token: refreshToken,
    user: users.shape(user),
  };
}

async function signOut({ auth, query, bearer }) {
  const { claims, user } = await caller(auth, bearer);
  const scope = query.get('scope') ?? 'global';
  if (!['global', 'local', 'others'].includes(scope)) {
    throw validationFailed(`Unsupported logout scope "${scope}"`);
  }
  await sessions.end(auth.db, { userId: user.id, sessionId: claims.session_id, scope });
  return { status: 204 };
}

async function getUser({ auth, bearer }) {
  const { user } = await caller(auth, bearer);
  return { status: 200, body: users.shape(user) };
}

async function updateUser({ auth, body, bearer }) {
  const { claims, user } = await caller(auth, bearer);
  if (body.email !== undefined) checkEmail(body.email);
  if (body.password !== undefined) await checkNewPassword(auth, user, body.password);
  const changed = await users.update(auth.db, user.id, body);
  if (body.password !== undefined) {
    await sessions.end(auth.db, { userId: user.id, sessionId: claims.session_id, scope: 'others' });
  }
  return { status: 200, body: users.shape(changed) };
}

async function checkNewPassword(auth, user, password) {
  if (!isText(password)) throw validationFailed('Password must be a string');
  checkPassword(password);
  if (await users.passwordMatches(auth.db, user.id, password)) {
    throw new AuthError(422, 'same_password', 'New password should be different from the old password.');
  }
}

/** The user whose valid token this is, with a session that still lives. */
async function caller(auth, bearer) {
  if (!bearer) throw new AuthError(401, 'no_authorization', 'This endpoint requires a valid Bearer token');
  const claims = await auth.tokens.verify(bearer);
  if (!isUuid(claims.sub)) throw badJwt('invalid claim: sub claim must be a UUID');
  const user = await users.findById(auth.db, claims.sub);
  if (!user) throw new AuthError(403, 'user_not_found', 'User from sub claim in JWT does not exist');
  refuseBanned(user);
  if (claims.session_id && !(isUuid(claims.session_id) && (await sessions.find(auth.db, claims.session_id)))) {
    throw new AuthError(403, 'session_not_found', 'Session from session_id claim in JWT does not exist');
  }
  return { claims, user };
}

function refuseBanned(user) {
  if (user.banned_until && new Date(user.banned_until) > new Date()) {
    throw new AuthError(400, 'user_banned', 'User is banned');
  }
}

function checkEmail(email) {
  if (!isText(email) || !EMAIL.test(email) || email.length > 255) {
    throw validationFailed('Unable to validate email address: invalid format');
  }
}

function checkPassword(password) {
  if (Buffer.byteLength(password) > MAX_PASSWORD) {
    throw validationFailed(`Password cannot be longer than ${MAX_PASSWORD} characters`);
  }
  if (password.length < MIN_PASSWORD) {
    const extra = { weak_password: { reasons: ['length'] } };
    throw new AuthError(422, 'weak_password', `Password should be at least ${MIN_PASSWORD} characters.`, extra);
  }
}

const isText = (value) => typeof value === 'string' && value !== '';
const isUuid = (value) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value);
