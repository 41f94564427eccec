// SPDX-License-Identifier: Apache-2.0
// Hôm nay: one sentence that says how things stand, what must be done by when, and the province at a glance.
import { useCallback } from 'preact/hooks';
import { useLoad } from '../lib/api';
import { ago, clock, date, millis, number, percent } from '../lib/format';
import { lang, t, tx } from '../lib/i18n';
import { url } from '../lib/router';
import { useMay } from '../lib/session';
import { useStream } from '../lib/stream';
import type { Today } from '../lib/types';
import { HistogramChart } from '../components/chart';
import { Icon } from '../components/icons';
import { Badge, Card, Due, Empty, Lines, Moment, PageHead, Problem, useNow, useTitle } from '../components/ui';

const STATES = ['act', 'watch', 'blind', 'unwatched', 'calm'] as const;

function sentence(d: Today, now: number): string {
  const sensors = d.sensors.total ? t('today.sensors_good', { ok: number(d.sensors.ok), total: number(d.sensors.total) }) : t('today.no_sensors');
  if (d.incidents_overdue > 0) return `${t('today.overdue', { n: d.incidents_overdue })}; ${sensors}.`;
  if (d.to_do > 0) {
    const before = d.to_do_before && millis(d.to_do_before) <= now ? t('today.to_do_now', { n: d.to_do }) : d.to_do_before ? t('today.to_do_before', { n: d.to_do, time: sameDay(d.to_do_before, d.now) ? clock(d.to_do_before) : `${clock(d.to_do_before)} ${date(d.to_do_before)}` }) : t('today.to_do', { n: d.to_do });
    return `${before}; ${sensors}.`;
  }
  return `${t('today.calm')}; ${sensors}.`;
}
const sameDay = (a: string, b: string) => date(a) === date(b);

function greetDate(now: string): string {
  const d = new Date(millis(now) + 7 * 3600_000);
  const day = t(`weekday.${d.getUTCDay()}` as 'weekday.0');
  return lang() === 'vi' ? `${day}, ngày ${date(now)}` : `${day}, ${date(now)}`;
}

export default function TodayPage() {
  useTitle(t('nav.today'));
  const { data, error, reload } = useLoad<Today>('/api/today');
  useStream(['alert', 'incident', 'sensor', 'inbox'], useCallback(() => reload(), [reload]), 4000);
  const alerts = useMay('alerts');
  const now = useNow(15_000);
  if (!data) return <><PageHead title={t('nav.today')} />{error ? <Problem error={error} retry={reload} /> : <Lines count={9} />}</>;
  const open = data.clocks[0];
  const late = data.incidents_overdue;
  const buckets = data.events_24h.histogram;
  // One line for an incident, that of its next duty.
  const clocks = data.clocks.filter((c, i, all) => all.findIndex((x) => x.incident === c.incident) === i);
  return (
    <>
      <PageHead crumb={greetDate(data.now)} title={<span class={late ? 'red' : ''}>{sentence(data, now)}</span>}>
        {open && <a class="button primary" href={`/case/${open.incident}`}>{t('today.open_first')}</a>}
        {!open && alerts && data.inbox > 0 && <a class="button primary" href="/inbox">{t('today.open_inbox')}</a>}
      </PageHead>
      {error && <Problem error={error} retry={reload} />}

      <dl class="numbers">
        {alerts && <a href="/inbox"><dt>{t('today.inbox')}</dt><dd>{number(data.inbox)}</dd><small>{data.inbox_high ? t('today.inbox_high', { n: number(data.inbox_high) }) : t('today.inbox_none_high')}</small></a>}
        {alerts && <a href="/cases"><dt>{t('today.incidents')}</dt><dd>{number(data.incidents_open)}</dd><small class={late ? 'red strong' : ''}>{late ? t('today.incidents_late', { n: number(late) }) : t('today.incidents_in_time')}</small></a>}
        <a href="/sensors"><dt>{t('nav.sensors')}</dt><dd>{number(data.sensors.ok)}<i>/{number(data.sensors.total)}</i></dd><small>{data.sensors.late + data.sensors.silent ? t('today.sensors_bad', { n: number(data.sensors.late + data.sensors.silent) }) : data.sensors.total ? t('today.sensors_all') : t('today.sensors_none')}</small></a>
        {alerts && <a href="/hunt"><dt>{t('today.events')}</dt><dd>{number(data.events_24h.total)}</dd><small>{data.lost_events ? t('today.lost', { n: number(data.lost_events) }) : data.last_event ? t('today.last_event', { ago: ago(data.last_event, now) }) : t('today.no_event')}</small></a>}
      </dl>

      <div class="today-grid">
        <div class="stack">
          <Card title={t('today.agencies')} actions={<ul class="legend">{STATES.map((s) => <li key={s}><i class={`tile-key ${s}`} />{tx('agency_state', s)}</li>)}</ul>}>
            {data.agencies.length ? (
              <ul class="tiles">
                {[...data.agencies].sort((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state) || b.worst_priority - a.worst_priority).map((a) => (
                  <li key={a.id}>
                    <a class={`tile ${a.state}`} href={`/registers/agency/${a.id}`} title={`${a.title}: ${tx('agency_state', a.state)}`}>
                      <b>{a.short_name || a.title}</b>
                      <span class="clip2">{a.title}</span>
                      <small>
                        {a.incidents > 0 && <span><Icon name="case" />{number(a.incidents)}<span class="sr"> {t('nav.cases')}</span></span>}
                        {a.inbox > 0 && <span><Icon name="alert" />{number(a.inbox)}<span class="sr"> {t('nav.alerts')}</span></span>}
                        {!a.incidents && !a.inbox && <span>{a.state === 'blind' ? t('today.tile_blind') : a.state === 'unwatched' ? t('today.tile_no_sensor') : t('today.tile_calm')}</span>}
                        <span class="tile-sensor" title={a.sensors ? t('today.tile_sensors', { ok: a.sensors_ok, total: a.sensors }) : t('today.tile_no_sensor')}><i class={`dot ${!a.sensors ? 'off' : a.sensors_ok < a.sensors ? 'warn' : ''}`} /></span>
                      </small>
                    </a>
                  </li>
                ))}
              </ul>
            ) : <Empty icon="agency" title={t('today.no_agencies')}><p>{t('today.no_agencies_hint')}</p><a class="button" href="/registers/agency">{t('entity.agency')}</a></Empty>}
          </Card>
          <Card title={t('today.traffic')} actions={<a href="/hunt" class="small">{t('today.hunt')}</a>}>
            {data.events_24h.total
              ? <HistogramChart buckets={buckets.buckets} interval={buckets.interval_s} label={t('today.traffic')} height={110} onRange={alerts ? (a, b) => { location.assign(url('/hunt', { from: new Date(a).toISOString(), to: new Date(b).toISOString() })); } : undefined} />
              : <p class="faint">{t('today.no_event_hint')}</p>}
            {data.events_24h.total > 0 && <p class="small dim">{t('today.traffic_words', { total: number(data.events_24h.total), alerts: number(data.events_24h.alerts), share: percent(data.events_24h.alerts / data.events_24h.total, 2) })}</p>}
          </Card>
          <Card title={t('today.changes')} flush={data.changes.length > 0}>
            {data.changes.length ? (
              <ul class="lines">
                {data.changes.slice(0, 8).map((c, i) => (
                  <li key={i} class="line">
                    <span class="grow">{tx('change', c.text_code)}{c.clock && <>{' · '}{tx('clock', c.clock)} {c.percent} %</>}{c.incident ? <>{' '}<a href={`/case/${c.incident}`}>{c.number}</a>{c.title && <small class="clip2">{c.title}</small>}</> : c.title && <small>{c.title}</small>}</span>
                    <span class="small faint"><Moment at={c.time} /></span>
                  </li>
                ))}
              </ul>
            ) : <p class="dim">{data.last_event ? t('today.no_changes', { ago: ago(data.last_event, now) }) : t('today.no_event_hint')}</p>}
          </Card>
        </div>
        <div class="stack">
          {alerts && (
            <Card title={t('today.clocks')} flush={clocks.length > 0} actions={data.incidents_open > clocks.length && <a class="small" href="/cases">{t('today.all_incidents', { n: number(data.incidents_open) })}</a>}>
              {clocks.length ? (
                <ul class="lines">
                  {clocks.map((c) => (
                    <li key={c.incident}>
                      <a href={`/case/${c.incident}`} class="line">
                        <span class="grow">
                          <span class="row between"><Due at={c.due} late={c.overdue} /><small>{c.number}</small></span>
                          <b class="clip2">{c.title}</b>
                          <small>{tx('clock', c.kind)} · {c.agency_title}{c.reminded >= 50 && c.reminded < 100 && <> · <b class="gold">{t('today.reminded', { percent: c.reminded })}</b></>}</small>
                        </span>
                      </a>
                    </li>
                  ))}
                </ul>
              ) : <p class="dim">{t('today.no_clocks')}</p>}
            </Card>
          )}
          {alerts && (
            <Card title={t('today.hosts')} flush={data.hosts.length > 0}>
              {data.hosts.length ? (
                <ul class="lines">
                  {data.hosts.slice(0, 5).map((h) => (
                    <li key={h.ip}>
                      <a class="line" href={`/host/${encodeURIComponent(h.ip)}`}>
                        <span class="grow"><b class="mono">{h.ip}</b><small>{h.agency_title ?? t('today.no_agency')}</small></span>
                        <span class="small dim nowrap">{t('today.host_groups', { n: number(h.groups) })}</span>
                      </a>
                    </li>
                  ))}
                </ul>
              ) : <p class="dim">{t('today.no_hosts')}</p>}
            </Card>
          )}
          {data.lost_events > 0 && <Badge kind="gold" icon="alert">{t('today.lost', { n: number(data.lost_events) })}</Badge>}
        </div>
      </div>
    </>
  );
}
