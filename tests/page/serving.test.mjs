// How the page is served: under a strict policy, beside the API, without a word to any other host.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { env, send } from '../e2e/lib/stack.mjs';
import { closeBrowser, visitor } from './support.mjs';

after(closeBrowser);

const get = (path) => fetch(`${env.CHAIRSIDE_URL}${path}`);

test('the_page_comes_under_a_policy_that_allows_its_own_files_alone', async () => {
  const reply = await get('/');
  const html = await reply.text();
  assert.match(reply.headers.get('content-type'), /^text\/html/);
  const policy = reply.headers.get('content-security-policy');
  for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]) assert.ok(policy.includes(part), part);
  assert.equal(/unsafe|https?:|\*/.test(policy), false, policy);
  assert.deepEqual(['x-content-type-options', 'referrer-policy', 'x-frame-options'].map((name) => reply.headers.get(name)), ['nosniff', 'no-referrer', 'DENY']);
  assert.equal(/<style|style="|<script(?![^>]* src=)|https?:\/\//.test(html), false, 'nothing inline, no other host');
  const assets = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path);
  assert.equal(assets.length, 2);
  for (const path of assets) {
    const asset = await get(path);
    assert.deepEqual([asset.status, asset.headers.get('cache-control')], [200, 'public, max-age=31536000, immutable'], path);
    assert.ok(asset.headers.get('content-security-policy'));
  }
});

test('what_is_no_file_is_the_api_s', async () => {
  for (const [path, status] of [['/health', 200], ['/.well-known/chairside', 200], ['/nowhere', 404], ['/assets/nowhere.js', 404], ['/rest/v1/service?limit=1', 200]]) {
    const reply = await send('GET', path);
    assert.deepEqual([reply.status, reply.headers.get('content-type').split(';')[0]], [status, status === 200 ? 'application/json' : 'application/problem+json'], path);
  }
  const { json } = await send('GET', '/.well-known/chairside');
  assert.deepEqual([json.rest, [env.ANON_KEY, env.PUBLISHABLE_KEY].includes(json.key)], ['/rest/v1', true]);
});

test('the_policy_holds_against_a_script_that_got_in', async () => {
  const { page, errors } = await visitor();
  await page.goto('/');
  await page.getByLabel('Password').waitFor();
  const outcome = await page.evaluate(async () => {
    const script = document.createElement('script');
    let refused = null;
    try {
      script.text = 'window.pwned = true';
      document.body.append(script);
    } catch (error) {
      refused = error.name;
    }
    const image = await fetch('https://example.org/').catch((error) => error.name);
    return { refused, pwned: Boolean(window.pwned), image };
  });
  assert.deepEqual(outcome, { refused: 'TypeError', pwned: false, image: 'TypeError' });
  assert.ok(errors.length > 0, 'the browser complained');
});
