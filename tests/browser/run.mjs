// SPDX-License-Identifier: Apache-2.0
// The main job in a real browser, walked in both languages (walk.mjs), then every page as each role sees it (looks.mjs).
// usage: node run.mjs PATH_OF_vonglau [SHOTS_FOLDER]        starts a centre with the sample province for each language
//        node run.mjs --at URL ADMIN PASSWORD [SHOTS_FOLDER]  walks in Vietnamese at a running one that has alerts in its inbox
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { open, speak } from './browser.mjs';
import { catalogue, checkCatalogues, checkFocus, checkLooks, checkTokens } from './looks.mjs';
import { api, firstSignIn, makeUser, walk } from './walk.mjs';

const args = process.argv.slice(2);
if (!args.length) {
  console.error('usage: node run.mjs PATH_OF_vonglau [SHOTS_FOLDER] | --at URL ADMIN PASSWORD [SHOTS_FOLDER]');
  process.exit(2);
}
const START_MS = 90_000, STEP_MS = 15_000;
let passed = 0, failed = 0;
const check = (what, good, detail = '') => {
  if (good) passed++;
  else failed++;
  console.log(`${good ? 'ok  ' : 'FAIL'} ${what}${good || !detail ? '' : `: ${detail}`}`);
};

const ui = process.env.VONGLAU_UI ?? fileURLToPath(new URL('../../ui/src', import.meta.url));
checkCatalogues(ui, check);
checkTokens(ui, check);

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

/** Starts `vonglau demo` and reads the address and the one-time password from what it prints. */
async function start(program) {
  const state = mkdtempSync(join(tmpdir(), 'vonglau-browser-'));
  const port = await freePort();
  const captures = process.env.VONGLAU_CAPTURES ? ['--captures', process.env.VONGLAU_CAPTURES] : [];
  const child = spawn(program, ['demo', '--state', state, '--listen', `127.0.0.1:${port}`, ...captures], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (d) => { said += d; });
  child.stderr.on('data', (d) => { said += d; });
  const stop = async () => {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode === null) { child.kill('SIGTERM'); await Promise.race([gone, new Promise((r) => setTimeout(r, 10_000))]); }
    if (child.exitCode === null) child.kill('SIGKILL');
    rmSync(state, { recursive: true, force: true });
  };
  const until = Date.now() + START_MS;
  while (Date.now() < until) {
    const account = /First sign-in[^:]*:\s*(\S+)\s+(\S+)/.exec(said);
    const url = /https:\/\/[^\s/]+/.exec(said)?.[0];
    if (account && url && said.includes('Ready')) return { url, admin: account[1], password: account[2], stop };
    if (child.exitCode !== null) break;
    await new Promise((r) => setTimeout(r, 100));
  }
  await stop();
  throw new Error(`the centre did not start:\n${said.slice(-2000)}`);
}

const at = args[0] === '--at';
const shots = at ? args[4] : args[1];
if (shots) mkdirSync(shots, { recursive: true });
const browser = await open();
const problems = [];
const contexts = [];

/** A person with a browser of their own. */
async function person(language) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 }, acceptDownloads: true });
  context.setDefaultTimeout(STEP_MS);
  contexts.push(context);
  const page = await context.newPage();
  page.on('pageerror', (e) => problems.push(`${page.url()}: ${e.message}`));
  // A status that the test asked for is logged by the browser as an error of a resource.
  page.on('console', (m) => { if (m.type() === 'error' && !/^Failed to load resource/.test(m.text())) problems.push(`${page.url()}: ${m.text()}`); });
  page.on('response', (r) => { if (r.status() >= 500) problems.push(`${r.request().method()} ${r.url()}: ${r.status()}`); });
  await page.addInitScript((l) => { if (!localStorage.getItem('vonglau.lang')) localStorage.setItem('vonglau.lang', l); }, language);
  return page;
}
const picture = async (page, name) => { if (shots) await page.screenshot({ path: join(shots, `${name}.png`) }); };
const keep = async (download, name) => { if (shots) await download.saveAs(join(shots, name)); };

/** Has everybody walk the way at a centre, and then, when told so, look at every page there. */
async function walkAt(centre, language, thenLook) {
  try {
    const way = await walk(centre, language, {
      say: catalogue(ui, language).words, fresh: !at, person, picture: (page, name) => picture(page, `${language}-${name}`), keep: (download, name) => keep(download, `${language}-${name}`),
      check: (what, ...rest) => check(`${language}: ${what}`, ...rest),
    });
    if (thenLook) await look(centre.url, way);
    const proof = await api(way.admin, 'GET', '/api/audit/verify');
    check(`${language}: the audit log is intact`, proof.body.ok === true, JSON.stringify(proof.body));
  } catch (e) {
    check(`${language}: the path was walked to its end`, false, e.message.split('\n').slice(0, 4).join(' | '));
    for (const [i, context] of contexts.entries()) for (const page of context.pages()) { console.log(`     person ${i + 1} at ${page.url()}`); await picture(page, `${language}-stuck-${i + 1}`).catch(() => undefined); }
  }
  await Promise.all(contexts.splice(0).map((context) => context.close()));
  await centre.stop();
}

/** Every page as each role sees it, in both languages. */
async function look(base, { admin, duty, contact, leader, group, id, report, stamp }) {
  const keys = [...catalogue(ui, 'vi').words.keys()].filter((k) => k.includes('.'));
  const auditorOnce = await makeUser(base, admin, `kt.${stamp}`, 'Phạm Thị Kiểm Tra', 'auditor');
  const auditor = await person('vi');
  await firstSignIn(base, auditor, `kt.${stamp}`, auditorOnce, `Kiem-Tra-${stamp}-5`, check);
  const registers = ['agency', 'network', 'system', 'contact', 'rule_of_law', 'holiday', 'playbook_task', 'archive_filter'].map((name) => `/registers/${name}`);
  const tabs = ['timeline', 'tasks', 'talk', 'evidence', 'alerts', 'notices', 'closing'].map((tab) => `/case/${id}?tab=${tab}`);
  const views = [
    ['the duty officer', duty, ['/', '/inbox', ['/inbox', '.rail-search:visible, .phonebar button:visible'], '/inbox?state=all', `/alert/${group.id}`, '/cases?state=all', ...tabs, '/hunt', `/host/${group.dest_ip}`, '/account', '/nothing-here', '/cases?new=1', '/registers/system/new', ['/hunt?q=(a', '.hunt-bar .menu-host button']]],
    ['the leader', leader, ['/', '/work', '/inbox', '/cases?state=all', '/reports', `/report/${report}`, `/registers/agency/${group.agency}`, ...registers]],
    ['the administrator', admin, ['/sensors', '/sensors?new=1', '/users', ['/users', '.page-actions .primary'], ['/audit', '.page-actions .primary'], '/', '/account']],
    ['the contact officer', contact, ['/work', '/inbox', '/cases?state=all', `/case/${id}?tab=tasks`, '/agencies', '/registers/contact']],
    ['the auditor', auditor, ['/audit', '/users', '/sensors', '/reports']],
  ];
  for (const language of ['vi', 'en']) {
    await Promise.all(views.map(async ([who, page, paths]) => {
      await speak(page, language);
      await checkLooks(page, base, who, language, paths, { keys, agency: group.agency_title }, check);
      await page.setViewportSize({ width: 1440, height: 900 });
    }));
  }
  await checkFocus(duty, base, '/inbox', 24, check);
  await checkFocus(admin, base, '/users', 16, check);
  await admin.click('.rail a[href="/"]');
  await admin.waitForSelector('.numbers');
  await admin.reload();
  await admin.waitForSelector('.numbers');
  check('a reload keeps the administrator on Today', new URL(admin.url()).pathname === '/', admin.url());
}

if (at) await walkAt({ url: args[1], admin: args[2], password: args[3], stop: async () => undefined }, 'vi', true);
else for (const language of ['en', 'vi']) await walkAt(await start(args[0]), language, language === 'vi');
check('no script error, no refused source, no server error', problems.length === 0, [...new Set(problems)].slice(0, 5).join(' | '));
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
