// SPDX-License-Identifier: Apache-2.0
// Fields of registers: their names, their values in words, their inputs, all from the list of fields the centre sends.
import { useEffect, useState } from 'preact/hooks';
import { get, useLoad, type RowError } from '../lib/api';
import { date, dateTime, number } from '../lib/format';
import { has, t, tx } from '../lib/i18n';
import { url } from '../lib/router';
import type { Entity, FieldInfo, Row, Rows } from '../lib/types';
import { DateInput, MomentInput } from './date';
import { Field, type Children } from './ui';

export function fieldLabel(f: FieldInfo): string {
  return has(f.label) ? tx(f.label.slice(0, f.label.lastIndexOf('.')), f.label.slice(f.label.lastIndexOf('.') + 1)) : has(`field.${f.name}`) ? tx('field', f.name) : f.name.replace(/_/g, ' ');
}
export function choiceLabel(f: FieldInfo, value: unknown): string {
  const code = String(value ?? '');
  return has(`${f.label}.${code}`) ? tx(f.label, code) : code.replace(/_/g, ' ');
}

export function valueText(f: FieldInfo, row: Record<string, unknown>): string {
  const v = row[f.name];
  if (v === null || v === undefined || v === '') return '';
  switch (f.type) {
    case 'choice': return choiceLabel(f, v);
    case 'ref': return String(row[`${f.name}_title`] ?? v);
    case 'bool': return v ? t('yes') : t('no');
    case 'date': return date(String(v));
    case 'time': return dateTime(String(v));
    case 'uint': case 'int': return f.name === 'sid' || f.name === 'gid' ? String(v) : f.name === 'level' ? t('level.n', { n: Number(v) }) : f.name === 'year' ? String(v) : number(Number(v));
    default: return String(v);
  }
}

export function valueCell(f: FieldInfo, row: Record<string, unknown>): Children {
  const text = valueText(f, row);
  if (!text) return <span class="faint">–</span>;
  if (f.type === 'ref' && row[f.name]) return <a class="plain underline" href={`/registers/${f.target}/${row[f.name]}`}>{text}</a>;
  if (['cidr', 'addresses', 'address', 'code', 'code102', 'src', 'dest', 'sid'].includes(f.name)) return <span class="mono small">{text}</span>;
  if (f.type === 'choice' && text.length < 18) return <span class="nowrap">{text}</span>;
  if (f.name === 'email') return <a href={`mailto:${text}`}>{text}</a>;
  if (f.name === 'phone' || f.name === 'mobile') return <a class="nowrap" href={`tel:${text.replace(/\s/g, '')}`}>{text}</a>;
  return text;
}

/** Chooses a row of another register by typing part of its name. */
export function RefInput({ id, target, value, title, onChange, invalid, disabled }: { id: string; target: string; value: unknown; title: string; onChange: (id: number | null, title: string) => void; invalid?: boolean; disabled?: boolean }) {
  const [text, setText] = useState(title);
  const [rows, setRows] = useState<Row[]>([]);
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const info = useLoad<{ rows: Entity[] }>('/api/registers');
  const titleField = info.data?.rows.find((e) => e.name === target)?.title ?? 'name';
  useEffect(() => setText(title), [title, value]);
  useEffect(() => {
    if (!open) return;
    const control = new AbortController();
    const timer = setTimeout(() => get<Rows<Row>>(url(`/api/registers/${target}`, { q: text === title ? '' : text, limit: 8 }), control.signal).then((r) => { setRows(r.rows); setAt(0); }, () => undefined), 150);
    return () => { clearTimeout(timer); control.abort(); };
  }, [open, text]);
  const choose = (row: Row) => { onChange(row.id, String(row[titleField] ?? row.id)); setText(String(row[titleField] ?? row.id)); setOpen(false); };
  return (
    <div class="menu-host">
      <input id={id} class="input" autocomplete="off" disabled={disabled} role="combobox" aria-expanded={open} aria-controls={`${id}-list`} aria-invalid={invalid} value={text} placeholder={t('form.type_to_find')}
        onFocus={() => setOpen(true)} onInput={(e) => { setText(e.currentTarget.value); setOpen(true); if (!e.currentTarget.value) onChange(null, ''); }}
        onBlur={() => setTimeout(() => { setOpen(false); setText((now) => (now === '' ? '' : title)); }, 180)}
        onKeyDown={(e) => {
          if (!open || !rows.length) return;
          if (e.key === 'ArrowDown') { e.preventDefault(); setAt((at + 1) % rows.length); }
          if (e.key === 'ArrowUp') { e.preventDefault(); setAt((at + rows.length - 1) % rows.length); }
          if (e.key === 'Enter') { e.preventDefault(); choose(rows[at]!); }
          if (e.key === 'Escape') { e.stopPropagation(); setOpen(false); }
        }} />
      {open && rows.length > 0 && (
        <ul class="menu suggestions" id={`${id}-list`} role="listbox">
          {rows.map((r, i) => <li key={r.id} role="option" aria-selected={i === at} class={i === at ? 'on' : ''} onMouseDown={(e) => { e.preventDefault(); choose(r); }}><span class="clip">{String(r[titleField] ?? r.id)}</span></li>)}
        </ul>
      )}
    </div>
  );
}

export function faultText(e: RowError): string {
  return has(`fault.${e.code}`) ? tx('fault', e.code, { value: e.value ?? '' }) : e.text ?? e.code;
}

export function FieldInput({ f, row, onChange, error, prefix = 'f' }: { f: FieldInfo; row: Record<string, unknown>; onChange: (change: Record<string, unknown>) => void; error?: RowError; prefix?: string }) {
  const id = `${prefix}-${f.name}`;
  const v = row[f.name];
  const invalid = Boolean(error);
  const wide = f.type === 'text' && (f.max ?? 0) > 300;
  const shared = { id, disabled: f.read_only, 'aria-invalid': invalid } as const;
  const text = (type: string, extra: Record<string, unknown> = {}) => <input {...shared} class="input" type={type} value={String(v ?? '')} onInput={(e) => onChange({ [f.name]: e.currentTarget.value === '' ? null : e.currentTarget.value })} {...extra} />;
  let control: Children;
  switch (f.type) {
    case 'choice': control = <select {...shared} class="input" value={String(v ?? '')} onChange={(e) => onChange({ [f.name]: e.currentTarget.value || null })}><option value="">{t('form.choose')}</option>{(f.choices ?? []).map((c) => <option key={c} value={c}>{choiceLabel(f, c)}</option>)}</select>; break;
    case 'ref': control = <RefInput id={id} target={f.target ?? ''} value={v} title={String(row[`${f.name}_title`] ?? '')} invalid={invalid} disabled={f.read_only} onChange={(ref, title) => onChange({ [f.name]: ref, [`${f.name}_title`]: title })} />; break;
    case 'bool': return <div class="field"><label class="check"><input id={id} type="checkbox" disabled={f.read_only} checked={Boolean(v)} onChange={(e) => onChange({ [f.name]: e.currentTarget.checked })} /><span>{fieldLabel(f)}</span></label></div>;
    case 'uint': case 'int': control = text('number', { min: f.min, max: f.max, inputMode: 'numeric', onInput: (e: { currentTarget: HTMLInputElement }) => onChange({ [f.name]: e.currentTarget.value === '' ? null : Number(e.currentTarget.value) }) }); break;
    case 'date': control = <DateInput id={id} disabled={f.read_only} invalid={invalid} value={String(v ?? '')} onChange={(day) => onChange({ [f.name]: day || null })} />; break;
    case 'time': control = <MomentInput id={id} disabled={f.read_only} invalid={invalid} value={v as string} onChange={(at) => onChange({ [f.name]: at || null })} />; break;
    default: control = wide ? <textarea {...shared} class="input" rows={3} value={String(v ?? '')} onInput={(e) => onChange({ [f.name]: e.currentTarget.value || null })} /> : text(f.name === 'email' ? 'email' : f.name === 'phone' || f.name === 'mobile' ? 'tel' : 'text');
  }
  const hint = has(`hint.${f.label}`) ? tx('hint', f.label) : undefined;
  return <Field label={fieldLabel(f)} id={id} wide={wide} required={f.required} error={error && faultText(error)} hint={hint}>{control}</Field>;
}
