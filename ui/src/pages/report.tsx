// SPDX-License-Identifier: Apache-2.0
// One quarterly report: figures that open their rows, sections to write, states, the document.
import { useEffect, useState } from 'preact/hooks';
import { patch, post, useLoad } from '../lib/api';
import { date, dateTime, number, percent } from '../lib/format';
import { signature } from '../lib/explain';
import { t, tx } from '../lib/i18n';
import { setGuard } from '../lib/router';
import { useMay } from '../lib/session';
import type { NextState, Report, ReportFigure } from '../lib/types';
import { Icon } from '../components/icons';
import { Badge, Card, Dialog, Field, Lines, Menu, PageHead, Problem, toast, toastError, useTitle } from '../components/ui';
import { reportNumber, reportTitle } from './reports';

const SECTIONS = ['situation', 'results', 'levels', 'obstacles', 'next', 'proposals'] as const;
const HEADS = ['parent_agency', 'issuing_agency', 'addressee', 'place', 'authority', 'signer_title', 'signer', 'symbol', 'recipients'] as const;
const STATES = ['draft', 'review', 'approved', 'numbered'];

/** The page that shows the rows behind an address of the interface. */
export function pageOf(rows: string | null): string | undefined {
  if (!rows) return undefined;
  const u = new URL(rows, location.origin);
  const [, , kind, entity] = u.pathname.split('/');
  if (kind === 'incidents') return `/cases${u.search}`;
  if (kind === 'alerts') return `/inbox${u.search}`;
  if (kind === 'events') return `/hunt${u.search}`;
  if (kind === 'registers' && entity) return `/registers/${entity}${u.search}`;
  if (kind === 'sensors' || kind === 'users' || kind === 'audit') return `/${kind}${u.search}`;
  return undefined;
}

/** When the quarter is over, at +07:00. */
function quarterEnd(r: Report): number {
  return Date.UTC(r.year, r.quarter * 3, 1) - 7 * 3600_000;
}

function figureText(f: ReportFigure): string {
  if (f.unit === 'percent') return percent(f.value / 100, 1);
  return Number.isFinite(f.value) ? number(f.value, Number.isInteger(f.value) ? 0 : 1) : f.text;
}

export default function ReportPage({ parts }: { parts: string[] }) {
  const path = `/api/reports/${encodeURIComponent(parts[1] ?? '')}`;
  const { data: r, error, reload, set } = useLoad<Report>(path);
  const [form, setForm] = useState<Record<string, string>>({});
  const [failed, setFailed] = useState<unknown>(null);
  const [moving, setMoving] = useState<NextState | null>(null);
  const drafter = useMay('draft');
  useTitle(r ? reportTitle(r) : t('nav.reports'));
  const dirty = Object.keys(form).length > 0;
  useEffect(() => {
    setGuard(dirty ? () => confirm(t('form.leave')) : null);
    const before = (e: BeforeUnloadEvent) => e.preventDefault();
    if (dirty) addEventListener('beforeunload', before);
    return () => { setGuard(null); removeEventListener('beforeunload', before); };
  }, [dirty]);
  if (!r) return <><PageHead title={t('nav.reports')} />{error ? <Problem error={error} retry={reload} /> : <Lines count={9} />}</>;
  const may = drafter && r.state === 'draft';
  const value = (name: string) => form[name] ?? (SECTIONS.includes(name as 'next') ? r.sections[name] : String((r as unknown as Record<string, unknown>)[name] ?? '')) ?? '';
  const change = (name: string, text: string) => setForm({ ...form, [name]: text });
  const save = async () => {
    setFailed(null);
    const sections = Object.fromEntries(Object.entries(form).filter(([k]) => SECTIONS.includes(k as 'next')));
    const heads = Object.fromEntries(Object.entries(form).filter(([k]) => !SECTIONS.includes(k as 'next')));
    try {
      set(await patch<Report>(path, { version: r.version, ...heads, ...(Object.keys(sections).length ? { sections: { ...r.sections, ...sections } } : {}) }));
      setForm({});
      toast(t('action.saved'));
      return true;
    } catch (e) { setFailed(e); return false; }
  };
  const move = async (next: NextState) => {
    try { set(await post<Report>(`${path}/state`, { state: next.state })); setMoving(null); toast(t('reports.moved', { state: tx('report_state', next.state) })); } catch (e) { toastError(e); setMoving(null); }
  };
  const recompute = async () => { try { set(await post<Report>(`${path}/recompute`)); toast(t('reports.recomputed')); } catch (e) { toastError(e); } };
  const forward = r.next.find((n) => STATES.indexOf(n.state) > STATES.indexOf(r.state));
  const back = r.next.find((n) => STATES.indexOf(n.state) < STATES.indexOf(r.state));
  const groups = [...new Set(r.figures.map((f) => f.group))];
  return (
    <>
      <PageHead crumb={<><a href="/reports">{t('nav.reports')}</a><span>/</span><span>{reportNumber(r) || tx('report_state', r.state)}</span></>} title={reportTitle(r)}
        lead={<span class="row wrap"><Badge kind={r.state === 'numbered' ? 'solid' : 'accent'}>{tx('report_state', r.state)}</Badge>{reportNumber(r) && <b>{t('reports.number')}: {reportNumber(r)}</b>}<span class="faint">{t('reports.snapshot', { time: dateTime(r.updated) })}</span></span>}>
        {forward?.allowed && <button class="button primary" onClick={() => setMoving(forward)}>{tx('report_next', forward.state)}<Icon name="right" /></button>}
        <a class="button" href={`${path}/report.pdf`} download><Icon name="download" />PDF</a>
        <a class="button" href={`${path}/report.docx`} download><Icon name="download" />DOCX</a>
        {(may || back?.allowed) && <Menu button="button icon-only" aria={t('action.menu')} label={<Icon name="dots" />} items={[
          may && { label: t('reports.recompute'), icon: 'undo', run: () => void recompute() },
          back?.allowed && { label: t('reports.back_to_draft'), icon: 'left', run: () => void move(back) },
        ]} />}
      </PageHead>
      {r.state !== 'numbered' && Date.now() < quarterEnd(r) && <div class="notice gold"><Icon name="clock" />{t('reports.unfinished', { day: date(new Date(quarterEnd(r) - 1).toISOString()) })}</div>}
      {forward && !forward.allowed && <div class="notice"><Icon name="info" />{tx('report_wait', forward.state)}</div>}
      <ol class="stages reports" aria-label={t('field.state')}>{STATES.map((s, i) => <li key={s} class={i < STATES.indexOf(r.state) ? 'past' : s === r.state ? 'now' : ''} aria-current={s === r.state ? 'step' : undefined}><i />{tx('report_state', s)}</li>)}</ol>
      <div class="two">
        <div class="stack">
          <Card title={t('reports.figures')} flush>
            {groups.map((g) => (
              <section key={g} class="figures">
                <h3>{tx('figure_group', g)}</h3>
                <ul>
                  {r.figures.filter((f) => f.group === g).map((f) => {
                    const href = pageOf(f.rows);
                    const delta = f.previous === null || f.previous === undefined ? null : f.value - f.previous;
                    const body = <><span class="grow">{tx('figure', f.key)}</span><b>{figureText(f)}</b><span class="small faint delta">{delta === null ? '' : delta === 0 ? t('reports.same') : t(delta > 0 ? 'reports.more' : 'reports.less', { n: number(Math.abs(delta), Number.isInteger(delta) ? 0 : 1) })}</span></>;
                    return <li key={f.key}>{href ? <a class="line" href={href}>{body}<Icon name="right" /></a> : <span class="line">{body}<span class="noicon" /></span>}</li>;
                  })}
                </ul>
              </section>
            ))}
            {!r.figures.length && <div class="card-body dim">{t('state.nothing')}</div>}
          </Card>
          {r.tables.map((table) => (
            <Card key={table.key} title={tx('report_table', table.key)} flush>
              <div class="table-wrap"><table class="table"><thead><tr>{table.columns.map((c, i) => <th key={c} class={i ? 'num' : ''}>{tx('report_column', c)}</th>)}</tr></thead>
                <tbody>{table.rows.map((row, i) => <tr key={i}>{row.map((v, j) => <td key={j} class={typeof v === 'number' ? 'num' : ''} data-head={j ? tx('report_column', table.columns[j]) : undefined} data-phone={j ? undefined : 'title'}>{typeof v === 'number' ? number(v) : v === null ? '–' : table.columns[j] === 'signature' ? signature(v) : v}</td>)}</tr>)}</tbody></table></div>
            </Card>
          ))}
          <Card title={t('reports.words')}>
            <div class="stack">
              {SECTIONS.map((s, i) => <Field key={s} label={`${['I', 'II', 'III', 'IV', 'V', 'VI'][i]}. ${tx('report_section', s)}`} id={`sec-${s}`}><textarea id={`sec-${s}`} class="input" rows={4} disabled={!may} value={value(s)} onInput={(e) => change(s, e.currentTarget.value)} /></Field>)}
            </div>
          </Card>
        </div>
        <aside class="stack">
          <Card title={t('reports.heading')}>
            <div class="stack">
              {HEADS.map((h) => <Field key={h} label={tx('report_head', h)} id={`head-${h}`}>{h === 'recipients' ? <textarea id={`head-${h}`} class="input" rows={4} disabled={!may} value={value(h)} onInput={(e) => change(h, e.currentTarget.value)} /> : <input id={`head-${h}`} class="input" disabled={!may} value={value(h)} onInput={(e) => change(h, e.currentTarget.value)} />}</Field>)}
            </div>
          </Card>
        </aside>
      </div>
      {dirty && <div class="savebar"><span class="grow">{t('form.unsaved')}</span>{failed !== null && <Problem error={failed} />}<button class="button" onClick={() => setForm({})}>{t('form.discard')}</button><button class="button primary" onClick={() => void save()}>{t('action.save')}</button></div>}
      {moving && <Dialog title={tx('report_next', moving.state)} onClose={() => setMoving(null)} onSubmit={async () => { if (!dirty || await save()) await move(moving); }} footer={<><button type="button" class="button" onClick={() => setMoving(null)}>{t('action.cancel')}</button><button class="button primary">{tx('report_next', moving.state)}</button></>}><p>{tx('report_hint', moving.state)}</p></Dialog>}
    </>
  );
}
