// SPDX-License-Identifier: Apache-2.0
// The frame of every page: rail, phone bars, palette, help, and the keys that work everywhere.
import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useState } from 'preact/hooks';
import { useLoad } from '../lib/api';
import { bytes } from '../lib/format';
import { t, tx, lang, type Key } from '../lib/i18n';
import { useKeys } from '../lib/keys';
import { navigate, useRoute } from '../lib/router';
import { landing, may, useSession, type Right } from '../lib/session';
import { useLive, useStream } from '../lib/stream';
import type { Health, Today } from '../lib/types';
import { Icon, Mark, type IconName } from './icons';
import { Help, Palette } from './palette';
import { chooseDensity, chooseLang, chooseTheme, density, theme } from '../lib/prefs';
import { Menu } from './ui';

export interface Place { id: string; path: string; icon: IconName; label: Key; right?: Right; chord?: string; count?: 'inbox' | 'incidents' | 'work' }

export const PLACES: Place[] = [
  { id: 'today', path: '/', icon: 'today', label: 'nav.today', right: 'today', chord: 't' },
  { id: 'work', path: '/work', icon: 'work', label: 'nav.work', right: 'work', chord: 'w', count: 'work' },
  { id: 'inbox', path: '/inbox', icon: 'alert', label: 'nav.alerts', right: 'alerts', chord: 'i', count: 'inbox' },
  { id: 'cases', path: '/cases', icon: 'case', label: 'nav.cases', right: 'incidents', chord: 'c', count: 'incidents' },
  { id: 'hunt', path: '/hunt', icon: 'hunt', label: 'nav.hunt', right: 'hunt', chord: 'k' },
  { id: 'registers', path: '/agencies', icon: 'agency', label: 'nav.registers', right: 'registers', chord: 'r' },
  { id: 'reports', path: '/reports', icon: 'report', label: 'nav.reports', right: 'reports', chord: 'b' },
];
export const ADMIN: Place[] = [
  { id: 'sensors', path: '/sensors', icon: 'sensor', label: 'nav.sensors', right: 'sensors', chord: 'n' },
  { id: 'users', path: '/users', icon: 'users', label: 'nav.users', right: 'users', chord: 'u' },
  { id: 'audit', path: '/audit', icon: 'audit', label: 'nav.audit', right: 'audit', chord: 'l' },
];

const HOME: Record<string, string> = { alert: 'inbox', case: 'cases', host: 'hunt', event: 'hunt', agencies: 'registers', registers: 'registers', report: 'reports', '': 'today' };

export function placesFor(role: Parameters<typeof may>[0]): { main: Place[]; admin: Place[] } {
  const allowed = (p: Place) => (!p.right || may(role, p.right)) && !(role === 'contact' && p.id === 'hunt');
  return { main: PLACES.filter(allowed), admin: ADMIN.filter(allowed) };
}

function initials(name: string): string {
  const parts = name.trim().split(/\s+/);
  return ((parts[parts.length - 2]?.[0] ?? '') + (parts[parts.length - 1]?.[0] ?? '')).toUpperCase();
}

export function Shell({ children }: { children: ComponentChildren }) {
  const { session, leave } = useSession();
  const { user } = session;
  const { parts } = useRoute();
  const live = useLive();
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  const [drawer, setDrawer] = useState(false);
  const { main, admin } = placesFor(user.role);
  const first = parts[0] ?? '';
  const current = HOME[first] ?? first;

  const today = useLoad<Today>(may(user.role, 'alerts') && may(user.role, 'today') ? '/api/today' : null);
  const work = useLoad<{ cards: unknown[]; more: number }>(may(user.role, 'work') ? '/api/mywork' : null);
  const health = useLoad<Health>('/api/health');
  useEffect(() => {
    const timer = setInterval(health.reload, 60000);
    return () => clearInterval(timer);
  }, [health.reload]);
  const storage = health.data?.storage;
  useStream(['alert', 'incident', 'inbox', 'sensor'], useCallback(() => { today.reload(); work.reload(); }, [today.reload, work.reload]), 5000);
  const counts: Record<string, number> = {
    inbox: today.data?.inbox ?? 0, incidents: today.data?.incidents_open ?? 0, work: (work.data?.cards.length ?? 0) + (work.data?.more ?? 0),
  };

  useEffect(() => setDrawer(false), [location.pathname]);
  useKeys('keys.everywhere', [
    { keys: '?', help: 'keys.help', run: () => setHelp(true) },
    { keys: 'Ctrl+k', help: 'keys.palette', run: () => setPalette(true), always: true },
    { keys: '/', help: 'keys.search', run: () => {
      const box = document.querySelector<HTMLInputElement>('[data-search]');
      if (box) { box.focus(); box.select(); } else setPalette(true);
    } },
    { keys: 'Ctrl+Enter', help: 'keys.confirm', always: true, run: () => document.activeElement?.closest('form')?.querySelector<HTMLElement>('.primary')?.click() },
    { keys: 'Escape', help: 'keys.leave_field', hidden: true, always: true, run: () => (document.activeElement as HTMLElement | null)?.blur() },
    ...[...main, ...admin].map((p) => ({ keys: `g ${p.chord}`, help: p.label, run: () => navigate(p.path) })),
    ...(may(user.role, 'alerts') ? [
      { keys: 'g s', help: 'keys.go_escalated' as Key, run: () => navigate('/inbox?state=escalated') },
      { keys: 'g a', help: 'keys.go_all' as Key, run: () => navigate('/inbox?state=all') },
    ] : []),
  ]);

  const link = (p: Place) => (
    <a key={p.id} class="rail-link" href={p.path} aria-current={p.id === current ? 'page' : undefined} title={`g ${p.chord}`}>
      <Icon name={p.icon} /><span>{t(p.label)}</span>
      {p.count && counts[p.count]! > 0 && <span class="count">{counts[p.count]}</span>}
    </a>
  );
  const userMenu = (
    <Menu direction="up" button="rail-user" aria={t('nav.account')}
      label={<><span class="avatar" aria-hidden="true">{initials(user.display_name || user.name)}</span><span class="grow clip"><b class="clip">{user.display_name || user.name}</b><small>{tx('role', user.role)}</small></span></>}
      items={[
        { label: t('nav.account'), icon: 'key', href: '/account' },
        { label: t('keys.help'), icon: 'info', run: () => setHelp(true), key: '?' },
        { label: lang() === 'vi' ? 'English' : 'Tiếng Việt', icon: 'undo', run: () => chooseLang(lang() === 'vi' ? 'en' : 'vi'), rule: true },
        { label: t('theme.light') + (theme() === 'light' ? ' ✓' : ''), icon: 'sun', run: () => chooseTheme('light'), rule: true },
        { label: t('theme.dark') + (theme() === 'dark' ? ' ✓' : ''), icon: 'moon', run: () => chooseTheme('dark') },
        { label: t('theme.system') + (theme() === 'system' ? ' ✓' : ''), icon: 'screen', run: () => chooseTheme('system') },
        { label: density() === 'compact' ? t('density.comfortable') : t('density.compact'), icon: 'more', run: () => chooseDensity(density() === 'compact' ? 'comfortable' : 'compact'), rule: true },
        { label: t('action.sign_out'), icon: 'out', run: leave, rule: true },
      ]} />
  );
  const bottom = [...main, ...admin].filter((p) => main.length > 2 ? main.includes(p) : true).slice(0, 4);
  return (
    <div class="app">
      <a class="skip" href="#main">{t('nav.skip')}</a>
      <header class="phonebar">
        <a class="brand" href={landing(user.role)} aria-label="Vọng Lâu"><Mark size={26} /><b>Vọng Lâu</b></a>
        <span class="grow" />
        <button class="button quiet icon-only" aria-label={t('keys.palette')} onClick={() => setPalette(true)}><Icon name="hunt" /></button>
      </header>
      <aside class={`rail ${drawer ? 'open' : ''}`}>
        <a class="brand" href={landing(user.role)}><Mark /><span><b>Vọng Lâu</b><small>{t('app.tagline')}</small></span></a>
        <button class="rail-search" onClick={() => setPalette(true)}><Icon name="hunt" /><span>{t('nav.search')}</span><kbd>Ctrl K</kbd></button>
        <nav aria-label={t('nav.main')}>
          {main.map(link)}
          {admin.length > 0 && <><h2>{t('nav.admin')}</h2>{admin.map(link)}</>}
        </nav>
        <div class="rail-foot">
          {storage?.state === 'full' && <div class="live" role="alert" title={t('app.disk_full_hint', { free: bytes(storage.free) })}><Icon name="alert" /><span>{t('app.disk_full')}</span></div>}
          {session.sample && <div class="live" title={t('app.sample_hint')}><Icon name="info" /><span>{t('app.sample')}</span></div>}
          <div class={`live ${live ? '' : 'off'}`} role="status"><i />{live ? t('app.live') : t('app.not_live')}</div>
          {userMenu}
        </div>
      </aside>
      {drawer && <button class="drawer-shade" aria-label={t('action.close')} onClick={() => setDrawer(false)} />}
      <main class="main" id="main" tabIndex={-1}>{children}</main>
      <nav class="bottombar" aria-label={t('nav.main')}>
        {bottom.map((p) => (
          <a key={p.id} href={p.path} aria-current={p.id === current ? 'page' : undefined}>
            <Icon name={p.icon} /><span>{t(p.label)}</span>{p.count && counts[p.count]! > 0 && <i class="count">{counts[p.count]}</i>}
          </a>
        ))}
        <button aria-expanded={drawer} aria-current={bottom.some((p) => p.id === current) ? undefined : 'true'} onClick={() => setDrawer(!drawer)}><Icon name="more" /><span>{t('nav.more')}</span></button>
      </nav>
      {palette && <Palette onClose={() => setPalette(false)} places={[...main, ...admin]} onHelp={() => setHelp(true)} />}
      {help && <Help onClose={() => setHelp(false)} />}
    </div>
  );
}


