// SPDX-License-Identifier: Apache-2.0
// Sự cố: incidents by the time that is left.
import { useCallback, useEffect, useState } from 'preact/hooks';
import { get, post, useLoad } from '../lib/api';
import { systemText } from '../lib/explain';
import { dateTime, number } from '../lib/format';
import { t, tx } from '../lib/i18n';
import { useKeys } from '../lib/keys';
import { navigate, setQuery, url, useRoute } from '../lib/router';
import { useMay, useSession } from '../lib/session';
import { useStream } from '../lib/stream';
import type { Incident, IncidentSummary, Row, Rows } from '../lib/types';
import { TYPES } from '../components/escalate';
import { MomentInput } from '../components/date';
import { Icon } from '../components/icons';
import { CsvButton, Table, type Column } from '../components/table';
import { Badge, Dialog, Due, Empty, Field, Lines, Moment, PageHead, Problem, Tabs, toastError, useTitle } from '../components/ui';
import { FilterChips, SearchBox } from './inbox';

const open = (i: IncidentSummary) => i.state !== 'closed' && i.state !== 'rejected';

export const CASE_COLUMNS = (): Column<IncidentSummary>[] => [
  { id: 'due', head: t('col.time_left'), sort: true, text: (i) => (i.next_due ? dateTime(i.next_due) : ''), phone: 'bare',
    cell: (i) => i.next_due ? <div class="dueline"><Due at={i.next_due} from={i.detected} late={i.overdue} done={!open(i)} /><div class="small faint">{tx('clock', i.next_clock)}</div></div> : <span class="faint">{open(i) ? t('cases.no_clock') : '–'}</span> },
  { id: 'title', head: t('col.incident'), phone: 'title', text: (i) => `${i.number} ${i.title}`, cell: (i) => <div><a class="plain title" href={`/case/${i.id}`}>{i.title}</a><div class="small faint">{i.number} · {tx('incident_type', i.type)}{i.severity === 'serious' && <> · <b class="dim">{t('incident_severity.serious')}</b></>}</div></div> },
  { id: 'state', head: t('field.state'), phone: 'bare', text: (i) => tx('state', i.state), cell: (i) => <Badge kind={open(i) ? 'accent' : 'solid'}>{tx('state', i.state)}</Badge> },
  { id: 'agency', head: t('col.agency'), phone: 'bare', text: (i) => i.agency_title ?? '', cell: (i) => <div>{i.agency_title ?? '–'}<div class="small faint">{systemText(i)}</div></div> },
  { id: 'assignee', head: t('field.assignee'), phone: 'inline', text: (i) => i.assignee_title ?? '', cell: (i) => i.assignee_title ?? <span class="faint">{t('cases.nobody')}</span> },
  { id: 'tasks', head: t('col.tasks'), class: 'num', phone: 'inline', text: (i) => `${i.tasks_total - i.tasks_open}/${i.tasks_total}`, cell: (i) => <span><span class="phone faint">{t('col.tasks')} </span>{number(i.tasks_total - i.tasks_open)}/{number(i.tasks_total)}{i.unread > 0 && <> <Badge kind="accent" icon="mail">{number(i.unread)}</Badge></>}</span> },
  { id: 'updated', head: t('col.updated'), phone: 'hide', class: 'num', sort: true, text: (i) => dateTime(i.updated), cell: (i) => <Moment at={i.updated} /> },
];

export default function Cases() {
  const { query } = useRoute();
  const state = query.get('state') ?? 'open';
  const names = ['q', 'agency', 'type', 'severity', 'assignee', 'opened_from', 'opened_to', 'closed_from', 'closed_to', 'late', 'sort'];
  const path = url('/api/incidents', { state, limit: 50, ...Object.fromEntries(names.map((n) => [n, query.get(n)])) });
  useTitle(t('nav.cases'));
  const { data, error, reload } = useLoad<Rows<IncidentSummary>>(path);
  const [extra, setExtra] = useState<{ path: string; rows: IncidentSummary[]; next: string | null }>({ path: '', rows: [], next: null });
  useStream(['incident'], useCallback(() => reload(), [reload]));
  const mayOpen = useMay('open_incident'), handle = useMay('handle');
  const { session } = useSession();
  const contact = session.user.role === 'contact';
  useKeys('keys.cases', mayOpen ? [{ keys: 'n', help: 'cases.new', run: () => setQuery({ new: 1 }) }] : []);
  const rows = [...(data?.rows ?? []), ...(extra.path === path ? extra.rows : [])];
  const next = extra.path === path ? extra.next : data?.next ?? null;
  const columns = CASE_COLUMNS();
  const more = async () => {
    try {
      const page = await get<Rows<IncidentSummary>>(`${path}&cursor=${encodeURIComponent(next!)}`);
      setExtra({ path, rows: [...(extra.path === path ? extra.rows : []), ...page.rows], next: page.next });
    } catch (e) { toastError(e); }
  };
  const filtered = names.some((n) => n !== 'sort' && query.get(n));
  return (
    <>
      <PageHead title={t('nav.cases')} lead={t('cases.lead')}>
        <CsvButton name="su-co" rows={rows} columns={columns} />
        {mayOpen && <button class="button primary" onClick={() => setQuery({ new: 1 })}><Icon name={contact ? 'flag' : 'plus'} />{contact ? t('cases.report_title') : t('cases.new')}</button>}
      </PageHead>
      <Tabs current={state} tabs={[
        { id: 'open', label: t('cases.open'), href: '/cases', count: state === 'open' ? data?.total : undefined },
        { id: 'closed', label: t('cases.closed'), href: '/cases?state=closed' },
        { id: 'all', label: t('cases.all'), href: '/cases?state=all' },
        ...(state === 'rejected' ? [{ id: 'rejected', label: t('state.rejected'), href: '/cases?state=rejected' }] : []),
      ]} />
      <div class="toolbar">
        <SearchBox value={query.get('q') ?? ''} placeholder={t('cases.search')} onSearch={(q) => setQuery({ q })} />
        <select class="input auto" aria-label={t('field.type')} value={query.get('type') ?? ''} onChange={(e) => setQuery({ type: e.currentTarget.value })}>
          <option value="">{t('filter.all_types')}</option>{TYPES.map((x) => <option key={x} value={x}>{tx('incident_type', x)}</option>)}
        </select>
        {handle && <button class="button" aria-pressed={query.get('assignee') === 'me'} onClick={() => setQuery({ assignee: query.get('assignee') === 'me' ? null : 'me' })}>{t('cases.mine')}</button>}
        <FilterChips names={['agency', 'severity', 'late', 'opened_from', 'opened_to', 'closed_from', 'closed_to']} value={(name, v) => (name === 'agency' ? rows[0]?.agency_title ?? v : tx('incident_severity', v))} />
        {filtered && <a class="button quiet small" href={`/cases?state=${state}`}>{t('filter.clear')}</a>}
      </div>
      {error && <Problem error={error} retry={reload} />}
      <section class="card">
        {!data ? <div class="card-body"><Lines count={6} /></div> : rows.length
          ? <Table label={t('nav.cases')} rows={rows} columns={columns} id={(i) => i.id} href={(i) => `/case/${i.id}`} keys sort={query.get('sort') ?? 'due'} onSort={(s) => setQuery({ sort: s.replace('-', '') })} total={data.total} more={next ? more : null} />
          : <Empty icon="check" title={filtered ? t('alerts.none_match') : state === 'open' ? t('cases.none_open') : t('cases.none')}>{!filtered && <p>{contact ? t('cases.none_contact') : t('cases.none_hint')}</p>}</Empty>}
      </section>
      {query.get('new') && mayOpen && <NewCase onClose={() => setQuery({ new: null }, true)} />}
    </>
  );
}

function NewCase({ onClose }: { onClose: () => void }) {
  const { session } = useSession();
  const contact = session.user.role === 'contact';
  const agencies = useLoad<Rows<Row>>('/api/registers/agency?limit=500');
  const [form, setForm] = useState({ title: '', type: 'malware', severity: 'ordinary', agency: '', system: '', summary: '', detected: new Date().toISOString(), addresses: '', personal_data: false });
  const systems = useLoad<Rows<Row>>(form.agency ? url('/api/registers/system', { owner: form.agency, limit: 200 }) : null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const set = (change: Partial<typeof form>) => setForm({ ...form, ...change });
  const list = agencies.data?.rows ?? session.user.agencies.map((a) => ({ id: a.id, name: a.title }));
  useEffect(() => { if (contact && !form.agency && session.user.agencies[0]) set({ agency: String(session.user.agencies[0].id) }); }, []);
  const submit = async () => {
    setBusy(true);
    setError(null);
    try {
      const made = await post<Incident>('/api/incidents', { ...form, title: form.title.trim(), agency: Number(form.agency) || null, system: Number(form.system) || null, detected: form.detected || null });
      navigate(`/case/${made.id}`);
    } catch (e) { setError(e); setBusy(false); }
  };
  return (
    <Dialog wide title={contact ? t('cases.report_title') : t('cases.new')} onClose={onClose} onSubmit={submit} footer={<>
      <button type="button" class="button" onClick={onClose}>{t('action.cancel')}</button>
      <button class="button primary" disabled={busy || !form.title.trim() || !form.agency}>{contact ? t('cases.report_send') : t('cases.create')}</button>
    </>}>
      {contact && <p class="dim">{t('cases.report_lead')}</p>}
      <Field label={contact ? t('cases.what_happened') : t('field.title')} id="c-title" required><input id="c-title" class="input" value={form.title} placeholder={t('cases.title_example')} onInput={(e) => set({ title: e.currentTarget.value })} /></Field>
      <div class="form-grid">
        <Field label={t('col.agency')} id="c-agency" required><select id="c-agency" class="input" value={form.agency} onChange={(e) => set({ agency: e.currentTarget.value, system: '' })}><option value="">{t('form.choose')}</option>{list.map((a) => <option key={a.id} value={a.id}>{String((a as Row).name)}</option>)}</select></Field>
        <Field label={t('col.system')} id="c-system"><select id="c-system" class="input" value={form.system} onChange={(e) => set({ system: e.currentTarget.value })}><option value="">{t('cases.system_unknown')}</option>{(systems.data?.rows ?? []).map((s) => <option key={s.id} value={s.id}>{String(s.name)}</option>)}</select></Field>
        <Field label={t('field.type')} id="c-type"><select id="c-type" class="input" value={form.type} onChange={(e) => set({ type: e.currentTarget.value })}>{TYPES.map((x) => <option key={x} value={x}>{tx('incident_type', x)}</option>)}</select></Field>
        <Field label={t('field.severity')} id="c-sev" hint={form.severity === 'serious' ? t('alerts.serious_hint') : t('alerts.ordinary_hint')}><select id="c-sev" class="input" value={form.severity} onChange={(e) => set({ severity: e.currentTarget.value })}><option value="ordinary">{t('incident_severity.ordinary')}</option><option value="serious">{t('incident_severity.serious')}</option></select></Field>
        <Field label={t('field.detected')} id="c-det" hint={t('date.zone')}><MomentInput id="c-det" value={form.detected} onChange={(detected) => set({ detected })} /></Field>
        <Field label={t('field.addresses')} id="c-addr" hint={t('cases.addresses_hint')}><input id="c-addr" class="input" value={form.addresses} onInput={(e) => set({ addresses: e.currentTarget.value })} /></Field>
      </div>
      <Field label={t('field.summary')} id="c-sum" hint={t('cases.summary_hint')}><textarea id="c-sum" class="input" rows={4} value={form.summary} onInput={(e) => set({ summary: e.currentTarget.value })} /></Field>
      <label class="check"><input type="checkbox" checked={form.personal_data} onChange={(e) => set({ personal_data: e.currentTarget.checked })} /><span>{t('field.personal_data')}<span class="small faint block">{t('cases.personal_hint')}</span></span></label>
      <div class="notice"><Icon name="info" /><span class="small">{t('cases.secret_hint')}</span></div>
      {error !== null && <Problem error={error} />}
    </Dialog>
  );
}
