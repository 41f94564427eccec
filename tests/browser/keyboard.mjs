// SPDX-License-Identifier: Apache-2.0
// The whole way of an alert, from the inbox to the closed incident, without a mouse.

/** Goes to an element as a person does who has only Tab. */
async function tabTo(page, selector, most = 90) {
  for (let i = 0; i < most; i++) {
    if (await page.evaluate((s) => document.activeElement?.matches(s), selector)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not reach ${selector} at ${page.url()}`);
}

const ready = (page) => page.waitForFunction(() => !document.querySelector('#main [aria-busy=true]'));

/** Confirms the open dialog and waits until it is gone. */
async function confirm(page) {
  await page.keyboard.press('Control+Enter');
  await page.waitForSelector('.dialog', { state: 'detached' });
  await page.keyboard.press('Escape');
}

export async function checkKeyboard(page, base, states, check) {
  await page.goto(`${base}/inbox`);
  await page.waitForSelector('tr.cursor');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/alert\/\d+/);
  await page.waitForSelector('.steps li');
  await page.keyboard.press('s');
  await page.waitForSelector('.dialog #esc-title');
  await page.waitForFunction(() => document.activeElement?.closest('.dialog') && !document.querySelector('.dialog .primary')?.disabled);
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/case\/\d+/);
  await page.waitForSelector('.casehead');
  check('three keys lead from an alert to its incident', true);

  for (const state of states) {
    await page.waitForSelector('.page-actions .primary');
    await page.keyboard.press('n');
    await page.waitForSelector('#st-note');
    await confirm(page);
    await page.waitForFunction(async ([id, s]) => (await (await fetch(`/api/incidents/${id}`)).json()).state === s, [/case\/(\d+)/.exec(page.url())[1], state]);
    await ready(page);
  }
  await page.keyboard.press('2');
  await page.waitForSelector('.task');
  for (let left = (await page.$$('.task:not(.done)')).length; left > 0; left--) {
    await tabTo(page, '.task:not(.done) input');
    await page.keyboard.press('Space');
    await page.waitForFunction((n) => document.querySelectorAll('.task:not(.done)').length < n, left);
  }
  await page.keyboard.press('7');
  await page.waitForSelector('#cl-cause');
  for (const [field, words] of [['cause', 'Mật khẩu yếu.'], ['damage', 'Không.'], ['handling', 'Đổi mật khẩu, chặn địa chỉ.']]) {
    await tabTo(page, `#cl-${field}`);
    await page.keyboard.type(words);
  }
  await tabTo(page, '#cl-result');
  await page.keyboard.press('ArrowDown');
  await tabTo(page, '#cl-ended');
  const now = new Date(Date.now() + 7 * 3600e3).toISOString();
  await page.keyboard.type(`${now.slice(11, 16)} ${now.slice(0, 10).split('-').reverse().join('/')}`);
  await tabTo(page, '#cl-lessons');
  await page.keyboard.type('Khóa tài khoản sau năm lần sai.');
  await Promise.all([page.waitForResponse((r) => r.request().method() === 'PATCH' && r.ok()), page.keyboard.press('Control+Enter')]);
  await page.keyboard.press('Escape');
  await page.keyboard.press('6');
  await page.waitForSelector('#main table');
  for (let left = (await page.$$('td .button:not(.quiet)')).length; left > 0; left--) {
    await tabTo(page, 'td .button:not(.quiet)');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#s-doc');
    await confirm(page);
    await page.waitForFunction((n) => document.querySelectorAll('td .button:not(.quiet)').length < n, left);
  }
  await page.keyboard.press('n');
  await page.waitForSelector('#st-note');
  await confirm(page);
  await page.waitForFunction(async (id) => (await (await fetch(`/api/incidents/${id}`)).json()).state === 'closed', /case\/(\d+)/.exec(page.url())[1]);
  check('an incident is worked and closed without a mouse', true);
}
