// SPDX-License-Identifier: Apache-2.0
// An EVE event: one line in words, its JSON with every value a way to search on, its payload as a conversation.
import { useState } from 'preact/hooks';
import { signature } from '../lib/explain';
import { bytes, clockExact, exact, number } from '../lib/format';
import { t, tx } from '../lib/i18n';
import { url } from '../lib/router';
import type { Eve, EventRow, Json } from '../lib/types';
import { Icon } from './icons';
import { toast, type Children } from './ui';

const part = (e: Eve, path: string): Json | undefined => path.split('.').reduce<Json | undefined>((v, k) => (v && typeof v === 'object' && !Array.isArray(v) ? v[k] : undefined), e);
const text = (e: Eve, path: string): string => {
  const v = part(e, path);
  return v === undefined || v === null ? '' : typeof v === 'object' ? JSON.stringify(v) : String(v);
};

/** What the event says, in one line. */
export function eventLine(e: Eve): string {
  switch (text(e, 'event_type')) {
    case 'alert': return signature(text(e, 'alert.signature'));
    case 'dns': {
      const name = text(e, 'dns.rrname') || text(e, 'dns.queries.0.rrname') || ((part(e, 'dns.queries') as Eve[] | undefined)?.[0]?.rrname as string | undefined) || '';
      const type = text(e, 'dns.rrtype') || ((part(e, 'dns.queries') as Eve[] | undefined)?.[0]?.rrtype as string | undefined) || '';
      return [type, name, text(e, 'dns.rcode')].filter(Boolean).join(' ');
    }
    case 'http': return [text(e, 'http.http_method'), (text(e, 'http.hostname') || '') + text(e, 'http.url'), text(e, 'http.status')].filter(Boolean).join(' ');
    case 'tls': return [text(e, 'tls.version'), text(e, 'tls.sni') || text(e, 'tls.subject')].filter(Boolean).join(' ');
    case 'smtp': return [text(e, 'smtp.mail_from'), '→', [part(e, 'smtp.rcpt_to') ?? ''].flat().join(', ')].join(' ');
    case 'fileinfo': return [text(e, 'fileinfo.filename'), bytes(Number(text(e, 'fileinfo.size')) || 0)].join(' ');
    case 'flow': {
      const out = Number(text(e, 'flow.bytes_toserver')) || 0, back = Number(text(e, 'flow.bytes_toclient')) || 0;
      return `${text(e, 'app_proto') || text(e, 'proto')} · ↑ ${bytes(out)} ↓ ${bytes(back)} · ${tx('flow_state', text(e, 'flow.state'))}`;
    }
    case 'anomaly': return [text(e, 'anomaly.type'), text(e, 'anomaly.event')].filter(Boolean).join(' ');
    case 'ssh': return [text(e, 'ssh.client.software_version'), text(e, 'ssh.server.software_version')].filter(Boolean).join(' → ');
    case 'stats': return t('eve.stats', { s: number(Number(text(e, 'stats.uptime')) || 0) });
    default: return text(e, 'event_type');
  }
}

export function port(value: Json | undefined): string {
  return typeof value === 'number' && value > 0 ? `:${value}` : '';
}

function leaf(path: string, value: Json, onPick?: (path: string, value: string, at: MouseEvent) => void) {
  const shown = JSON.stringify(value);
  if (!onPick || value === null || typeof value === 'object') return shown;
  return <button type="button" class="v" title={path} onClick={(e) => onPick(path, String(value), e)}>{shown}</button>;
}

function tree(value: Json, path: string, depth: number, onPick?: (path: string, value: string, at: MouseEvent) => void): Children {
  const pad = '  '.repeat(depth);
  if (Array.isArray(value)) {
    if (!value.length) return '[]';
    return <>{'[\n'}{value.map((v, i) => <>{pad}{'  '}{tree(v, path, depth + 1, onPick)}{i < value.length - 1 ? ',' : ''}{'\n'}</>)}{pad}]</>;
  }
  if (value && typeof value === 'object') {
    const keys = Object.keys(value);
    if (!keys.length) return '{}';
    return <>{'{\n'}{keys.map((k, i) => <>{pad}{'  '}<span class="k">"{k}"</span>: {tree(value[k]!, path ? `${path}.${k}` : k, depth + 1, onPick)}{i < keys.length - 1 ? ',' : ''}{'\n'}</>)}{pad}{'}'}</>;
  }
  return leaf(path, value, onPick);
}

export function JsonView({ value, onPick }: { value: Json; onPick?: (path: string, value: string, at: MouseEvent) => void }) {
  const copy = () => navigator.clipboard?.writeText(JSON.stringify(value, null, 2)).then(() => toast(t('action.copied')), () => undefined);
  return (
    <div class="json-box">
      <button type="button" class="button quiet small json-copy" onClick={copy}>{t('action.copy_json')}</button>
      <pre class="json">{tree(value, '', 0, onPick)}</pre>
    </div>
  );
}

function decode(base64: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  } catch {
    return null;
  }
}

/** Text as UTF-8; what is none, and signs that are not seen or turn the line round, are dots. */
function printable(data: Uint8Array): string {
  return new TextDecoder().decode(data).replace(/\r/g, '').replace(/[^\P{C}\n\t]|\uFFFD/gu, '·').trimEnd();
}

function hexdump(data: Uint8Array): string {
  const lines: string[] = [];
  for (let i = 0; i < Math.min(data.length, 8192); i += 16) {
    const row = data.subarray(i, i + 16);
    const hex = [...row].map((b) => b.toString(16).padStart(2, '0')).join(' ').padEnd(47);
    lines.push(`${i.toString(16).padStart(6, '0')}  ${hex}  ${printable(row).replace(/[\n\t]/g, '·')}`);
  }
  return lines.join('\n');
}

/** Marks the words of the rule in the text. */
function marked(body: string, needles: string[]): Children {
  const useful = needles.filter((n) => n.length > 2);
  if (!useful.length) return body;
  const low = body.toLowerCase();
  const out: Children[] = [];
  let at = 0;
  while (at < body.length) {
    let hit = -1, length = 0;
    for (const n of useful) {
      const i = low.indexOf(n.toLowerCase(), at);
      if (i >= 0 && (hit < 0 || i < hit)) { hit = i; length = n.length; }
    }
    if (hit < 0 || out.length > 200) break;
    out.push(body.slice(at, hit), <mark>{body.slice(hit, hit + length)}</mark>);
    at = hit + length;
  }
  return [...out, body.slice(at)];
}

/** The texts a rule looks for: its content options, hexadecimal parts decoded. */
export function ruleContents(rule: string): string[] {
  return [...rule.matchAll(/content:\s*"((?:\\.|[^"\\])*)"/g)].map((m) => m[1]!
    .replace(/\|([0-9a-fA-F\s]+)\|/g, (_, hex: string) => hex.trim().split(/\s+/).map((h) => String.fromCharCode(parseInt(h, 16))).join(''))
    .replace(/\\(.)/g, '$1'));
}

/** What was said in both directions: that of `event` itself, and what other alerts of its flow brought along. */
export function Payload({ event, rule, flow = [] }: { event: Eve; rule: string; flow?: Eve[] }) {
  const [hex, setHex] = useState(false);
  const needles = ruleContents(rule);
  const said = [event, ...flow].map((e) => ({ own: e === event, client: text(e, 'direction') !== 'to_client', raw: decode(text(e, 'payload')) ?? new Uint8Array() }))
    .filter((p) => p.raw.length).sort((x, y) => Number(y.own) - Number(x.own) || y.raw.length - x.raw.length);
  const raws = [said.find((p) => p.client), said.find((p) => !p.client)].filter((p) => p !== undefined);
  const pieces = raws.map((p) => ({ who: p.client ? t('eve.client') : t('eve.server'), body: hex ? hexdump(p.raw) : printable(p.raw), client: p.client }));
  if (!raws.length && text(event, 'payload_printable')) pieces.push({ who: t('eve.client'), body: text(event, 'payload_printable'), client: text(event, 'direction') !== 'to_client' });
  for (const [field, who, client] of [['http.http_request_body', t('eve.client'), true], ['http.http_response_body', t('eve.server'), false]] as const) {
    const body = decode(text(event, field));
    const plain = text(event, `${field}_printable`);
    if (body?.length) pieces.push({ who: `${who} · HTTP`, body: hex ? hexdump(body) : printable(body), client });
    else if (plain) pieces.push({ who: `${who} · HTTP`, body: plain, client });
  }
  if (!pieces.length) return <p class="dim">{t('eve.no_payload')}</p>;
  return (
    <div class="stack tight">
      {raws.length > 0 && <div class="row"><button type="button" class="button small" aria-pressed={hex} onClick={() => setHex(!hex)}>{t('eve.hex')}</button><span class="faint small">{t('eve.bytes', { n: number(raws.reduce((sum, p) => sum + p.raw.length, 0)) })}</span></div>}
      {pieces.map((p, i) => (
        <div key={i}>
          <div class="small faint">{p.who}</div>
          <pre class={`transcript ${p.client ? 'client' : ''}`}>{hex ? p.body : marked(p.body, needles)}</pre>
        </div>
      ))}
    </div>
  );
}

const EVE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d{4}$/;

export function EventFacts({ event }: { event: Eve }) {
  const skip = new Set(['timestamp', 'flow_id', 'event_type', 'src_ip', 'src_port', 'dest_ip', 'dest_port', 'proto', 'payload', 'payload_printable', 'packet', 'packet_info', 'stream', 'vonglau', 'alert', 'pcap_cnt', 'metadata']);
  const rows: [string, string][] = [];
  for (const [group, value] of Object.entries(event)) {
    if (skip.has(group)) continue;
    if (value && typeof value === 'object' && !Array.isArray(value)) {
      for (const [k, v] of Object.entries(value)) if (v !== null && typeof v !== 'object' && !/body/.test(k)) rows.push([`${group}.${k}`, String(v)]);
    } else if (value !== null && typeof value !== 'object') rows.push([group, String(value)]);
  }
  return <dl class="facts mono-values">{rows.slice(0, 40).map(([k, v]) => [<dt class="mono small">{k}</dt>, <dd class="mono small">{EVE_TIME.test(v) ? exact(v) : v}</dd>])}</dl>;
}

export function EventList({ rows, current }: { rows: EventRow[]; current?: string }) {
  return (
    <ol class="events">
      {rows.map((r) => (
        <li key={r.id} class={r.id === current ? 'on' : ''}>
          <time class="mono small faint">{clockExact(r.time)}</time>
          <span class="badge solid">{tx('event_type', r.type)}</span>
          <a class="plain grow clip2" href={`/event/${encodeURIComponent(r.id)}`}>{eventLine(r.event)}</a>
        </li>
      ))}
    </ol>
  );
}

export function flowQuery(event: Eve): string {
  const id = text(event, 'flow_id');
  return url('/hunt', { q: id ? `flow_id:${id}` : `@ip:${text(event, 'src_ip')} @ip:${text(event, 'dest_ip')}`, from: '-7d' });
}

export { text as eveText, part as evePart, Icon };
