// SPDX-License-Identifier: Apache-2.0
// Báo cáo: the quarterly reports and their states.
import { useState } from 'preact/hooks';
import { post, useLoad } from '../lib/api';
import { dateTime } from '../lib/format';
import { t, tx } from '../lib/i18n';
import { navigate, setQuery, useRoute } from '../lib/router';
import { useMay } from '../lib/session';
import type { Report, ReportRow, Rows } from '../lib/types';
import { Icon } from '../components/icons';
import { CsvButton, Table, type Column } from '../components/table';
import { Badge, Dialog, Empty, Field, Lines, Moment, PageHead, Problem, useTitle } from '../components/ui';

export function reportTitle(r: { year: number; quarter: number }): string {
  return t('reports.title_of', { quarter: ['', 'I', 'II', 'III', 'IV'][r.quarter] ?? r.quarter, year: r.year });
}
export function reportNumber(r: ReportRow): string {
  return r.number ? `${String(r.number).padStart(2, '0')}/${r.symbol}` : '';
}

export default function Reports() {
  useTitle(t('nav.reports'));
  const { query } = useRoute();
  const { data, error, reload } = useLoad<Rows<ReportRow>>('/api/reports');
  const draft = useMay('draft');
  const columns: Column<ReportRow>[] = [
    { id: 'title', head: t('reports.period'), phone: 'title', text: reportTitle, cell: (r) => <a class="plain title" href={`/report/${r.id}`}>{reportTitle(r)}</a> },
    { id: 'state', head: t('field.state'), text: (r) => tx('report_state', r.state), cell: (r) => <Badge kind={r.state === 'numbered' ? 'solid' : 'accent'}>{tx('report_state', r.state)}</Badge> },
    { id: 'number', head: t('reports.number'), text: reportNumber, cell: (r) => reportNumber(r) || <span class="faint">{t('reports.no_number')}</span> },
    { id: 'signer', head: t('reports.signer'), text: (r) => r.signer, cell: (r) => r.signer || '–' },
    { id: 'updated', head: t('col.updated'), class: 'num', text: (r) => dateTime(r.updated), cell: (r) => <Moment at={r.updated} full /> },
  ];
  return (
    <>
      <PageHead title={t('nav.reports')} lead={t('reports.lead')}>
        <CsvButton name="bao-cao" rows={data?.rows ?? []} columns={columns} />
        {draft && <button class="button primary" onClick={() => setQuery({ new: 1 })}><Icon name="plus" />{t('reports.new')}</button>}
      </PageHead>
      {error && <Problem error={error} retry={reload} />}
      <section class="card">
        {!data ? !error && <div class="card-body"><Lines count={4} /></div> : data.rows.length
          ? <Table label={t('nav.reports')} rows={data.rows} columns={columns} id={(r) => r.id} href={(r) => `/report/${r.id}`} keys />
          : <Empty icon="report" title={t('reports.none')}><p>{t('reports.none_hint')}</p>{draft && <button class="button primary" onClick={() => setQuery({ new: 1 })}>{t('reports.new')}</button>}</Empty>}
      </section>
      {query.get('new') && draft && <NewReport onClose={() => setQuery({ new: null }, true)} />}
    </>
  );
}

function NewReport({ onClose }: { onClose: () => void }) {
  const now = new Date(Date.now() + 7 * 3600_000);
  const [year, setYear] = useState(now.getUTCFullYear());
  const [quarter, setQuarter] = useState(Math.floor(now.getUTCMonth() / 3) + 1);
  const [error, setError] = useState<unknown>(null);
  const submit = async () => {
    try { navigate(`/report/${(await post<Report>('/api/reports', { year, quarter })).id}`); } catch (e) { setError(e); }
  };
  return (
    <Dialog title={t('reports.new')} onClose={onClose} onSubmit={submit} footer={<><button type="button" class="button" onClick={onClose}>{t('action.cancel')}</button><button class="button primary">{t('reports.compute')}</button></>}>
      <p class="dim">{t('reports.new_lead')}</p>
      <div class="form-grid">
        <Field label={t('reports.quarter')} id="r-q"><select id="r-q" class="input" value={quarter} onChange={(e) => setQuarter(Number(e.currentTarget.value))}>{[1, 2, 3, 4].map((q) => <option key={q} value={q}>{['I', 'II', 'III', 'IV'][q - 1]}</option>)}</select></Field>
        <Field label={t('reports.year')} id="r-y"><input id="r-y" class="input" type="number" min={2020} max={2100} value={year} onInput={(e) => setYear(Number(e.currentTarget.value))} /></Field>
      </div>
      {error !== null && <Problem error={error} />}
    </Dialog>
  );
}
