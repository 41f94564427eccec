// SPDX-License-Identifier: Apache-2.0
// Takes a picture of every page, for people to look at.
// usage: node shots.mjs BASE_URL FOLDER USER PASSWORD [LANGS] [THEMES] [WIDTHS] [PATH…]
import { mkdirSync } from 'node:fs';
import { open, signIn, speak } from './browser.mjs';

const [base, folder, user, password, langs = 'vi,en', themes = 'light,dark', widths = '1440,390', ...paths] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const pages = paths.length ? paths : ['/', '/inbox', '/alert/1', '/cases', '/case/1', '/hunt', '/host/10.3.4.27', '/agencies', '/registers/agency/3', '/reports', '/report/1', '/sensors', '/users', '/audit', '/account', '/work'];
const browser = await open();
for (const width of widths.split(',').map(Number)) {
  for (const lang of langs.split(',')) {
    for (const theme of themes.split(',')) {
      const context = await browser.newContext({ viewport: { width, height: width < 800 ? 844 : 900 }, ignoreHTTPSErrors: true, colorScheme: theme, hasTouch: width < 800 });
      const page = await context.newPage();
      page.on('pageerror', (e) => console.log(`${page.url()}: ${e.message}`));
      page.on('console', (m) => { if (m.type() === 'error' && !/401/.test(m.text())) console.log(`${page.url()}: ${m.text()}`); });
      await page.addInitScript((l) => localStorage.setItem('vonglau.lang', l), lang);
      if (user) { await signIn(page, base, user, password); await speak(page, lang); }
      for (const path of pages) {
        await page.goto(base + path);
        await page.waitForTimeout(450);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (wide > 0) console.log(`${path} at ${width}: ${wide} pixels too wide`);
        const name = path.replace(/^\//, '').replace(/[/?=&]/g, '_') || 'today';
        await page.screenshot({ path: `${folder}/${name}-${width}-${lang}-${theme}.png`, fullPage: width > 800 });
      }
      await context.close();
    }
  }
}
await browser.close();
