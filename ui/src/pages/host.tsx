// SPDX-License-Identifier: Apache-2.0
// One machine: whose it is, what it did, with whom, and what was said about it. Looking is written to the audit log.
import { useLoad } from '../lib/api';
import { explain, signature } from '../lib/explain';
import { t, tx, type Key } from '../lib/i18n';
import { setQuery, url, useRoute } from '../lib/router';
import type { EventRow, Group, Histogram, IncidentSummary, Top } from '../lib/types';
import { HistogramChart, Tops } from '../components/chart';
import { EventList } from '../components/eve';
import { Icon } from '../components/icons';
import { number } from '../lib/format';
import { Badge, Card, Due, Lines, Moment, PageHead, Problem, Segment, Severity, useTitle } from '../components/ui';

interface Host {
  ip: string; agency: number | null; agency_title: string | null; system: number | null; system_title: string | null; level: number | null; network: string | null; first: string | null; last: string | null;
  names: string[]; histogram: Histogram; types: Top[]; peers: Top[]; ports: Top[]; signatures: Top[]; hosts: Top[]; alerts: Group[]; incidents: IncidentSummary[]; events: EventRow[]; partial?: boolean;
}

export default function HostPage({ parts }: { parts: string[] }) {
  const ip = parts[1] ?? '';
  const { query } = useRoute();
  const from = query.get('from') ?? '-7d';
  useTitle(ip);
  const { data: h, error, reload } = useLoad<Host>(url(`/api/hosts/${encodeURIComponent(ip)}`, { from, to: query.get('to') ?? 'now' }));
  // Lists may be missing when there is nothing, or when the time box was reached.
  const list = <T,>(rows: T[] | undefined): T[] => rows ?? [];
  const hunt = (q: string) => url('/hunt', { q: `@ip:${ip} ${q}`.trim(), from });
  return (
    <>
      <PageHead crumb={<><a href="/hunt">{t('nav.hunt')}</a><span>/</span><span>{t('host.title')}</span></>} title={<span class="mono">{ip}</span>}
        lead={h && (h.agency ? <>{h.system_title && <><a href={`/registers/system/${h.system}`}>{h.system_title}</a>{h.level ? ` (${t('level.n', { n: h.level })})` : ''} · </>}<a href={`/registers/agency/${h.agency}`}>{h.agency_title}</a>{h.network && <> · <span class="mono">{h.network}</span></>}</> : t('host.outside'))}>
        <Segment label={t('hunt.range')} value={from} onChange={(v) => setQuery({ from: v })} options={['-24h', '-7d', '-30d'].map((r) => ({ value: r, label: t(`range.${r.slice(1)}` as Key) }))} />
        <a class="button" href={hunt('')}><Icon name="hunt" />{t('host.hunt')}</a>
      </PageHead>
      {error && <Problem error={error} retry={reload} />}
      {!h ? !error && <Lines count={8} /> : (
        <div class="stack">
          <Card>
            <div class="stack tight">
              <div class="row wrap between small"><span>{list(h.names).length > 0 ? h.names.map((n) => <Badge key={n} kind="solid">{n}</Badge>) : <span class="faint">{t('host.no_names')}</span>}</span>
                {h.first && <span class="faint">{t('host.seen')} <Moment at={h.first} full /> – <Moment at={h.last} full /></span>}</div>
              {h.histogram?.buckets.some((b) => b.count) ? <HistogramChart label={t('host.activity')} buckets={h.histogram.buckets} interval={h.histogram.interval_s} height={90} /> : <p class="dim">{t('host.nothing')}</p>}
            </div>
          </Card>
          <div class="three">
            <Card title={t('host.peers')}><Tops rows={list(h.peers)} href={(v) => `/host/${encodeURIComponent(v)}`} /></Card>
            <Card title={t('host.ports')}><Tops rows={list(h.ports)} href={(v) => hunt(`dest_port:${v}`)} /></Card>
            <Card title={t('host.types')}><Tops rows={list(h.types)} name={(v) => tx('event_type', v)} href={(v) => hunt(`event_type:${v}`)} /></Card>
          </div>
          <div class="two even">
            <Card title={t('host.alerts')} flush={list(h.alerts).length > 0}>
              {list(h.alerts).length ? <ul class="lines">{h.alerts.map((g) => <li key={g.id}><a class="line" href={`/alert/${g.id}`}><Severity value={g.severity} /><span class="grow"><b class="block">{explain(g).short}</b><small title={g.signature}>{signature(g.signature)}</small></span><span class="small dim nowrap">{number(g.count)} · <Moment at={g.last} /></span></a></li>)}</ul> : <p class="dim">{t('host.no_alerts')}</p>}
            </Card>
            <Card title={t('host.incidents')} flush={list(h.incidents).length > 0}>
              {list(h.incidents).length ? <ul class="lines">{h.incidents.map((i) => <li key={i.id}><a class="line" href={`/case/${i.id}`}><span class="grow"><b class="clip2">{i.title}</b><small>{i.number} · {tx('state', i.state)}</small></span>{i.next_due && <Due at={i.next_due} />}</a></li>)}</ul> : <p class="dim">{t('host.no_incidents')}</p>}
            </Card>
            <Card title={t('host.hosts')}><Tops rows={list(h.hosts)} href={(v) => hunt(`@host:${v}`)} empty={t('host.no_hosts')} /></Card>
            <Card title={t('host.events')}>{list(h.events).length ? <EventList rows={h.events} /> : <p class="dim">{t('host.nothing')}</p>}</Card>
          </div>
          <p class="small faint row"><Icon name="audit" />{t('host.audited')}</p>
        </div>
      )}
    </>
  );
}
