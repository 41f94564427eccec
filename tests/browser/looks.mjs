// SPDX-License-Identifier: Apache-2.0
// What must hold on every page, in both languages and themes, on a desk and on a phone; and what must hold of the catalogues and
// of the colours before any page is drawn.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const WIDTHS = [1440, 390], THEMES = ['dark', 'light'];
const TEXT_CONTRAST = 4.5, EDGE_CONTRAST = 3, TARGET = 24; // WCAG 2.2 AA: 1.4.3, 1.4.11 and 2.5.8

/** Words that are the same in both languages. */
const SAME = /^(Fax|Internet|[A-Z]+)$/;
/** Tone marks on the second vowel of an open oa, oe or uy: the decrees put them on the first. */
const MARK_ON_SECOND = /(^|[^q])(o[àáảãạèéẻẽẹ]|u[ỳýỷỹỵ])(?!\p{L})/iu;

/** The words of a language, and the keys that stand in more than one of its files. */
export function catalogue(folder, language) {
  const words = new Map(), twice = [];
  for (const file of readdirSync(join(folder, 'i18n', language))) {
    for (const [, key, text] of readFileSync(join(folder, 'i18n', language, file), 'utf8').matchAll(/^  '([^']+)': '((?:[^'\\]|\\.)*)',?$/gm)) {
      if (words.has(key)) twice.push(key);
      words.set(key, text);
    }
  }
  return { words, twice };
}

export function checkCatalogues(folder, check) {
  const { words: vi, twice } = catalogue(folder, 'vi'), { words: en } = catalogue(folder, 'en');
  const names = (text) => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]))].sort().join(' ');
  const wrong = (test) => [...vi.keys()].filter(test).slice(0, 5).join(', ');
  const sayAll = (what, test) => check(what, !wrong(test), wrong(test));
  check('both catalogues have the same keys, each in one file', vi.size > 1000 && vi.size === en.size && [...vi.keys()].every((k) => en.has(k)) && !twice.length, twice.slice(0, 5).join(', '));
  sayAll('a text asks for the same values in both languages', (k) => names(vi.get(k)) !== names(en.get(k) ?? ''));
  sayAll('no text was left untranslated', (k) => vi.get(k) === en.get(k) && !SAME.test(vi.get(k)));
  sayAll('Vietnamese is composed, its tone marks where the decrees put them', (k) => vi.get(k).normalize('NFC') !== vi.get(k) || MARK_ON_SECOND.test(vi.get(k)));
}

function contrast(a, b) {
  const light = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4))
    .reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
  const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

/** The pairs of tokens that the styles put on each other. */
export function checkTokens(folder, check) {
  const grounds = ['bg', 'surface', 'sunken', 'hover'];
  const pairs = [
    ...['ink', 'ink-2', 'ink-3'].flatMap((ink) => grounds.map((ground) => [ink, ground, TEXT_CONTRAST])),
    ...['bg', 'surface', 'hover', 'accent-tint'].map((ground) => ['accent-text', ground, TEXT_CONTRAST]),
    ['on-accent', 'accent', TEXT_CONTRAST], ['on-accent', 'accent-hover', TEXT_CONTRAST], ['red', 'surface', TEXT_CONTRAST], ['red', 'bg', TEXT_CONTRAST], ['red', 'red-tint', TEXT_CONTRAST],
    ['on-red', 'red', TEXT_CONTRAST], ['gold', 'surface', TEXT_CONTRAST], ['gold', 'gold-tint', TEXT_CONTRAST], ['ink', 'mark', TEXT_CONTRAST], ['ink', 'accent-tint', TEXT_CONTRAST],
    ['rail-ink', 'rail', TEXT_CONTRAST], ['rail-strong', 'rail', TEXT_CONTRAST],
    ...['bg', 'surface'].flatMap((ground) => [['edge', ground, EDGE_CONTRAST], ['accent', ground, EDGE_CONTRAST]]),
  ];
  const css = readFileSync(join(folder, 'style', 'tokens.css'), 'utf8');
  const tokens = (block) => Object.fromEntries([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6})/g)].map((m) => [m[1], m[2]]));
  const blocks = css.split(/^\s*:root/m).slice(1).filter((b) => b.includes('--ink:'));
  const light = tokens(blocks[0]);
  check('the dark colours chosen by hand are those of the system', JSON.stringify(tokens(blocks[1])) === JSON.stringify(tokens(blocks[2])));
  for (const [theme, own] of [['light', light], ['dark', { ...light, ...tokens(blocks[1]) }]]) {
    const low = pairs.filter(([a, b, least]) => !own[a] || !own[b] || contrast(own[a], own[b]) < least);
    check(`${theme}: every colour can be read on what it stands on`, low.length === 0, low.map(([a, b]) => `${a} on ${b}`).join(', '));
  }
}

/** Runs in the page: what a reader would stumble over as it stands now. */
function look({ theme, least, keys, language, target }) {
  const found = [];
  document.documentElement.dataset.theme = theme;
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) found.push(`${wide} pixels wider than the window`);
  const numbers = (colour) => { const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number); return [r, g, b, a]; };
  const over = (front, back) => front.slice(0, 3).map((x, i) => x * front[3] + back[i] * (1 - front[3]));
  const ground = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      const style = getComputedStyle(e);
      if (/^(linear|radial)-gradient/.test(style.backgroundImage)) return null;
      const colour = numbers(style.backgroundColor);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reduceRight((back, front) => over(front, back), [255, 255, 255]);
  };
  const light = (c) => c.map((x) => x / 255).map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)).reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
  const known = new Set(keys);
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  while (texts.nextNode()) {
    const text = texts.currentNode.data.trim(), element = texts.currentNode.parentElement;
    if (!text || element.closest('noscript, script, style')) continue;
    if (known.has(text) || /\b(undefined|NaN|null|\[object \w+\])/.test(text)) found.push(`says “${text.slice(0, 40)}”`);
    // Evidence and rules are shown as they are; what the page itself writes has no date or number of another country.
    if (!element.closest('code, pre, .mono, .hash, input, textarea, .events, .eventline') && /\d{4}-\d\d-\d\d|\{\w+\}|\p{L}\|[\p{L}{]/u.test(text)) found.push(`writes “${text.slice(0, 40)}”`);
    if (seen.has(element) || element.closest('.sr, .skip, :disabled')) continue;
    seen.add(element);
    const box = element.getBoundingClientRect(), style = getComputedStyle(element);
    if (!box.width || !box.height || style.visibility === 'hidden') continue;
    const back = ground(element);
    if (!back) continue;
    const [high, low] = [light(over(numbers(style.color), back)), light(back)].sort((a, b) => b - a);
    if ((high + 0.05) / (low + 0.05) < least) found.push(`“${text.slice(0, 24)}” is hard to read (${((high + 0.05) / (low + 0.05)).toFixed(1)})`);
  }
  for (const e of document.querySelectorAll('button, a[href], input:not([type=hidden]), select, textarea')) {
    if (e.closest('[aria-hidden=true]') || !e.getClientRects().length) continue;
    const name = e.getAttribute('aria-label') || e.textContent || e.title || e.labels?.[0]?.textContent || '';
    if (!name.trim()) found.push(`nameless: ${e.outerHTML.slice(0, 80)}`);
  }
  for (const e of document.querySelectorAll('button, input:not(.sr, .native, [type=checkbox], [type=radio]), select, textarea')) {
    const box = e.getBoundingClientRect();
    // Heads of columns that a phone leaves out are there for readers of screens.
    if (box.width && !e.closest('p, .json, .linkish, .chip') && (e.closest('thead')?.getBoundingClientRect().width ?? 2) > 1 && (box.width < target || box.height < target)) found.push(`${Math.round(box.width)}×${Math.round(box.height)} to touch: ${e.outerHTML.slice(0, 80)}`);
  }
  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id), twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice) found.push(`two elements are ${twice}`);
  for (const name of ['for', 'aria-labelledby', 'aria-describedby', 'aria-controls']) {
    for (const e of document.querySelectorAll(`[${name}]`)) for (const id of e.getAttribute(name).split(/\s+/)) if (id && !document.getElementById(id) && e.getAttribute('aria-expanded') !== 'false') found.push(`${name} of nothing: ${id}`);
  }
  let level = 0;
  for (const h of document.querySelectorAll('#main :is(h1, h2, h3, h4)')) {
    if (Number(h.tagName[1]) > level + 1) found.push(`${h.tagName} “${h.textContent.slice(0, 24)}” after H${level}`);
    level = Number(h.tagName[1]);
  }
  if (document.querySelectorAll('main').length !== 1 || [...document.querySelectorAll('nav')].some((n) => !n.getAttribute('aria-label'))) found.push('landmarks');
  if (document.documentElement.lang !== language) found.push(`lang is ${document.documentElement.lang}`);
  if (document.querySelectorAll('h1').length !== 1) found.push(`${document.querySelectorAll('h1').length} main headings`);
  return found;
}

/** Opens each address, or [address, what to click there], and looks at it in both themes and widths. `agency` is a name that stays
    Vietnamese in English. */
export async function checkLooks(page, base, who, language, paths, { keys, agency }, check) {
  const found = [];
  const vietnamese = /[ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]\p{L}*/giu;
  for (const [path, press] of paths.map((p) => [p].flat())) {
    await page.goto(base + path);
    await page.waitForSelector('#main h1');
    await page.waitForFunction(() => !document.querySelector('#main [aria-busy=true], #main .skeleton'));
    if (press) await page.click(press);
    if (language === 'en') {
      const own = await page.$$eval('.rail nav, .page-actions, .tabs, th, .card > header h2, .segment, .field > label', (list) => list.map((e) => {
        const copy = e.cloneNode(true);
        copy.querySelectorAll('[lang]').forEach((x) => x.remove());
        return copy.textContent;
      }).join(' '));
      found.push(...(own.replaceAll(agency, '').match(vietnamese) ?? []).map((word) => `${path}: “${word}” in English`));
    }
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      // Colours do not depend on the words: the second language is looked at in one theme for each width.
      for (const theme of language === 'vi' ? THEMES : [THEMES[WIDTHS.indexOf(width)]]) {
        const stumbles = await page.evaluate(look, { theme, least: TEXT_CONTRAST, keys, language, target: TARGET });
        found.push(...stumbles.map((s) => `${path} ${width} ${theme}: ${s}`));
      }
    }
  }
  check(`${who}, ${language}: nothing to stumble over on ${paths.length} pages, on a desk and on a phone`, found.length === 0, [...new Set(found.map((s) => s.replace(/ (1440|390) (dark|light):/, '')))].slice(0, 8).join(' | '));
}

/** Goes through a page by Tab: everything reached shows that it is. */
export async function checkFocus(page, base, path, stops, check) {
  await page.goto(base + path);
  await page.waitForSelector('#main h1');
  await page.waitForFunction(() => !document.querySelector('#main [aria-busy=true]'));
  const unseen = [];
  for (let i = 0; i < stops; i++) {
    await page.keyboard.press('Tab');
    const blind = await page.evaluate(() => {
      const e = document.activeElement, shown = (x) => x && getComputedStyle(x).outlineStyle !== 'none' && parseFloat(getComputedStyle(x).outlineWidth) >= 1;
      return e === document.body || shown(e) || shown(e.closest('label')) ? '' : e.outerHTML.slice(0, 80);
    });
    if (blind) unseen.push(blind);
  }
  check(`${path}: the keyboard shows where it is`, unseen.length === 0, unseen.slice(0, 3).join(' | '));
}
