// SPDX-License-Identifier: Apache-2.0
// Numbers, times and sizes as the reader writes them: dd/mm/yyyy at +07:00, decimal comma in Vietnamese.
import { lang, t } from './i18n';

const OFFSET = 7 * 3600_000;
export type Time = string | number | null | undefined;

/** Milliseconds since 1970, from ISO text or from a count of s, ms, µs or ns; NaN when absent. */
export function millis(time: Time): number {
  if (time === null || time === undefined || time === '') return NaN;
  if (typeof time === 'string') {
    // EVE writes +0700 or +0000 without a colon.
    return Date.parse(time.replace(/([+-]\d\d)(\d\d)$/, '$1:$2').replace(/(\.\d{3})\d+/, '$1'));
  }
  if (time > 1e17) return time / 1e6;
  if (time > 1e14) return time / 1e3;
  if (time > 1e11) return time;
  return time * 1000;
}

const two = (n: number) => String(n).padStart(2, '0');

function parts(ms: number) {
  const d = new Date(ms + OFFSET);
  return {
    day: two(d.getUTCDate()), month: two(d.getUTCMonth() + 1), year: d.getUTCFullYear(),
    hour: two(d.getUTCHours()), minute: two(d.getUTCMinutes()), second: two(d.getUTCSeconds()),
    milli: String(d.getUTCMilliseconds()).padStart(3, '0'),
  };
}

export function date(time: Time): string {
  if (typeof time === 'string' && /^\d{4}-\d\d-\d\d$/.test(time)) return time.split('-').reverse().join('/');
  const ms = millis(time);
  if (isNaN(ms)) return '';
  const p = parts(ms);
  return `${p.day}/${p.month}/${p.year}`;
}

export function clock(time: Time, seconds = false): string {
  const ms = millis(time);
  if (isNaN(ms)) return '';
  const p = parts(ms);
  return seconds ? `${p.hour}:${p.minute}:${p.second}` : `${p.hour}:${p.minute}`;
}

export function dateTime(time: Time, seconds = false): string {
  const ms = millis(time);
  return isNaN(ms) ? '' : `${clock(ms, seconds)} ${date(ms)}`;
}

/** The hour with milliseconds. */
export function clockExact(time: Time): string {
  const ms = millis(time);
  if (isNaN(ms)) return '';
  const p = parts(ms);
  return `${p.hour}:${p.minute}:${p.second}${lang() === 'vi' ? ',' : '.'}${p.milli}`;
}

/** With milliseconds and zone: for evidence and tooltips. */
export function exact(time: Time): string {
  const ms = millis(time);
  if (isNaN(ms)) return '';
  const p = parts(ms);
  return `${p.day}/${p.month}/${p.year} ${clockExact(ms)} +07:00`;
}

/** Today only the hour, this year without the year, else the whole date. */
export function shortTime(time: Time, now = Date.now()): string {
  const ms = millis(time);
  if (isNaN(ms)) return '';
  const p = parts(ms), n = parts(now);
  if (p.day === n.day && p.month === n.month && p.year === n.year) return `${p.hour}:${p.minute}:${p.second}`;
  return p.year === n.year ? `${p.hour}:${p.minute} ${p.day}/${p.month}` : `${p.day}/${p.month}/${p.year}`;
}

/** The value of <input type="datetime-local"> at +07:00, and back to ISO in UTC. */
export function toInput(time: Time): string {
  const ms = millis(time);
  return isNaN(ms) ? '' : new Date(ms + OFFSET).toISOString().slice(0, 16);
}
export function fromInput(text: string): string {
  const ms = Date.parse(text + ':00Z');
  return isNaN(ms) ? '' : new Date(ms - OFFSET).toISOString().replace(/\.000Z$/, 'Z');
}

export function number(value: number | null | undefined, digits = 0): string {
  if (value === null || value === undefined || isNaN(value)) return '–';
  const [whole, rest] = Math.abs(value).toFixed(digits).split('.');
  const vi = lang() === 'vi';
  const grouped = whole!.replace(/\B(?=(\d{3})+(?!\d))/g, vi ? '.' : ',');
  return (value < 0 ? '−' : '') + grouped + (rest ? (vi ? ',' : '.') + rest : '');
}

export function percent(part: number, digits = 0): string {
  return number(part * 100, digits) + (lang() === 'vi' ? ' %' : '%');
}

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let n = value, u = 0;
  while (Math.abs(n) >= 1000 && u < units.length - 1) {
    n /= 1000;
    u++;
  }
  return `${number(n, u === 0 || n >= 100 ? 0 : 1)} ${units[u]}`;
}

/** "3 phút", "2 giờ 10 phút", "4 ngày": two units at most, never negative. */
export function span(ms: number): string {
  const s = Math.floor(Math.abs(ms) / 1000);
  if (s < 60) return t('span.seconds', { n: s });
  const m = Math.floor(s / 60);
  if (m < 60) return t('span.minutes', { n: m });
  const h = Math.floor(m / 60);
  if (h < 24) return m % 60 && h < 10 ? `${t('span.hours', { n: h })} ${t('span.minutes', { n: m % 60 })}` : t('span.hours', { n: h });
  const d = Math.floor(h / 24);
  return h % 24 && d < 4 ? `${t('span.days', { n: d })} ${t('span.hours', { n: h % 24 })}` : t('span.days', { n: d });
}

export function ago(time: Time, now = Date.now()): string {
  const ms = millis(time);
  if (isNaN(ms)) return '';
  return now - ms < 10_000 ? t('span.now') : t('span.ago', { span: span(now - ms) });
}
