// SPDX-License-Identifier: Apache-2.0
// The shapes docs/api.md promises.
export type Role = 'administrator' | 'duty' | 'handler' | 'leader' | 'contact' | 'auditor';

export interface Ref { id: number; title: string }
export interface Rows<T> { rows: T[]; next: string | null; total?: number; partial?: boolean }

export interface Session {
  user: { id: number; name: string; display_name: string; role: Role; agencies: Ref[]; language: 'vi' | 'en' | null; totp: boolean;
    must_change_password: boolean; totp_required: boolean };
  csrf: string; expires: string; idle_s: number; version: string; sample: boolean; now: string;
}

export interface FieldInfo {
  name: string;
  type: 'text' | 'uint' | 'bool' | 'choice' | 'ref' | 'date' | 'time' | 'real' | 'int';
  label: string; help?: string; required?: boolean; unique?: boolean; min?: number; max?: number;
  choices?: string[]; target?: string; list?: boolean; dated?: boolean; read_only?: boolean;
}
export interface Entity { name: string; label: string; title: string; writable: boolean; count: number; dated: boolean; fields: FieldInfo[]; gaps: string[] }
export type Row = { id: number; version: number; ended: string | null; created: string; updated: string } & Record<string, unknown>;

export type Verdict = 'attempt' | 'success' | 'unknown';
export interface Group {
  id: number; state: 'inbox' | 'archived' | 'escalated'; gid: number; sid: number; signature: string; category: string | null; severity: number; priority: number;
  src_ip: string; src_port: number | null; dest_ip: string; dest_port: number | null; proto: string; app_proto: string | null; count: number; first: string; last: string;
  verdict: Verdict; metadata: Record<string, string[] | string> | null; agency: number | null; agency_title: string | null; system: number | null;
  system_title: string | null; level: number | null; side: 'src' | 'dest' | 'both' | null; sensors: string[]; incident: number | null; reason: string | null;
  note: string | null; changed: string | null; changed_by: number | null; changed_by_title: string | null;
}
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Eve = { [key: string]: Json };
export interface EventRow { id: string; time: string; type: string; agency: number | null; agency_title: string | null; system: number | null;
  system_title: string | null; sensor: string; event: Eve }
export interface Bucket { time: string; count: number; alerts?: number }
export interface Histogram { interval_s: number; from?: string; to?: string; buckets: Bucket[]; total?: number; partial?: boolean }
export interface Top { value: string; count: number; sid?: number }

export interface IncidentSummary {
  id: number; number: string; title: string; type: string; severity: 'ordinary' | 'serious'; state: string; level: number | null; agency: number | null;
  agency_title: string | null; system: number | null; system_title: string | null; regime: string; detected: string; created: string; updated: string;
  assignee: number | null; assignee_title: string | null; next_due: string | null; next_clock: string | null; overdue: boolean; tasks_open: number;
  tasks_total: number; unread: number; version: number;
}
export interface Missing { code: string; place: string; value: string }
export interface NextState { state: string; primary?: boolean; allowed: boolean; missing?: Missing[] }
export interface LegalClock { id: number; rule: number; kind: string; recipient: string; form: string; source: string; started: string; due: string; used_percent: number;
  sent: string | null; sent_by_title: string | null; channel: string | null; document: string | null; acknowledged: string | null;
  state: 'running' | 'met' | 'late' | 'overdue' | 'not_needed' }
export interface TimelineEntry { id: number; time: string; user: number | null; user_title: string | null; kind: string; text: string; data: Record<string, Json> | null }
export interface Task { id: number; position: number; state_for: string | null; title_vi: string; title_en: string; for_contact: boolean; required: boolean;
  done: string | null; done_by_title: string | null; note: string | null; due: string | null; help: boolean }
export interface Message { id: number; time: string; user: number; user_title: string; from_contact: boolean; text: string }
export interface Evidence { id: number; time: string; user: number; user_title: string; name: string; type: string; size: number; sha256: string; note: string | null }
export interface Closing { cause: string; damage: string; handling: string; result: '' | 'resolved' | 'partly' | 'unresolved'; lessons: string; ended: string | null }
export interface Incident extends IncidentSummary {
  summary: string; source: string; reporter: number | null; reporter_title: string | null; personal_data: boolean; state_secret: boolean; addresses: string; provider: string;
  closing: Closing; next: NextState[]; clocks: LegalClock[]; timeline: TimelineEntry[]; tasks: Task[]; messages: Message[]; evidence: Evidence[];
  alerts: Group[]; contacts: { id: number; person: string; role: string; phone: string; email: string }[];
}

export interface Health {
  storage: { state: 'ok' | 'full'; size: number; free: number; kept: number };
}
export interface Today {
  now: string; to_do: number; to_do_before: string | null; inbox: number; inbox_high: number; incidents_open: number; incidents_overdue: number;
  sensors: { total: number; ok: number; late: number; silent: number; new: number };
  clocks: { incident: number; number: string; title: string; agency_title: string; kind: string; due: string; overdue: boolean; reminded: number }[];
  hosts: { ip: string; agency: number | null; agency_title: string | null; priority: number; groups: number; count: number }[];
  agencies: { id: number; title: string; short_name: string; state: 'act' | 'watch' | 'blind' | 'unwatched' | 'calm'; inbox: number; worst_priority: number; incidents: number;
    overdue: number; sensors: number; sensors_ok: number }[];
  events_24h: { total: number; alerts: number; histogram: Histogram };
  changes: { time: string; text_code: string; clock: string | null; percent: number | null; incident: number | null; number: string | null; title: string | null }[];
  last_event: string | null; lost_events: number;
}
export interface WorkCard { kind: string; incident: number | null; number: string | null; title_vi: string; title_en: string; text_vi: string; text_en: string;
  due: string | null; overdue: boolean; task: number | null; address: string | null; contact?: number | null; actions: string[] }

export interface ReportRow { id: number; year: number; quarter: number; state: 'draft' | 'review' | 'approved' | 'numbered'; number: number | string | null; symbol: string;
  created: string; updated: string; signer: string; version: number }
export interface ReportFigure { key: string; group: string; value: number; text: string; unit: string; previous: number | null; rows: string | null }
export interface Report extends ReportRow {
  sections: Record<string, string>; addressee: string; parent_agency?: string; issuing_agency?: string; place: string; signer_title: string; authority: string; recipients: string; date: string | null;
  figures: ReportFigure[]; tables: { key: string; columns: string[]; rows: (string | number | null)[][] }[]; next: NextState[];
}
export interface User { id: number; name: string; display_name: string; role: Role; agencies: Ref[]; email: string; phone: string; state: 'active' | 'disabled'; totp: boolean;
  locked_until: string | null; last_sign_in: string | null; must_change_password: boolean; version: number }
export interface Sensor { id: number; name: string; state: string; agency: number | null; agency_title: string | null; last_seen: string | null;
  health: 'ok' | 'late' | 'silent' | 'new' | 'revoked'; software: string | null; address: string | null; certificate_until: string | null; clock_offset_ms: number | null;
  backlog_bytes: number | null; events_per_s: number | null; lost: number | null; counters: Record<string, number> | null }
export interface AuditRow { id: number; time: string; user: number | null; user_title: string | null; address: string | null; action: string; object: string | null;
  object_id: number | string | null; object_title: string | null; data: Json; hash: string }
