// Sessions and their refresh tokens, with Supabase Auth's rotation: each refresh revokes the
// token it used; using a revoked one again ends the whole session, unless it is the parent of
// the active token (a client that lost the answer) or was revoked a moment ago (two tabs).

import { randomBytes } from 'node:crypto';
import { AuthError } from './errors.mjs';

/** Makes a session; returns `{session, refreshToken}`. */
export async function start(db, userId) {
  const { rows } = await db.query(
    `insert into auth.sessions (id, user_id, aal, created_at, updated_at)
     values (gen_random_uuid(), $1, 'aal1', now(), now()) returning id, user_id, created_at`,
    [userId],
  );
  const refreshToken = await addToken(db, rows[0], null);
  return { session: rows[0], refreshToken };
}

export async function find(db, id) {
  const { rows } = await db.query('select id, user_id, created_at from auth.sessions where id = $1', [id]);
  return rows[0] ?? null;
}

async function addToken(db, session, parent) {
  const token = randomBytes(9).toString('base64url');
  await db.query(
    `insert into auth.refresh_tokens (token, user_id, session_id, parent, revoked, created_at, updated_at)
     values ($1, $2, $3, $4, false, now(), now())`,
    [token, session.user_id, session.id, parent],
  );
  return token;
}

/**
 * Swaps a refresh token for the next one, in one transaction of `pool`.
 * Returns `{session, refreshToken}`, or throws Supabase Auth's error.
 */
export async function rotate(pool, token, reuseSeconds) {
  const db = await pool.connect();
  try {
    await db.query('begin');
    const outcome = await rotateIn(db, token, reuseSeconds);
    // A misused token must stay revoked although the caller gets an error.
    await db.query('commit');
    if (outcome.error) throw outcome.error;
    return outcome;
  } catch (error) {
    if (!(error instanceof AuthError)) await db.query('rollback').catch(() => {});
    throw error;
  } finally {
    db.release();
  }
}

async function rotateIn(db, token, reuseSeconds) {
  const { rows } = await db.query(
    `select r.token, r.revoked, r.updated_at < now() - make_interval(secs => $2) as stale,
            s.id, s.user_id, s.created_at
       from auth.refresh_tokens r join auth.sessions s on s.id = r.session_id
      where r.token = $1 for update of s`,
    [token, reuseSeconds],
  );
  if (rows.length === 0) {
    return { error: new AuthError(400, 'refresh_token_not_found', 'Invalid Refresh Token: Refresh Token Not Found') };
  }
  const [found] = rows;
  const session = { id: found.id, user_id: found.user_id, created_at: found.created_at };
  // The row was read before the lock on its session was granted.
  const current = await db.query('select revoked from auth.refresh_tokens where token = $1', [token]);
  if (current.rows[0]?.revoked) {
    const active = await activeToken(db, session.id);
    if (active?.parent === token) return { session, refreshToken: active.token };
    if (found.revoked && found.stale) return misused(db, session);
  }
  await db.query('update auth.refresh_tokens set revoked = true, updated_at = now() where session_id = $1 and not revoked', [session.id]);
  await db.query('update auth.sessions set refreshed_at = now(), updated_at = now() where id = $1', [session.id]);
  return { session, refreshToken: await addToken(db, session, token) };
}

async function activeToken(db, sessionId) {
  const { rows } = await db.query(
    'select token, parent from auth.refresh_tokens where session_id = $1 and not revoked order by id desc limit 1',
    [sessionId],
  );
  return rows[0] ?? null;
}

async function misused(db, session) {
  // Dated back, so that none of them passes for one that was revoked a moment ago.
  await db.query("update auth.refresh_tokens set revoked = true, updated_at = 'epoch' where session_id = $1", [session.id]);
  return { error: new AuthError(400, 'refresh_token_already_used', 'Invalid Refresh Token: Already Used') };
}

/** Ends sessions of a user: this one (`local`), all the others (`others`) or all (`global`). */
export async function end(db, { userId, sessionId, scope }) {
  if (scope === 'global') {
    await db.query('delete from auth.sessions where user_id = $1', [userId]);
    return;
  }
  const which = scope === 'local' ? 'id = $2' : 'id is distinct from $2';
  await db.query(`delete from auth.sessions where user_id = $1 and ${which}`, [userId, sessionId ?? null]);
}
