// SPDX-License-Identifier: Apache-2.0
// Săn tìm: the query bar, a histogram, the most and the fewest, and the rows.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { get, useLoad } from '../lib/api';
import { dateTime, exact, millis, number } from '../lib/format';
import { t, tx, type Key } from '../lib/i18n';
import { useKeys } from '../lib/keys';
import { addTerm, removeTerm, terms, wordAt } from '../lib/query';
import { setQuery, url, useRoute, withQuery } from '../lib/router';
import type { EventRow, Histogram, Rows, Top } from '../lib/types';
import { HistogramChart, Tops } from '../components/chart';
import { eventLine, JsonView, port } from '../components/eve';
import { MomentInput } from '../components/date';
import { Icon } from '../components/icons';
import { CsvButton, Table, type Column } from '../components/table';
import { Badge, Empty, Lines, Menu, Moment, PageHead, Problem, Segment, toast, toastError, useTitle } from '../components/ui';

const RANGES = ['-15m', '-1h', '-24h', '-7d'] as const;
const RANGE_MS: Record<string, number> = { '-15m': 900e3, '-1h': 3600e3, '-24h': 86400e3, '-7d': 604800e3, '-30d': 2592000e3 };
const SAVED: { title: Key; intent: Key; q: string; from: string }[] = [
  { title: 'hunt.saved_alerts', intent: 'hunt.saved_alerts_hint', q: 'event_type:alert alert.severity:1', from: '-24h' },
  { title: 'hunt.saved_policy', intent: 'hunt.saved_policy_hint', q: '(tls.sni:*anydesk* or tls.sni:*teamviewer* or tls.sni:*ultraviewer* or dns.rrname:*ultraviewer*)', from: '-7d' },
  { title: 'hunt.saved_nx', intent: 'hunt.saved_nx_hint', q: 'event_type:dns dns.rcode:NXDOMAIN', from: '-24h' },
  { title: 'hunt.saved_files', intent: 'hunt.saved_files_hint', q: 'event_type:fileinfo', from: '-24h' },
  { title: 'hunt.saved_anomaly', intent: 'hunt.saved_anomaly_hint', q: 'event_type:anomaly', from: '-24h' },
];
const TOP_FIELDS = ['event_type', 'src_ip', 'dest_ip', 'dest_port', 'alert.signature', 'dns.rrname', 'tls.sni', 'http.hostname', 'app_proto', 'sensor', 'agency'];

function End({ ip, number }: { ip: EventRow['event'][string]; number: EventRow['event'][string] }) {
  return <span class="nowrap"><a class="plain" href={`/host/${encodeURIComponent(String(ip ?? ''))}`}>{String(ip ?? '')}</a><span class="faint">{port(number)}</span></span>;
}

export function eventColumns(): Column<EventRow>[] {
  return [
    { id: 'time', head: t('col.time'), text: (r) => exact(r.time), cell: (r) => <Moment at={r.time} />, phone: 'inline' },
    { id: 'type', head: t('col.type'), text: (r) => r.type, cell: (r) => <Badge kind={r.type === 'alert' ? 'accent' : 'solid'}>{tx('event_type', r.type)}</Badge>, phone: 'inline' },
    { id: 'src', head: t('col.source'), phone: 'bare', text: (r) => `${r.event.src_ip ?? ''}${port(r.event.src_port)}`, cell: (r) => <span class="mono small"><End ip={r.event.src_ip} number={r.event.src_port} /><span class="phone"> <span class="faint" aria-label="→">→</span> <End ip={r.event.dest_ip} number={r.event.dest_port} /></span></span> },
    { id: 'dest', head: t('col.dest'), phone: 'hide', text: (r) => `${r.event.dest_ip ?? ''}${port(r.event.dest_port)}`, cell: (r) => <span class="mono small"><End ip={r.event.dest_ip} number={r.event.dest_port} /></span> },
    { id: 'what', head: t('col.what'), phone: 'title', text: (r) => eventLine(r.event), cell: (r) => <span class="eventline">{eventLine(r.event)}</span> },
    { id: 'agency', head: t('col.agency'), phone: 'bare', text: (r) => r.agency_title ?? '', cell: (r) => r.agency_title ? <span class="agency-name">{r.agency_title}</span> : <span class="faint">–</span> },
  ];
}

export default function Hunt() {
  const { query } = useRoute();
  const q = query.get('q') ?? '';
  const from = query.get('from') ?? '-24h';
  const to = query.get('to') ?? 'now';
  const field = query.get('top') ?? 'event_type';
  const order = (query.get('order') ?? 'most') as 'most' | 'fewest';
  useTitle(t('nav.hunt'));
  const base = { q, from, to };
  const list = useLoad<Rows<EventRow>>(url('/api/events', { ...base, limit: 50 }));
  const histogram = useLoad<Histogram>(list.error?.code === 'bad_query' ? null : url('/api/events/histogram', base));
  const top = useLoad<{ rows: Top[]; partial?: boolean }>(list.error?.code === 'bad_query' ? null : url('/api/events/top', { ...base, field, order, limit: 10 }));
  const [extra, setExtra] = useState<{ key: string; rows: EventRow[]; next: string | null }>({ key: '', rows: [], next: null });
  const [expanded, setExpanded] = useState<string | number | null>(null);
  const [cursor, setCursor] = useState(0);
  const [pick, setPick] = useState<{ field: string; value: string; x: number; y: number } | null>(null);
  const key = `${q}|${from}|${to}`;
  const rows = [...(list.data?.rows ?? []), ...(extra.key === key ? extra.rows : [])];
  const next = extra.key === key ? extra.next : list.data?.next ?? null;
  const chips = useMemo(() => (q ? terms(q) : []), [q]);
  const columns = eventColumns();
  useEffect(() => { setExpanded(null); setCursor(0); }, [key]);

  const reload = () => { list.reload(); histogram.reload(); top.reload(); };
  const shift = (direction: number) => {
    const width = from in RANGE_MS && to === 'now' ? RANGE_MS[from]! : millis(to === 'now' ? new Date().toISOString() : to) - millis(from);
    const end = to === 'now' ? Date.now() : millis(to);
    if (!width || isNaN(end)) return;
    const b = Math.min(Date.now(), end + direction * width);
    setQuery({ from: new Date(b - width).toISOString(), to: new Date(b).toISOString() });
  };
  const search = (text: string) => setQuery({ q: text.trim() || null });
  const choose = (path: string, value: string, event: MouseEvent) => setPick({ field: path, value, x: event.clientX, y: event.clientY });
  useKeys('keys.hunt', [
    { keys: 'r', help: 'keys.refresh', run: reload },
    { keys: '[', help: 'keys.earlier', run: () => shift(-1) },
    { keys: ']', help: 'keys.later', run: () => shift(1) },
    { keys: 'Ctrl+\\', help: 'keys.clear', run: () => search('') },
  ]);
  const more = async () => {
    try {
      const page = await get<Rows<EventRow>>(url('/api/events', { ...base, limit: 50, cursor: next }));
      setExtra({ key, rows: [...(extra.key === key ? extra.rows : []), ...page.rows], next: page.next });
    } catch (e) { toastError(e); }
  };
  const wrong = list.error?.code === 'bad_query';
  const relative = (RANGES as readonly string[]).includes(from) && to === 'now';
  return (
    <>
      <PageHead title={t('nav.hunt')}>
        <CsvButton name="su-kien" rows={rows} columns={columns} />
      </PageHead>
      <QueryBar value={q} onSearch={search} error={wrong ? list.error!.value : null} />
      {!q && (
        <section class="saved">
          <h2>{t('hunt.library')}</h2>
          <ul>{SAVED.map((s) => <li key={s.q}><a class="card saved-card" href={url('/hunt', { q: s.q, from: s.from })}><b>{t(s.title)}</b><span class="small dim">{t(s.intent)}</span></a></li>)}</ul>
        </section>
      )}
      <div class="toolbar hunt-bar">
        <Segment label={t('hunt.range')} value={relative ? from : ''} onChange={(v) => setQuery({ from: v === '-24h' ? null : v, to: null })} options={RANGES.map((r) => ({ value: r as string, label: t(`range.${r.slice(1)}` as Key) }))} />
        <div class="row">
          <button class="button small icon-only" aria-label={t('keys.earlier')} onClick={() => shift(-1)}><Icon name="left" /></button>
          <Absolute from={from} to={to} />
          <button class="button small icon-only" aria-label={t('keys.later')} disabled={to === 'now'} onClick={() => shift(1)}><Icon name="right" /></button>
        </div>
        {chips && chips.length > 0 && (
          <div class="chips">
            {chips.map((c) => <span key={c.from} class={`chip ${c.not ? 'not' : ''}`}><span class="clip">{c.text}</span><button aria-label={t('action.remove_x', { x: c.text })} onClick={() => search(removeTerm(q, c))}><Icon name="close" /></button></span>)}
            {chips.length > 1 && <button class="button quiet small" onClick={() => search('')}>{t('filter.clear')}</button>}
          </div>
        )}
      </div>
      {list.error && !wrong && <Problem error={list.error} retry={reload} />}
      {(list.data?.partial || histogram.data?.partial) && <div class="notice gold"><Icon name="clock" />{t('hunt.partial')}</div>}
      {!wrong && <div class="hunt-grid">
        <section class="card hunt-histogram"><div class="card-body">
          {histogram.data
            ? histogram.data.total
              ? <><div class="row between small"><b>{t('hunt.total', { n: number(histogram.data.total) })}</b><span class="faint">{t('hunt.brush')}</span></div>
                <HistogramChart label={t('hunt.histogram')} buckets={histogram.data.buckets} interval={histogram.data.interval_s} from={histogram.data.from} to={histogram.data.to} height={170} onRange={(a, b) => setQuery({ from: new Date(a).toISOString(), to: new Date(b).toISOString() })} /></>
              : <p class="dim">{t('hunt.none_in_range')}</p>
            : histogram.error ? <p class="faint">–</p> : <div class="skeleton tall" />}
        </div></section>
        <section class="card"><div class="card-body stack tight">
          <div class="row between wrap">
            <select class="input small auto" aria-label={t('hunt.field')} value={field} onChange={(e) => setQuery({ top: e.currentTarget.value === 'event_type' ? null : e.currentTarget.value }, true)}>{[...new Set([field, ...TOP_FIELDS])].map((f) => <option key={f} value={f}>{tx('eve_field', f)}</option>)}</select>
            <Segment label={t('hunt.order')} value={order} onChange={(v) => setQuery({ order: v === 'most' ? null : v }, true)} options={[{ value: 'most', label: t('hunt.most') }, { value: 'fewest', label: t('hunt.fewest') }]} />
          </div>
          {top.data ? <Tops rows={top.data.rows} name={field === 'event_type' ? (v) => tx('event_type', v) : undefined} onPick={(value, event) => choose(field, value, event)} /> : top.error ? <Problem error={top.error} /> : <Lines count={5} />}
        </div></section>
      </div>}
      {!wrong && <section class="card">
        {!list.data ? (list.error ? null : <div class="card-body"><Lines count={8} /></div>) : rows.length ? (
          <Table label={t('hunt.events')} rows={rows} columns={columns} id={(r) => r.id} keys cursor={cursor} onCursor={setCursor}
            onOpen={(r) => setExpanded(expanded === r.id ? null : r.id)} expanded={expanded} more={next ? more : null}
            expand={(r) => (
              <div class="stack tight">
                <div class="row wrap small"><span class="mono">{exact(r.time)}</span><span class="faint">{r.sensor}</span><span class="grow" /><a class="button small" href={`/event/${encodeURIComponent(r.id)}`}>{t('hunt.open_event')}</a>
                  {r.event.flow_id ? <button class="button small" onClick={() => setQuery({ q: addTerm('', 'flow_id', String(r.event.flow_id)) })}>{t('action.hunt_flow')}</button> : null}</div>
                <JsonView value={r.event} onPick={choose} />
              </div>
            )} foot={<span>{t('hunt.loaded', { n: number(rows.length) })}</span>} />
        ) : <Empty icon="hunt" title={q ? t('hunt.none') : t('hunt.none_in_range')}>
          <p>{q ? t('hunt.none_hint') : t('hunt.empty_hint')}</p>
          {from !== '-7d' && <a class="button" href={withQuery({ from: '-7d', to: null })}>{t('hunt.widen')}</a>}
        </Empty>}
      </section>}
      {pick && <PickMenu pick={pick} q={q} onClose={() => setPick(null)} onSearch={search} />}
    </>
  );
}

function PickMenu({ pick, q, onClose, onSearch }: { pick: { field: string; value: string; x: number; y: number }; q: string; onClose: () => void; onSearch: (q: string) => void }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    box.current?.querySelector('button')?.focus();
    const away = (e: Event) => { if (!box.current?.contains(e.target as Node)) onClose(); };
    document.addEventListener('mousedown', away);
    return () => document.removeEventListener('mousedown', away);
  }, []);
  useKeys('keys.dialog', [{ keys: 'Escape', help: 'keys.close', run: onClose, always: true }]);
  const act = (run: () => void) => () => { onClose(); run(); };
  const address = /^[0-9a-f.:]+$/i.test(pick.value) && /_ip$|ip$/.test(pick.field);
  return (
    <div ref={box} class="menu fixed" role="menu" style={{ left: `${Math.min(pick.x, innerWidth - 260)}px`, top: `${Math.min(pick.y + 6, innerHeight - 290)}px` }}>
      <div class="menu-title mono">{pick.field}: {pick.value}</div>
      <button role="menuitem" onClick={act(() => onSearch(addTerm('', pick.field, pick.value)))}>{t('pick.only')}</button>
      <button role="menuitem" onClick={act(() => onSearch(addTerm(q, pick.field, pick.value)))}>{t('pick.include')}</button>
      <button role="menuitem" onClick={act(() => onSearch(addTerm(q, pick.field, pick.value, true)))}>{t('pick.exclude')}</button>
      <button role="menuitem" onClick={act(() => setQuery({ top: pick.field }))}>{t('pick.group')}</button>
      <button role="menuitem" onClick={act(() => void navigator.clipboard?.writeText(pick.value).then(() => toast(t('action.copied'))))}>{t('pick.copy')}</button>
      {address && <a role="menuitem" href={`/host/${encodeURIComponent(pick.value)}`} onClick={onClose}>{t('pick.host')}</a>}
    </div>
  );
}

function Absolute({ from, to }: { from: string; to: string }) {
  const [a, setA] = useState('');
  const [b, setB] = useState('');
  useEffect(() => {
    const now = Date.now();
    const start = from in RANGE_MS ? now - RANGE_MS[from]! : millis(from);
    setA(new Date(start || now).toISOString());
    setB(new Date(to === 'now' ? now : millis(to) || now).toISOString());
  }, [from, to]);
  const absolute = !from.startsWith('-');
  return (
    <Menu button="button small" items={[]} label={<><Icon name="clock" />{absolute ? `${dateTime(from)} – ${to === 'now' ? t('span.now') : dateTime(to)}` : t('hunt.absolute')}</>}>
      <form class="absolute" onSubmit={(e) => { e.preventDefault(); setQuery({ from: a, to: b }); }}>
        <label>{t('hunt.from')}<MomentInput small value={a} onChange={setA} /></label>
        <label>{t('hunt.to')}<MomentInput small value={b} onChange={setB} /></label>
        <button class="button small primary">{t('hunt.apply')}</button>
      </form>
    </Menu>
  );
}

interface FieldHint { name: string; type: string; aliases?: string[]; top?: boolean }

function QueryBar({ value, onSearch, error }: { value: string; onSearch: (q: string) => void; error: string | null }) {
  const [text, setText] = useState(value);
  const [at, setAt] = useState(0);
  const [open, setOpen] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const fields = useLoad<{ rows: FieldHint[] }>('/api/events/fields');
  useEffect(() => setText(value), [value]);
  const caret = input.current?.selectionStart ?? text.length;
  const word = wordAt(text, caret);
  const bare = word.text.replace(/^-/, '').toLowerCase();
  const suggestions = useMemo(() => {
    if (!open || !bare || bare.includes(':')) return [];
    const names: [string, string][] = (fields.data?.rows ?? []).flatMap((f) => [[f.name, tx('eve_field', f.name)] as [string, string], ...(f.aliases ?? []).map((a) => [a, f.name] as [string, string])]);
    return names.filter(([n]) => n.toLowerCase().includes(bare)).sort(([a], [b]) => Number(b.startsWith(bare)) - Number(a.startsWith(bare)) || a.length - b.length).slice(0, 8);
  }, [open, bare, fields.data]);
  const accept = (name: string) => {
    const minus = word.text.startsWith('-') ? '-' : '';
    const head = text.slice(0, word.from) + minus + name + ':';
    setText(head + text.slice(caret).trimStart());
    setAt(0);
    requestAnimationFrame(() => { input.current?.focus(); input.current?.setSelectionRange(head.length, head.length); });
  };
  const column = error ? Number(error) || 0 : 0;
  return (
    <form class="querybar" role="search" onSubmit={(e) => { e.preventDefault(); setOpen(false); onSearch(text); }}>
      <div class="searchbox">
        <Icon name="hunt" />
        <input ref={input} data-search class="input mono" spellcheck={false} autocomplete="off" autocapitalize="none" value={text} aria-label={t('hunt.query')} placeholder={t('hunt.placeholder')} aria-invalid={Boolean(error)}
          role="combobox" aria-expanded={suggestions.length > 0} aria-controls="query-suggestions" aria-autocomplete="list"
          onInput={(e) => { setText(e.currentTarget.value); setOpen(true); setAt(0); }} onBlur={() => setTimeout(() => setOpen(false), 150)}
          onKeyDown={(e) => {
            if (!suggestions.length) return;
            if (e.key === 'ArrowDown') { e.preventDefault(); setAt((at + 1) % suggestions.length); }
            if (e.key === 'ArrowUp') { e.preventDefault(); setAt((at + suggestions.length - 1) % suggestions.length); }
            if (e.key === 'Tab') { e.preventDefault(); accept(suggestions[at]![0]); }
            if (e.key === 'Escape') { e.stopPropagation(); setOpen(false); }
          }} />
        {suggestions.length > 0 && (
          <ul class="menu suggestions" id="query-suggestions" role="listbox">
            {suggestions.map(([name, hint], i) => <li key={name} role="option" aria-selected={i === at} class={i === at ? 'on' : ''} onMouseDown={(e) => { e.preventDefault(); accept(name); }}><b class="mono">{name}</b><span class="small faint">{hint === name ? '' : hint}</span></li>)}
            <li class="menu-title">{t('hunt.tab')}</li>
          </ul>
        )}
      </div>
      <button class="button primary">{t('hunt.search')}</button>
      {error !== null && <p class="wrong" role="alert">{t('hunt.bad', { column: column || '?' })}{column > 0 && <code class="mono"> {value.slice(Math.max(0, column - 13), column - 1)}<mark>{value.slice(column - 1, column + 11) || '∎'}</mark></code>}</p>}
    </form>
  );
}
