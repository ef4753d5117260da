// Builds the page: one bundle of scripts and one of styles, named by what they hold, an index.html that loads
// them, and the icon and headers beside it. public/live.js is a source of the page, not made here.

import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildReference } from './reference.mjs';

const page = dirname(fileURLToPath(import.meta.url));
const out = join(page, '..', 'public');
const assets = join(out, 'assets');

const result = await build({
  entryPoints: [join(page, 'main.jsx'), join(page, 'style', 'main.css')],
  outdir: assets,
  entryNames: '[name]-[hash]',
  bundle: true,
  minify: true,
  metafile: true,
  write: false,
  format: 'esm',
  target: ['es2022', 'chrome111', 'firefox115', 'safari16.4'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  logLevel: 'warning',
});

// Whoever still has an older index.html open loads nothing more from it: the bundle is one file.
rmSync(assets, { recursive: true, force: true });
mkdirSync(assets, { recursive: true });
for (const { path, contents } of result.outputFiles) writeFileSync(path, contents);
const named = (extension) => basename(result.outputFiles.find(({ path }) => path.endsWith(extension)).path);
const html = readFileSync(join(page, 'index.html'), 'utf8')
  .replace('main.css', `/assets/${named('.css')}`)
  .replace('main.jsx', `/assets/${named('.js')}`);
writeFileSync(join(out, 'index.html'), html);
cpSync(join(page, '_headers'), join(out, '_headers'));
cpSync(join(page, 'icon.svg'), join(out, 'icon.svg'));
buildReference({ page, root: join(page, '..'), out });
