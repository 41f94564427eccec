// SPDX-License-Identifier: Apache-2.0
// A development server: the built page over an invented province, so that pages can be looked at without a centre.
// Nothing here ships. usage: node dev/server.mjs [PORT]; sign in as "truc" (duty officer), "dau.moi" (contact) or "quan.tri"
// (administrator) with any password; the name "moi" shows the forced first change.
import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { alerts, agencies, audit, entities, events, hosts, incidents, mywork, registers, report, reports, sensors, today, users } from './province.mjs';

const dist = join(dirname(fileURLToPath(import.meta.url)), '../dist');
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.txt': 'text/plain' };
const PEOPLE = {
  truc: { id: 2, display_name: 'Nguyễn Thị An', role: 'duty', agencies: [] }, 'dau.moi': { id: 5, display_name: 'Trần Văn Bình', role: 'contact', agencies: [{ id: 3, title: 'Sở Y tế' }] },
  'quan.tri': { id: 1, display_name: 'Lê Minh Đức', role: 'administrator', agencies: [] }, 'lanh.dao': { id: 4, display_name: 'Phạm Thu Hà', role: 'leader', agencies: [] },
  moi: { id: 9, display_name: 'Hoàng Gia Khánh', role: 'duty', agencies: [], must: true },
};
let who = null, language = 'vi', changed = false;

const session = () => ({ user: { name: who, totp: false, totp_required: false, language, ...PEOPLE[who], must_change_password: Boolean(PEOPLE[who].must) && !changed },
  csrf: 'dev', expires: new Date(Date.now() + 8 * 3600e3).toISOString(), idle_s: 900, version: '0.1.0', sample: true, now: new Date().toISOString() });

function answer(method, url, body) {
  const p = url.pathname.split('/').slice(2), q = url.searchParams;
  const list = (rows, extra = {}) => ({ rows, next: null, total: rows.length, ...extra });
  if (p[0] === 'session') {
    if (method === 'POST') { if (!PEOPLE[body.name]) return [401, { error: { code: 'bad_credentials' } }]; who = body.name; return session(); }
    if (method === 'DELETE') { who = null; return [204]; }
    return who ? session() : [401, { error: { code: 'not_signed_in' } }];
  }
  if (!who) return [401, { error: { code: 'not_signed_in' } }];
  switch (p[0]) {
    case 'account':
      if (p[1] === 'password') { changed = true; return session(); }
      if (p[1] === 'sessions') return list([{ id: 1, created: today().now, seen: today().now, address: '10.0.0.5', agent: 'Chromium 130 (Linux)', current: true }]);
      if (p[1] === 'totp') return p[2] ? { recovery_codes: Array.from({ length: 10 }, (_, i) => `ab${i}d-ef${i}h`) } : { secret: 'JBSWY3DPEHPK3PXP', uri: 'otpauth://totp/Vong%20Lau:truc?secret=JBSWY3DPEHPK3PXP&issuer=Vong%20Lau' };
      if (body?.language) language = body.language;
      return session();
    case 'today': return today();
    case 'mywork': return mywork();
    case 'registers':
      if (!p[1]) return list(entities);
      if (p[2] && p[3] === 'history') return list([{ time: today().now, user: 2, user_title: 'Nguyễn Thị An', action: 'update', before: { phone: '0214 3800 001' }, after: { phone: '0214 3800 115' } }, { time: '2026-07-01T02:00:00.000Z', user: 1, user_title: 'Lê Minh Đức', action: 'create', before: null, after: { name: 'Sở Y tế' } }]);
      if (p[2] && p[3] === 'versions') return list([{ valid_from: '2025-07-01', valid_to: null, name: 'Sở Y tế', short_name: 'SYT', parent: 1, parent_title: 'UBND tỉnh', document: '12/QĐ-UBND' }]);
      if (p[2] === 'import') return [422, { error: { code: 'invalid', details: [{ code: 'overlap', row: 7, column: 'cidr', value: '10.1.0.0/16', text: '' }, { code: 'required', row: 9, column: 'agency', value: '', text: '' }] } }];
      if (p[2]) return registers[p[1]].find((r) => r.id === Number(p[2])) ?? [404, { error: { code: 'not_found' } }];
      return list(registers[p[1]].filter((r) => !q.get('agency') || r.agency === Number(q.get('agency'))));
    case 'alerts':
      if (p[1] === 'bulk') return { changed: 1, incident: null };
      if (p[2] === 'escalate') return [201, { incident: incidents[0] }];
      if (p[2] === 'filter') return { matches: 3, filter: null };
      if (p[1]) { const g = alerts.find((x) => x.id === Number(p[1])) ?? alerts[0]; const own = events.filter((e) => e.event.flow_id === g.flow); return { ...g, events: own.filter((e) => e.type === 'alert'), related: alerts.filter((x) => x.src_ip === g.src_ip && x.id !== g.id), event: own.find((e) => e.type === 'alert')?.event ?? null }; }
      return list(alerts.filter((g) => (q.get('state') ?? 'inbox') === 'all' || g.state === (q.get('state') ?? 'inbox')), { counts: { inbox: 7, escalated: 2, archived: 31 } });
    case 'events':
      if (p[1] === 'histogram') return { interval_s: 1440, ...range(), buckets: hosts.histogram(1440, 60), total: 128403 };
      if (p[1] === 'top') return { field: q.get('field'), rows: [['flow', 88123], ['dns', 21004], ['tls', 11870], ['http', 5120], ['fileinfo', 2009], ['alert', 34]].map(([value, count]) => ({ value, count })) };
      if (p[1] === 'fields') return list(['src_ip', 'dest_ip', 'dest_port', 'event_type', 'dns.rrname', 'dns.rcode', 'tls.sni', 'http.hostname', 'alert.signature_id'].map((name) => ({ name, type: 'text', top: true, aliases: name === 'src_ip' ? ['@src', '@ip'] : [] })));
      if (p[1] && p[2] === 'context') return list(events.slice(0, 5).reverse());
      if (p[1]) return events.find((e) => e.id === p[1]) ?? events[0];
      if ((q.get('q') ?? '').includes('((')) return [400, { error: { code: 'bad_query', value: '3' } }];
      return list(events);
    case 'hosts': return hosts.page(p[1]);
    case 'incidents':
      if (p[1] === 'states') return { states: [], types: [], transitions: [] };
      if (p[1]) return incidents.find((i) => i.id === Number(p[1])) ?? incidents[0];
      return list(incidents);
    case 'reports': return p[1] ? report : list(reports);
    case 'users': return p[1] === 'names' ? list(users.map(({ id, display_name, role }) => ({ id, display_name, role }))) : method === 'POST' ? [201, { user: users[0], password: 'Kx7-mQ2p-Vt9z' }] : list(users);
    case 'sensors': return method === 'POST' ? [201, { code: 'VL-7K3M-Q9TX-2HNB', expires: new Date(Date.now() + 86400e3).toISOString(), command: 'vonglau-sensor enrol https://vonglau.example.vn:8443 VL-7K3M-Q9TX-2HNB' }] : list(sensors);
    case 'audit': return p[1] === 'verify' ? { ok: true, rows: 1234, first_bad: null } : list(audit);
    default: return [404, { error: { code: 'not_found' } }];
  }
}
const range = () => ({ from: new Date(Date.now() - 86400e3).toISOString(), to: new Date().toISOString() });

createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost');
  response.setHeader('Content-Security-Policy', "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
  if (url.pathname === '/api/stream') {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write(': here\n\n');
    return;
  }
  if (url.pathname.startsWith('/api/')) {
    const parts = [];
    request.on('data', (d) => parts.push(d)).on('end', () => {
      let body = null;
      try { body = JSON.parse(Buffer.concat(parts).toString()); } catch { /* CSV and files */ }
      const result = answer(request.method, url, body);
      const [status, value] = Array.isArray(result) ? result : [200, result];
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(value === undefined ? '' : JSON.stringify(value));
    });
    return;
  }
  const file = join(dist, url.pathname);
  const path = file.startsWith(dist) && extname(file) && existsSync(file) ? file : join(dist, 'index.html');
  response.writeHead(200, { 'Content-Type': `${TYPES[extname(path)] ?? 'application/octet-stream'}; charset=utf-8` });
  response.end(readFileSync(path));
}).listen(Number(process.argv[2] ?? 8081), '127.0.0.1', function () { console.log(`http://127.0.0.1:${this.address().port} (${agencies.length} agencies, all invented)`); });
