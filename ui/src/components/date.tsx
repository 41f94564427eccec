// SPDX-License-Identifier: Apache-2.0
// Dates written dd/mm/yyyy and times at +07:00, whatever the browser's own habit; the browser's calendar is one button away.
import { useEffect, useRef, useState } from 'preact/hooks';
import { date, fromInput, toInput } from '../lib/format';
import { t } from '../lib/i18n';
import { Icon } from './icons';

const DAY = /^\s*(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})\s*$/;
const MOMENT = /^\s*(\d{1,2})[:hg](\d{2})\s+(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})\s*$/;
const two = (n: string) => n.padStart(2, '0');

/** "YYYY-MM-DD" of "dd/mm/yyyy"; null when it is no day of the calendar. */
export function parseDay(text: string): string | null {
  const m = DAY.exec(text);
  if (!m) return null;
  const iso = `${m[3]}-${two(m[2]!)}-${two(m[1]!)}`;
  const at = new Date(`${iso}T00:00:00Z`);
  return isNaN(at.getTime()) || at.toISOString().slice(0, 10) !== iso ? null : iso;
}

/** "YYYY-MM-DDTHH:MM" of "hh:mm dd/mm/yyyy". */
export function parseMoment(text: string): string | null {
  const m = MOMENT.exec(text);
  const day = m ? parseDay(`${m[3]}/${m[4]}/${m[5]}`) : null;
  return m && day && Number(m[1]) < 24 && Number(m[2]) < 60 ? `${day}T${two(m[1]!)}:${m[2]}` : null;
}

interface Props { id?: string; value: string; onChange: (value: string) => void; disabled?: boolean; small?: boolean; label?: string; invalid?: boolean; hint?: string }

function Input({ time, id, value, onChange, disabled, small, label, invalid, hint }: Props & { time: boolean }) {
  const shown = (iso: string) => (!iso ? '' : time ? `${iso.slice(11, 16)} ${date(iso.slice(0, 10))}` : date(iso));
  const [text, setText] = useState(shown(value));
  const native = useRef<HTMLInputElement>(null);
  const parse = time ? parseMoment : parseDay;
  useEffect(() => { if ((parse(text) ?? '') !== value) setText(shown(value)); }, [value]);
  const change = (now: string) => {
    setText(now);
    const iso = now.trim() === '' ? '' : parse(now);
    if (iso !== null && iso !== value) onChange(iso);
  };
  return (
    <div class={`dateinput ${small ? 'small' : ''}`}>
      <input id={id} class={`input ${small ? 'small' : ''}`} inputMode="numeric" autocomplete="off" disabled={disabled} aria-label={label} aria-invalid={invalid || (text.trim() !== '' && parse(text) === null)}
        placeholder={hint ?? (time ? t('date.moment') : t('date.day'))} value={text} onInput={(e) => change(e.currentTarget.value)} onBlur={() => setText(shown(value))} />
      {!disabled && <button type="button" class="button quiet small icon-only" aria-label={t('date.pick')} onClick={() => { try { native.current?.showPicker(); } catch { native.current?.focus(); } }}><Icon name="calendar" /></button>}
      <input ref={native} class="native" type={time ? 'datetime-local' : 'date'} tabIndex={-1} aria-hidden="true" value={value} onInput={(e) => onChange(e.currentTarget.value)} />
    </div>
  );
}

/** A calendar day as "YYYY-MM-DD", or "". */
export const DateInput = (props: Props) => <Input time={false} {...props} />;

/** A moment as ISO text in UTC, or "". */
export function MomentInput({ value, onChange, ...rest }: Omit<Props, 'value'> & { value: string | null | undefined }) {
  return <Input time {...rest} value={toInput(value)} onChange={(local) => onChange(local ? fromInput(local) : '')} />;
}
