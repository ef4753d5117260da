// Ready-made tokens for the people of the seed data, one per role, issued by the Auth stand-in's
// own code: real sessions, real claims, only longer lived.

import { Auth } from './auth/index.mjs';
import * as sessions from './auth/sessions.mjs';
import * as users from './auth/users.mjs';

const DAY = 24 * 3600;

/** The seed's people by the variable that holds their token. Their password is in the seed. */
export const PEOPLE = {
  TOKEN_PATIENT: 'patient1@clinic.test',
  TOKEN_PATIENT_2: 'patient2@clinic.test',
  TOKEN_DENTIST: 'dentist1@clinic.test',
  TOKEN_RECEPTIONIST: 'reception1@clinic.test',
  TOKEN_ADMIN: 'admin@clinic.test',
};

/**
 * `{TOKEN_PATIENT: …}`, valid for 24 h. `options` is what `new Auth` takes. Somebody who is not in
 * the database (another seed) has no token, and `say` hears of it.
 */
export async function makeTokens(options, say) {
  const auth = new Auth(options);
  try {
    const tokens = {};
    for (const [name, email] of Object.entries(PEOPLE)) {
      const user = await users.findByEmail(auth.db, email);
      if (!user) {
        say(`no ${name}: ${email} is not in the database`);
        continue;
      }
      const { session } = await sessions.start(auth.db, user.id);
      tokens[name] = (await auth.tokens.issue(user, session, 'password', DAY)).access_token;
    }
    return tokens;
  } finally {
    await auth.close();
  }
}
