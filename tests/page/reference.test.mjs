// The API reference in a browser: /docs over this deployment's own document, and the pages of the error kinds.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { closeBrowser, picture, visitor } from './support.mjs';

after(closeBrowser);

test('/docs shows every group and opens an operation, from our own host and without a complaint', async () => {
  const { page, errors, foreign } = await visitor();
  await page.goto('/docs');
  // A large document: it may take some seconds to be drawn.
  await page.locator('.opblock-tag').first().waitFor({ timeout: 60_000 });
  for (const group of ['Tables', 'Functions', 'Auth', 'Operations']) await page.locator(`[data-tag="${group}"]`).first().waitFor();
  await page.locator('[id^="operations-Functions-rpc"][id*="available_slots"] button').first().click();
  await page.getByText('Free slots long enough').first().waitFor();
  await picture(page, 'docs');
  assert.deepEqual({ errors, foreign }, { errors: [], foreign: [] });
});

test('an error kind has a page with cause and cure, found from its list', async () => {
  const { page, errors } = await visitor({ dark: true });
  await page.goto('/errors/');
  await page.getByRole('link', { name: 'slot-taken' }).click();
  await page.getByRole('heading', { name: 'Cure' }).waitFor();
  assert.match(await page.textContent('main'), /available_slots/);
  await picture(page, 'error');
  assert.deepEqual(errors, []);
});
