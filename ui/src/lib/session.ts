// SPDX-License-Identifier: Apache-2.0
// Who is signed in and what that role may do here. The centre enforces it; the page only hides what would be refused.
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Role, Session } from './types';

export interface SessionState { session: Session; renew: (session: Session) => void; leave: () => void }
export const SessionContext = createContext<SessionState>(null as unknown as SessionState);
export const useSession = () => useContext(SessionContext);

const CAN = {
  alerts: ['duty', 'handler', 'leader', 'contact', 'auditor'],
  triage: ['duty', 'handler'],
  incidents: ['duty', 'handler', 'leader', 'contact', 'auditor'],
  handle: ['duty', 'handler'],
  open_incident: ['duty', 'handler', 'contact'],
  talk: ['duty', 'handler', 'contact'],
  hunt: ['duty', 'handler', 'leader', 'auditor', 'contact'],
  today: ['administrator', 'duty', 'handler', 'leader', 'auditor'],
  registers: ['administrator', 'duty', 'handler', 'leader', 'contact', 'auditor'],
  reports: ['duty', 'handler', 'leader', 'auditor'],
  work: ['handler', 'leader', 'contact'],
  draft: ['duty', 'handler', 'leader'],
  sensors: ['administrator', 'duty', 'handler', 'leader', 'auditor'],
  sensors_write: ['administrator'],
  users: ['administrator', 'auditor'],
  users_write: ['administrator'],
  audit: ['administrator', 'auditor'],
} satisfies Record<string, Role[]>;
export type Right = keyof typeof CAN;

export function may(role: Role, right: Right): boolean {
  return (CAN[right] as Role[]).includes(role);
}
export function useMay(right: Right): boolean {
  return may(useSession().session.user.role, right);
}
export function landing(role: Role): string {
  return role === 'contact' ? '/work' : role === 'administrator' ? '/sensors' : '/';
}
