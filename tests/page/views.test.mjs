// Every view, light and dark, on a phone and a desktop: no violation that axe knows of, nothing wider than the screen,
// and a picture for whoever wants to look.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, afterEach, before, test } from 'node:test';
import { Database } from '../e2e/lib/database.mjs';
import { boardAt, busyDay, freeTimes } from './clinic.mjs';
import { closeAll, closeBrowser, DESKTOP, live, PHONE, person, picture, pictures, visitor } from './support.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

let database;
before(async () => {
  database = await Database.open();
  await database.keep();
});
afterEach(closeAll);
after(async () => {
  await closeBrowser();
  await database.restore();
  await database.close();
  console.log(`pictures of every view: ${pictures}`);
});

const onBoard = async (page) => {
  await live(page);
  await boardAt(page, await busyDay(database));
  await page.locator('.block:visible').first().waitFor();
};
const withTimes = async (page) => {
  await page.getByRole('checkbox').first().check();
  await freeTimes(page);
};

// [name, person, route, what must be there or done before one looks]
const VIEWS = [
  ['sign-in', null, '', (page) => page.getByLabel('Password').waitFor()],
  ['board', 'reception1', 'board', onBoard],
  ['board-details', 'reception1', 'board', async (page) => {
    await onBoard(page);
    await page.locator('.block.movable:visible').first().click();
    await page.getByRole('dialog').waitFor();
  }],
  ['board-move', 'reception1', 'board', async (page) => {
    await onBoard(page);
    await page.locator('.block.movable:visible').first().click();
    await page.getByRole('button', { name: 'Move…' }).click();
    await page.getByRole('dialog', { name: /^Move/ }).waitFor();
  }],
  ['book', 'patient1', 'book', withTimes],
  ['book-confirm', 'reception1', 'book', async (page) => {
    await withTimes(page);
    await page.locator('.finder .slot').first().click();
    await page.getByRole('dialog').getByLabel('Patient').fill('a');
    await page.getByRole('dialog').locator('.found .slot').first().waitFor();
  }],
  ['visits', 'patient1', 'visits', async (page) => {
    await live(page);
    await page.locator('.invoices summary').first().click();
  }],
  ['stock', 'reception1', 'stock', live],
  ['stock-move', 'reception1', 'stock', async (page) => {
    await live(page);
    await page.getByRole('button', { name: /^Move stock/ }).first().click();
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByRole('dialog').locator('.error').waitFor();
  }],
  ['assistant', 'patient1', 'assistant', (page) => page.getByLabel('Your question').waitFor()],
  ['knowledge', 'admin', 'knowledge', (page) => page.locator('.document, .empty').first().waitFor()],
  ['knowledge-editor', 'admin', 'knowledge', async (page) => {
    await page.getByRole('button', { name: 'New document' }).click();
    await page.getByLabel('Text, in Markdown').fill('# After a filling\n\nYou may eat **at once**.\n\n- Not too hot\n- Not too cold');
  }],
];

const SIZES = { desktop: DESKTOP, phone: PHONE };

for (const [name, who, route, ready] of VIEWS) {
  test(`${name}_is_whole`, async () => {
    for (const [size, viewport] of Object.entries(SIZES)) {
      const { page, errors, foreign } = who ? await person(who, { viewport, route }) : await visitor({ viewport });
      if (!who) await page.goto('/');
      await ready(page);
      for (const scheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.waitForFunction((dark) => matchMedia('(prefers-color-scheme: dark)').matches === dark, scheme === 'dark');
        assert.deepEqual(await violations(page), [], `${name}, ${size}, ${scheme}`);
        await picture(page, `${name}-${size}-${scheme}`);
      }
      assert.ok(await fits(page), `${name} is wider than a ${size}`);
      assert.deepEqual([errors, foreign], [[], []]);
      await closeAll();
    }
  });
}

/** What axe finds, as one line each. Its script comes by the debugger: the page's policy lets none in. */
async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate((rules) => window.axe.run(document, { runOnly: rules, resultTypes: ['violations'] }), RULES);
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')} ${failureSummary.split('\n')[1]?.trim()}`));
}

const fits = (page) => page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
