// SPDX-License-Identifier: Apache-2.0
// Start: language, session, then the page that the address names. Each page is a file of its own, loaded when first asked for.
import { render, type ComponentType } from 'preact';
import { useEffect, useReducer, useState } from 'preact/hooks';
import { ApiError, del, forget, get, setCsrf, whenSessionLost } from './lib/api';
import { loadLang, preferredLang, t } from './lib/i18n';
import { startKeys } from './lib/keys';
import { chooseLang, whenPrefsChange } from './lib/prefs';
import { navigate, reachedFromWithin, startRouter, useRoute } from './lib/router';
import { landing, SessionContext } from './lib/session';
import { startStream, stopStream } from './lib/stream';
import type { Session } from './lib/types';
import { Shell } from './components/shell';
import { Lines, PageHead, Problem, Toasts } from './components/ui';

type Page = ComponentType<{ parts: string[] }>;
const PAGES: Record<string, () => Promise<{ default: Page }>> = {
  '': () => import('./pages/today'),
  work: () => import('./pages/work'),
  inbox: () => import('./pages/inbox'),
  alert: () => import('./pages/alert'),
  cases: () => import('./pages/cases'),
  case: () => import('./pages/case'),
  hunt: () => import('./pages/hunt'),
  host: () => import('./pages/host'),
  event: () => import('./pages/event'),
  agencies: () => import('./pages/registers'),
  registers: () => import('./pages/registers'),
  reports: () => import('./pages/reports'),
  report: () => import('./pages/report'),
  sensors: () => import('./pages/sensors'),
  users: () => import('./pages/users'),
  audit: () => import('./pages/audit'),
  account: () => import('./pages/account'),
};
const loaded = new Map<string, Page>();

function Outlet() {
  const { parts } = useRoute();
  const name = parts[0] ?? '';
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const [failed, setFailed] = useState<string | null>(null);
  const load = PAGES[name];
  useEffect(() => {
    if (!load || loaded.has(name)) return;
    load().then((m) => { loaded.set(name, m.default); redraw(0); }, () => setFailed(name));
  }, [name]);
  if (!load) return <><PageHead title={t('state.no_page')} lead={location.pathname} /><a class="button" href="/">{t('state.go_home')}</a></>;
  if (failed === name) return <Problem error={new ApiError(0, 'new_version')} retry={() => location.reload()} />;
  const Here = loaded.get(name);
  return Here ? <Here parts={parts} key={name} /> : <Lines count={8} />;
}

function App() {
  const [session, setSession] = useState<Session | null>(null);
  const [state, setState] = useState<'asking' | 'out' | 'in' | 'down'>('asking');
  const [why, setWhy] = useState('');
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const [SignIn, setSignIn] = useState<null | ComponentType<{ session: Session | null; why: string; onSession: (s: Session) => void; onLeave: () => void }>>(null);

  const enter = async (s: Session, signedIn = false) => {
    setCsrf(s.csrf);
    if (!s.user.language) void chooseLang(preferredLang()); // the one chosen before signing in becomes the account's
    else if (s.user.language !== document.documentElement.lang) await loadLang(s.user.language);
    setSession(s);
    setWhy('');
    setState('in');
    if (!s.user.must_change_password && !s.user.totp_required) {
      startStream();
      const away = location.pathname === '/' && landing(s.user.role) !== '/' && (signedIn || !reachedFromWithin());
      if (away || location.pathname === '/signin') navigate(landing(s.user.role), true);
    }
  };
  const lost = (code: string) => {
    stopStream();
    forget();
    setCsrf('');
    setSession(null);
    setWhy(code);
    setState('out');
  };
  const ask = () => {
    setState('asking');
    get<Session>('/api/session').then((s) => enter(s), (e) => (e instanceof ApiError && e.status === 401 ? lost('') : setState('down')));
  };
  useEffect(() => {
    whenPrefsChange(() => redraw(0));
    whenSessionLost((code) => lost(code || 'not_signed_in'));
    ask();
  }, []);
  const gate = state === 'out' || (session && (session.user.must_change_password || session.user.totp_required));
  useEffect(() => {
    if (gate && !SignIn) void import('./pages/signin').then((m) => setSignIn(() => m.default));
  }, [gate]);

  const leave = async () => {
    await del('/api/session').catch(() => undefined);
    lost('');
    navigate('/', true);
  };
  if (state === 'asking') return null;
  if (state === 'down') return <div class="alone"><Problem error={new ApiError(0, 'unreachable')} retry={ask} /></div>;
  if (gate) return SignIn ? <><SignIn session={session} why={why} onSession={(s) => void enter(s, true)} onLeave={() => void leave()} /><Toasts /></> : null;
  return (
    <SessionContext.Provider value={{ session: session!, renew: (s) => void enter(s), leave: () => void leave() }}>
      <Shell><Outlet /></Shell>
      <Toasts />
    </SessionContext.Provider>
  );
}

startRouter();
startKeys();
void loadLang(preferredLang()).then(() => render(<App />, document.getElementById('app')!));
