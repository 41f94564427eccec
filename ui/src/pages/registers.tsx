// SPDX-License-Identifier: Apache-2.0
// Cơ quan: registers as the centre describes them: tables, forms, history, CSV in and out. No register has a page of its own code.
import { useRef, useState } from 'preact/hooks';
import { ApiError, del, get, patch, post, request, useLoad, type RowError } from '../lib/api';
import { date, dateTime, number } from '../lib/format';
import { has, lang, t, tx } from '../lib/i18n';
import { useKeys } from '../lib/keys';
import { navigate, setQuery, url, useRoute, withQuery } from '../lib/router';
import { useMay } from '../lib/session';
import type { Entity, FieldInfo, Group, IncidentSummary, Row, Rows } from '../lib/types';
import { FieldInput, faultText, fieldLabel, valueCell, valueText } from '../components/register';
import { DateInput } from '../components/date';
import { Icon } from '../components/icons';
import { Table, type Column } from '../components/table';
import { Badge, Card, Dialog, Empty, Field, Lines, Menu, Moment, PageHead, placeName, Problem, Tabs, toast, toastError, useTitle } from '../components/ui';
import { FilterChips, GROUP_COLUMNS, SearchBox } from './inbox';
import { CASE_COLUMNS } from './cases';

const ORDER = ['agency', 'network', 'system', 'contact', 'sensor', 'rule_of_law', 'holiday', 'playbook_task', 'archive_filter', 'user'];
const MAIN = ['agency', 'network', 'system', 'contact'];

export function entityName(name: string): string {
  return tx('entity', name, { n: 2 });
}

export default function Registers({ parts }: { parts: string[] }) {
  const info = useLoad<{ rows: Entity[] }>('/api/registers');
  const name = parts[0] === 'agencies' ? 'agency' : parts[1] ?? 'agency';
  const entities = info.data?.rows.filter((e) => e.name !== 'user').sort((a, b) => ORDER.indexOf(a.name) - ORDER.indexOf(b.name)) ?? [];
  const entity = info.data?.rows.find((e) => e.name === name);
  if (!info.data) return <><PageHead title={t('nav.registers')} />{info.error ? <Problem error={info.error} retry={info.reload} /> : <Lines count={8} />}</>;
  if (!entity) return <><PageHead title={t('state.no_page')} /><a class="button" href="/agencies">{t('nav.registers')}</a></>;
  const id = parts[0] === 'registers' ? parts[2] : undefined;
  if (id && id !== 'new') return <RowPage entity={entity} id={id} key={`${name}-${id}`} onChanged={info.reload} />;
  return <ListPage entity={entity} entities={entities} adding={id === 'new'} key={name} onChanged={info.reload} />;
}

/** One of them, within a sentence. */
function oneOf(name: string): string {
  const text = tx('entity', name, { n: 1 });
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function columnsOf(entity: Entity): Column<Row>[] {
  const listed = entity.fields.filter((f) => f.list);
  const shown = (listed.length ? listed : entity.fields.slice(0, 6)).map((f) => inReadersLanguage(f, entity.fields));
  return shown.map((f) => ({
    id: f.name, head: fieldLabel(f), sort: f.type !== 'ref', class: f.type === 'uint' && f.name !== 'level' && f.name !== entity.title ? 'num' : '', phone: f.name === entity.title ? 'title' as const : undefined,
    text: (row: Row) => valueText(f, row),
    cell: (row: Row) => f.name === entity.title
      ? <span><a class="plain title" href={`/registers/${entity.name}/${row.id}`}>{valueText(f, row) || `#${row.id}`}</a>{row.ended && <> <Badge kind="solid">{t('register.ended')}</Badge></>}{row.sample ? <> <Badge kind="solid">{t('register.sample')}</Badge></> : null}</span>
      : valueCell(f, row),
  }));
}

/** Of a text that is kept in both languages (title_vi, title_en) the reader's. */
function inReadersLanguage(f: FieldInfo, fields: FieldInfo[]): FieldInfo {
  const other = /_(vi|en)$/.test(f.name) && fields.find((x) => x.name === f.name.replace(/_..$/, `_${lang()}`));
  return other || f;
}

function ListPage({ entity, entities, adding, onChanged }: { entity: Entity; entities: Entity[]; adding: boolean; onChanged: () => void }) {
  const { query } = useRoute();
  const base = `/registers/${entity.name}`;
  const byName = (field: string) => entity.fields.find((f) => f.name === field)!;
  const filters = entity.fields.filter((f) => f.type === 'choice' || (f.type === 'ref' && f.target === 'agency'));
  const active = Object.fromEntries([...entity.fields.map((f) => f.name), 'q', 'sort', 'ended', 'gap'].map((n) => [n, query.get(n)]).filter(([, v]) => v) as [string, string][]);
  const path = url(`/api/registers/${entity.name}`, { ...active, limit: 100 });
  useTitle(entityName(entity.name));
  const { data, error, reload } = useLoad<Rows<Row>>(path);
  const [extra, setExtra] = useState<{ path: string; rows: Row[]; next: string | null }>({ path: '', rows: [], next: null });
  const [importing, setImporting] = useState(false);
  const rows = [...(data?.rows ?? []), ...(extra.path === path ? extra.rows : [])];
  const next = extra.path === path ? extra.next : data?.next ?? null;
  const agencies = useLoad<Rows<Row>>(filters.some((f) => f.type === 'ref') ? '/api/registers/agency?limit=500' : null);
  useKeys('keys.registers', entity.writable ? [{ keys: 'n', help: 'register.add', run: () => navigate(`${base}/new`) }] : []);
  const changed = () => { reload(); onChanged(); };
  const filtered = Object.keys(active).some((k) => k !== 'sort');
  const more = async () => {
    try {
      const page = await get<Rows<Row>>(`${path}&cursor=${encodeURIComponent(next!)}`);
      setExtra({ path, rows: [...(extra.path === path ? extra.rows : []), ...page.rows], next: page.next });
    } catch (e) { toastError(e); }
  };
  const tabs = entities.filter((e) => MAIN.includes(e.name));
  const others = entities.filter((e) => !MAIN.includes(e.name));
  return (
    <>
      <PageHead title={entityName(entity.name)} lead={has(`entity_lead.${entity.name}`) ? tx('entity_lead', entity.name) : undefined}>
        <a class="button csv" href={url(`/api/registers/${entity.name}/export.csv`, { ...active, language: lang() })} download={`${entity.name}.csv`}><Icon name="download" />CSV</a>
        {entity.writable && <button class="button" onClick={() => setImporting(true)}><Icon name="upload" />{t('register.import')}</button>}
        {entity.writable && <a class="button primary" href={`${base}/new`}><Icon name="plus" />{t('register.add')}</a>}
      </PageHead>
      <div class="tabs-row">
        <Tabs current={entity.name} tabs={[...tabs, ...(MAIN.includes(entity.name) ? [] : [entity])].map((e) => ({ id: e.name, label: entityName(e.name), href: `/registers/${e.name}`, count: e.count }))} />
        {others.length > 0 && <Menu button="button quiet small" label={<>{t('register.more')}<Icon name="down" /></>} items={others.map((e) => ({ label: entityName(e.name), href: `/registers/${e.name}` }))} />}
      </div>
      <div class="toolbar">
        <SearchBox value={query.get('q') ?? ''} placeholder={t('register.search')} onSearch={(q) => setQuery({ q })} />
        {filters.slice(0, 3).map((f) => (
          <select key={f.name} class="input auto" aria-label={fieldLabel(f)} value={query.get(f.name) ?? ''} onChange={(e) => setQuery({ [f.name]: e.currentTarget.value })}>
            <option value="">{fieldLabel(f)}</option>
            {f.type === 'choice' ? (f.choices ?? []).map((c) => <option key={c} value={c}>{valueText(f, { [f.name]: c })}</option>) : (agencies.data?.rows ?? []).map((a) => <option key={a.id} value={a.id}>{String(a.name)}</option>)}
          </select>
        ))}
        {entity.gaps.length > 0 && <select class="input auto" aria-label={t('register.gaps')} value={query.get('gap') ?? ''} onChange={(e) => setQuery({ gap: e.currentTarget.value })}>
          <option value="">{t('register.gaps')}</option>
          {entity.gaps.map((g) => <option key={g} value={g}>{tx(`gap.${entity.name}`, g)}</option>)}
        </select>}
        <button class="button small" aria-pressed={query.get('ended') === '1'} onClick={() => setQuery({ ended: query.get('ended') === '1' ? null : 1 })}>{t('register.with_ended')}</button>
        <FilterChips names={entity.fields.filter((f) => !filters.slice(0, 3).includes(f)).map((f) => f.name)} label={(name) => fieldLabel(byName(name))} value={(name, v) => valueText(byName(name), { ...rows[0], [name]: v })} />
        {filtered && <a class="button quiet small" href={base}>{t('filter.clear')}</a>}
      </div>
      {error && <Problem error={error} retry={reload} />}
      <section class="card">
        {!data ? <div class="card-body"><Lines count={8} /></div> : rows.length
          ? <Table label={entityName(entity.name)} rows={rows} columns={columnsOf(entity)} id={(r) => r.id} href={(r) => `/registers/${entity.name}/${r.id}`} keys sort={query.get('sort') ?? ''} onSort={(sort) => setQuery({ sort })} total={data.total} more={next ? more : null} />
          : filtered ? <Empty icon="filter" title={t('alerts.none_match')}><a class="button" href={base}>{t('filter.clear')}</a></Empty>
            : <Empty icon="agency" title={t('register.empty', { what: oneOf(entity.name) })}>{entity.writable && <p>{t('register.empty_hint')}</p>}</Empty>}
      </section>
      {adding && entity.writable && <FormDialog entity={entity} row={null} onClose={() => navigate(base)} onDone={(row) => { changed(); navigate(`/registers/${entity.name}/${row.id}`); }} />}
      {importing && <ImportDialog entity={entity} onClose={() => setImporting(false)} onDone={changed} />}
    </>
  );
}

function FormDialog({ entity, row, onClose, onDone, initial }: { entity: Entity; row: Row | null; onClose: () => void; onDone: (row: Row) => void; initial?: Record<string, unknown> }) {
  const { query } = useRoute();
  const start = useRef<Record<string, unknown>>(row ?? { ...initial, ...Object.fromEntries(entity.fields.filter((f) => query.get(f.name)).map((f) => [f.name, f.type === 'ref' ? Number(query.get(f.name)) : query.get(f.name)])) });
  const [form, setForm] = useState<Record<string, unknown>>({ ...start.current });
  const [from, setFrom] = useState('');
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const fields = entity.fields.filter((f) => !f.read_only && f.name !== 'sample');
  const dirty = fields.filter((f) => (form[f.name] ?? null) !== (start.current[f.name] ?? null));
  const datedChange = row && entity.dated && dirty.some((f) => f.dated || ['name', 'short_name', 'parent', 'document'].includes(f.name));
  const fault = (f: FieldInfo): RowError | undefined => error?.errors.find((e) => e.place === f.name) ?? (error && !error.errors.length && error.place === f.name ? { code: error.code, value: error.value } : undefined);
  const submit = async () => {
    setBusy(true);
    setError(null);
    const change = Object.fromEntries((row ? dirty : fields.filter((f) => form[f.name] !== undefined && form[f.name] !== null)).map((f) => [f.name, form[f.name]]));
    try {
      const saved = row ? await patch<Row>(`/api/registers/${entity.name}/${row.id}`, { version: row.version, ...change, ...(datedChange && from ? { effective_from: from } : {}) }) : await post<Row>(`/api/registers/${entity.name}`, change);
      toast(t('action.saved'));
      onDone(saved);
    } catch (e) { setError(e as ApiError); setBusy(false); }
  };
  const placed = error && (error.errors.some((e) => fields.some((f) => f.name === e.place)) || fields.some((f) => f.name === error.place));
  return (
    <Dialog wide title={row ? t('register.edit', { what: oneOf(entity.name) }) : t('register.new', { what: oneOf(entity.name) })} onClose={onClose} onSubmit={submit} footer={<>
      <button type="button" class="button" onClick={onClose}>{t('action.cancel')}</button>
      <button class="button primary" disabled={busy || (row !== null && !dirty.length)}>{t('action.save')}</button>
    </>}>
      <div class="form-grid">
        {fields.map((f) => <FieldInput key={f.name} f={f} row={form} error={fault(f)} onChange={(change) => setForm((now) => ({ ...now, ...change }))} />)}
        {datedChange && <Field label={t('register.effective')} id="f-effective" hint={t('register.effective_hint')}><DateInput id="f-effective" value={from} onChange={setFrom} /></Field>}
      </div>
      {error && !placed && <Problem error={error} />}
      {error && placed && error.errors.filter((e) => !fields.some((f) => f.name === e.place)).map((e, i) => <div key={i} class="notice error">{placeLabel(entity, e.place)}: {faultText(e)}</div>)}
    </Dialog>
  );
}

/** A field by its label; a fault of the whole row has none. */
function placeLabel(entity: Entity, place = ''): string {
  const f = entity.fields.find((x) => x.name === place);
  return f ? fieldLabel(f) : placeName(place);
}

interface ImportResult { rows: number; created: number; updated: number; dry_run: boolean; errors?: RowError[] }

function ImportDialog({ entity, onClose, onDone }: { entity: Entity; onClose: () => void; onDone: () => void }) {
  const [csv, setCsv] = useState('');
  const [name, setName] = useState('');
  const [result, setResult] = useState<ImportResult | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const writable = entity.fields.filter((f) => !f.read_only);
  const run = async (body: string, dry: boolean) => {
    setBusy(true);
    setError(null);
    setResult(null);
    try {
      const answer = await (await request('POST', `/api/registers/${entity.name}/import${dry ? '?dry_run=1' : ''}`, body)).json() as ImportResult;
      setResult(answer);
      if (!dry) { toast(t('import.done', { created: number(answer.created), updated: number(answer.updated) })); onDone(); onClose(); }
    } catch (e) { setError(e as ApiError); }
    setBusy(false);
  };
  const read = async (file: File | undefined) => {
    if (!file) return;
    const text = await file.text();
    setName(file.name);
    setCsv(text);
    await run(text, true);
  };
  return (
    <Dialog wide title={t('import.title', { what: entityName(entity.name).toLowerCase() })} onClose={onClose} onSubmit={() => result && void run(csv, false)} footer={<>
      <button type="button" class="button" onClick={onClose}>{t('action.cancel')}</button>
      <button class="button primary" disabled={busy || !result}>{result ? t('import.apply', { n: number(result.created + result.updated) }) : t('register.import')}</button>
    </>}>
      <p class="dim">{t('import.lead')}</p>
      <p class="small">{t('import.columns')} <code>{writable.map((f) => fieldLabel(f) + (f.required ? '*' : '')).join(', ')}</code></p>
      <div><label class="button"><Icon name="upload" />{name || t('import.choose')}<input class="sr" data-first type="file" accept=".csv,text/csv" onChange={(e) => void read(e.currentTarget.files?.[0])} /></label></div>
      {busy && <Lines count={2} />}
      {result && <div class="notice accent"><Icon name="check" />{t('import.good', { rows: number(result.rows), created: number(result.created), updated: number(result.updated) })}</div>}
      {error && (error.errors.length ? (
        <>
          <div class="notice error" role="alert"><Icon name="alert" />{t('import.bad', { n: number(error.errors.length) })}</div>
          <div class="table-wrap short"><table class="table"><thead><tr><th class="num">{t('import.row')}</th><th>{t('import.column')}</th><th>{t('import.value')}</th><th>{t('import.fault')}</th></tr></thead>
            <tbody>{error.errors.map((e, i) => <tr key={i}><td class="num">{e.row ?? '–'}</td><td class="mono small">{e.column ?? e.place}</td><td class="mono small">{e.value}</td><td>{faultText(e)}</td></tr>)}</tbody></table></div>
        </>
      ) : <Problem error={error} />)}
    </Dialog>
  );
}

interface HistoryRow { time: string; user: number | null; user_title: string | null; action: string; before: Record<string, unknown> | null; after: Record<string, unknown> | null }

function RowPage({ entity, id, onChanged }: { entity: Entity; id: string; onChanged: () => void }) {
  const { query } = useRoute();
  const tab = query.get('tab') ?? 'profile';
  const path = `/api/registers/${entity.name}/${encodeURIComponent(id)}`;
  const { data: row, error, reload, set } = useLoad<Row>(path);
  const title = row ? String(row[entity.title] ?? `#${row.id}`) : entityName(entity.name);
  useTitle(title);
  const alerts = useMay('alerts');
  const [editing, setEditing] = useState(false);
  const [ending, setEnding] = useState(false);
  useKeys('keys.registers', entity.writable ? [{ keys: 'i', help: 'register.edit_key', run: () => setEditing(true) }, { keys: 'u', help: 'keys.back', run: () => history.back() }] : [{ keys: 'u', help: 'keys.back', run: () => history.back() }]);
  if (!row) return <><PageHead title={title} />{error ? <Problem error={error} retry={reload} /> : <Lines count={8} />}</>;
  const agency = entity.name === 'agency';
  const short = String(row.short_name ?? row.code ?? '');
  const counts = (row.counts ?? {}) as Record<string, number>;
  const tabs = [
    { id: 'profile', label: t('register.profile'), href: withQuery({ tab: null }) },
    ...(agency ? [
      { id: 'network', label: entityName('network'), href: withQuery({ tab: 'network' }), count: counts.networks },
      { id: 'system', label: entityName('system'), href: withQuery({ tab: 'system' }), count: counts.systems },
      { id: 'contact', label: entityName('contact'), href: withQuery({ tab: 'contact' }), count: counts.contacts },
      ...(alerts ? [{ id: 'alerts', label: t('nav.alerts'), href: withQuery({ tab: 'alerts' }) }, { id: 'cases', label: t('nav.cases'), href: withQuery({ tab: 'cases' }), count: counts.open_incidents }] : []),
    ] : []),
    ...(entity.dated ? [{ id: 'versions', label: t('register.versions'), href: withQuery({ tab: 'versions' }) }] : []),
    { id: 'history', label: t('register.history'), href: withQuery({ tab: 'history' }) },
  ];
  const end = async () => {
    try { await del(`${path}?version=${row.version}`); toast(t('register.ended_done')); onChanged(); navigate(`/registers/${entity.name}`); } catch (e) { toastError(e); setEnding(false); }
  };
  return (
    <>
      <PageHead crumb={<><a href={`/registers/${entity.name}`}>{entityName(entity.name)}</a>{short && <><span>/</span><span>{short}</span></>}</>} title={<>{title}{row.ended && <> <Badge kind="solid">{t('register.ended')}</Badge></>}</>}
        lead={agency && row.parent ? <a href={`/registers/agency/${row.parent}`}>{String(row.parent_title ?? '')}</a> : undefined}>
        {entity.writable && !row.ended && <button class="button primary" onClick={() => setEditing(true)}><Icon name="edit" />{t('action.edit')}</button>}
        {entity.writable && !row.ended && <button class="button danger" onClick={() => setEnding(true)}>{t('register.end')}</button>}
      </PageHead>
      <Tabs current={tab} tabs={tabs} />
      {tab === 'profile' && (
        <Card>
          <dl class="facts wide-facts">
            {entity.fields.filter((f) => f.name !== 'sample' && (row[f.name] !== undefined || f.list)).map((f) => [<dt>{fieldLabel(f)}</dt>, <dd>{valueCell(f, row)}</dd>])}
            <dt>{t('col.updated')}</dt><dd><Moment at={row.updated} full /></dd>
          </dl>
        </Card>
      )}
      {agency && ['network', 'system', 'contact'].includes(tab) && <Related name={tab} agency={row} />}
      {agency && tab === 'alerts' && <AgencyAlerts agency={row.id} />}
      {agency && tab === 'cases' && <AgencyCases agency={row.id} />}
      {tab === 'versions' && <Versions path={path} />}
      {tab === 'history' && <History path={path} entity={entity} />}
      {editing && <FormDialog entity={entity} row={row} onClose={() => setEditing(false)} onDone={(saved) => { set({ ...row, ...saved }); setEditing(false); reload(); onChanged(); }} />}
      {ending && <Dialog title={t('register.end_title', { what: title })} onClose={() => setEnding(false)} onSubmit={end} footer={<><button type="button" class="button" onClick={() => setEnding(false)}>{t('action.cancel')}</button><button class="button danger">{t('register.end')}</button></>}><p>{t('register.end_lead')}</p></Dialog>}
    </>
  );
}

function Related({ name, agency }: { name: string; agency: Row }) {
  const info = useLoad<{ rows: Entity[] }>('/api/registers');
  const entity = info.data?.rows.find((e) => e.name === name);
  const link = entity?.fields.find((f) => f.type === 'ref' && f.target === 'agency')?.name ?? 'agency';
  const { data, error, reload } = useLoad<Rows<Row>>(entity ? url(`/api/registers/${name}`, { [link]: agency.id, limit: 200 }) : null);
  const [adding, setAdding] = useState(false);
  if (!entity || !data) return error ? <Problem error={error} retry={reload} /> : <Lines count={4} />;
  return (
    <Card title={entityName(name)} flush={data.rows.length > 0} actions={entity.writable && <button class="button small" onClick={() => setAdding(true)}><Icon name="plus" />{t('register.add')}</button>}>
      {data.rows.length ? <Table label={entityName(name)} rows={data.rows} columns={columnsOf(entity).filter((c) => c.id !== link)} id={(r) => r.id} href={(r) => `/registers/${name}/${r.id}`} keys />
        : <p class="dim">{t('register.empty', { what: oneOf(name) })}</p>}
      {adding && <FormDialog entity={entity} row={null} initial={{ [link]: agency.id, [`${link}_title`]: agency.name }} onClose={() => setAdding(false)} onDone={() => { setAdding(false); reload(); }} />}
    </Card>
  );
}

function AgencyAlerts({ agency }: { agency: number }) {
  const { data, error, reload } = useLoad<Rows<Group>>(url('/api/alerts', { agency, state: 'all', sort: 'last', limit: 50 }));
  if (!data) return error ? <Problem error={error} retry={reload} /> : <Lines count={4} />;
  return <Card title={t('nav.alerts')} flush={data.rows.length > 0} actions={<a class="small" href={`/inbox?agency=${agency}`}>{t('alerts.inbox')}</a>}>{data.rows.length ? <Table label={t('nav.alerts')} rows={data.rows} columns={GROUP_COLUMNS().filter((c) => c.id !== 'agency')} id={(g) => g.id} href={(g) => `/alert/${g.id}`} keys /> : <p class="dim">{t('host.no_alerts')}</p>}</Card>;
}
function AgencyCases({ agency }: { agency: number }) {
  const { data, error, reload } = useLoad<Rows<IncidentSummary>>(url('/api/incidents', { agency, state: 'all', limit: 50 }));
  if (!data) return error ? <Problem error={error} retry={reload} /> : <Lines count={4} />;
  return <Card title={t('nav.cases')} flush={data.rows.length > 0}>{data.rows.length ? <Table label={t('nav.cases')} rows={data.rows} columns={CASE_COLUMNS().filter((c) => c.id !== 'agency')} id={(i) => i.id} href={(i) => `/case/${i.id}`} keys /> : <p class="dim">{t('host.no_incidents')}</p>}</Card>;
}

function Versions({ path }: { path: string }) {
  const { data, error, reload } = useLoad<Rows<Record<string, unknown>>>(`${path}/versions`);
  if (!data) return error ? <Problem error={error} retry={reload} /> : <Lines count={4} />;
  return (
    <Card title={t('register.versions')} flush={data.rows.length > 0}>
      {data.rows.length ? <Table label={t('register.versions')} rows={data.rows} id={(r) => String(r.valid_from)} columns={[
        { id: 'from', head: t('field.valid_from'), cell: (r) => date(r.valid_from as string) || '–' },
        { id: 'to', head: t('field.valid_to'), cell: (r) => date(r.valid_to as string) || t('register.now') },
        { id: 'name', head: t('field.name'), phone: 'title', cell: (r) => <b>{String(r.name ?? '')}</b> },
        { id: 'short', head: t('field.short_name'), cell: (r) => String(r.short_name ?? '') },
        { id: 'parent', head: t('field.parent'), cell: (r) => String(r.parent_title ?? '–') },
        { id: 'doc', head: t('field.document'), cell: (r) => String(r.document ?? '–') },
      ]} /> : <p class="dim">{t('state.nothing')}</p>}
    </Card>
  );
}

function History({ path, entity }: { path: string; entity: Entity }) {
  const { data, error, reload } = useLoad<Rows<HistoryRow>>(`${path}/history`);
  if (!data) return error ? <Problem error={error} retry={reload} /> : <Lines count={4} />;
  const byName = new Map(entity.fields.map((f) => [f.name, f]));
  return (
    <Card title={t('register.history')}>
      {data.rows.length ? (
        <ol class="timeline">
          {data.rows.map((h, i) => {
            const names = [...new Set([...Object.keys(h.before ?? {}), ...Object.keys(h.after ?? {})])].filter((n) => byName.has(n) && JSON.stringify(h.before?.[n] ?? null) !== JSON.stringify(h.after?.[n] ?? null));
            return (
              <li key={i}><span class="timeline-icon"><Icon name={h.action === 'create' || h.action === 'import' ? 'plus' : h.action === 'end' ? 'close' : 'edit'} /></span>
                <div class="grow"><b>{tx('history', h.action)}</b> <span class="small faint">{h.user_title ?? t('case.system_itself')} · {dateTime(h.time, true)}</span>
                  {names.length > 0 && <dl class="diff">{names.map((n) => { const f = byName.get(n)!; return [<dt>{fieldLabel(f)}</dt>, <dd>{h.before && <del>{valueText(f, h.before) || '∅'}</del>} {h.after && <ins>{valueText(f, h.after) || '∅'}</ins>}</dd>]; })}</dl>}
                </div></li>
            );
          })}
        </ol>
      ) : <p class="dim">{t('register.no_history')}</p>}
    </Card>
  );
}

