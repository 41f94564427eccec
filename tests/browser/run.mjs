// SPDX-License-Identifier: Apache-2.0
// The main job in a real browser: first sign-in, an alert, its incident, the contact officer's answer, closing, the quarterly report as PDF.
// usage: node run.mjs PATH_OF_vonglau [SHOTS_FOLDER]        starts a centre with the sample province, in a folder of its own
//        node run.mjs --at URL ADMIN PASSWORD [SHOTS_FOLDER]  uses a running one that has alerts in its inbox
import { execFileSync, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { open, speak } from './browser.mjs';
import { checkKeyboard } from './keyboard.mjs';
import { catalogue, checkCatalogues, checkFocus, checkLooks, checkTokens } from './looks.mjs';

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
const centre = at ? { url: args[1], admin: args[2], password: args[3], stop: async () => undefined } : await start(args[0]);
const shots = at ? args[4] : args[1];
if (shots) mkdirSync(shots, { recursive: true });
const browser = await open();
const problems = [];
const contexts = [];

/** A person with a browser of their own. */
async function person(language = 'vi') {
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

/** Signs in with a one-time password and changes it as the page demands. */
async function firstSignIn(page, name, password, fresh) {
  await page.goto(centre.url);
  await page.fill('#name', name);
  await page.fill('#password', password);
  await page.click('form button.primary');
  await page.waitForSelector('#old');
  const blocked = await page.evaluate(async () => (await fetch('/api/sensors')).status);
  check(`${name}: nothing is open before the first password is changed`, blocked === 403, String(blocked));
  await page.fill('#old', password);
  await page.fill('#new', fresh);
  await page.fill('#again', fresh);
  await page.click('form button.primary');
  await page.waitForSelector('.app .rail nav, .gate-box > .stack > .stack button.primary');
  if (await page.$('.app .rail nav')) return;
  await page.click('.gate-box button.primary');
  await page.waitForSelector('.qr');
  const secret = (await page.textContent('.gate-box code')).replace(/\s/g, '');
  await page.fill('#totp-code', totp(secret));
  await page.click('.gate-box button.primary');
  await page.waitForSelector('pre');
  check(`${name}: the second factor is set up, with ten recovery codes`, (await page.textContent('pre')).trim().split(/\s+/).length === 10);
  await page.click('.gate-box button.primary');
  await page.waitForSelector('.app .rail nav');
}

/** The code of this half minute (RFC 6238). */
function totp(secret) {
  const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const mac = createHmac('sha1', key).update(step).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}
const api = (page, method, path, body) => page.evaluate(async ([m, p, b]) => {
  const headers = { 'Content-Type': 'application/json' };
  if (m !== 'GET') headers['X-CSRF-Token'] = (await (await fetch('/api/session')).json()).csrf;
  const r = await fetch(p, { method: m, headers, body: b === undefined ? undefined : JSON.stringify(b) });
  const text = await r.text();
  return { status: r.status, body: text && /json/.test(r.headers.get('Content-Type') ?? '') ? JSON.parse(text) : text };
}, [method, path, body]);

/** A user made in the page of users; gives the one-time password shown there. */
async function makeUser(page, name, display, role, agency) {
  await page.goto(`${centre.url}/users`);
  await page.click('.page-actions .primary');
  await page.fill('#u-name', name);
  await page.fill('#u-display', display);
  await page.selectOption('#u-role', role);
  if (agency) {
    await page.fill('#u-agency', agency);
    await page.click('#u-agency-list li');
  }
  await page.click('.dialog footer .primary');
  const password = (await page.textContent('.onetime')).trim();
  await page.click('.dialog footer .primary');
  return password;
}

try {
  const stamp = Date.now().toString(36);
  const words = { admin: `Tuong-Thanh-${stamp}-9`, duty: `Canh-Gac-${stamp}-1`, contact: `Dau-Moi-${stamp}-2`, auditor: `Kiem-Tra-${stamp}-5`, leader: `Lanh-Dao-${stamp}-3` };

  const admin = await person();
  const [home] = await Promise.all([admin.waitForResponse((r) => new URL(r.url()).pathname === '/'), firstSignIn(admin, centre.admin, centre.password, words.admin)]);
  const policy = home.headers()['content-security-policy'] ?? '';
  check('the page forbids inline script, eval and foreign sources', /script-src 'self'(;|$)/.test(policy) && !/unsafe|https?:/.test(policy), policy);
  check('the administrator lands on the sensors', admin.url().endsWith('/sensors'), admin.url());

  // Which agency has something in the inbox is known only to those who may see alerts: make the duty officer first.
  const dutyOnce = await makeUser(admin, `truc.${stamp}`, 'Nguyễn Thị Trực', 'duty');
  check('the new user gets a one-time password', dutyOnce.length >= 10, dutyOnce);
  const duty = await person();
  await firstSignIn(duty, `truc.${stamp}`, dutyOnce, words.duty);
  await duty.waitForSelector('.numbers');
  const sentence = await duty.textContent('h1');
  check('Hôm nay says in one sentence how things stand', /cảm biến/.test(sentence), sentence);
  check('Hôm nay shows the agencies', (await duty.$$('.tile')).length > 0);
  await picture(duty, '01-hom-nay');

  // Alert to incident with the keyboard.
  let group = null;
  for (const until = Date.now() + START_MS; Date.now() < until && !group; await new Promise((r) => setTimeout(r, 500))) {
    const answer = await api(duty, 'GET', '/api/alerts?state=inbox&sort=priority');
    group = (answer.body.rows ?? []).find((g) => g.agency) ?? null;
  }
  check('an alert of a known agency is in the inbox', group !== null);
  if (!at) {
    const day = (await api(duty, 'GET', '/api/events/histogram?from=-24h&interval=3600')).body.buckets;
    check('the recordings of the sample province fill a day', day.filter((b) => b.count > 0).length >= 8, JSON.stringify(day));
    const flow = (await api(duty, 'GET', '/api/events?q=event_type:flow&limit=1')).body.rows[0];
    check('and their flows are of that day', Math.abs(Date.parse(flow.event.flow.start.replace(/(\d\d)(\d\d)$/, '$1:$2')) - Date.parse(flow.time)) < 3600e3, flow.event.flow.start);
  }
  if (!group) throw new Error('without an alert there is no path to walk');
  await duty.goto(`${centre.url}/inbox?agency=${group.agency}`);
  await duty.waitForSelector('table tbody tr');
  check('the inbox names the agency', (await duty.textContent('tbody')).includes(group.agency_title), group.agency_title);
  await picture(duty, '02-canh-bao');
  await duty.goto(`${centre.url}/alert/${group.id}`);
  await duty.waitForSelector('.steps li');
  check('the alert is a plain sentence with the address in it', (await duty.textContent('h1')).includes(group.side === 'src' ? group.src_ip : group.dest_ip));
  check('the alert says what to do', (await duty.$$('.steps li')).length >= 2);
  check('the alert shows what happened around it in its flow', await duty.waitForSelector('.two > .stack .events li').then(() => true, () => false));
  check('the alert shows its agency', (await duty.textContent('.two aside')).includes(group.agency_title));
  await picture(duty, '03-canh-bao-chi-tiet');
  await duty.keyboard.press('s');
  await duty.waitForSelector('.dialog #esc-title');
  const title = `Kiểm thử ${stamp}: ${await duty.inputValue('#esc-title')}`;
  await duty.fill('#esc-title', title);
  await duty.click('.dialog footer .primary');
  await duty.waitForURL(/\/case\/\d+/);
  await duty.waitForSelector('.casehead');
  const id = Number(/case\/(\d+)/.exec(duty.url())[1]);
  let incident = (await api(duty, 'GET', `/api/incidents/${id}`)).body;
  check('the incident carries the agency', incident.agency === group.agency, JSON.stringify(incident.agency_title));
  check('clocks of the law run', incident.clocks.length > 0 && (await duty.$$('.casehead .clock')).length > 0);
  check('the playbook gave tasks', incident.tasks.length > 0);
  await picture(duty, '04-su-co');

  // The contact officer of that agency.
  const contactOnce = await makeUser(admin, `dm.${stamp}`, 'Trần Văn Đầu Mối', 'contact', group.agency_title);
  const contact = await person();
  const step = async (page, state) => {
    await page.goto(`${centre.url}/case/${id}`);
    await page.waitForSelector('.page-actions .primary');
    await page.click('.page-actions .primary');
    await page.waitForSelector('#st-note');
    await page.click('.dialog footer .primary');
    await page.waitForFunction(async ([i, s]) => (await (await fetch(`/api/incidents/${i}`)).json()).state === s, [id, state]);
  };
  await step(duty, 'acknowledged');
  await step(duty, 'verified');
  await step(duty, 'first_response');
  await duty.goto(`${centre.url}/case/${id}?tab=talk`);
  await duty.fill('.talk-form textarea', 'Nhờ anh rút dây mạng của máy, không tắt nguồn.');
  await duty.click('.talk-form button');
  await duty.waitForSelector('.bubble');

  await firstSignIn(contact, `dm.${stamp}`, contactOnce, words.contact);
  await contact.waitForSelector('.workcard');
  check('the contact officer lands on Việc của tôi', contact.url().endsWith('/work'), contact.url());
  const cards = await contact.$$('.workcard');
  check('with at most five cards', cards.length >= 1 && cards.length <= 5, String(cards.length));
  await picture(contact, '05-viec-cua-toi');
  const others = (await api(contact, 'GET', '/api/incidents?state=all&limit=500')).body.rows.filter((i) => i.agency !== group.agency);
  check('the contact officer sees no incident of another agency', others.length === 0, `${others.length} rows`);
  check('and may not read the audit log', (await api(contact, 'GET', '/api/audit')).status === 403);
  await contact.goto(`${centre.url}/case/${id}?tab=talk`);
  await contact.waitForSelector('.bubble');
  check('the contact officer reads the message', (await contact.textContent('.talk')).includes('rút dây mạng'));
  await contact.fill('.talk-form textarea', 'Đã rút dây mạng lúc 09:10, máy vẫn bật.');
  await contact.click('.talk-form button');
  await contact.waitForFunction(() => document.querySelectorAll('.bubble').length === 2);
  await contact.goto(`${centre.url}/case/${id}?tab=evidence`);
  await contact.setInputFiles('.drop input[type=file]', { name: 'anh-day-mang.txt', mimeType: 'text/plain', buffer: Buffer.from('ảnh chụp dây mạng đã rút') });
  await contact.waitForSelector('.hash');
  check('evidence is stored with its SHA-256', /^[0-9a-f]{64}$/.test((await contact.textContent('.hash')).trim()));
  const forContact = incident.tasks.filter((x) => x.for_contact).length;
  await contact.goto(`${centre.url}/case/${id}?tab=tasks`);
  await contact.waitForSelector('.task');
  for (let i = 0; i < forContact; i++) {
    const box = await contact.$('.task:not(.done) input[type=checkbox]:not([disabled])');
    if (!box) break;
    await box.click();
    await contact.waitForSelector('#ask-text');
    await contact.click('.dialog footer .primary');
    await contact.waitForFunction((n) => document.querySelectorAll('.task.done').length > n, i);
  }
  await picture(contact, '06-dau-moi-lam-viec');

  await duty.goto(`${centre.url}/case/${id}?tab=talk`);
  await duty.waitForFunction(() => document.querySelectorAll('.bubble').length === 2);
  check('the answer reaches the duty officer', (await duty.textContent('.talk')).includes('Đã rút dây mạng lúc 09:10'));

  // To the end.
  for (const state of ['contained', 'eradicated', 'recovered', 'tested', 'reporting']) await step(duty, state);
  incident = (await api(duty, 'GET', `/api/incidents/${id}`)).body;
  for (const task of incident.tasks.filter((x) => !x.done)) await api(duty, 'POST', `/api/incidents/${id}/tasks/${task.id}`, { done: true });
  const early = await api(duty, 'POST', `/api/incidents/${id}/state`, { state: 'closed', version: incident.version });
  check('closing is refused while the closing report is empty', early.status === 422, String(early.status));
  await duty.goto(`${centre.url}/case/${id}?tab=closing`);
  await duty.fill('#cl-cause', 'Máy chưa cập nhật bản vá.');
  await duty.fill('#cl-damage', 'Một máy trạm, không lộ dữ liệu.');
  await duty.fill('#cl-handling', 'Cô lập, gỡ mã độc, vá lỗi, kiểm tra lại.');
  await duty.fill('#cl-lessons', 'Bật cập nhật tự động cho mọi máy trạm.');
  await duty.selectOption('#cl-result', 'resolved');
  const now = new Date(Date.now() + 7 * 3600e3).toISOString();
  await duty.fill('#cl-ended', `${now.slice(11, 16)} ${now.slice(0, 10).split('-').reverse().join('/')}`);
  await Promise.all([duty.waitForResponse((r) => r.request().method() === 'PATCH' && r.ok()), duty.click('#main form .primary')]);
  for (let i = 0; i < 12; i++) {
    await duty.goto(`${centre.url}/case/${id}?tab=notices`);
    await duty.waitForSelector('table');
    const send = await duty.$('td .button:not(.quiet)');
    if (!send) break;
    await send.click();
    await duty.waitForSelector('#s-doc');
    await duty.fill('#s-doc', `${10 + i}/SKHCN-ANM`);
    await duty.click('.dialog footer .primary');
    await duty.waitForSelector('.dialog', { state: 'detached' });
  }
  await picture(duty, '07-thong-bao');
  await step(duty, 'closed');
  await duty.goto(`${centre.url}/case/${id}`);
  await duty.waitForSelector('.timeline');
  check('the case is closed and its timeline tells the way', /Đã đóng/.test(await duty.textContent('.page-head')) && (await duty.$$('.timeline > li')).length >= 12);
  await picture(duty, '08-da-dong');

  await checkKeyboard(duty, centre.url, ['acknowledged', 'verified', 'first_response', 'contained', 'eradicated', 'recovered', 'tested', 'reporting'], check);

  // The quarter counts it.
  await duty.goto(`${centre.url}/reports?new=1`);
  await duty.waitForSelector('#r-q');
  await duty.click('.dialog footer .primary');
  await duty.waitForURL(/\/report\/\d+/);
  await duty.waitForSelector('.figures a.line');
  const reportUrl = duty.url();
  check('figures lead to their rows', (await duty.$$('.figures a.line')).length > 0);
  await picture(duty, '09-bao-cao-quy');
  const [file] = await Promise.all([duty.waitForEvent('download'), duty.click('a[href$="report.pdf"]')]);
  const pdf = readFileSync(await file.path());
  check('the report comes as a PDF', pdf.subarray(0, 5).toString() === '%PDF-' && pdf.length > 5000, `${pdf.length} bytes`);
  const [word] = await Promise.all([duty.waitForEvent('download'), duty.click('a[href$="report.docx"]')]);
  const docx = readFileSync(await word.path());
  check('and as a DOCX', docx.subarray(0, 2).toString() === 'PK' && docx.length > 2000, `${docx.length} bytes`);
  const rows = await duty.$$eval('.figures a.line', (links) => links.map((a) => a.getAttribute('href')).filter((h) => h.startsWith('/cases')));
  if (rows.length) {
    await duty.goto(centre.url + rows[0]);
    await duty.waitForSelector('tbody tr');
    check('the figure of incidents opens the incident', (await duty.textContent('tbody')).includes(title.slice(0, 20)));
  } else check('the figure of incidents opens the incident', false, 'no figure leads to incidents');

  // From the draft to the numbered document: who drafted it may not approve it.
  const report = Number(/report\/(\d+)/.exec(reportUrl)[1]);
  await duty.goto(reportUrl);
  await duty.fill('#head-place', 'Lào Cai');
  await duty.fill('#head-signer', 'Nguyễn Văn Mẫu');
  await duty.click('.savebar .primary');
  await duty.waitForSelector('.savebar', { state: 'detached' });
  await duty.click('.page-actions .primary');
  await Promise.all([duty.waitForResponse((r) => r.url().endsWith('/state') && r.ok()), duty.click('.dialog footer .primary')]);
  const leaderOnce = await makeUser(admin, `ld.${stamp}`, 'Lê Thị Lãnh Đạo', 'leader');
  const leader = await person();
  await firstSignIn(leader, `ld.${stamp}`, leaderOnce, words.leader);
  await leader.goto(reportUrl);
  for (let step = 0; step < 2; step++) {
    await leader.waitForSelector('.page-actions .primary');
    await leader.click('.page-actions .primary');
    await Promise.all([leader.waitForResponse((r) => r.url().endsWith('/state') && r.ok()), leader.click('.dialog footer .primary')]);
    await leader.waitForSelector('.dialog', { state: 'detached' });
  }
  await leader.waitForSelector('.page-head .badge.solid');
  const number = (await api(leader, 'GET', `/api/reports/${report}`)).body.number;
  check('the leader approves and numbers the report', number >= 1, String(number));
  await picture(leader, '10-da-cap-so');
  const [issued] = await Promise.all([leader.waitForEvent('download'), leader.click('a[href$="report.pdf"]')]);
  check('the file is named by its quarter', /^bao-cao-quy-[1-4]-20\d\d\.pdf$/.test(issued.suggestedFilename()), issued.suggestedFilename());
  const printed = execFileSync('pdftotext', ['-layout', await issued.path(), '-'], { encoding: 'utf8' });
  check('the document has its number, place, signer and no watermark', [`Số: ${String(number).padStart(2, '0')}/`, 'Lào Cai, ngày', 'Độc lập - Tự do - Hạnh phúc', 'Nguyễn Văn Mẫu', 'Nơi nhận:'].every((x) => printed.includes(x)) && !/DỰ|ẢO$/m.test(printed));
  check('and names the alerts of the project in Vietnamese', !/VONGLAU/.test(printed));

  // Every page as each role sees it, in both languages.
  const keys = [...catalogue(ui, 'vi').words.keys()].filter((k) => k.includes('.'));
  const auditorOnce = await makeUser(admin, `kt.${stamp}`, 'Phạm Thị Kiểm Tra', 'auditor');
  const auditor = await person();
  await firstSignIn(auditor, `kt.${stamp}`, auditorOnce, words.auditor);
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
      await checkLooks(page, centre.url, who, language, paths, { keys, agency: group.agency_title }, check);
      await page.setViewportSize({ width: 1440, height: 900 });
    }));
  }
  await checkFocus(duty, centre.url, '/inbox', 24, check);
  await checkFocus(admin, centre.url, '/users', 16, check);
  await admin.click('.rail a[href="/"]');
  await admin.waitForSelector('.numbers');
  await admin.reload();
  await admin.waitForSelector('.numbers');
  check('a reload keeps the administrator on Today', new URL(admin.url()).pathname === '/', admin.url());

  const proof = await api(admin, 'GET', '/api/audit/verify');
  check('the audit log is intact', proof.body.ok === true, JSON.stringify(proof.body));
} catch (e) {
  check('the path was walked to its end', false, e.message.split('\n').slice(0, 4).join(' | '));
  for (const [i, context] of contexts.entries()) for (const page of context.pages()) { console.log(`     person ${i + 1} at ${page.url()}`); await picture(page, `stuck-${i + 1}`).catch(() => undefined); }
}
check('no script error, no refused source, no server error', problems.length === 0, [...new Set(problems)].slice(0, 5).join(' | '));
await browser.close();
await centre.stop();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
