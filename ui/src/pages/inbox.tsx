// SPDX-License-Identifier: Apache-2.0
// Cảnh báo: the inbox of alert groups. Two verbs, archive and escalate; an empty inbox is a finished day.
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { get, useLoad } from '../lib/api';
import { explain, place, signature, systemText } from '../lib/explain';
import { date, dateTime, number } from '../lib/format';
import { t, tx } from '../lib/i18n';
import { useKeys } from '../lib/keys';
import { navigate, setQuery, url, useRoute, withQuery } from '../lib/router';
import { useMay } from '../lib/session';
import { useStream } from '../lib/stream';
import type { Group, Row, Rows } from '../lib/types';
import { post } from '../lib/api';
import { ArchiveDialog, archiveNow, EscalateDialog, TuneDialog } from '../components/escalate';
import { Icon } from '../components/icons';
import { CsvButton, Table, type Column } from '../components/table';
import { Badge, Empty, Lines, Menu, Moment, PageHead, Problem, Severity, Tabs, toastError, useTitle } from '../components/ui';

type Answer = Rows<Group> & { counts: { inbox: number; archived: number; escalated: number } };

export function verdictBadge(verdict: string) {
  return verdict === 'success' ? <Badge kind="gold">{tx('verdict', verdict)}</Badge> : verdict === 'attempt' ? <Badge>{tx('verdict', verdict)}</Badge> : null;
}

export function ends(g: Pick<Group, 'src_ip' | 'dest_ip' | 'dest_port'>) {
  return (
    <span class="ends mono small">
      <a href={`/host/${encodeURIComponent(g.src_ip)}`} class="plain">{g.src_ip}</a>
      <span class="faint" aria-label="→"> → </span>
      <a href={`/host/${encodeURIComponent(g.dest_ip)}`} class="plain">{g.dest_ip}</a>{g.dest_port ? <span class="faint">:{g.dest_port}</span> : null}
    </span>
  );
}

export const GROUP_COLUMNS = (): Column<Group>[] => [
  { id: 'severity', head: t('col.severity'), text: (g) => tx('severity', String(g.severity)), cell: (g) => <Severity value={g.severity} />, phone: 'hide', width: 'xs' },
  { id: 'signature', head: t('col.what'), phone: 'title', text: (g) => g.signature, cell: (g) => <div class="what"><a class="plain title" href={`/alert/${g.id}`}>{explain(g).short}</a>{verdictBadge(g.verdict)}<div class="small dim clip2" title={g.signature}>{signature(g.signature)}</div></div> },
  { id: 'ends', head: t('col.who'), text: (g) => `${g.src_ip} → ${g.dest_ip}`, cell: (g) => ends(g), phone: 'bare' },
  { id: 'agency', head: t('col.agency'), text: (g) => place(g), phone: 'bare', cell: (g) => g.agency ? <div><a class="plain" href={`/registers/agency/${g.agency}`}>{g.agency_title}</a><div class="small faint">{systemText(g)}</div></div> : <span class="faint">{t('today.no_agency')}</span> },
  { id: 'count', head: t('col.count'), class: 'num', sort: true, phone: 'inline', text: (g) => g.count, cell: (g) => <><span class="desk">{number(g.count)}</span><span class="phone">{t('alerts.times', { n: number(g.count), count: g.count })}</span></> },
  { id: 'last', head: t('col.last'), class: 'num', sort: true, phone: 'inline', text: (g) => dateTime(g.last, true), cell: (g) => <Moment at={g.last} /> },
];

export default function Inbox() {
  const { query } = useRoute();
  const state = query.get('state') ?? 'inbox';
  const q = query.get('q') ?? '';
  const agency = query.get('agency') ?? '';
  const sort = query.get('sort') ?? 'priority';
  const path = url('/api/alerts', { state, q, agency, severity: query.get('severity'), sid: query.get('sid'), src: query.get('src'), dest: query.get('dest'), system: query.get('system'),
    from: query.get('from'), to: query.get('to'), sort: sort.replace('-', ''), limit: 50 });
  useTitle(t('nav.alerts'));
  const { data, error, reload, loading } = useLoad<Answer>(path);
  const agencies = useLoad<Rows<Row>>('/api/registers/agency?limit=500');
  const [extra, setExtra] = useState<{ path: string; rows: Group[]; next: string | null }>({ path: '', rows: [], next: null });
  const [fresh, setFresh] = useState(false);
  const [selected, setSelected] = useState<Set<string | number>>(new Set());
  const [cursor, setCursor] = useState(0);
  const [dialog, setDialog] = useState<{ kind: 'archive' | 'escalate' | 'tune'; groups: Group[] } | null>(null);
  const triage = useMay('triage'), staff = useMay('reports');
  const busy = useRef(false);
  const rows = useMemo(() => [...(data?.rows ?? []), ...(extra.path === path ? extra.rows : [])], [data, extra, path]);
  const next = extra.path === path ? extra.next : data?.next ?? null;

  // New groups do not move the list under a hand that is at work: they are announced while something is selected.
  useStream(['alert', 'inbox'], useCallback(() => { if (selected.size || dialog || cursor > 0) setFresh(true); else reload(); }, [selected.size, dialog, cursor, reload]));
  useEffect(() => { setSelected(new Set()); setCursor(0); setFresh(false); }, [path]);

  const refresh = () => { setSelected(new Set()); setFresh(false); setExtra({ path: '', rows: [], next: null }); reload(); };
  const picked = (): Group[] => selected.size ? rows.filter((g) => selected.has(g.id)) : rows[cursor] ? [rows[cursor]!] : [];
  const withPicked = (run: (groups: Group[]) => void) => { const groups = picked(); if (groups.length) run(groups); };
  const doArchive = (groups: Group[]) => void archiveNow(groups, refresh);
  const unarchive = async (groups: Group[]) => {
    try { await post('/api/alerts/bulk', { action: 'unarchive', ids: groups.map((g) => g.id) }); refresh(); } catch (e) { toastError(e); }
  };
  const more = async () => {
    if (!next || busy.current) return;
    busy.current = true;
    try {
      const page = await get<Answer>(`${path}&cursor=${encodeURIComponent(next)}`);
      setExtra({ path, rows: [...(extra.path === path ? extra.rows : []), ...page.rows], next: page.next });
    } catch (e) { toastError(e); }
    busy.current = false;
  };
  const move = (to: number) => setCursor(Math.max(0, Math.min(rows.length - 1, to)));
  useKeys('keys.alerts', triage ? [
    { keys: 'x', help: 'keys.select', run: () => { const g = rows[cursor]; if (g) { const s = new Set(selected); if (!s.delete(g.id)) s.add(g.id); setSelected(s); } } },
    { keys: 'e', help: 'keys.archive', run: () => withPicked(doArchive) },
    { keys: 'F8', help: 'keys.archive', hidden: true, run: () => withPicked(doArchive) },
    { keys: 's', help: 'keys.escalate', run: () => withPicked((groups) => setDialog({ kind: 'escalate', groups })) },
    { keys: 'Shift+s', help: 'keys.escalate_archive', run: () => withPicked((groups) => setDialog({ kind: 'escalate', groups })) },
    { keys: 'F9', help: 'keys.escalate_archive', hidden: true, run: () => withPicked((groups) => setDialog({ kind: 'escalate', groups })) },
    { keys: 't', help: 'keys.tune', run: () => rows[cursor] && setDialog({ kind: 'tune', groups: [rows[cursor]!] }) },
    { keys: '.', help: 'keys.menu', run: () => document.querySelector<HTMLElement>('tr.cursor .menu-host button')?.click() },
    { keys: '* a', help: 'keys.select_all', run: () => setSelected(new Set(rows.map((g) => g.id))) },
    { keys: '* n', help: 'keys.select_none', run: () => setSelected(new Set()) },
    { keys: '* 1', help: 'keys.select_sid', run: () => rows[cursor] && setSelected(new Set(rows.filter((g) => g.sid === rows[cursor]!.sid).map((g) => g.id))) },
    { keys: 'r', help: 'keys.refresh', run: refresh },
    { keys: 'Ctrl+\\', help: 'keys.clear', run: () => navigate(`/inbox?state=${state}`) },
  ] : [{ keys: 'r', help: 'keys.refresh', run: refresh }]);

  const filters = ['agency', 'system', 'severity', 'sid', 'src', 'dest', 'q', 'from', 'to'].filter((name) => query.get(name));
  const columns = GROUP_COLUMNS();
  const withMenu: Column<Group>[] = !triage ? columns : [...columns, {
    id: 'menu', head: '', phone: 'bare', class: 'num menu-cell', cell: (g) => (
      <Menu button="button quiet small icon-only" aria={t('action.menu')} label={<Icon name="dots" />} items={[
        { label: t('action.open'), icon: 'right', href: `/alert/${g.id}`, key: '↵' },
        g.state !== 'escalated' && { label: t('action.escalate'), icon: 'flag', key: 's', run: () => setDialog({ kind: 'escalate', groups: [g] }) },
        g.state === 'inbox' && { label: t('action.archive'), icon: 'archive', key: 'e', run: () => doArchive([g]) },
        g.state === 'inbox' && { label: t('action.archive_why'), icon: 'edit', run: () => setDialog({ kind: 'archive', groups: [g] }) },
        g.state === 'archived' && { label: t('action.unarchive'), icon: 'undo', run: () => void unarchive([g]) },
        { label: t('action.tune'), icon: 'filter', key: 't', run: () => setDialog({ kind: 'tune', groups: [g] }) },
        { label: t('action.only_sid'), icon: 'hunt', href: withQuery({ sid: g.sid }), rule: true },
        { label: t('action.only_src', { ip: g.src_ip }), icon: 'hunt', href: withQuery({ src: g.src_ip }) },
        { label: t('action.only_dest', { ip: g.dest_ip }), icon: 'hunt', href: withQuery({ dest: g.dest_ip }) },
        { label: t('action.hunt_both'), icon: 'hunt', href: url('/hunt', { q: `@ip:${g.src_ip} @ip:${g.dest_ip}`, from: '-7d' }) },
      ]} />
    ),
  }];
  return (
    <>
      <PageHead title={t('nav.alerts')} lead={triage ? t('alerts.lead') : t('alerts.lead_read')}>
        <CsvButton name={`canh-bao-${state}`} rows={rows} columns={columns} />
      </PageHead>
      <Tabs current={state} tabs={[
        { id: 'inbox', label: t('alerts.inbox'), href: '/inbox', count: data?.counts?.inbox },
        { id: 'escalated', label: t('alerts.escalated'), href: '/inbox?state=escalated', count: data?.counts?.escalated },
        { id: 'archived', label: t('alerts.archived'), href: '/inbox?state=archived', count: data?.counts?.archived },
        { id: 'all', label: t('alerts.all'), href: '/inbox?state=all' },
      ]} />
      <div class="toolbar">
        <SearchBox value={q} placeholder={t('alerts.search')} onSearch={(text) => setQuery({ q: text })} />
        {(agencies.data?.rows.length ?? 0) > 1 && <select class="input auto" aria-label={t('col.agency')} value={agency} onChange={(e) => setQuery({ agency: e.currentTarget.value })}>
          <option value="">{t('filter.all_agencies')}</option>
          {(agencies.data?.rows ?? []).map((a) => <option key={a.id} value={a.id}>{String(a.name)}</option>)}
        </select>}
        <select class="input auto" aria-label={t('col.severity')} value={query.get('severity') ?? ''} onChange={(e) => setQuery({ severity: e.currentTarget.value })}>
          <option value="">{t('filter.all_severities')}</option>
          {[1, 2, 3, 4].map((s) => <option key={s} value={s}>{tx('severity', String(s))}</option>)}
        </select>
        <FilterChips names={filters.filter((f) => !['q', 'agency', 'severity'].includes(f))} value={(f, v) => (f === 'system' ? rows[0]?.system_title ?? v : v)} />
        {filters.length > 0 && <a class="button quiet small" href={`/inbox?state=${state}`}>{t('filter.clear')}</a>}
        <span class="grow" />
        {selected.size > 0 && triage && (
          <div class="row">
            <b class="small">{t('table.selected', { n: selected.size })}</b>
            <button class="button small primary" onClick={() => withPicked((groups) => setDialog({ kind: 'escalate', groups }))}>{t('action.escalate')}</button>
            <button class="button small" onClick={() => withPicked((groups) => setDialog({ kind: 'archive', groups }))}>{t('action.archive')}</button>
          </div>
        )}
        {fresh && <button class="button small" onClick={refresh}><Icon name="down" />{t('alerts.fresh')}</button>}
      </div>
      {error && <Problem error={error} retry={reload} />}
      <section class="card">
        {!data && loading ? <div class="card-body"><Lines count={8} /></div>
          : rows.length ? (
            <Table label={t('nav.alerts')} rows={rows} columns={withMenu} id={(g) => g.id} href={(g) => `/alert/${g.id}`} keys cursor={cursor} onCursor={move}
              sort={sort} onSort={(s) => setQuery({ sort: s.replace('-', '') })} selected={triage ? selected : undefined} onSelect={triage ? setSelected : undefined}
              total={data?.total} more={next ? more : null} />
          ) : filters.length ? <Empty icon="filter" title={t('alerts.none_match')}><a class="button" href={`/inbox?state=${state}`}>{t('filter.clear')}</a></Empty>
            : state === 'inbox' ? <Empty icon="check" title={t('alerts.done')}><p>{t('alerts.done_hint')}</p><div class="row wrap center"><a class="button" href="/cases">{t('nav.cases')}</a>{staff && <a class="button" href="/hunt">{t('nav.hunt')}</a>}</div></Empty>
              : <Empty icon="archive" title={t('alerts.none')} />}
      </section>
      {dialog?.kind === 'archive' && <ArchiveDialog groups={dialog.groups} onClose={() => setDialog(null)} onDone={refresh} />}
      {dialog?.kind === 'escalate' && <EscalateDialog groups={dialog.groups} onClose={() => setDialog(null)} onDone={refresh} />}
      {dialog?.kind === 'tune' && <TuneDialog group={dialog.groups[0]!} onClose={() => setDialog(null)} onDone={refresh} />}
    </>
  );
}

/** What an address filters by that no field of the toolbar shows, each with a way to take it off. */
export function FilterChips({ names, value = (_, v) => v, label = (name) => tx('filter', name) }:
  { names: string[]; value?: (name: string, value: string) => string; label?: (name: string) => string }) {
  const { query } = useRoute();
  const set = names.filter((name) => query.get(name));
  if (!set.length) return null;
  const words = (name: string, v: string) => (/^\d{4}-\d\d-\d\d/.test(v) ? (v.length > 10 ? dateTime(v) : date(v)) : name === 'late' ? '' : value(name, v));
  return (
    <div class="chips">
      {set.map((name) => {
        const text = [label(name), words(name, query.get(name)!)].filter(Boolean).join(': ');
        return <span class="chip" key={name}>{text}<button aria-label={t('action.remove_x', { x: text })} onClick={() => setQuery({ [name]: null })}><Icon name="close" /></button></span>;
      })}
    </div>
  );
}

export function SearchBox({ value, placeholder, onSearch }: { value: string; placeholder: string; onSearch: (text: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => onSearch(text.trim()), 350);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <form class="searchbox" role="search" onSubmit={(e) => { e.preventDefault(); onSearch(text.trim()); }}>
      <Icon name="hunt" />
      <input class="input" type="search" data-search aria-label={placeholder} placeholder={placeholder} value={text} onInput={(e) => setText(e.currentTarget.value)} />
    </form>
  );
}
