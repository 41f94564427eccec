// SPDX-License-Identifier: Apache-2.0
// From alert to incident: one dialog, filled in, that Enter confirms; and archiving with a reason.
import { useState } from 'preact/hooks';
import { post, useLoad } from '../lib/api';
import { explain, incidentType, signature } from '../lib/explain';
import { t, tx } from '../lib/i18n';
import { navigate } from '../lib/router';
import type { Group, Incident, IncidentSummary, Rows } from '../lib/types';
import { Ask, Dialog, Field, Problem, toast, toastError } from './ui';

export const TYPES = ['dos', 'phishing', 'malware', 'intrusion', 'defacement', 'ransomware', 'destruction', 'espionage', 'combined', 'other_attack', 'system_fault', 'operator_error', 'disaster'];
export const REASONS = ['false_positive', 'expected', 'handled', 'noise', 'other'] as const;

export function EscalateDialog({ groups, onClose, onDone }: { groups: Group[]; onClose: () => void; onDone: () => void }) {
  const first = groups[0]!;
  const said = explain(first);
  const [type, setType] = useState(incidentType(said.kind));
  const [severity, setSeverity] = useState<'ordinary' | 'serious'>('ordinary');
  const [title, setTitle] = useState(`${said.short}${first.agency_title ? ` – ${first.agency_title}` : ''}`);
  const [incident, setIncident] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const open = useLoad<Rows<IncidentSummary>>('/api/incidents?state=open&sort=updated&limit=50');
  const submit = async () => {
    setBusy(true);
    setError(null);
    try {
      let id: number;
      const body = incident ? { incident: Number(incident) } : { type, severity, title: title.trim() };
      const made = await post<{ incident: Incident }>(`/api/alerts/${first.id}/escalate`, body);
      id = made.incident.id;
      for (const other of groups.slice(1)) await post(`/api/alerts/${other.id}/escalate`, { incident: id });
      onDone();
      toast(t('alerts.escalated_to', { number: made.incident.number }), { action: { label: t('action.open'), run: () => navigate(`/case/${id}`) } });
      onClose();
      navigate(`/case/${id}`);
    } catch (e) {
      setError(e);
      setBusy(false);
    }
  };
  return (
    <Dialog title={t('alerts.escalate_title', { n: groups.length })} onClose={onClose} onSubmit={submit} footer={<>
      <button type="button" class="button" onClick={onClose}>{t('action.cancel')}</button>
      <button class="button primary" data-first disabled={busy || (!incident && !title.trim())}>{incident ? t('alerts.attach') : t('alerts.open_incident')}</button>
    </>}>
      <p class="dim">{said.what}</p>
      <Field label={t('alerts.into')} id="esc-into">
        <select id="esc-into" class="input" value={incident} onChange={(e) => setIncident(e.currentTarget.value)}>
          <option value="">{t('alerts.new_incident')}</option>
          {(open.data?.rows ?? []).map((i) => <option key={i.id} value={i.id}>{i.number} · {i.title}</option>)}
        </select>
      </Field>
      {!incident && <>
        <Field label={t('field.title')} id="esc-title" required><input id="esc-title" class="input" value={title} onInput={(e) => setTitle(e.currentTarget.value)} /></Field>
        <div class="form-grid">
          <Field label={t('field.type')} id="esc-type"><select id="esc-type" class="input" value={type} onChange={(e) => setType(e.currentTarget.value)}>{TYPES.map((x) => <option key={x} value={x}>{tx('incident_type', x)}</option>)}</select></Field>
          <Field label={t('field.severity')} id="esc-sev" hint={severity === 'serious' ? t('alerts.serious_hint') : t('alerts.ordinary_hint')}>
            <select id="esc-sev" class="input" value={severity} onChange={(e) => setSeverity(e.currentTarget.value as 'serious')}>
              <option value="ordinary">{t('incident_severity.ordinary')}</option><option value="serious">{t('incident_severity.serious')}</option>
            </select>
          </Field>
        </div>
        <p class="small dim">{first.agency_title ? t('alerts.goes_to', { agency: first.agency_title, system: first.system_title ?? t('alerts.no_system') }) : t('alerts.goes_nowhere')}</p>
      </>}
      {error !== null && <Problem error={error} />}
    </Dialog>
  );
}

export function ArchiveDialog({ groups, onClose, onDone }: { groups: Group[]; onClose: () => void; onDone: () => void }) {
  return (
    <Ask title={t('alerts.archive_title', { n: groups.length })} label={t('alerts.note')} action={t('action.archive')} onClose={onClose}
      options={REASONS.map((r) => ({ value: r, label: tx('archive_reason', r) }))}
      onDone={async (note, reason) => { await archive(groups, reason, note); onDone(); }} />
  );
}

export async function archive(groups: Group[], reason: string, note = ''): Promise<void> {
  const ids = groups.map((g) => g.id);
  await post('/api/alerts/bulk', { action: 'archive', ids, reason, note });
  toast(t('alerts.archived_n', { n: ids.length }));
}

/** Archives at once, with a way back. */
export async function archiveNow(groups: Group[], done: () => void): Promise<void> {
  const ids = groups.map((g) => g.id);
  try {
    await post('/api/alerts/bulk', { action: 'archive', ids, reason: 'handled', note: '' });
    done();
    toast(t('alerts.archived_n', { n: ids.length }), {
      action: { label: t('action.undo'), run: () => void post('/api/alerts/bulk', { action: 'unarchive', ids }).then(done, toastError) },
    });
  } catch (e) {
    toastError(e);
  }
}

/** "Why do I see this so often?": hide such alerts for a time, after a look at how many it would be. */
export function TuneDialog({ group, onClose, onDone }: { group: Group; onClose: () => void; onDone: () => void }) {
  const [scope, setScope] = useState('sid_src');
  const [days, setDays] = useState(30);
  const [reason, setReason] = useState<string>('expected');
  const [note, setNote] = useState('');
  const [matches, setMatches] = useState<number | null>(null);
  const [error, setError] = useState<unknown>(null);
  const ask = async (dry: boolean) => {
    setError(null);
    try {
      const r = await post<{ matches: number; filter: number | null }>(`/api/alerts/${group.id}/filter`, { scope, days, reason, note, dry_run: dry });
      if (dry) { setMatches(r.matches); return; }
      toast(t('tune.done', { n: r.matches }));
      onDone();
      onClose();
    } catch (e) { setError(e); }
  };
  const touched = () => setMatches(null);
  return (
    <Dialog title={t('tune.title')} onClose={onClose} onSubmit={() => void ask(matches === null)} footer={<>
      <button type="button" class="button" onClick={onClose}>{t('action.cancel')}</button>
      <button class="button primary">{matches === null ? t('tune.preview') : t('tune.apply', { n: matches })}</button>
    </>}>
      <p class="dim">{t('tune.lead', { signature: signature(group.signature) })}</p>
      <Field label={t('tune.scope')} id="tune-scope">
        <select id="tune-scope" class="input" value={scope} onChange={(e) => { setScope(e.currentTarget.value); touched(); }}>
          <option value="sid_src">{t('tune.sid_src', { ip: group.src_ip })}</option>
          <option value="sid_dest">{t('tune.sid_dest', { ip: group.dest_ip })}</option>
          {group.agency !== null && <option value="sid_agency">{t('tune.sid_agency', { agency: group.agency_title ?? '' })}</option>}
          <option value="sid">{t('tune.sid')}</option>
        </select>
      </Field>
      <div class="form-grid">
        <Field label={t('tune.days')} id="tune-days"><select id="tune-days" class="input" value={days} onChange={(e) => { setDays(Number(e.currentTarget.value)); touched(); }}>{[1, 7, 30, 90].map((d) => <option key={d} value={d}>{t('span.days', { n: d })}</option>)}</select></Field>
        <Field label={t('alerts.reason')} id="tune-reason"><select id="tune-reason" class="input" value={reason} onChange={(e) => setReason(e.currentTarget.value)}>{REASONS.map((r) => <option key={r} value={r}>{tx('archive_reason', r)}</option>)}</select></Field>
      </div>
      <Field label={t('alerts.note')} id="tune-note"><input id="tune-note" class="input" value={note} onInput={(e) => setNote(e.currentTarget.value)} /></Field>
      {matches !== null && <div class="notice accent">{t('tune.matches', { n: matches })}</div>}
      {error !== null && <Problem error={error} />}
    </Dialog>
  );
}
