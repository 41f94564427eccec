// SPDX-License-Identifier: Apache-2.0
// What this browser remembers: theme, density, language.
import { patch } from './api';
import { loadLang, type Lang } from './i18n';

let redraw: () => void = () => undefined;
export function whenPrefsChange(call: () => void): void {
  redraw = call;
}
function keep(key: string, value: string): void {
  try {
    localStorage.setItem(`vonglau.${key}`, value);
  } catch {
    /* private windows keep nothing */
  }
}

export type Theme = 'light' | 'dark' | 'system';
export function theme(): Theme {
  return (document.documentElement.dataset.theme as Theme | undefined) ?? 'system';
}
export function chooseTheme(wanted: Theme): void {
  if (wanted === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = wanted;
  keep('theme', wanted);
  redraw();
}

export type Density = 'comfortable' | 'compact';
export function density(): Density {
  return document.documentElement.dataset.density === 'compact' ? 'compact' : 'comfortable';
}
export function chooseDensity(wanted: Density): void {
  document.documentElement.dataset.density = wanted;
  keep('density', wanted);
  redraw();
}

export async function chooseLang(wanted: Lang, tell = true): Promise<void> {
  await loadLang(wanted);
  if (tell) patch('/api/account', { language: wanted }).catch(() => undefined);
  redraw();
}
