// SPDX-License-Identifier: Apache-2.0
// Charts in plain SVG: a histogram over time that can be brushed, a sparkline, a ranked list with bars.
import { useRef, useState } from 'preact/hooks';
import { clock, date, dateTime, millis, number } from '../lib/format';
import { t } from '../lib/i18n';
import type { Bucket, Top } from '../lib/types';

/** Buckets of equal length from first to last, empty ones filled in. */
export function fill(buckets: Bucket[], interval: number, from?: string, to?: string): { at: number; count: number; alerts: number }[] {
  const step = interval * 1000;
  if (!step || (!buckets.length && !(from && to))) return [];
  const known = new Map(buckets.map((b) => [Math.floor(millis(b.time) / step), b]));
  const keys = [...known.keys()];
  const start = from ? Math.floor(millis(from) / step) : Math.min(...keys);
  const end = to ? Math.ceil(millis(to) / step) : Math.max(...keys) + 1;
  return Array.from({ length: Math.min(600, Math.max(1, end - start)) }, (_, i) => ({ at: (start + i) * step, count: known.get(start + i)?.count ?? 0, alerts: known.get(start + i)?.alerts ?? 0 }));
}

export function HistogramChart({ buckets, interval, from, to, height = 96, onRange, label }:
  { buckets: Bucket[]; interval: number; from?: string; to?: string; height?: number; onRange?: (from: number, to: number) => void; label: string }) {
  const bars = fill(buckets, interval, from, to);
  const svg = useRef<SVGSVGElement>(null);
  const [brush, setBrush] = useState<[number, number] | null>(null);
  const [hover, setHover] = useState(-1);
  if (!bars.length) return null;
  const width = 1000, top = 4, bottom = 18;
  const max = Math.max(1, ...bars.map((b) => b.count));
  const step = width / bars.length;
  const y = (n: number) => (n === 0 ? 0 : Math.max(2, ((height - top - bottom) * n) / max));
  const at = (event: PointerEvent) => {
    const box = svg.current!.getBoundingClientRect();
    return Math.max(0, Math.min(bars.length - 1, Math.floor(((event.clientX - box.left) / box.width) * bars.length)));
  };
  const multiDay = bars.length * interval > 100_000;
  const marks = [0, 0.25, 0.5, 0.75].map((f) => Math.floor(bars.length * f));
  const shown = hover >= 0 ? bars[hover] : null;
  return (
    <figure class="chart" aria-label={label}>
      <svg ref={svg} class="histogram" viewBox={`0 0 ${width} ${height - bottom}`} preserveAspectRatio="none" height={height - bottom} role="img" aria-label={label}
        onPointerDown={(e) => { if (onRange) { svg.current!.setPointerCapture(e.pointerId); setBrush([at(e), at(e)]); } }}
        onPointerMove={(e) => { setHover(at(e)); if (brush) setBrush([brush[0], at(e)]); }}
        onPointerLeave={() => setHover(-1)}
        onPointerUp={() => {
          if (!brush || !onRange) return;
          const [a, b] = [Math.min(...brush), Math.max(...brush)];
          setBrush(null);
          if (bars.length > 1 && (b > a || bars[a]!.count > 0)) onRange(bars[a]!.at, bars[b]!.at + interval * 1000);
        }}>
        {brush && <rect class="brush" x={Math.min(...brush) * step} width={(Math.abs(brush[1] - brush[0]) + 1) * step} y={0} height={height} />}
        {bars.map((b, i) => (
          <g key={b.at}>
            <rect class={`bar ${i === hover ? 'hover' : ''}`} x={i * step + step * 0.08} width={step * 0.84} y={height - bottom - y(b.count)} height={y(b.count)} />
            {b.alerts > 0 && <rect class="bar hot" x={i * step + step * 0.08} width={step * 0.84} y={height - bottom - y(b.alerts)} height={y(b.alerts)} />}
          </g>
        ))}
      </svg>
      <div class="axis row between" aria-hidden="true">
        {shown
          ? <span class="axis-now">{dateTime(shown.at)} · <b>{number(shown.count)}</b>{shown.alerts > 0 && <> · {t('chart.alerts', { n: number(shown.alerts) })}</>}</span>
          : marks.map((i) => <span key={i}>{multiDay ? date(bars[i]!.at).slice(0, 5) : clock(bars[i]!.at)}</span>)}
        <span>{t('chart.most', { n: number(max) })}</span>
      </div>
    </figure>
  );
}

export function Sparkline({ values, height = 34, label }: { values: number[]; height?: number; label: string }) {
  if (values.length < 2) return null;
  const max = Math.max(1, ...values);
  const points = values.map((v, i) => `${((i / (values.length - 1)) * 200).toFixed(1)},${(height - 2 - ((height - 4) * v) / max).toFixed(1)}`);
  return (
    <svg class="spark" viewBox={`0 0 200 ${height}`} height={height} preserveAspectRatio="none" role="img" aria-label={label}>
      <path d={`M0,${height} L${points.join(' L')} L200,${height}Z`} fill="var(--accent-tint)" />
      <polyline points={points.join(' ')} fill="none" stroke="var(--accent)" stroke-width="1.5" vector-effect="non-scaling-stroke" stroke-linejoin="round" />
    </svg>
  );
}

export function Tops({ rows, onPick, href, empty, name = (value) => value }: { rows: Top[]; name?: (value: string) => string; onPick?: (value: string, event: MouseEvent) => void; href?: (value: string) => string; empty?: string }) {
  const max = Math.max(1, ...rows.map((r) => r.count));
  if (!rows.length) return <p class="faint small">{empty ?? t('state.nothing')}</p>;
  return (
    <ul class="tops">
      {rows.map((r) => (
        <li key={r.value}>
          <svg class="tops-bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect width={Math.max(1, (100 * r.count) / max)} height="10" rx="1" /></svg>
          <span class="grow clip" title={r.value}>
            {href ? <a class="plain" href={href(r.value)}>{name(r.value) || '∅'}</a>
              : onPick ? <button type="button" class="linkish clip" onClick={(e) => onPick(r.value, e)}>{name(r.value) || '∅'}</button> : name(r.value) || '∅'}
          </span>
          <span class="faint small">{number(r.count)}</span>
        </li>
      ))}
    </ul>
  );
}
