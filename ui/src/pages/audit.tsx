// SPDX-License-Identifier: Apache-2.0
// The audit log: who did what, when; and the proof that nothing was changed or taken away.
import { useState } from 'preact/hooks';
import { get, useLoad } from '../lib/api';
import { signature } from '../lib/explain';
import { exact, number } from '../lib/format';
import { has, t, tx, type Key } from '../lib/i18n';
import { setQuery, url, useRoute } from '../lib/router';
import type { AuditRow, Rows } from '../lib/types';
import { DateInput } from '../components/date';
import { JsonView } from '../components/eve';
import { Icon } from '../components/icons';
import { CsvButton, Table, type Column } from '../components/table';
import { Empty, Lines, Moment, PageHead, Problem, toastError, useTitle } from '../components/ui';
import { SearchBox } from './inbox';

type AuditFault = 'broken' | 'cut' | 'replaced' | 'anchor_missing' | 'anchor_damaged';
const FAULTS: Record<AuditFault, Key> = {
  broken: 'audit.bad', cut: 'audit.cut', replaced: 'audit.replaced', anchor_missing: 'audit.anchor_missing', anchor_damaged: 'audit.anchor_damaged',
};

export default function Audit() {
  useTitle(t('nav.audit'));
  const { query } = useRoute();
  const path = url('/api/audit', { q: query.get('q'), user: query.get('user'), action: query.get('action'), from: query.get('from'), to: query.get('to'), limit: 100 });
  const { data, error, reload } = useLoad<Rows<AuditRow>>(path);
  const [extra, setExtra] = useState<{ path: string; rows: AuditRow[]; next: string | null }>({ path: '', rows: [], next: null });
  const [open, setOpen] = useState<string | number | null>(null);
  const [proof, setProof] = useState<{ ok: boolean; rows: number; first_bad: number | null; anchored: number; renewed: number | null; fault: AuditFault | null } | null>(null);
  const [busy, setBusy] = useState(false);
  const rows = [...(data?.rows ?? []), ...(extra.path === path ? extra.rows : [])];
  const next = extra.path === path ? extra.next : data?.next ?? null;
  const more = async () => { try { const page = await get<Rows<AuditRow>>(`${path}&cursor=${encodeURIComponent(next!)}`); setExtra({ path, rows: [...(extra.path === path ? extra.rows : []), ...page.rows], next: page.next }); } catch (e) { toastError(e); } };
  const verify = async () => { setBusy(true); try { setProof(await get('/api/audit/verify')); } catch (e) { toastError(e); } setBusy(false); };
  const columns: Column<AuditRow>[] = [
    { id: 'time', head: t('col.time'), text: (r) => exact(r.time), cell: (r) => <Moment at={r.time} full />, phone: 'bare' },
    { id: 'user', head: t('col.by'), text: (r) => r.user_title, cell: (r) => r.user ? <button class="linkish plain nowrap" onClick={() => setQuery({ user: r.user })}>{r.user_title}</button> : <span class="faint">{t('case.system_itself')}</span> },
    { id: 'action', head: t('audit.action'), phone: 'title', text: (r) => r.action, cell: (r) => <button class="linkish plain" onClick={() => setQuery({ action: r.action })}><b>{actionText(r.action)}</b></button> },
    { id: 'object', head: t('audit.object'), text: (r) => objectText(r), cell: (r) => r.object ? <span title={r.object_id ? `${r.object} ${r.object_id}` : undefined}><span class="dim">{tx('entity', r.object, { n: 1 })}</span>{titleOf(r) ? <> <ObjectLink row={r} /></> : null}</span> : '–' },
    { id: 'address', head: t('audit.address'), text: (r) => r.address, cell: (r) => <span class="mono small">{r.address ?? '–'}</span> },
    { id: 'hash', head: t('audit.hash'), text: (r) => r.hash, cell: (r) => <code class="small faint" title={r.hash}>{r.hash.slice(0, 12)}</code>, phone: 'hide' },
  ];
  const filtered = ['q', 'user', 'action', 'from', 'to'].some((n) => query.get(n));
  return (
    <>
      <PageHead title={t('nav.audit')} lead={t('audit.lead')}>
        <CsvButton name="nhat-ky" rows={rows} columns={columns} />
        <button class="button primary" disabled={busy} onClick={() => void verify()}><Icon name="audit" />{t('audit.verify')}</button>
      </PageHead>
      {proof && <div class={`notice ${proof.ok ? 'accent' : 'error'}`} role="status"><Icon name={proof.ok ? 'check' : 'alert'} />{proof.ok ? t('audit.good', { n: number(proof.rows) }) + (proof.renewed ? ` ${t('audit.renewed', { id: proof.renewed })}` : '') : t(FAULTS[proof.fault ?? 'broken'], { id: proof.first_bad ?? '?', to: proof.anchored })}</div>}
      <div class="toolbar"><SearchBox value={query.get('q') ?? ''} placeholder={t('audit.search')} onSearch={(q) => setQuery({ q })} />
        <div class="auto-date"><DateInput label={t('hunt.from')} hint={t('date.from_day')} value={(query.get('from') ?? '').slice(0, 10)} onChange={(day) => setQuery({ from: day ? `${day}T00:00:00+07:00` : null })} /></div>
        <div class="auto-date"><DateInput label={t('hunt.to')} hint={t('date.to_day')} value={(query.get('to') ?? '').slice(0, 10)} onChange={(day) => setQuery({ to: day ? `${day}T23:59:59+07:00` : null })} /></div>
        {filtered && <a class="button quiet small" href="/audit">{t('filter.clear')}</a>}</div>
      {error && <Problem error={error} retry={reload} />}
      <section class="card">{!data ? !error && <div class="card-body"><Lines count={8} /></div> : rows.length ? <Table label={t('nav.audit')} rows={rows} columns={columns} id={(r) => r.id} keys expanded={open} onOpen={(r) => setOpen(open === r.id ? null : r.id)} expand={(r) => <div class="stack tight"><code class="small hash">{r.hash}</code>{r.data && Object.keys(r.data).length > 0 && <JsonView value={r.data} />}</div>} more={next ? more : null} foot={<span>{t('hunt.loaded', { n: number(rows.length) })}</span>} /> : <Empty icon="audit" title={t('alerts.none_match')} />}</section>
    </>
  );
}

const titleOf = (r: AuditRow) => (r.object === 'alert' && r.object_title ? signature(r.object_title) : r.object === 'host' ? String((r.data as Record<string, unknown> | null)?.ip ?? '') : r.object_title);
const objectText = (r: AuditRow) => [r.object && tx('entity', r.object, { n: 1 }), titleOf(r) ?? r.object_id].filter(Boolean).join(' ');
const PAGES: Record<string, string> = { incident: '/case', alert: '/alert', report: '/report' };

function ObjectLink({ row }: { row: AuditRow }) {
  const register = row.object === 'user' || row.object === 'sensor' ? null : `/registers/${row.object}`;
  const page = PAGES[row.object ?? ''] ?? register;
  if (row.object === 'host') return <b class="mono small">{titleOf(row)}</b>;
  return page ? <a class="plain underline" href={`${page}/${row.object_id}`}>{titleOf(row)}</a> : <b>{titleOf(row)}</b>;
}

/** An action of a register is its verb and its entity. */
function actionText(action: string): string {
  const [entity = '', verb = ''] = action.split('.');
  if (has(`audit_action.${action}`)) return tx('audit_action', action);
  return has(`entity.${entity}`) && has(`history.${verb}`) ? `${tx('history', verb)}: ${tx('entity', entity, { n: 1 }).toLowerCase()}` : tx('audit_action', action);
}
