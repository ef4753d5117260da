// Users in auth.users: what Supabase Auth's own queries do, and the user as clients see it.
// Passwords are bcrypt, made and compared by pgcrypto, so that rows are those of a real project.

import { AuthError } from './errors.mjs';

const COLUMNS = `id, aud, role, email, phone, email_confirmed_at, last_sign_in_at, banned_until, deleted_at,
  raw_app_meta_data, raw_user_meta_data, is_anonymous, created_at, updated_at`;
const BCRYPT_COST = 10;
const IDENTITY_DATA = (id, email) =>
  `jsonb_build_object('sub', ${id}, 'email', ${email}, 'email_verified', true, 'phone_verified', false)`;

export const findById = (db, id) => one(db, `select ${COLUMNS} from auth.users where id = $1 and deleted_at is null`, [id]);

export const findByEmail = (db, email) =>
  one(db, `select ${COLUMNS} from auth.users where email = lower($1) and deleted_at is null and not is_sso_user`, [email]);

async function one(db, text, values) {
  const { rows } = await db.query(text, values);
  return rows[0] ?? null;
}

/** True when `password` is the user's. */
export async function passwordMatches(db, id, password) {
  const row = await one(
    db,
    `select encrypted_password = extensions.crypt($2, encrypted_password) as matches
       from auth.users where id = $1 and encrypted_password <> ''`,
    [id, password],
  );
  return row?.matches === true;
}

/** Adds a user whose address counts as confirmed (the local stack sends no mail). */
export async function create(db, { email, password, data }) {
  const values = [email, password, { provider: 'email', providers: ['email'] }, data ?? {}, BCRYPT_COST];
  const insert = `
    with made as (select gen_random_uuid() as id),
    added as (
      insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,
                              raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
      select '00000000-0000-0000-0000-000000000000', made.id, 'authenticated', 'authenticated', lower($1),
             extensions.crypt($2, extensions.gen_salt('bf', $5)), now(), $3::jsonb,
             $4::jsonb || ${IDENTITY_DATA('made.id', 'lower($1)')}, now(), now()
        from made
      returning ${COLUMNS}),
    identity as (
      insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
      select id::text, id, ${IDENTITY_DATA('id', 'email')}, 'email', now(), now(), now() from added)
    select * from added`;
  try {
    return await one(db, insert, values);
  } catch (error) {
    if (error.code === '23505') throw new AuthError(422, 'user_already_exists', 'User already registered');
    throw new AuthError(500, 'unexpected_failure', 'Database error saving new user');
  }
}

export async function stampSignIn(db, id) {
  return one(db, `update auth.users set last_sign_in_at = now(), updated_at = now() where id = $1 returning ${COLUMNS}`, [id]);
}

/** Changes what is given: `{email, password, data}`. Members of `data` that are null go away. */
export async function update(db, id, { email, password, data }) {
  try {
    return await one(
      db,
      `update auth.users set
         email = coalesce(lower($2), email),
         encrypted_password = case when $3::text is null then encrypted_password
                                   else extensions.crypt($3, extensions.gen_salt('bf', $5)) end,
         raw_user_meta_data = case when $4::jsonb is null then raw_user_meta_data
                                   else jsonb_strip_nulls(coalesce(raw_user_meta_data, '{}') || $4::jsonb) end,
         updated_at = now()
       where id = $1 returning ${COLUMNS}`,
      [id, email ?? null, password ?? null, data ?? null, BCRYPT_COST],
    );
  } catch (error) {
    if (error.code === '23505') {
      throw new AuthError(422, 'email_exists', 'A user with this email address has already been registered');
    }
    throw error;
  }
}

/** The user object of Supabase Auth's answers. */
export function shape(user) {
  return {
    id: user.id,
    aud: user.aud,
    role: user.role,
    email: user.email ?? '',
    email_confirmed_at: user.email_confirmed_at ?? undefined,
    phone: user.phone ?? '',
    confirmed_at: user.email_confirmed_at ?? undefined,
    last_sign_in_at: user.last_sign_in_at ?? undefined,
    app_metadata: user.raw_app_meta_data ?? {},
    user_metadata: user.raw_user_meta_data ?? {},
    identities: [emailIdentity(user)],
    created_at: user.created_at,
    updated_at: user.updated_at,
    is_anonymous: user.is_anonymous ?? false,
  };
}

// Every local user signs in by email, so the one identity follows from the row itself.
function emailIdentity(user) {
  const email = user.email ?? '';
  return {
    identity_id: user.id,
    id: user.id,
    user_id: user.id,
    identity_data: { email, email_verified: user.email_confirmed_at !== null, phone_verified: false, sub: user.id },
    provider: 'email',
    last_sign_in_at: user.last_sign_in_at ?? user.created_at,
    created_at: user.created_at,
    updated_at: user.updated_at,
    email,
  };
}
