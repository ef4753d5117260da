// The API reference among the page's files: /openapi.json, /docs (Swagger UI over it, from our own host), and /errors:
// a list of the error kinds and a page for each, where `type` of a problem says what to look for.

import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const swagger = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

export function buildReference({ page, root, out }) {
  const file = join(root, 'docs', 'openapi.json');
  cpSync(file, join(out, 'openapi.json'));
  buildDocs(join(page, 'reference'), join(out, 'docs'));
  buildErrors(readFileSync(join(page, 'reference', 'error.html'), 'utf8'), JSON.parse(readFileSync(file, 'utf8'))['x-errors'], join(out, 'errors'));
  cpSync(join(page, 'reference', 'reference.css'), join(out, 'errors', 'reference.css'));
}

function buildDocs(source, folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of ['index.html', 'start.js']) cpSync(join(source, name), join(folder, name));
  for (const name of ['swagger-ui-bundle.js', 'swagger-ui.css']) cpSync(join(swagger, name), join(folder, name));
}

function buildErrors(template, errors, folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const write = (name, title, main) => writeFileSync(join(folder, `${name}.html`), template.replaceAll('{title}', escaped(title)).replace('{main}', () => main));
  for (const { name, status, title, cause, cure } of errors) {
    write(name, name, `<p class="status">${status} · <code>${name}</code></p>\n<h1>${escaped(title)}</h1>\n<h2>Cause</h2>\n<p>${text(cause)}</p>\n<h2>Cure</h2>\n<p>${text(cure)}</p>\n<p><a href="/errors/">All errors</a></p>`);
  }
  const row = ({ name, status, title }) => `<tr><td>${status}</td><td><a href="/errors/${name}"><code>${name}</code></a></td><td>${escaped(title)}</td></tr>`;
  write('index', 'Errors', `<h1>Errors</h1>\n<p>A problem’s <code>type</code> ends with one of these names.</p>\n<table>\n<thead><tr><th>Status</th><th>Name</th><th>What</th></tr></thead>\n<tbody>\n${errors.map(row).join('\n')}\n</tbody>\n</table>`);
}

const escaped = (plain) => plain.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const text = (plain) => escaped(plain).replace(/`([^`]+)`/g, '<code>$1</code>');
