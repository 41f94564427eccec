// SPDX-License-Identifier: Apache-2.0
// Ctrl+K: go anywhere, find an agency, a case, an address; and the page of keys.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { get } from '../lib/api';
import { fold, lang, t } from '../lib/i18n';
import { activeLayers, useKeys, type Binding } from '../lib/keys';
import { navigate, url } from '../lib/router';
import { may, useSession } from '../lib/session';
import { chooseLang, chooseTheme } from '../lib/prefs';
import type { IncidentSummary, Row, Rows } from '../lib/types';
import { Icon, type IconName } from './icons';
import type { Place } from './shell';
import { Dialog } from './ui';

interface Item { group: string; icon: IconName; label: string; note?: string; run: () => void }

const ADDRESS = /^(\d{1,3}(\.\d{1,3}){3}|[0-9a-f:]*:[0-9a-f:]+)$/i;

export function Palette({ onClose, places, onHelp }: { onClose: () => void; places: Place[]; onHelp: () => void }) {
  const { session, leave } = useSession();
  const role = session.user.role;
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const [found, setFound] = useState<Item[]>([]);
  const list = useRef<HTMLUListElement>(null);
  const input = useRef<HTMLInputElement>(null);

  const fixed = useMemo<Item[]>(() => [
    ...places.map((p) => ({ group: t('palette.pages'), icon: p.icon, label: t(p.label), note: `g ${p.chord}`, run: () => navigate(p.path) })),
    { group: t('palette.pages'), icon: 'key' as IconName, label: t('nav.account'), run: () => navigate('/account') },
    ...['agency', 'network', 'system', 'contact'].map((e) => ({ group: t('palette.pages'), icon: 'agency' as IconName, label: t(`entity.${e}` as 'entity.agency'), run: () => navigate(`/registers/${e}`) })),
    ...(may(role, 'open_incident') ? [{ group: t('palette.actions'), icon: 'plus' as IconName, label: t('cases.new'), run: () => navigate('/cases?new=1') }] : []),
    { group: t('palette.actions'), icon: 'info', label: t('keys.help'), note: '?', run: onHelp },
    { group: t('palette.actions'), icon: 'moon', label: t('theme.dark'), run: () => chooseTheme('dark') },
    { group: t('palette.actions'), icon: 'sun', label: t('theme.light'), run: () => chooseTheme('light') },
    { group: t('palette.actions'), icon: 'undo', label: lang() === 'vi' ? 'English' : 'Tiếng Việt', run: () => void chooseLang(lang() === 'vi' ? 'en' : 'vi') },
    { group: t('palette.actions'), icon: 'out', label: t('action.sign_out'), run: leave },
  ], [places, role]);

  useEffect(() => {
    const wanted = text.trim();
    if (wanted.length < 2) { setFound([]); return; }
    const control = new AbortController();
    const timer = setTimeout(async () => {
      const items: Item[] = [];
      const [agencies, cases] = await Promise.all([
        may(role, 'registers') ? get<Rows<Row>>(url('/api/registers/agency', { q: wanted, limit: 6 }), control.signal).catch(() => null) : null,
        may(role, 'incidents') ? get<Rows<IncidentSummary>>(url('/api/incidents', { q: wanted, state: 'all', limit: 5 }), control.signal).catch(() => null) : null,
      ]);
      if (control.signal.aborted) return;
      for (const c of cases?.rows ?? []) items.push({ group: t('nav.cases'), icon: 'case', label: c.title, note: c.number, run: () => navigate(`/case/${c.id}`) });
      for (const a of agencies?.rows ?? []) items.push({ group: t('entity.agency'), icon: 'agency', label: String(a.name), note: String(a.short_name ?? ''), run: () => navigate(`/registers/agency/${a.id}`) });
      setFound(items);
    }, 160);
    return () => { clearTimeout(timer); control.abort(); };
  }, [text]);

  const wanted = fold(text.trim());
  const direct: Item[] = [];
  if (ADDRESS.test(text.trim()) && may(role, 'hunt')) direct.push({ group: t('palette.go'), icon: 'host', label: t('palette.host', { ip: text.trim() }), run: () => navigate(`/host/${encodeURIComponent(text.trim())}`) });
  if (wanted && may(role, 'hunt') && role !== 'contact') direct.push({ group: t('palette.go'), icon: 'hunt', label: t('palette.hunt', { q: text.trim() }), run: () => navigate(url('/hunt', { q: text.trim() })) });
  const items = [...direct.filter((d) => d.icon === 'host'), ...fixed.filter((i) => !wanted || fold(i.label).includes(wanted)), ...found, ...direct.filter((d) => d.icon === 'hunt')];
  const cursor = Math.min(at, items.length - 1);
  const choose = (item: Item | undefined) => { if (item) { onClose(); item.run(); } };
  const move = (by: number) => setAt((cursor + by + items.length) % Math.max(1, items.length));
  useKeys('keys.dialog', [
    { keys: 'Escape', help: 'keys.close', run: onClose, always: true },
    { keys: 'ArrowDown', help: 'keys.down', run: () => move(1), always: true },
    { keys: 'ArrowUp', help: 'keys.up', run: () => move(-1), always: true },
    { keys: 'Enter', help: 'keys.open', run: () => choose(items[cursor]), always: true },
    { keys: 'Ctrl+k', help: 'keys.close', run: onClose, always: true },
    { keys: 'Tab', help: 'keys.down', run: () => move(1), always: true },
  ], true);
  useEffect(() => input.current?.focus(), []);
  useEffect(() => list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' }), [cursor]);
  let group = '';
  return (
    <div class="shade" onMouseDown={(e) => e.target === e.currentTarget && onClose()}>
      <div class="dialog palette" role="dialog" aria-modal="true" aria-label={t('keys.palette')}>
        <input ref={input} value={text} placeholder={t('palette.placeholder')} aria-label={t('palette.placeholder')} role="combobox" aria-expanded="true" aria-controls="palette-list"
          aria-activedescendant={`palette-${cursor}`} onInput={(e) => { setText(e.currentTarget.value); setAt(0); }} />
        <ul ref={list} id="palette-list" role="listbox">
          {items.map((item, i) => {
            const head = item.group !== group ? (group = item.group) : '';
            return [
              head && <li class="group" role="presentation">{head}</li>,
              <li key={i} id={`palette-${i}`} role="option" aria-selected={i === cursor} onMouseMove={() => i !== cursor && setAt(i)} onClick={() => choose(item)}>
                <Icon name={item.icon} /><span class="clip">{item.label}</span>{item.note && <small>{item.note}</small>}
              </li>,
            ];
          })}
          {!items.length && <li class="group">{t('palette.none')}</li>}
        </ul>
      </div>
    </div>
  );
}

function keyParts(b: Binding): string[] {
  return b.keys.split(' ').flatMap((chord) => chord.split('+').map((k) => (k.length === 1 ? k : k === 'Escape' ? 'Esc' : k)));
}

export function Help({ onClose }: { onClose: () => void }) {
  const [layers] = useState(() => activeLayers().slice());
  return (
    <Dialog title={t('keys.title')} onClose={onClose} wide>
      <div class="help-grid">
        {layers.map((layer, i) => (
          <section key={i}>
            <h3>{t(layer.title)}</h3>
            <dl>
              {layer.bindings.filter((b) => !b.hidden).map((b) => [
                <dt>{keyParts(b).map((k) => <kbd>{k}</kbd>)}</dt>, <dd class="dim">{t(b.help)}</dd>,
              ])}
            </dl>
          </section>
        ))}
      </div>
      <p class="faint small">{t('keys.hint')}</p>
    </Dialog>
  );
}
