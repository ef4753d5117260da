// node scripts/stack/strip-names.mjs FILE KEPT: takes what only tools read (names of functions, who compiled it) out of a Wasm
// module, a tenth of what is uploaded. The module as it was goes to KEPT: it says which function a stack trace means.

import { readFileSync, writeFileSync } from 'node:fs';

const CUSTOM = 0;
const HEADER = 8;
const [file, kept] = process.argv.slice(2);
const module = readFileSync(file);

/** An unsigned LEB128 number: `[value, where it ends]`. */
function number(at) {
  let value = 0;
  for (let shift = 0; ; shift += 7, at += 1) {
    value += (module[at] & 127) * 2 ** shift;
    if (module[at] < 128) return [value, at + 1];
  }
}

const parts = [module.subarray(0, HEADER)];
for (let at = HEADER; at < module.length; ) {
  const [length, start] = number(at + 1);
  if (module[at] !== CUSTOM) parts.push(module.subarray(at, start + length));
  at = start + length;
}
writeFileSync(kept, module);
writeFileSync(file, Buffer.concat(parts));
