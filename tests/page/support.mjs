// What the tests of the page share: a real Chromium, people who sign in with it, a network that can be cut, and
// pictures of what they see.

import { existsSync, mkdirSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { env, PASSWORD } from '../e2e/lib/stack.mjs';

export { sleep };

const CANDIDATES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = process.env.CHROMIUM ?? CANDIDATES.find(existsSync);

// It must neither ask for news nor look for other hosts: none is there.
const QUIET = ['--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run', '--disable-quic'];

/** Where pictures go; git ignores it. */
export const pictures = process.env.PAGE_PICTURES ?? join(fileURLToPath(new URL('../..', import.meta.url)), '.dev', 'page');

export const PHONE = { width: 360, height: 740 };
export const DESKTOP = { width: 1440, height: 900 };

const opened = [];
let browser;

async function started() {
  if (!executablePath) throw new Error('no Chromium here: set CHROMIUM to its path, or apt-get install chromium');
  // Its sandbox needs another user than root.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  browser ??= chromium.launch({ executablePath, args: [...QUIET, ...sandbox] });
  return browser;
}

/**
 * A browser of its own, with nothing kept: `{page, context, errors}`. Everything that the page's console or its
 * security policy complains of is in `errors`, and every host but ours that it asked for in `foreign`.
 */
export async function visitor({ url = env.CHAIRSIDE_URL, viewport = DESKTOP, dark = false, ...options } = {}) {
  const context = await (await started()).newContext({ baseURL: url, viewport, colorScheme: dark ? 'dark' : 'light', timezoneId: 'Asia/Tokyo', locale: 'en-US', reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const seen = { errors: [], foreign: [] };
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && /Content Security Policy|TrustedScript|Uncaught/.test(message.text()) && seen.errors.push(message.text()));
  page.on('request', (request) => new URL(request.url()).host !== new URL(url).host && seen.foreign.push(request.url()));
  opened.push(() => context.close());
  return { page, context, ...seen };
}

export async function signIn(page, email, { password = PASSWORD, route = '' } = {}) {
  await page.goto(`/${route && `#/${route}`}`);
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('navigation', { name: 'Main' }).waitFor();
}

/** Somebody of the seed who has signed in. */
export async function person(name, options = {}) {
  const who = await visitor(options);
  await signIn(who.page, `${name}@clinic.test`, options);
  return who;
}

export const live = (page) => page.locator('.standing[data-state=live]').waitFor();

/** The Worker by way of a cable that can be pulled: `{url, cut(), mend(), close()}`. */
export async function cable() {
  const target = new URL(env.CHAIRSIDE_URL);
  const sockets = new Set();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) return near.destroy();
    const far = connect(Number(target.port), target.hostname);
    for (const [one, other] of [[near, far], [far, near]]) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const cut = () => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  const mend = () => {
    isCut = false;
  };
  const close = () => {
    cut();
    server.close();
  };
  opened.push(close);
  return { url: `http://127.0.0.1:${server.address().port}`, cut, mend };
}

export async function picture(page, name) {
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
}

/** Ends what a test has opened. */
export async function closeAll() {
  for (const end of opened.splice(0)) await end();
}

export async function closeBrowser() {
  await closeAll();
  if (browser) await (await browser).close();
}

/** Is called when a test is over. */
export const whenClosed = (end) => opened.push(end);
