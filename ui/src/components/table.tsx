// SPDX-License-Identifier: Apache-2.0
// The one table: keyboard cursor, selection, sorting, row expansion, cards on a phone, CSV of what is shown.
import { Fragment } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { number } from '../lib/format';
import { t } from '../lib/i18n';
import { useKeys, type Binding } from '../lib/keys';
import { navigate } from '../lib/router';
import { Icon } from './icons';
import type { Children } from './ui';

export interface Column<T> {
  id: string;
  head: string;
  cell: (row: T) => Children;
  /** The value for CSV; without it the column is not exported. */
  text?: (row: T) => string | number | null | undefined;
  class?: string;
  sort?: boolean;
  /** On a phone: the line that names the card, a line without its heading, beside its neighbours on one line, or left out. */
  phone?: 'title' | 'bare' | 'inline' | 'hide';
  width?: string;
}

export interface TableProps<T> {
  rows: T[];
  columns: Column<T>[];
  id: (row: T) => string | number;
  href?: (row: T) => string | undefined;
  onOpen?: (row: T) => void;
  label: string;
  sort?: string;
  onSort?: (sort: string) => void;
  selected?: Set<string | number>;
  onSelect?: (selected: Set<string | number>) => void;
  cursor?: number;
  onCursor?: (at: number) => void;
  keys?: boolean;
  expand?: (row: T) => Children;
  expanded?: string | number | null;
  total?: number;
  more?: (() => void) | null;
  moreBusy?: boolean;
  foot?: Children;
}

export function Table<T>(props: TableProps<T>) {
  const { rows, columns, id } = props;
  const body = useRef<HTMLTableSectionElement>(null);
  const [ownCursor, setOwnCursor] = useState(-1);
  const cursor = Math.min(props.cursor ?? ownCursor, rows.length - 1);
  const moved = useRef(false);
  const moveTo = (at: number) => {
    moved.current = true;
    const next = Math.max(0, Math.min(rows.length - 1, at));
    (props.onCursor ?? setOwnCursor)(next);
  };
  useEffect(() => {
    if (cursor >= 0 && moved.current) body.current?.querySelector('tr.cursor')?.scrollIntoView({ block: 'nearest' });
  }, [cursor]);
  const open = (row: T) => {
    const href = props.href?.(row);
    if (props.onOpen) props.onOpen(row);
    else if (href) navigate(href);
  };
  const bindings: Binding[] = !props.keys ? [] : [
    { keys: 'j', help: 'keys.down', run: () => moveTo(cursor + 1) },
    { keys: 'k', help: 'keys.up', run: () => moveTo(cursor - 1) },
    { keys: 'ArrowDown', help: 'keys.down', hidden: true, run: () => moveTo(cursor + 1) },
    { keys: 'ArrowUp', help: 'keys.up', hidden: true, run: () => moveTo(cursor - 1) },
    { keys: 'Shift+h', help: 'keys.first', run: () => moveTo(0) },
    { keys: 'Shift+g', help: 'keys.last', run: () => moveTo(rows.length - 1) },
    { keys: 'Enter', help: 'keys.open', run: () => rows[cursor] && open(rows[cursor]!) },
    { keys: 'o', help: 'keys.open', hidden: true, run: () => rows[cursor] && open(rows[cursor]!) },
  ];
  useKeys('keys.list', bindings);
  const select = props.selected && props.onSelect ? {
    has: (row: T) => props.selected!.has(id(row)),
    toggle: (row: T) => {
      const next = new Set(props.selected);
      if (!next.delete(id(row))) next.add(id(row));
      props.onSelect!(next);
    },
    all: () => props.onSelect!(props.selected!.size === rows.length ? new Set() : new Set(rows.map(id))),
  } : null;
  const sortBy = (column: Column<T>) => props.onSort!(props.sort === column.id ? `-${column.id}` : column.id);
  const clickable = Boolean(props.href || props.onOpen);
  return (
    <>
      <div class="table-wrap" tabIndex={-1}>
        <table class="table" aria-label={props.label}>
          <thead>
            <tr>
              {select && <th class="check-cell"><input type="checkbox" aria-label={t('table.select_all')} checked={rows.length > 0 && props.selected!.size === rows.length} onChange={select.all} /></th>}
              {columns.map((c) => (
                <th key={c.id} class={c.class} scope="col" data-width={c.width}
                  aria-sort={props.sort === c.id ? 'ascending' : props.sort === `-${c.id}` ? 'descending' : undefined}>
                  {c.sort && props.onSort ? <button type="button" onClick={() => sortBy(c)}>{c.head}</button> : c.head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody ref={body}>
            {rows.map((row, i) => (
              <Fragment key={id(row)}>
                <tr class={`${clickable ? 'click' : ''} ${i === cursor && props.keys ? 'cursor' : ''}`} aria-selected={select ? select.has(row) : undefined}
                  onClick={(e) => {
                    if ((e.target as Element).closest('a, button, input, label, select, .menu')) return;
                    if (getSelection()?.toString()) return;
                    if (props.keys) moveTo(i);
                    if (clickable) open(row);
                  }}>
                  {select && <td class="check-cell"><input type="checkbox" aria-label={t('table.select')} checked={select.has(row)} onChange={() => select.toggle(row)} /></td>}
                  {columns.map((c) => (
                    <td key={c.id} class={c.class} data-head={c.phone && c.phone !== 'hide' ? undefined : c.head} data-phone={c.phone}>{c.cell(row)}</td>
                  ))}
                </tr>
                {props.expand && props.expanded === id(row) && (
                  <tr class="expand"><td colSpan={columns.length + (select ? 1 : 0)}>{props.expand(row)}</td></tr>
                )}
              </Fragment>
            ))}
          </tbody>
        </table>
      </div>
      {(props.more || props.foot || props.total !== undefined) && (
        <div class="table-foot">
          <span>{props.total !== undefined && (props.total > rows.length ? t('table.shown', { shown: number(rows.length), total: number(props.total) }) : t('table.all', { n: number(rows.length) }))}</span>
          {props.foot}
          {props.more && <button type="button" class="button small" disabled={props.moreBusy} onClick={props.more}>{t('table.more')}</button>}
        </div>
      )}
    </>
  );
}

/** A cell that a spreadsheet would run as a formula is kept a text. */
function csvCell(value: string | number | null | undefined): string {
  let text = value === null || value === undefined ? '' : String(value);
  if (typeof value === 'string' && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\n\r;]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

export function saveCsv<T>(name: string, rows: T[], columns: Column<T>[]): void {
  const used = columns.filter((c) => c.text);
  const lines = [used.map((c) => csvCell(c.head)), ...rows.map((row) => used.map((c) => csvCell(c.text!(row))))];
  const blob = new Blob(['\ufeff' + lines.map((l) => l.join(',')).join('\r\n') + '\r\n'], { type: 'text/csv;charset=utf-8' });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = `${name}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export function CsvButton<T>({ name, rows, columns }: { name: string; rows: T[]; columns: Column<T>[] }) {
  return (
    <button type="button" class="button csv" onClick={() => saveCsv(name, rows, columns)} disabled={rows.length === 0} title={t('action.export_hint')}>
      <Icon name="download" />CSV
    </button>
  );
}
