// Writes src/schema/generated.rs from the migrated database, or with --check compares it.
import { readFile, writeFile } from 'node:fs/promises';
import pg from 'pg';
import { readCatalogue } from './catalogue.mjs';
import { describe } from './describe.mjs';
import { toRust } from './rust.mjs';

const FILE = new URL('../../src/schema/generated.rs', import.meta.url);

const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
const rust = toRust(describe(await readCatalogue(client)));
await client.end();

if (process.argv.includes('--check')) {
  const current = await readFile(FILE, 'utf8').catch(() => '');
  if (current !== rust) {
    console.error('src/schema/generated.rs is stale: run scripts/schema and commit what it writes.');
    process.exit(1);
  }
  console.log('src/schema/generated.rs is up to date');
} else {
  await writeFile(FILE, rust);
  console.log('wrote src/schema/generated.rs');
}
