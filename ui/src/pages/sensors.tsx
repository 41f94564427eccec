// SPDX-License-Identifier: Apache-2.0
// Sensors: the grid of how each one does, enrolment by a one-time code, revocation.
import { useCallback, useState } from 'preact/hooks';
import { post, useLoad } from '../lib/api';
import { ago, bytes, date, dateTime, number } from '../lib/format';
import { t, tx } from '../lib/i18n';
import { setQuery, useRoute } from '../lib/router';
import { useMay } from '../lib/session';
import { useStream } from '../lib/stream';
import type { Rows, Sensor } from '../lib/types';
import { RefInput } from '../components/register';
import { Icon } from '../components/icons';
import { CsvButton, Table, type Column } from '../components/table';
import { Badge, Dialog, Due, Empty, Field, Lines, Menu, PageHead, Problem, toast, toastError, useNow, useTitle } from '../components/ui';

const DOT: Record<string, string> = { ok: '', late: 'warn', silent: 'bad', new: 'off', revoked: 'off' };

export default function Sensors() {
  useTitle(t('nav.sensors'));
  const { query } = useRoute();
  const { data, error, reload } = useLoad<Rows<Sensor>>('/api/sensors');
  useStream(['sensor'], useCallback(() => reload(), [reload]));
  const write = useMay('sensors_write');
  const now = useNow();
  const [code, setCode] = useState<Enrolled | null>(null);
  const [revoking, setRevoking] = useState<Sensor | null>(null);
  const [open, setOpen] = useState<string | number | null>(null);
  const rows = data?.rows ?? [];
  const bad = rows.filter((s) => s.health === 'late' || s.health === 'silent').length;
  const newCode = async (s: Sensor) => { try { setCode(await post<Enrolled>(`/api/sensors/${s.id}/code`)); } catch (e) { toastError(e); } };
  const columns: Column<Sensor>[] = [
    { id: 'name', head: t('field.name'), phone: 'title', text: (s) => s.name, cell: (s) => <span class="row"><i class={`dot ${DOT[s.health] ?? ''}`} /><b>{s.name}</b></span> },
    { id: 'health', head: t('field.state'), text: (s) => tx('health', s.health), cell: (s) => <Badge kind={s.health === 'silent' ? 'gold' : s.health === 'ok' ? 'accent' : ''}>{tx('health', s.health)}</Badge> },
    { id: 'agency', head: t('col.agency'), text: (s) => s.agency_title ?? '', cell: (s) => s.agency ? <a class="plain" href={`/registers/agency/${s.agency}`}>{s.agency_title}</a> : '–' },
    { id: 'seen', head: t('sensors.seen'), text: (s) => dateTime(s.last_seen), cell: (s) => s.last_seen ? <span title={dateTime(s.last_seen, true)}>{ago(s.last_seen, now)}</span> : t('sensors.never') },
    { id: 'rate', head: t('sensors.rate'), class: 'num', text: (s) => s.events_per_s, cell: (s) => s.events_per_s === null ? '–' : number(s.events_per_s, 1) },
    { id: 'backlog', head: t('sensors.backlog'), class: 'num', text: (s) => s.backlog_bytes, cell: (s) => bytes(s.backlog_bytes) },
    { id: 'lost', head: t('sensors.lost'), class: 'num', text: (s) => s.lost, cell: (s) => <span class={s.lost ? 'gold strong' : ''}>{s.lost === null ? '–' : number(s.lost)}</span> },
    { id: 'clock', head: t('sensors.clock'), class: 'num', text: (s) => s.clock_offset_ms, cell: (s) => s.clock_offset_ms === null ? '–' : <span class={Math.abs(s.clock_offset_ms) > 1000 ? 'gold strong' : ''}>{number(s.clock_offset_ms)} ms</span> },
    { id: 'cert', head: t('sensors.certificate'), text: (s) => date(s.certificate_until), cell: (s) => s.certificate_until ? date(s.certificate_until) : '–' },
    { id: 'software', head: t('sensors.software'), text: (s) => s.software, cell: (s) => <span class="small">{s.software ?? '–'}</span> },
    ...(write ? [{ id: 'menu', head: '', class: 'num menu-cell', phone: 'bare' as const, cell: (s: Sensor) => (
      <Menu button="button quiet small icon-only" aria={t('action.menu')} label={<Icon name="dots" />} items={[
        { label: t('sensors.new_code'), icon: 'key', run: () => void newCode(s) },
        s.state !== 'revoked' && { label: t('sensors.revoke'), icon: 'close', run: () => setRevoking(s) },
      ]} />) }] : []),
  ];
  return (
    <>
      <PageHead title={!data ? t('nav.sensors') : !rows.length ? t('nav.sensors') : bad ? t('sensors.some_bad', { n: bad, total: rows.length }) : t('sensors.all_good', { n: rows.length })} lead={t('sensors.lead')}>
        <CsvButton name="cam-bien" rows={rows} columns={columns} />
        {write && <button class="button primary" onClick={() => setQuery({ new: 1 })}><Icon name="plus" />{t('sensors.enrol')}</button>}
      </PageHead>
      {error && <Problem error={error} retry={reload} />}
      <section class="card">
        {!data ? !error && <div class="card-body"><Lines count={5} /></div> : rows.length
          ? <Table label={t('nav.sensors')} rows={rows} columns={columns} id={(s) => s.id} keys expanded={open} onOpen={(s) => setOpen(open === s.id ? null : s.id)}
            expand={(s) => s.counters && Object.keys(s.counters).length ? <dl class="facts mono-values counters">{Object.entries(s.counters).map(([k, v]) => [<dt class="mono small">{k}</dt>, <dd class="mono small">{number(v)}</dd>])}</dl> : <p class="dim">{t('sensors.no_counters')}</p>} />
          : <Empty icon="sensor" title={t('sensors.none')}><p>{t('sensors.none_hint')}</p>{write && <button class="button primary" onClick={() => setQuery({ new: 1 })}>{t('sensors.enrol')}</button>}</Empty>}
      </section>
      {query.get('new') && write && <Enrol onClose={() => setQuery({ new: null }, true)} onDone={(made) => { setQuery({ new: null }, true); setCode(made); reload(); }} />}
      {code && <CodeDialog made={code} onClose={() => setCode(null)} />}
      {revoking && <Dialog title={t('sensors.revoke_title', { name: revoking.name })} onClose={() => setRevoking(null)} onSubmit={async () => { try { await post(`/api/sensors/${revoking.id}/revoke`); reload(); } catch (e) { toastError(e); } setRevoking(null); }} footer={<><button type="button" class="button" onClick={() => setRevoking(null)}>{t('action.cancel')}</button><button class="button danger">{t('sensors.revoke')}</button></>}><p>{t('sensors.revoke_lead')}</p></Dialog>}
    </>
  );
}

interface Enrolled { sensor?: Sensor; code: string; expires: string; command: string }

function Enrol({ onClose, onDone }: { onClose: () => void; onDone: (made: Enrolled) => void }) {
  const [name, setName] = useState('');
  const [agency, setAgency] = useState<{ id: number | null; title: string }>({ id: null, title: '' });
  const [place, setPlace] = useState('');
  const [error, setError] = useState<unknown>(null);
  const submit = async () => { try { onDone(await post<Enrolled>('/api/sensors', { name: name.trim(), agency: agency.id, place: place.trim() })); } catch (e) { setError(e); } };
  return (
    <Dialog title={t('sensors.enrol')} onClose={onClose} onSubmit={submit} footer={<><button type="button" class="button" onClick={onClose}>{t('action.cancel')}</button><button class="button primary" disabled={!name.trim()}>{t('sensors.make_code')}</button></>}>
      <Field label={t('field.name')} id="n-name" hint={t('sensors.name_hint')} required><input id="n-name" class="input" spellcheck={false} value={name} onInput={(e) => setName(e.currentTarget.value)} /></Field>
      <Field label={t('col.agency')} id="n-agency"><RefInput id="n-agency" target="agency" value={agency.id} title={agency.title} onChange={(id, title) => setAgency({ id, title })} /></Field>
      <Field label={t('sensors.place')} id="n-place"><input id="n-place" class="input" value={place} onInput={(e) => setPlace(e.currentTarget.value)} /></Field>
      {error !== null && <Problem error={error} />}
    </Dialog>
  );
}

function CodeDialog({ made, onClose }: { made: Enrolled; onClose: () => void }) {
  return (
    <Dialog title={t('sensors.code_title')} onClose={onClose} footer={<button type="button" class="button primary" data-first onClick={onClose}>{t('action.close')}</button>}>
      <p>{t('sensors.code_lead')}</p>
      <p class="onetime mono">{made.code}</p>
      {made.command && <><p class="small dim">{t('sensors.run_there')}</p><pre class="json">{made.command}</pre><div><button type="button" class="button small" onClick={() => void navigator.clipboard?.writeText(made.command).then(() => toast(t('action.copied')))}>{t('pick.copy')}</button></div></>}
      <p class="small dim row">{t('sensors.code_expires')} <Due at={made.expires} /></p>
    </Dialog>
  );
}
