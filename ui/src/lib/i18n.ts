// SPDX-License-Identifier: Apache-2.0
// Words of the page in the chosen language. One catalogue is loaded; a key that one language lacks does not compile.
import type { Catalogue, Key } from '../i18n/vi';

export type Lang = 'vi' | 'en';
export type { Key };
export type Params = Record<string, string | number>;

let table: Catalogue | null = null;
let current: Lang = 'vi';

export function preferredLang(): Lang {
  return document.documentElement.lang === 'en' ? 'en' : 'vi';
}

export function lang(): Lang {
  return current;
}

export async function loadLang(wanted: Lang): Promise<void> {
  const module = wanted === 'en' ? await import('../i18n/en') : await import('../i18n/vi');
  table = module.default;
  current = wanted;
  document.documentElement.lang = wanted;
  try {
    localStorage.setItem('vonglau.lang', wanted);
  } catch {
    /* private windows keep nothing */
  }
}

function fill(text: string, params?: Params): string {
  if (text.includes('|')) {
    const forms = text.split('|');
    text = String(params?.count ?? params?.n) === '1' ? forms[0]! : forms[1]!;
  }
  return params ? text.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole)) : text;
}

/** The text of `key`; `{name}` is replaced, and of "one|many" the form for `n` is taken, without `n` the second. */
export function t(key: Key, params?: Params): string {
  return fill(table?.[key] ?? key, params);
}

/** The text of a code the server sent (`prefix.code`), or the code itself, readable, when the catalogue lacks it. */
export function tx(prefix: string, code: string | null | undefined, params?: Params): string {
  if (!code) return '';
  const text = (table as Record<string, string> | null)?.[`${prefix}.${code}`];
  return text === undefined ? code.replace(/_/g, ' ') : fill(text, params);
}

export function has(key: string): boolean {
  return table !== null && key in table;
}

/** Folds tone marks and case away: search does not ask for them. */
export function fold(text: string): string {
  return text.normalize('NFD').replace(/[\u0300-\u036f]/g, '').replace(/đ/g, 'd').replace(/Đ/g, 'D').toLowerCase();
}
