// Writes what is generated from the migrated database, or with --check compares it: the edge's schema in Rust and the
// typed client in TypeScript.
import { readFile, writeFile } from 'node:fs/promises';
import pg from 'pg';
import { readCatalogue } from './catalogue.mjs';
import { describe } from './describe.mjs';
import { toRust } from './rust.mjs';
import { toTypescript } from './typescript.mjs';

const root = new URL('../../', import.meta.url);

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const description = describe(await readCatalogue(pool));
const files = {
  'src/schema/generated.rs': toRust(description),
  'types/database.ts': await toTypescript(pool, description),
};
await pool.end();

const isCheck = process.argv.includes('--check');
for (const [file, text] of Object.entries(files)) {
  if (!isCheck) {
    await writeFile(new URL(file, root), text);
    console.log(`wrote ${file}`);
  } else if ((await readFile(new URL(file, root), 'utf8').catch(() => '')) === text) {
    console.log(`${file} is up to date`);
  } else {
    console.error(`${file} is stale: run scripts/schema and commit what it writes.`);
    process.exitCode = 1;
  }
}
