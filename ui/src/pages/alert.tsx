// SPDX-License-Identifier: Apache-2.0
// One alert group: the sentence first, then why, then the conversation around it, the rule last.
import { useState } from 'preact/hooks';
import { post, useLoad } from '../lib/api';
import { category, explain, signature } from '../lib/explain';
import { number } from '../lib/format';
import { t, tx } from '../lib/i18n';
import { useKeys } from '../lib/keys';
import { navigate, url } from '../lib/router';
import { useMay } from '../lib/session';
import type { Eve, EventRow, Group, Rows } from '../lib/types';
import { archiveNow, ArchiveDialog, EscalateDialog, TuneDialog } from '../components/escalate';
import { EventFacts, EventList, eveText, flowQuery, JsonView, Payload, ruleContents } from '../components/eve';
import { Icon } from '../components/icons';
import { Badge, Card, Lines, Menu, Moment, PageHead, Problem, Severity, toast, toastError, useTitle } from '../components/ui';
import { verdictBadge } from './inbox';

/** `event` is the newest event itself, whole; the rows in `events` may leave large members out. */
type Detail = Group & { events: EventRow[]; related: Group[]; event: Eve | null };

export default function Alert({ parts }: { parts: string[] }) {
  const { data: g, error, reload } = useLoad<Detail>(`/api/alerts/${encodeURIComponent(parts[1] ?? '')}`);
  const context = useLoad<Rows<EventRow>>(g?.events[0] ? `/api/events/${encodeURIComponent(g.events[0].id)}/context` : null);
  const triage = useMay('triage');
  const [dialog, setDialog] = useState<'archive' | 'escalate' | 'tune' | null>(null);
  useTitle(g ? explain(g).short : t('nav.alerts'));
  useKeys('keys.alerts', g ? [
    { keys: 'u', help: 'keys.back', run: () => history.back() },
    ...(triage ? [
      { keys: 'e', help: 'keys.archive' as const, run: () => void archiveNow([g], () => navigate('/inbox')) },
      { keys: 'F8', help: 'keys.archive' as const, hidden: true, run: () => void archiveNow([g], () => navigate('/inbox')) },
      { keys: 's', help: 'keys.escalate' as const, run: () => (g.incident ? navigate(`/case/${g.incident}`) : setDialog('escalate')) },
      { keys: 'F9', help: 'keys.escalate_archive' as const, hidden: true, run: () => setDialog('escalate') },
      { keys: 't', help: 'keys.tune' as const, run: () => setDialog('tune') },
      { keys: '.', help: 'keys.menu' as const, run: () => document.querySelector<HTMLElement>('.page-actions .menu-host button')?.click() },
    ] : []),
  ] : []);
  if (!g) return <><PageHead title={t('nav.alerts')} />{error ? <Problem error={error} retry={reload} /> : <Lines count={9} />}</>;
  const said = explain(g);
  const eve: Eve = g.event ?? g.events[0]?.event ?? {};
  const rule = eveText(eve, 'alert.rule');
  const reason = eveText(eve, 'vonglau.reason');
  const contents = ruleContents(rule);
  const unarchive = async () => { try { await post(`/api/alerts/${g.id}/unarchive`); toast(t('alerts.back_in_inbox')); reload(); } catch (e) { toastError(e); } };
  const meta = Object.entries(g.metadata ?? {}).map(([k, v]) => [k, Array.isArray(v) ? v.join(', ') : String(v)] as const);
  const attack = meta.filter(([k]) => k.startsWith('mitre_'));
  return (
    <>
      <PageHead crumb={<><a href="/inbox">{t('nav.alerts')}</a><span>/</span><span>{said.short}</span></>} title={said.what} lead={said.so}>
        {g.incident && <a class="button primary" href={`/case/${g.incident}`}>{t('alerts.see_incident')}</a>}
        {!g.incident && triage && g.state !== 'escalated' && <button class="button primary" onClick={() => setDialog('escalate')}><Icon name="flag" />{t('action.escalate')}<kbd>s</kbd></button>}
        {triage && g.state === 'inbox' && <button class="button" onClick={() => setDialog('archive')}><Icon name="archive" />{t('action.archive')}<kbd>e</kbd></button>}
        {triage && g.state === 'archived' && <button class="button" onClick={unarchive}><Icon name="undo" />{t('action.unarchive')}</button>}
        <Menu button="button icon-only" aria={t('action.menu')} label={<Icon name="dots" />} items={[
          triage && { label: t('action.tune'), icon: 'filter', key: 't', run: () => setDialog('tune') },
          { label: t('action.hunt_sid'), icon: 'hunt', href: url('/hunt', { q: `@sid:${g.sid}`, from: '-7d' }) },
          { label: t('action.hunt_both'), icon: 'hunt', href: url('/hunt', { q: `@ip:${g.src_ip} @ip:${g.dest_ip}`, from: '-7d' }) },
          { label: t('action.hunt_flow'), icon: 'hunt', href: flowQuery(eve) },
          { label: t('action.print'), icon: 'file', run: () => print() },
        ]} />
      </PageHead>
      {error && <Problem error={error} retry={reload} />}
      <div class="two">
        <div class="stack">
          <Card title={t('alert.do')}>
            <ol class="steps">{said.steps.map((s, i) => <li key={i}>{s}</li>)}</ol>
          </Card>
          <Card title={t('alert.why')}>
            <div class="stack tight">
              <p>{reason || t('alert.why_rule', { signature: signature(g.signature) })}</p>
              {contents.length > 0 && <p class="small dim">{t('alert.why_contents')} {contents.slice(0, 6).map((c, i) => <>{i > 0 && ', '}<code class="pre">{c.replace(/[^\x20-\x7e]/g, '·')}</code></>)}</p>}
              <div class="row wrap">
                <Severity value={g.severity} words />{verdictBadge(g.verdict)}
                {g.category && <Badge kind="solid">{category(g.category)}</Badge>}
                {attack.map(([k, v]) => <Badge key={k} title={k}>ATT&CK {v.replace(/_/g, ' ')}</Badge>)}
              </div>
            </div>
          </Card>
          <Card title={t('alert.conversation')}><Payload event={eve} rule={rule} flow={(context.data?.rows ?? []).filter((r) => r.type === 'alert').map((r) => r.event)} /></Card>
          <Card title={t('alert.around')} actions={<a class="small" href={flowQuery(eve)}>{t('action.hunt_flow')}</a>}>
            {context.error ? <Problem error={context.error} retry={context.reload} />
              : !context.data ? (g.events[0] ? <Lines count={3} /> : <p class="dim">{t('alert.no_event')}</p>)
                : context.data.rows.length ? <EventList rows={context.data.rows} current={g.events[0]?.id} /> : <p class="dim">{t('alert.nothing_around')}</p>}
          </Card>
          {eve.event_type && <Card title={t('alert.details')}><EventFacts event={eve} /></Card>}
          <Card title={t('alert.rule')}>
            <div class="stack tight">
              {rule ? <pre class="json">{rule}</pre> : <p class="dim">{t('alert.no_rule')}</p>}
              <details><summary class="linkish">{t('alert.json')}</summary><JsonView value={eve} /></details>
            </div>
          </Card>
        </div>
        <aside class="stack">
          <Card title={t('alert.group')}>
            <dl class="facts">
              <dt>{t('field.state')}</dt><dd>{tx('alert_state', g.state)}{g.reason && <span class="dim"> · {tx('archive_reason', g.reason)}</span>}{g.changed_by_title && <div class="small faint">{g.changed_by_title} · <Moment at={g.changed} /></div>}{g.note && <div class="small">{g.note}</div>}</dd>
              <dt>{t('col.source')}</dt><dd><a class="mono" href={`/host/${encodeURIComponent(g.src_ip)}`}>{g.src_ip}</a>{g.src_port ? `:${g.src_port}` : ''}{g.side === 'src' && <div class="small faint">{t('alert.own_side')}</div>}</dd>
              <dt>{t('col.dest')}</dt><dd><a class="mono" href={`/host/${encodeURIComponent(g.dest_ip)}`}>{g.dest_ip}</a>{g.dest_port ? `:${g.dest_port}` : ''}{g.side === 'dest' && <div class="small faint">{t('alert.own_side')}</div>}</dd>
              <dt>{t('col.agency')}</dt><dd>{g.agency ? <a href={`/registers/agency/${g.agency}`}>{g.agency_title}</a> : <span class="dim">{t('alert.no_agency')}</span>}</dd>
              <dt>{t('col.system')}</dt><dd>{g.system ? <a href={`/registers/system/${g.system}`}>{g.system_title}</a> : '–'}{g.level ? <span class="small dim block">{t('level.n', { n: g.level })}</span> : null}</dd>
              <dt>{t('col.count')}</dt><dd><a href={url('/hunt', { q: `event_type:alert @sid:${g.sid} @src:${g.src_ip} @dest:${g.dest_ip}`, from: g.first, to: 'now' })}>{number(g.count)}</a></dd>
              <dt>{t('col.first')}</dt><dd><Moment at={g.first} full /></dd>
              <dt>{t('col.last')}</dt><dd><Moment at={g.last} full /></dd>
              <dt>{t('col.protocol')}</dt><dd>{[g.proto, g.app_proto].filter(Boolean).join(' · ')}</dd>
              <dt>{t('nav.sensors')}</dt><dd>{g.sensors.join(', ')}</dd>
              <dt>{t('alert.rule_id')}</dt><dd class="mono small">{g.gid}:{g.sid}</dd>
            </dl>
          </Card>
          <Card title={t('alert.events', { n: g.events.length })} flush={g.events.length > 0}>
            {g.events.length ? <div class="card-body"><EventList rows={g.events} /></div> : <p class="dim">{t('alert.no_event')}</p>}
          </Card>
          <Card title={t('alert.related')} flush={g.related.length > 0}>
            {g.related.length ? (
              <ul class="lines">{g.related.map((r) => (
                <li key={r.id}><a class="line" href={`/alert/${r.id}`}><span class="grow"><b class="block">{explain(r).short}</b><small title={r.signature}>{signature(r.signature)}</small><small>{r.agency_title ?? r.dest_ip}</small></span><span class="small dim">{number(r.count)}</span></a></li>
              ))}</ul>
            ) : <p class="dim">{t('alert.no_related', { ip: g.src_ip })}</p>}
          </Card>
        </aside>
      </div>
      {dialog === 'archive' && <ArchiveDialog groups={[g]} onClose={() => setDialog(null)} onDone={reload} />}
      {dialog === 'escalate' && <EscalateDialog groups={[g]} onClose={() => setDialog(null)} onDone={reload} />}
      {dialog === 'tune' && <TuneDialog group={g} onClose={() => setDialog(null)} onDone={reload} />}
    </>
  );
}
