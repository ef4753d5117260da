// The typed client: TypeScript types in the form of `supabase gen types`, by the very generator behind that command,
// reduced to what the edge lets clients do.
import { generateTypescript, sortGeneratorMetadata } from '@supabase/postgrest-typegen/generation';
import { introspect } from '@supabase/postgrest-typegen/introspection';

const HEADING = `// Written by \`scripts/schema\` from the migrated database; do not edit.
//
//   import { createClient } from '@supabase/supabase-js';
//   import type { Database } from './database';
//   const clinic = createClient<Database>(CHAIRSIDE_URL, ANON_KEY);

`;

export async function toTypescript(pool, { tables, functions }) {
  const metadata = await introspect(pool, { includedSchemas: ['public'] });
  const clients = {
    ...metadata,
    tables: metadata.tables.filter(isExposed),
    // The edge only reads views, whatever Postgres could do with them.
    views: metadata.views.filter(isExposed).map((view) => ({ ...view, is_updatable: false, is_insert_enabled: false, is_update_enabled: false })),
    relationships: metadata.relationships.filter((one) => isExposed({ name: one.relation }) && isExposed({ name: one.referenced_relation })),
    columns: metadata.columns.map(asClientsMayWrite),
    functions: metadata.functions.filter(isForClients),
  };
  const types = await generateTypescript(sortGeneratorMetadata(clients), {
    postgrestVersion: '12', // The oldest that the edge answers like: its builders ask for nothing newer.
    detectOneToOneRelationships: true,
  });
  return HEADING + types;

  function isExposed({ name }) {
    return tables.some((table) => table.name === name);
  }

  function isForClients({ name }) {
    return functions.some((one) => one.name === name && !one.internal);
  }

  // What nobody may set counts as generated, whose type in Insert and Update is `never`: the compiler then refuses
  // what the edge would answer with 422.
  function asClientsMayWrite(column) {
    const known = tables.find((table) => table.name === column.table)?.columns.find((one) => one.name === column.name);
    return { ...column, is_generated: column.is_generated || (known !== undefined && !known.insertable && !known.updatable) };
  }
}
