// SPDX-License-Identifier: Apache-2.0
// The main job as people walk it in a browser, in one language: first sign-in, an alert, its incident, the contact officer's answer,
// closing, the quarterly report from draft to numbered PDF. What the page must say comes from its catalogue.
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { checkKeyboard } from './keyboard.mjs';

const ALERT_MS = 90_000;

/** What people write; the document itself is Vietnamese whoever drafts it. */
const WRITES = {
  vi: { title: 'Kiểm thử', ask: 'Nhờ anh rút dây mạng của máy, không tắt nguồn.', answer: 'Đã rút dây mạng lúc 09:10, máy vẫn bật.', cause: 'Máy chưa cập nhật bản vá.',
    damage: 'Một máy trạm, không lộ dữ liệu.', handling: 'Cô lập, gỡ mã độc, vá lỗi, kiểm tra lại.', lessons: 'Bật cập nhật tự động cho mọi máy trạm.' },
  en: { title: 'Test', ask: 'Please unplug the network cable of the machine, leave the power on.', answer: 'Unplugged at 09:10, the machine is still on.', cause: 'The machine lacked a patch.',
    damage: 'One workstation, no data lost.', handling: 'Isolated, cleaned, patched, tested again.', lessons: 'Turn on automatic updates everywhere.' },
};

/** Signs in with a one-time password and changes it as the page demands. */
export async function firstSignIn(base, page, name, password, fresh, check) {
  await page.goto(base);
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

/** A request as the page would make it. */
export const api = (page, method, path, body) => page.evaluate(async ([m, p, b]) => {
  const headers = { 'Content-Type': 'application/json' };
  if (m !== 'GET') headers['X-CSRF-Token'] = (await (await fetch('/api/session')).json()).csrf;
  const r = await fetch(p, { method: m, headers, body: b === undefined ? undefined : JSON.stringify(b) });
  const text = await r.text();
  return { status: r.status, body: text && /json/.test(r.headers.get('Content-Type') ?? '') ? JSON.parse(text) : text };
}, [method, path, body]);

/** A user made in the page of users; gives the one-time password shown there. */
export async function makeUser(base, page, name, display, role, agency) {
  await page.goto(`${base}/users`);
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

/** Walks the whole way at `centre`, `fresh` when it has the sample province and nothing else; gives the people and what they made. `say` is the
    catalogue of `language`, `person(language)` a page of somebody's own; `picture(page, name)` keeps a screenshot, `keep(download, name)` a document. */
/** The next step is taken while an older answer about the incident is on its way: the older one does not come in its place. */
async function checkOldAnswer(page, id, state, check) {
  const where = `**/api/incidents/${id}`;
  let old;
  const asked = new Promise((resolve) => { old = resolve; });
  await page.route(where, async (route) => {
    if (route.request().method() !== 'GET') return route.fallback();
    const response = await route.fetch();
    old({ route, response });
  }, { times: 1 });
  await api(page, 'POST', `/api/incidents/${id}/notes`, { text: 'Xem lại.' });
  const { route, response } = await asked;
  const before = (await response.json()).state;
  await page.click('.page-actions .primary');
  await page.waitForSelector('#st-note');
  await page.click('.dialog footer .primary');
  await page.waitForSelector('.dialog', { state: 'detached' });
  const stage = () => page.$eval('.stages [aria-current=step]', (li) => [...li.parentElement.children].indexOf(li));
  const after = await stage();
  await route.fulfill({ response }).catch(() => undefined);
  await page.evaluate(() => new Promise((done) => setTimeout(() => requestAnimationFrame(done), 100)));
  check(`an answer from before a step does not take it back (${before}, ${state})`, before !== state && (await stage()) === after && after === 2, `${after}, then ${await stage()}`);
}

export async function walk(centre, language, { say, fresh, person, picture, keep, check }) {
  const base = centre.url, writes = WRITES[language];
  const sensors = new RegExp(say.get('today.sensors_good').replace(/\{\w+\}/g, '\\d+'));
  const stamp = Date.now().toString(36);
  const words = { admin: `Tuong-Thanh-${stamp}-9`, duty: `Canh-Gac-${stamp}-1`, contact: `Dau-Moi-${stamp}-2`, leader: `Lanh-Dao-${stamp}-3` };

  const admin = await person(language);
  const [home] = await Promise.all([admin.waitForResponse((r) => new URL(r.url()).pathname === '/'), firstSignIn(base, admin, centre.admin, centre.password, words.admin, check)]);
  const policy = home.headers()['content-security-policy'] ?? '';
  check('the page forbids inline script, eval and foreign sources', /script-src 'self'(;|$)/.test(policy) && !/unsafe|https?:/.test(policy), policy);
  check('the administrator lands on the sensors', admin.url().endsWith('/sensors'), admin.url());

  // Which agency has something in the inbox is known only to those who may see alerts: make the duty officer first.
  const dutyOnce = await makeUser(base, admin, `truc.${stamp}`, 'Nguyễn Thị Trực', 'duty');
  check('the new user gets a one-time password', dutyOnce.length >= 10, dutyOnce);
  const duty = await person(language);
  await firstSignIn(base, duty, `truc.${stamp}`, dutyOnce, words.duty, check);
  await duty.waitForSelector('.numbers');
  const sentence = await duty.textContent('h1');
  check('Hôm nay says in one sentence how things stand', sensors.test(sentence), sentence);
  check('Hôm nay shows the agencies', (await duty.$$('.tile')).length > 0);
  await picture(duty, '01-hom-nay');

  // Alert to incident with the keyboard.
  let group = null;
  for (const until = Date.now() + ALERT_MS; Date.now() < until && !group; await new Promise((r) => setTimeout(r, 500))) {
    const answer = await api(duty, 'GET', '/api/alerts?state=inbox&sort=priority');
    group = (answer.body.rows ?? []).find((g) => g.agency) ?? null;
  }
  check('an alert of a known agency is in the inbox', group !== null);
  if (fresh) {
    const day = (await api(duty, 'GET', '/api/events/histogram?from=-24h&interval=3600')).body.buckets;
    check('the recordings of the sample province fill a day', day.filter((b) => b.count > 0).length >= 8, JSON.stringify(day));
    const flow = (await api(duty, 'GET', '/api/events?q=event_type:flow&limit=1')).body.rows[0];
    check('and their flows are of that day', Math.abs(Date.parse(flow.event.flow.start.replace(/(\d\d)(\d\d)$/, '$1:$2')) - Date.parse(flow.time)) < 3600e3, flow.event.flow.start);
  }
  if (!group) throw new Error('without an alert there is no path to walk');
  await duty.goto(`${base}/inbox?agency=${group.agency}`);
  await duty.waitForSelector('table tbody tr');
  check('the inbox names the agency', (await duty.textContent('tbody')).includes(group.agency_title), group.agency_title);
  await picture(duty, '02-canh-bao');
  await duty.goto(`${base}/alert/${group.id}`);
  await duty.waitForSelector('.steps li');
  check('the alert is a plain sentence with the address in it', (await duty.textContent('h1')).includes(group.side === 'src' ? group.src_ip : group.dest_ip));
  check('the alert says what to do', (await duty.$$('.steps li')).length >= 2);
  check('the alert shows what happened around it in its flow', await duty.waitForSelector('.two > .stack .events li').then(() => true, () => false));
  check('the alert shows its agency', (await duty.textContent('.two aside')).includes(group.agency_title));
  await picture(duty, '03-canh-bao-chi-tiet');
  await duty.keyboard.press('s');
  await duty.waitForSelector('.dialog #esc-title');
  const title = `${writes.title} ${stamp}: ${await duty.inputValue('#esc-title')}`;
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
  const contactOnce = await makeUser(base, admin, `dm.${stamp}`, 'Trần Văn Đầu Mối', 'contact', group.agency_title);
  const contact = await person(language);
  const step = async (page, state) => {
    await page.goto(`${base}/case/${id}`);
    await page.waitForSelector('.page-actions .primary');
    await page.click('.page-actions .primary');
    await page.waitForSelector('#st-note');
    await page.click('.dialog footer .primary');
    await page.waitForFunction(async ([i, s]) => (await (await fetch(`/api/incidents/${i}`)).json()).state === s, [id, state]);
  };
  await step(duty, 'acknowledged');
  await checkOldAnswer(duty, id, 'verified', check);
  await step(duty, 'first_response');
  await duty.goto(`${base}/case/${id}?tab=talk`);
  await duty.fill('.talk-form textarea', writes.ask);
  await duty.click('.talk-form button');
  await duty.waitForSelector('.bubble');

  await firstSignIn(base, contact, `dm.${stamp}`, contactOnce, words.contact, check);
  await contact.waitForSelector('.workcard');
  check('the contact officer lands on Việc của tôi', contact.url().endsWith('/work'), contact.url());
  const cards = await contact.$$('.workcard');
  check('with at most five cards', cards.length >= 1 && cards.length <= 5, String(cards.length));
  await picture(contact, '05-viec-cua-toi');
  const others = (await api(contact, 'GET', '/api/incidents?state=all&limit=500')).body.rows.filter((i) => i.agency !== group.agency);
  check('the contact officer sees no incident of another agency', others.length === 0, `${others.length} rows`);
  check('and may not read the audit log', (await api(contact, 'GET', '/api/audit')).status === 403);
  await contact.goto(`${base}/case/${id}?tab=talk`);
  await contact.waitForSelector('.bubble');
  check('the contact officer reads the message', (await contact.textContent('.talk')).includes(writes.ask));
  await contact.fill('.talk-form textarea', writes.answer);
  await contact.click('.talk-form button');
  await contact.waitForFunction(() => document.querySelectorAll('.bubble').length === 2);
  await contact.goto(`${base}/case/${id}?tab=evidence`);
  await contact.setInputFiles('.drop input[type=file]', { name: 'anh-day-mang.txt', mimeType: 'text/plain', buffer: Buffer.from('ảnh chụp dây mạng đã rút') });
  await contact.waitForSelector('.hash');
  check('evidence is stored with its SHA-256', /^[0-9a-f]{64}$/.test((await contact.textContent('.hash')).trim()));
  const forContact = incident.tasks.filter((x) => x.for_contact).length;
  await contact.goto(`${base}/case/${id}?tab=tasks`);
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

  await duty.goto(`${base}/case/${id}?tab=talk`);
  await duty.waitForFunction(() => document.querySelectorAll('.bubble').length === 2);
  check('the answer reaches the duty officer', (await duty.textContent('.talk')).includes(writes.answer));

  // To the end.
  for (const state of ['contained', 'eradicated', 'recovered', 'tested', 'reporting']) await step(duty, state);
  incident = (await api(duty, 'GET', `/api/incidents/${id}`)).body;
  for (const task of incident.tasks.filter((x) => !x.done)) await api(duty, 'POST', `/api/incidents/${id}/tasks/${task.id}`, { done: true });
  const early = await api(duty, 'POST', `/api/incidents/${id}/state`, { state: 'closed', version: incident.version });
  check('closing is refused while the closing report is empty', early.status === 422, String(early.status));
  await duty.goto(`${base}/case/${id}?tab=closing`);
  await duty.fill('#cl-cause', writes.cause);
  await duty.fill('#cl-damage', writes.damage);
  await duty.fill('#cl-handling', writes.handling);
  await duty.fill('#cl-lessons', writes.lessons);
  await duty.selectOption('#cl-result', 'resolved');
  const now = new Date(Date.now() + 7 * 3600e3).toISOString();
  await duty.fill('#cl-ended', `${now.slice(11, 16)} ${now.slice(0, 10).split('-').reverse().join('/')}`);
  await Promise.all([duty.waitForResponse((r) => r.request().method() === 'PATCH' && r.ok()), duty.click('#main form .primary')]);
  for (let i = 0; i < 12; i++) {
    await duty.goto(`${base}/case/${id}?tab=notices`);
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
  await duty.goto(`${base}/case/${id}`);
  await duty.waitForSelector('.timeline');
  check('the case is closed and its timeline tells the way', (await duty.textContent('.page-head')).includes(say.get('state.closed')) && (await duty.$$('.timeline > li')).length >= 12);
  await picture(duty, '08-da-dong');

  await checkKeyboard(duty, base, ['acknowledged', 'verified', 'first_response', 'contained', 'eradicated', 'recovered', 'tested', 'reporting'], check);

  // The quarter counts it.
  await duty.goto(`${base}/reports?new=1`);
  await duty.waitForSelector('#r-q');
  await duty.click('.dialog footer .primary');
  await duty.waitForURL(/\/report\/\d+/);
  await duty.waitForSelector('.figures a.line');
  const reportUrl = duty.url();
  check('figures lead to their rows', (await duty.$$('.figures a.line')).length > 0);
  await picture(duty, '09-bao-cao-quy');
  const [file] = await Promise.all([duty.waitForEvent('download'), duty.click('a[href$="report.pdf"]')]);
  const pdf = readFileSync(await file.path());
  await keep(file, '09-bao-cao-quy.pdf');
  check('the report comes as a PDF', pdf.subarray(0, 5).toString() === '%PDF-' && pdf.length > 5000, `${pdf.length} bytes`);
  const [word] = await Promise.all([duty.waitForEvent('download'), duty.click('a[href$="report.docx"]')]);
  const docx = readFileSync(await word.path());
  await keep(word, '09-bao-cao-quy.docx');
  check('and as a DOCX', docx.subarray(0, 2).toString() === 'PK' && docx.length > 2000, `${docx.length} bytes`);
  const rows = await duty.$$eval('.figures a.line', (links) => links.map((a) => a.getAttribute('href')).filter((h) => h.startsWith('/cases')));
  if (rows.length) {
    await duty.goto(base + rows[0]);
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
  const leaderOnce = await makeUser(base, admin, `ld.${stamp}`, 'Lê Thị Lãnh Đạo', 'leader');
  const leader = await person(language);
  await firstSignIn(base, leader, `ld.${stamp}`, leaderOnce, words.leader, check);
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
  await keep(issued, '10-da-cap-so.pdf');
  const printed = execFileSync('pdftotext', ['-layout', await issued.path(), '-'], { encoding: 'utf8' });
  check('the document has its number, place, signer and no watermark', [`Số: ${String(number).padStart(2, '0')}/`, 'Lào Cai, ngày', 'Độc lập - Tự do - Hạnh phúc', 'Nguyễn Văn Mẫu', 'Nơi nhận:'].every((x) => printed.includes(x)) && !/DỰ|ẢO$/m.test(printed));
  check('and names the alerts of the project in Vietnamese', !/VONGLAU/.test(printed));
  return { admin, duty, contact, leader, group, id, report, stamp };
}
