// SPDX-License-Identifier: Apache-2.0
// One event whole, with the other events of its flow.
import { useLoad } from '../lib/api';
import { exact } from '../lib/format';
import { t, tx } from '../lib/i18n';
import { url } from '../lib/router';
import type { EventRow, Rows } from '../lib/types';
import { EventFacts, EventList, eventLine, eveText, flowQuery, JsonView, Payload } from '../components/eve';
import { Card, Lines, PageHead, Problem, useTitle } from '../components/ui';

export default function EventPage({ parts }: { parts: string[] }) {
  const id = encodeURIComponent(parts[1] ?? '');
  useTitle(t('hunt.event'));
  const { data: r, error, reload } = useLoad<EventRow>(`/api/events/${id}`);
  const context = useLoad<Rows<EventRow>>(`/api/events/${id}/context`);
  if (!r) return error ? <Problem error={error} retry={reload} /> : <Lines count={8} />;
  return (
    <>
      <PageHead crumb={<><a href="/hunt">{t('nav.hunt')}</a><span>/</span><span>{tx('event_type', r.type)}</span></>} title={eventLine(r.event)}
        lead={<><a class="mono" href={`/host/${encodeURIComponent(eveText(r.event, 'src_ip'))}`}>{eveText(r.event, 'src_ip')}</a> → <a class="mono" href={`/host/${encodeURIComponent(eveText(r.event, 'dest_ip'))}`}>{eveText(r.event, 'dest_ip')}</a> · {exact(r.time)}</>}>
        <a class="button" href={flowQuery(r.event)}>{t('action.hunt_flow')}</a>
        {r.type === 'alert' && <a class="button" href={url('/inbox', { state: 'all', sid: eveText(r.event, 'alert.signature_id'), src: eveText(r.event, 'src_ip') })}>{t('hunt.to_group')}</a>}
      </PageHead>
      <div class="two">
        <div class="stack">
          <Card title={t('alert.details')}><EventFacts event={r.event} /></Card>
          {r.type === 'alert' && <Card title={t('alert.conversation')}><Payload event={r.event} rule={eveText(r.event, 'alert.rule')} flow={(context.data?.rows ?? []).filter((x) => x.type === 'alert').map((x) => x.event)} /></Card>}
          <Card title="EVE JSON"><JsonView value={r.event} /></Card>
        </div>
        <aside class="stack">
          <Card title={t('alert.group')}><dl class="facts"><dt>{t('col.agency')}</dt><dd>{r.agency ? <a href={`/registers/agency/${r.agency}`}>{r.agency_title}</a> : '–'}</dd><dt>{t('col.system')}</dt><dd>{r.system_title ?? '–'}</dd><dt>{t('nav.sensors')}</dt><dd>{r.sensor}</dd><dt>{t('eve.id')}</dt><dd class="mono small">{r.id}</dd></dl></Card>
          <Card title={t('alert.around')}>{context.data ? context.data.rows.length ? <EventList rows={context.data.rows} current={r.id} /> : <p class="dim">{t('alert.nothing_around')}</p> : <Lines count={3} />}</Card>
        </aside>
      </div>
    </>
  );
}
