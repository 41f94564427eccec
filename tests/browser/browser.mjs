// SPDX-License-Identifier: Apache-2.0
// Chromium for the tests: no network of its own, headless, and the steps that every test begins with.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

export async function open() {
  const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((p) => p && existsSync(p));
  if (!executablePath) throw new Error('no Chromium found: install the package chromium or set CHROMIUM');
  return chromium.launch({ executablePath, headless: true, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'] });
}

/** Signs in and waits for the frame of the page. */
export async function signIn(page, base, user, password) {
  await page.goto(base);
  await page.waitForSelector('#name, .app');
  if (await page.$('.app')) return;
  await page.fill('#name', user);
  await page.fill('#password', password);
  await page.click('form button.primary');
  await page.waitForSelector('.app, #old, #code');
}

/** Sets the language of the account. */
export async function speak(page, language) {
  await page.evaluate(async (wanted) => {
    const { csrf } = await (await fetch('/api/session')).json();
    await fetch('/api/account', { method: 'PATCH', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf }, body: JSON.stringify({ language: wanted }) });
  }, language);
}
