// SPDX-License-Identifier: Apache-2.0
// One incident: the clock and the next step on top, then what was done, what is to do, who says what, what proves it.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, patch, post, request, useLoad } from '../lib/api';
import { signature } from '../lib/explain';
import { bytes, dateTime } from '../lib/format';
import { lang, t, tx } from '../lib/i18n';
import { useKeys } from '../lib/keys';
import { setQuery, useRoute, withQuery } from '../lib/router';
import { useMay, useSession } from '../lib/session';
import { useStream } from '../lib/stream';
import type { Closing, Incident, LegalClock, Missing, NextState, Task, TimelineEntry } from '../lib/types';
import { MomentInput } from '../components/date';
import { TYPES } from '../components/escalate';
import { Icon, type IconName } from '../components/icons';
import { Table } from '../components/table';
import { Ask, Badge, Card, Dialog, Due, Empty, Field, Lines, Menu, Moment, PageHead, placeName, Problem, Tabs, toast, toastError, useTitle } from '../components/ui';
import { GROUP_COLUMNS } from './inbox';

const STAGES = ['detected', 'acknowledged', 'verified', 'first_response', 'contained', 'eradicated', 'recovered', 'tested', 'reporting', 'closed'];
const CHANNELS = ['system', 'letter', 'email', 'phone', 'fax'];

export function taskTitle(task: { title_vi: string; title_en: string }): string {
  return lang() === 'vi' ? task.title_vi : task.title_en || task.title_vi;
}

export default function Case({ parts }: { parts: string[] }) {
  const id = parts[1] ?? '';
  const { query } = useRoute();
  const tab = query.get('tab') ?? 'timeline';
  const { data: c, error, reload, set } = useLoad<Incident>(`/api/incidents/${encodeURIComponent(id)}`);
  useStream(['incident'], useCallback(() => reload(), [reload]));
  const handle = useMay('handle'), talk = useMay('talk');
  const { session } = useSession();
  const contact = session.user.role === 'contact';
  const [dialog, setDialog] = useState<{ kind: 'state'; next: NextState } | { kind: 'note' } | { kind: 'edit' } | { kind: 'sent'; clock: LegalClock } | null>(null);
  useTitle(c ? `${c.number} ${c.title}` : t('nav.cases'));
  useEffect(() => { if (c && c.unread > 0 && tab === 'talk') void post(`/api/incidents/${c.id}/read`).then(reload, () => undefined); }, [tab, c?.unread]);
  const primary = c?.next.find((n) => n.primary) ?? c?.next[0];
  useKeys('keys.case', [
    { keys: 'n', help: 'keys.next_step', run: () => primary && (handle || primary.allowed) && setDialog({ kind: 'state', next: primary }) },
    { keys: 'm', help: 'keys.message', run: () => setQuery({ tab: 'talk' }) },
    { keys: 'u', help: 'keys.back', run: () => history.back() },
    ...['timeline', 'tasks', 'talk', 'evidence', 'alerts', 'notices', 'closing'].map((x, i) => ({ keys: String(i + 1), help: `case.tab_${x}` as 'case.tab_timeline', run: () => setQuery({ tab: x }) })),
  ]);
  if (!c) return <><PageHead title={t('nav.cases')} />{error ? <Problem error={error} retry={reload} /> : <Lines count={9} />}</>;
  const done = c.state === 'closed' || c.state === 'rejected';
  const running = c.clocks.filter((k) => k.state === 'running' || k.state === 'overdue').sort((a, b) => (a.due < b.due ? -1 : 1));
  const at = STAGES.indexOf(c.state);
  const act = async (run: () => Promise<unknown>, said?: string) => {
    try { await run(); if (said) toast(said); reload(); } catch (e) { toastError(e); }
  };
  const openTasks = c.tasks.filter((x) => !x.done).length;
  return (
    <>
      <PageHead crumb={<><a href="/cases">{t('nav.cases')}</a><span>/</span><span>{c.number}</span></>} title={c.title}
        lead={<span class="dots"><span><span><Badge kind={done ? 'solid' : 'accent'}>{tx('state', c.state)}</Badge></span><span>{tx('incident_type', c.type)}</span>
          <span class={c.severity === 'serious' ? 'strong' : ''}>{tx('incident_severity', c.severity)}</span>{c.agency && <a href={`/registers/agency/${c.agency}`}>{c.agency_title}</a>}</span></span>}>
        {primary && !done && (handle || primary.allowed) && (
          <button class="button primary" onClick={() => setDialog({ kind: 'state', next: primary })}>{tx('next', primary.state)}<Icon name="right" /></button>
        )}
        {handle && !done && <Menu button="button icon-only" aria={t('action.menu')} label={<Icon name="dots" />} items={[
          ...c.next.filter((n) => n !== primary).map((n) => ({ label: tx('next', n.state), icon: 'right' as IconName, run: () => setDialog({ kind: 'state', next: n }) })),
          { label: t('case.add_note'), icon: 'edit', run: () => setDialog({ kind: 'note' }), rule: true },
          { label: t('case.edit'), icon: 'edit', run: () => setDialog({ kind: 'edit' }) },
        ]} />}
      </PageHead>
      {error && <Problem error={error} retry={reload} />}

      <section class={`casehead card ${running[0] && (running[0].state === 'overdue') ? 'late' : ''}`}>
        <div class="casehead-clock">
          {running[0] ? (<>
            <span class="small dim">{tx('clock', running[0].kind)}</span>
            <span class="bigclock"><Due at={running[0].due} from={running[0].started} late={running[0].state === 'overdue'} icon={false} /></span>
            <span class="small dim">{t('case.to_before', { recipient: running[0].recipient || t('case.no_recipient'), time: dateTime(running[0].due) })}</span>
            {handle && <button class="button small" onClick={() => setDialog({ kind: 'sent', clock: running[0]! })}><Icon name="send" />{t('case.mark_sent')}</button>}
          </>) : <><span class="bigclock quiet">{done ? tx('state', c.state) : t('case.no_clock_running')}</span><span class="small dim">{done && c.closing.ended ? dateTime(c.closing.ended) : t('case.clocks_met')}</span></>}
        </div>
        <ol class="stages" aria-label={t('field.state')}>
          {STAGES.map((s, i) => <li key={s} class={i < at ? 'past' : i === at ? 'now' : ''} aria-current={i === at ? 'step' : undefined}><i />{tx('stage', s)}</li>)}
        </ol>
      </section>

      <Tabs current={tab} tabs={[
        { id: 'timeline', label: t('case.tab_timeline'), href: withQuery({ tab: null }) },
        { id: 'tasks', label: t('case.tab_tasks'), href: withQuery({ tab: 'tasks' }), count: openTasks },
        { id: 'talk', label: t('case.tab_talk'), href: withQuery({ tab: 'talk' }), count: c.messages.length },
        { id: 'evidence', label: t('case.tab_evidence'), href: withQuery({ tab: 'evidence' }), count: c.evidence.length },
        { id: 'alerts', label: t('case.tab_alerts'), href: withQuery({ tab: 'alerts' }), count: c.alerts.length },
        { id: 'notices', label: t('case.tab_notices'), href: withQuery({ tab: 'notices' }), count: c.clocks.length },
        { id: 'closing', label: t('case.tab_closing'), href: withQuery({ tab: 'closing' }) },
      ]} />
      <div class="two">
        <div class="stack">
          {tab === 'timeline' && <Card title={t('case.tab_timeline')} actions={handle && !done && <button class="button small" onClick={() => setDialog({ kind: 'note' })}><Icon name="plus" />{t('case.add_note')}</button>}><Timeline c={c} /></Card>}
          {tab === 'tasks' && <Tasks c={c} handle={handle} contact={contact} done={done} reload={reload} act={act} />}
          {tab === 'talk' && <Talk c={c} talk={talk && !done} contact={contact} reload={reload} />}
          {tab === 'evidence' && <EvidenceTab c={c} may={talk && !done} reload={reload} />}
          {tab === 'alerts' && <Card title={t('case.tab_alerts')} flush={c.alerts.length > 0}>{c.alerts.length ? <Table label={t('case.tab_alerts')} rows={c.alerts} columns={GROUP_COLUMNS()} id={(g) => g.id} href={(g) => `/alert/${g.id}`} /> : <p class="dim">{t('case.no_alerts')}</p>}</Card>}
          {tab === 'notices' && <Notices c={c} handle={handle} onSent={(clock) => setDialog({ kind: 'sent', clock })} act={act} />}
          {tab === 'closing' && <ClosingForm c={c} may={handle && !done} onSaved={set} />}
        </div>
        <aside class="stack">
          <Card title={t('case.facts')}>
            <dl class="facts">
              <dt>{t('col.system')}</dt><dd>{c.system ? <a href={`/registers/system/${c.system}`}>{c.system_title}</a> : '–'}{c.level ? <span class="small dim block">{t('level.n', { n: c.level })}</span> : null}</dd>
              <dt>{t('field.addresses')}</dt><dd>{c.addresses ? c.addresses.split(/[,\s]+/).filter(Boolean).map((ip, i) => <>{i > 0 && ', '}<a class="mono" href={`/host/${encodeURIComponent(ip)}`}>{ip}</a></>) : '–'}</dd>
              <dt>{t('field.detected')}</dt><dd><Moment at={c.detected} full /></dd>
              <dt>{t('field.assignee')}</dt><dd>{c.assignee_title ?? <span class="dim">{t('cases.nobody')}</span>}{handle && !done && c.assignee !== session.user.id && <> · <button class="linkish small" onClick={() => act(() => patch(`/api/incidents/${c.id}`, { version: c.version, assignee: session.user.id }))}>{t('case.take')}</button></>}</dd>
              <dt>{t('field.source')}</dt><dd>{tx('incident_source', c.source)}{c.reporter_title && <span class="dim"> · {c.reporter_title}</span>}</dd>
              <dt>{t('field.personal_data')}</dt><dd>{c.personal_data ? t('yes') : t('no')}</dd>
              <dt>{t('field.regime')}</dt><dd>{tx('regime', c.regime)}</dd>
            </dl>
            {c.summary && <p class="pre summary">{c.summary}</p>}
          </Card>
          <Card title={t('case.contacts')}>
            {c.contacts.length ? <ul class="stack tight">{c.contacts.map((k) => (
              <li key={k.id}><b>{k.person}</b> <span class="faint small">{tx('contact.role', k.role)}</span>
                <div class="row wrap small">{k.phone && <a class="row" href={`tel:${k.phone.replace(/\s/g, '')}`}><Icon name="phone" />{k.phone}</a>}{k.email && <a class="row" href={`mailto:${k.email}`}><Icon name="mail" />{k.email}</a>}</div></li>
            ))}</ul> : <p class="dim">{t('case.no_contacts')}</p>}
          </Card>
          <Card title={t('case.tab_notices')}>
            <ul class="stack tight">
              {c.clocks.map((k) => (
                <li key={k.id} class="row between top"><span class="grow">{tx('clock', k.kind)}</span><ClockState clock={k} /></li>
              ))}
              {!c.clocks.length && <li class="dim">{t('case.no_clocks')}</li>}
            </ul>
          </Card>
        </aside>
      </div>
      {dialog?.kind === 'state' && <StateDialog c={c} next={c.next.find((n) => n.state === dialog.next.state) ?? dialog.next} onClose={() => setDialog(null)} onDone={(fresh) => { set(fresh); toast(t('case.moved', { state: tx('state', fresh.state) })); }} />}
      {dialog?.kind === 'note' && <Ask title={t('case.add_note')} label={t('case.note')} action={t('action.save')} required onClose={() => setDialog(null)} onDone={async (text) => { await post(`/api/incidents/${c.id}/notes`, { text }); reload(); }} />}
      {dialog?.kind === 'edit' && <EditDialog c={c} onClose={() => setDialog(null)} onDone={set} />}
      {dialog?.kind === 'sent' && <SentDialog c={c} clock={dialog.clock} onClose={() => setDialog(null)} onDone={reload} />}
    </>
  );
}

function ClockState({ clock }: { clock: LegalClock }) {
  switch (clock.state) {
    case 'met': return <Badge kind="solid" icon="check">{t('clock_state.met')}</Badge>;
    case 'late': return <Badge>{t('clock_state.late')}</Badge>;
    case 'not_needed': return <span class="faint small">{t('clock_state.not_needed')}</span>;
    default: return <Due at={clock.due} from={clock.started} late={clock.state === 'overdue'} />;
  }
}

const KIND_ICON: Record<string, IconName> = { created: 'flag', state: 'right', alert: 'alert', note: 'edit', task: 'check', message: 'mail', evidence: 'file', notice: 'send', change: 'history', reminder: 'clock' };

function timelineText(e: TimelineEntry, c: Incident): string {
  const d = e.data ?? {};
  switch (e.kind) {
    case 'state': return typeof d.to === 'string' ? t('timeline.state', { to: tx('state', d.to) }) + (e.text ? ` – ${e.text}` : '') : e.text;
    case 'task': {
      const known = c.tasks.find((x) => x.id === d.task);
      const task = known ? taskTitle(known) : e.text;
      return t(d.help ? 'timeline.help' : d.done === true ? 'timeline.done' : d.done === false ? 'timeline.undone' : 'timeline.task', { task });
    }
    case 'notice': return t('timeline.notice', { what: tx('clock', e.text) });
    case 'change': return t('timeline.change', { what: e.text.split(/[,\s]+/).filter(Boolean).map(placeName).join(', ').toLowerCase() });
    case 'reminder': return t(d.percent === 100 ? 'timeline.reminder_over' : 'timeline.reminder', { what: tx('clock', e.text), percent: String(d.percent ?? '') });
    case 'created': return t('timeline.created', { title: e.text });
    case 'alert': return signature(e.text);
    default: return e.text || tx('timeline_kind', e.kind);
  }
}

function Timeline({ c }: { c: Incident }) {
  const rows = c.timeline;
  if (!rows.length) return <p class="dim">{t('state.nothing')}</p>;
  return (
    <ol class="timeline">
      {[...rows].sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : b.id - a.id)).map((e) => (
        <li key={e.id}>
          <span class="timeline-icon"><Icon name={KIND_ICON[e.kind] ?? 'info'} /></span>
          <div class="grow"><div class="pre">{timelineText(e, c)}</div><div class="small faint"><Moment at={e.time} full /> · {e.user_title ?? t('case.system_itself')} · {tx('timeline_kind', e.kind)}</div></div>
        </li>
      ))}
    </ol>
  );
}

function Tasks({ c, handle, contact, done, reload, act }: { c: Incident; handle: boolean; contact: boolean; done: boolean; reload: () => void; act: (run: () => Promise<unknown>, said?: string) => Promise<void> }) {
  const [adding, setAdding] = useState(false);
  const [asking, setAsking] = useState<{ task: Task; help: boolean } | null>(null);
  const mine = (task: Task) => !done && (handle || (contact && task.for_contact));
  const groups = [...new Set(c.tasks.map((x) => x.state_for ?? ''))];
  return (
    <Card title={t('case.tab_tasks')} actions={handle && !done && <button class="button small" onClick={() => setAdding(true)}><Icon name="plus" />{t('case.add_task')}</button>}>
      {c.tasks.length ? groups.map((g) => (
        <section key={g} class="taskgroup">
          {g && <h3 class="small faint">{tx('stage', g)}</h3>}
          <ul>
            {c.tasks.filter((x) => (x.state_for ?? '') === g).map((task) => (
              <li key={task.id} class={`task ${task.done ? 'done' : ''}`}>
                <label class="check">
                  <input type="checkbox" checked={Boolean(task.done)} disabled={!mine(task)} onChange={(e) => {
                    if (e.currentTarget.checked && contact) { e.currentTarget.checked = false; setAsking({ task, help: false }); }
                    else void act(() => post(`/api/incidents/${c.id}/tasks/${task.id}`, { done: e.currentTarget.checked }));
                  }} />
                  <span>{taskTitle(task)}{task.required && !task.done && <span class="faint small"> · {t('case.required')}</span>}</span>
                </label>
                <div class="task-side small faint">
                  {task.for_contact && <Badge>{t('case.for_contact')}</Badge>}
                  {task.help && !task.done && <Badge kind="gold">{t('case.help_asked')}</Badge>}
                  {task.done ? <span>{task.done_by_title} · <Moment at={task.done} /></span> : task.due && <Due at={task.due} />}
                  {mine(task) && !task.done && contact && <button class="button small" onClick={() => setAsking({ task, help: true })}>{t('work.help')}</button>}
                </div>
                {task.note && <div class="small dim task-note pre">{task.note}</div>}
              </li>
            ))}
          </ul>
        </section>
      )) : <p class="dim">{t('case.no_tasks')}</p>}
      {adding && <AddTask c={c} onClose={() => setAdding(false)} onDone={reload} />}
      {asking && <Ask title={taskTitle(asking.task)} label={asking.help ? t('work.help_label') : t('work.done_label')} action={asking.help ? t('work.help') : t('work.done')} required={asking.help} onClose={() => setAsking(null)}
        onDone={async (note) => { await post(`/api/incidents/${c.id}/tasks/${asking.task.id}`, asking.help ? { help: true, note } : { done: true, note }); reload(); }} />}
    </Card>
  );
}

function AddTask({ c, onClose, onDone }: { c: Incident; onClose: () => void; onDone: () => void }) {
  const [text, setText] = useState('');
  const [forContact, setFor] = useState(true);
  const [due, setDue] = useState('');
  const [error, setError] = useState<unknown>(null);
  const submit = async () => {
    try {
      await post(`/api/incidents/${c.id}/tasks`, { title_vi: text.trim(), title_en: text.trim(), for_contact: forContact, due: due || null });
      onDone();
      onClose();
    } catch (e) { setError(e); }
  };
  return (
    <Dialog title={t('case.add_task')} onClose={onClose} onSubmit={submit} footer={<><button type="button" class="button" onClick={onClose}>{t('action.cancel')}</button><button class="button primary" disabled={!text.trim()}>{t('case.add_task')}</button></>}>
      <Field label={t('case.task_text')} id="t-text" required><input id="t-text" class="input" value={text} onInput={(e) => setText(e.currentTarget.value)} /></Field>
      <Field label={t('field.due')} id="t-due"><MomentInput id="t-due" value={due} onChange={setDue} /></Field>
      <label class="check"><input type="checkbox" checked={forContact} onChange={(e) => setFor(e.currentTarget.checked)} /><span>{t('case.task_for_contact')}</span></label>
      {error !== null && <Problem error={error} />}
    </Dialog>
  );
}

function Talk({ c, talk, contact, reload }: { c: Incident; talk: boolean; contact: boolean; reload: () => void }) {
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => end.current?.scrollIntoView({ block: 'nearest' }), [c.messages.length]);
  const send = async () => {
    if (!text.trim() || busy) return;
    setBusy(true);
    try { await post(`/api/incidents/${c.id}/messages`, { text: text.trim() }); setText(''); reload(); } catch (e) { toastError(e); }
    setBusy(false);
  };
  return (
    <Card title={contact ? t('case.talk_with_center') : t('case.talk_with', { agency: c.agency_title ?? '' })}>
      {c.messages.length ? (
        <ol class="talk">
          {c.messages.map((m) => (
            <li key={m.id} class={m.from_contact === contact ? 'own' : ''}><div class="bubble pre">{m.text}</div><div class="small faint">{m.user_title} · <Moment at={m.time} /></div></li>
          ))}
        </ol>
      ) : <p class="dim">{contact ? t('case.no_messages_contact') : t('case.no_messages')}</p>}
      <div ref={end} />
      {talk && (
        <form class="talk-form" onSubmit={(e) => { e.preventDefault(); void send(); }}>
          <textarea class="input" data-search aria-label={t('case.message')} rows={2} placeholder={matchMedia('(hover: hover)').matches ? t('case.message_hint') : t('case.message_write')} value={text} onInput={(e) => setText(e.currentTarget.value)} />
          <button class="button primary" disabled={busy || !text.trim()}><Icon name="send" />{t('case.send')}</button>
        </form>
      )}
    </Card>
  );
}

const EVIDENCE_MAX = 32 * 1024 * 1024;

async function sha256(file: File): Promise<string> {
  if (!crypto.subtle) return '';
  const digest = await crypto.subtle.digest('SHA-256', await file.arrayBuffer());
  return [...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, '0')).join('');
}

function EvidenceTab({ c, may, reload }: { c: Incident; may: boolean; reload: () => void }) {
  const [note, setNote] = useState('');
  const [busy, setBusy] = useState('');
  const [over, setOver] = useState(false);
  const send = async (files: FileList | null) => {
    for (const file of files ?? []) {
      if (file.size > EVIDENCE_MAX) { toastError(new ApiError(413, 'too_large', '', file.name)); continue; }
      setBusy(file.name);
      try {
        const own = await sha256(file);
        const response = await request('POST', `/api/incidents/${c.id}/evidence?name=${encodeURIComponent(file.name)}&note=${encodeURIComponent(note)}`, file.type ? file : new Blob([file], { type: 'application/octet-stream' }));
        const stored = await response.json() as { sha256: string };
        // What the centre stored must be what was read here.
        if (own && stored.sha256 !== own) toast(t('case.hash_differs', { name: file.name }), { error: true });
        else toast(t('case.evidence_stored', { name: file.name }));
      } catch (e) { toastError(e); }
    }
    setBusy('');
    setNote('');
    reload();
  };
  return (
    <Card title={t('case.tab_evidence')} flush>
      {may && (
        <div class={`drop ${over ? 'over' : ''}`} onDragOver={(e) => { e.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)}
          onDrop={(e) => { e.preventDefault(); setOver(false); void send(e.dataTransfer?.files ?? null); }}>
          <p class="dim small">{t('case.evidence_lead')}</p>
          <div class="row wrap">
            <input class="input small grow" aria-label={t('case.evidence_note')} placeholder={t('case.evidence_note')} value={note} onInput={(e) => setNote(e.currentTarget.value)} />
            <label class="button small primary"><Icon name="upload" />{busy ? t('case.uploading', { name: busy }) : t('case.choose_file')}<input class="sr" type="file" multiple disabled={Boolean(busy)} onChange={(e) => void send(e.currentTarget.files)} /></label>
          </div>
        </div>
      )}
      {c.evidence.length ? (
        <Table label={t('case.tab_evidence')} rows={c.evidence} id={(e) => e.id} columns={[
          { id: 'name', head: t('field.name'), phone: 'title', cell: (e) => <div><a class="title" href={`/api/incidents/${c.id}/evidence/${e.id}`} download={e.name}>{e.name}</a>{e.note && <div class="small dim">{e.note}</div>}</div> },
          { id: 'size', head: t('col.size'), class: 'num', cell: (e) => bytes(e.size) },
          { id: 'sha', head: 'SHA-256', cell: (e) => <code class="small hash" title={e.sha256}>{e.sha256}</code> },
          { id: 'who', head: t('col.by'), cell: (e) => <div class="small">{e.user_title}<div class="faint"><Moment at={e.time} full /></div></div> },
        ]} />
      ) : <Empty icon="file" title={t('case.no_evidence')}><p>{t('case.no_evidence_hint')}</p></Empty>}
    </Card>
  );
}

function Notices({ c, handle, onSent, act }: { c: Incident; handle: boolean; onSent: (clock: LegalClock) => void; act: (run: () => Promise<unknown>, said?: string) => Promise<void> }) {
  return (
    <Card title={t('case.tab_notices')} flush={c.clocks.length > 0}>
      {c.clocks.length ? (
        <Table label={t('case.tab_notices')} rows={c.clocks} id={(k) => k.id} columns={[
          { id: 'kind', head: t('case.duty'), phone: 'title', cell: (k) => <div><b>{tx('clock', k.kind)}</b><div class="small faint">{[k.source, k.form].filter(Boolean).join(' · ')}</div></div> },
          { id: 'to', head: t('case.recipient'), cell: (k) => k.recipient || '–' },
          { id: 'due', head: t('field.due'), cell: (k) => <div><ClockState clock={k} /><div class="small faint">{dateTime(k.due)}</div></div> },
          { id: 'sent', head: t('case.sent'), cell: (k) => k.sent ? <div class="small"><Moment at={k.sent} full /><div class="faint">{[tx('channel', k.channel), k.document, k.sent_by_title].filter(Boolean).join(' · ')}</div></div> : handle && k.state !== 'not_needed' ? <button class="button small" onClick={() => onSent(k)}>{t('case.mark_sent')}</button> : '–' },
          { id: 'ack', head: t('case.acknowledged'), cell: (k) => k.acknowledged ? <Moment at={k.acknowledged} full /> : k.sent && handle ? <button class="button small quiet" onClick={() => void act(() => post(`/api/incidents/${c.id}/clocks/${k.id}`, { acknowledged: 'now' }))}>{t('case.mark_ack')}</button> : '–' },
        ]} />
      ) : <p class="dim">{t('case.no_clocks')}</p>}
    </Card>
  );
}

function SentDialog({ c, clock, onClose, onDone }: { c: Incident; clock: LegalClock; onClose: () => void; onDone: () => void }) {
  const [channel, setChannel] = useState('system');
  const [document, setDocument] = useState('');
  const [at, setAt] = useState(new Date().toISOString());
  const [touched, setTouched] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const submit = async () => {
    try {
      await post(`/api/incidents/${c.id}/clocks/${clock.id}`, { sent: touched && at ? at : 'now', channel, document: document.trim() });
      toast(t('case.sent_done'));
      onDone();
      onClose();
    } catch (e) { setError(e); }
  };
  return (
    <Dialog title={tx('clock', clock.kind)} onClose={onClose} onSubmit={submit} footer={<><button type="button" class="button" onClick={onClose}>{t('action.cancel')}</button><button class="button primary">{t('case.mark_sent')}</button></>}>
      <p class="dim">{t('case.sent_lead', { recipient: clock.recipient || t('case.no_recipient'), source: clock.source })}</p>
      <div class="form-grid">
        <Field label={t('case.channel')} id="s-ch"><select id="s-ch" class="input" value={channel} onChange={(e) => setChannel(e.currentTarget.value)}>{CHANNELS.map((x) => <option key={x} value={x}>{tx('channel', x)}</option>)}</select></Field>
        <Field label={t('case.document')} id="s-doc" hint={t('case.document_hint')}><input id="s-doc" class="input" value={document} onInput={(e) => setDocument(e.currentTarget.value)} /></Field>
        <Field label={t('case.sent')} id="s-at" hint={t('date.zone')}><MomentInput id="s-at" value={at} onChange={(now) => { setAt(now); setTouched(true); }} /></Field>
      </div>
      {error !== null && <Problem error={error} />}
    </Dialog>
  );
}

export function MissingList({ missing, incident }: { missing: Missing[]; incident?: number }) {
  return (
    <div class="notice gold"><Icon name="info" /><div><b>{t('case.missing')}</b>
      <ul class="bullets">{missing.map((m, i) => <li key={i}>{m.code === 'open_tasks' ? t('case.missing_tasks', { n: m.value || '' }) : m.code === 'unsent_notice' ? t('case.missing_notice', { what: tx('clock', m.value || m.place) }) : t('case.missing_field', { field: placeName(m.place) })}</li>)}</ul>
      {incident !== undefined && <a href={`/case/${incident}?tab=${missing.some((m) => m.code === 'required') ? 'closing' : missing.some((m) => m.code === 'open_tasks') ? 'tasks' : 'notices'}`}>{t('case.fill_in')}</a>}
    </div></div>
  );
}

function StateDialog({ c, next, onClose, onDone }: { c: Incident; next: NextState; onClose: () => void; onDone: (c: Incident) => void }) {
  const [note, setNote] = useState('');
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const missing = error?.errors.length ? (error.errors as Missing[]) : next.missing ?? [];
  const submit = async () => {
    setBusy(true);
    try { onDone(await post<Incident>(`/api/incidents/${c.id}/state`, { state: next.state, note: note.trim(), version: c.version })); onClose(); } catch (e) { setError(e as ApiError); setBusy(false); }
  };
  return (
    <Dialog title={tx('next', next.state)} onClose={onClose} onSubmit={submit} footer={<><button type="button" class="button" onClick={onClose}>{t('action.cancel')}</button><button class="button primary" disabled={busy || missing.length > 0 || (!next.allowed && !missing.length)}>{tx('next', next.state)}</button></>}>
      <p class="dim">{t(`state_hint.${next.state}` as 'state_hint.acknowledged')}</p>
      {missing.length > 0 ? <MissingList missing={missing} incident={c.id} /> : !next.allowed && <div class="notice gold"><Icon name="info" />{t('error.second_person')}</div>}
      <Field label={t('case.note')} id="st-note"><textarea id="st-note" class="input" rows={3} value={note} onInput={(e) => setNote(e.currentTarget.value)} /></Field>
      {error && !error.errors.length && <Problem error={error} />}
    </Dialog>
  );
}

function EditDialog({ c, onClose, onDone }: { c: Incident; onClose: () => void; onDone: (c: Incident) => void }) {
  const names = useLoad<{ rows: { id: number; display_name: string; role: string }[] }>('/api/users/names');
  const [form, setForm] = useState({ title: c.title, type: c.type, severity: c.severity as string, summary: c.summary, addresses: c.addresses, provider: c.provider, personal_data: c.personal_data, assignee: c.assignee ? String(c.assignee) : '' });
  const [error, setError] = useState<unknown>(null);
  const set = (change: Partial<typeof form>) => setForm({ ...form, ...change });
  const submit = async () => {
    try { onDone(await patch<Incident>(`/api/incidents/${c.id}`, { version: c.version, ...form, assignee: form.assignee ? Number(form.assignee) : null })); onClose(); } catch (e) { setError(e); }
  };
  return (
    <Dialog wide title={t('case.edit')} onClose={onClose} onSubmit={submit} footer={<><button type="button" class="button" onClick={onClose}>{t('action.cancel')}</button><button class="button primary">{t('action.save')}</button></>}>
      <Field label={t('field.title')} id="e-title" required><input id="e-title" class="input" value={form.title} onInput={(e) => set({ title: e.currentTarget.value })} /></Field>
      <div class="form-grid">
        <Field label={t('field.type')} id="e-type"><select id="e-type" class="input" value={form.type} onChange={(e) => set({ type: e.currentTarget.value })}>{TYPES.map((x) => <option key={x} value={x}>{tx('incident_type', x)}</option>)}</select></Field>
        <Field label={t('field.severity')} id="e-sev"><select id="e-sev" class="input" value={form.severity} onChange={(e) => set({ severity: e.currentTarget.value })}><option value="ordinary">{t('incident_severity.ordinary')}</option><option value="serious">{t('incident_severity.serious')}</option></select></Field>
        <Field label={t('field.assignee')} id="e-who"><select id="e-who" class="input" value={form.assignee} onChange={(e) => set({ assignee: e.currentTarget.value })}><option value="">{t('cases.nobody')}</option>{(names.data?.rows ?? []).filter((u) => u.role === 'duty' || u.role === 'handler').map((u) => <option key={u.id} value={u.id}>{u.display_name}</option>)}</select></Field>
        <Field label={t('field.addresses')} id="e-addr"><input id="e-addr" class="input" value={form.addresses} onInput={(e) => set({ addresses: e.currentTarget.value })} /></Field>
        <Field label={t('field.provider')} id="e-prov"><input id="e-prov" class="input" value={form.provider} onInput={(e) => set({ provider: e.currentTarget.value })} /></Field>
      </div>
      <Field label={t('field.summary')} id="e-sum"><textarea id="e-sum" class="input" rows={4} value={form.summary} onInput={(e) => set({ summary: e.currentTarget.value })} /></Field>
      <label class="check"><input type="checkbox" checked={form.personal_data} onChange={(e) => set({ personal_data: e.currentTarget.checked })} /><span>{t('field.personal_data')}</span></label>
      {error !== null && <Problem error={error} />}
    </Dialog>
  );
}

function ClosingForm({ c, may, onSaved }: { c: Incident; may: boolean; onSaved: (c: Incident) => void }) {
  const [form, setForm] = useState<Closing>(c.closing);
  const [error, setError] = useState<unknown>(null);
  const set = (change: Partial<Closing>) => setForm({ ...form, ...change });
  const save = async (event: Event) => {
    event.preventDefault();
    setError(null);
    try { onSaved(await patch<Incident>(`/api/incidents/${c.id}`, { version: c.version, closing: form })); toast(t('action.saved')); } catch (e) { setError(e); }
  };
  const area = (name: 'cause' | 'damage' | 'handling' | 'lessons', rows: number) => (
    <Field label={t(`field.${name}`)} id={`cl-${name}`} hint={t(`closing.${name}_hint`)} required>
      <textarea id={`cl-${name}`} class="input" rows={rows} disabled={!may} value={form[name]} onInput={(e) => set({ [name]: e.currentTarget.value })} />
    </Field>
  );
  return (
    <Card title={t('case.tab_closing')}>
      <form class="stack" onSubmit={save}>
        <p class="dim">{t('closing.lead')}</p>
        {area('cause', 3)}{area('damage', 3)}{area('handling', 4)}
        <div class="form-grid">
          <Field label={t('field.result')} id="cl-result" required><select id="cl-result" class="input" disabled={!may} value={form.result} onChange={(e) => set({ result: e.currentTarget.value as Closing['result'] })}><option value="">{t('form.choose')}</option>{(['resolved', 'partly', 'unresolved'] as const).map((r) => <option key={r} value={r}>{t(`closing.${r}`)}</option>)}</select></Field>
          <Field label={t('field.ended')} id="cl-ended" hint={t('date.zone')} required><MomentInput id="cl-ended" disabled={!may} value={form.ended} onChange={(ended) => set({ ended: ended || null })} /></Field>
        </div>
        {area('lessons', 3)}
        {error !== null && <Problem error={error} />}
        {may && <div><button class="button primary">{t('action.save')}</button></div>}
      </form>
    </Card>
  );
}

