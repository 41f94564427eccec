// SPDX-License-Identifier: Apache-2.0
// Small parts every page uses: badges, clocks, dialogs, toasts, empty and error states.
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from '../lib/api';
import { dateTime, exact, millis, number, shortTime, span, type Time } from '../lib/format';
import { has, t, tx, type Key } from '../lib/i18n';
import { useKeys } from '../lib/keys';
import { Icon, type IconName } from './icons';

export type Children = ComponentChildren;

/** The current time, renewed every `every` milliseconds. */
export function useNow(every = 30_000): number {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} · Vọng Lâu` : 'Vọng Lâu';
  }, [title]);
}

export function PageHead({ title, lead, crumb, children }: { title: Children; lead?: Children; crumb?: Children; children?: Children }) {
  return (
    <header class="page-head">
      <div>
        {crumb && <div class="crumb">{crumb}</div>}
        <h1 tabIndex={-1}>{title}</h1>
        {lead && <p>{lead}</p>}
      </div>
      {children && <div class="page-actions">{children}</div>}
    </header>
  );
}

export function Card({ title, actions, children, class: extra, flush, id }:
  { title?: Children; actions?: Children; children?: Children; class?: string; flush?: boolean; id?: string }) {
  return (
    <section class={`card ${extra ?? ''}`} id={id}>
      {(title || actions) && <header>{title && <h2>{title}</h2>}{actions && <div class="row wrap">{actions}</div>}</header>}
      {flush ? children : <div class="card-body">{children}</div>}
    </section>
  );
}

/** Severity as EVE counts it (1 is the worst) drawn as four bars, said in words. */
export function Severity({ value, words = false }: { value: number | null | undefined; words?: boolean }) {
  const s = Math.min(4, Math.max(1, value ?? 3));
  const label = tx('severity', String(s));
  return (
    <span class="row nowrap" title={label}>
      <span class="bars" aria-hidden="true">{[1, 2, 3, 4].map((n) => <i key={n} class={n <= 5 - s ? 'on' : ''} />)}</span>
      <span class={words ? '' : 'sr'}>{label}</span>
    </span>
  );
}

export function Moment({ at, full }: { at: Time; full?: boolean }) {
  const ms = millis(at);
  if (isNaN(ms)) return <span class="faint">–</span>;
  return <time dateTime={new Date(ms).toISOString()} title={exact(ms)} class="nowrap">{full ? dateTime(ms, true) : shortTime(ms)}</time>;
}

/** Time left to a moment by which a person must act. Red within the last fifth, or the last hour, and after.
    `late` is the word of the centre, which grants some minutes to what is due at once. */
export function Due({ at, from, done, late = true, icon = true }: { at: Time; from?: Time; done?: boolean; late?: boolean; icon?: boolean }) {
  const now = useNow(15_000);
  const ms = millis(at);
  if (isNaN(ms)) return <span class="faint">–</span>;
  const left = ms - now;
  const whole = ms - millis(from);
  const red = !done && left < Math.max(3600_000, isNaN(whole) ? 0 : whole / 5);
  return (
    <span class={`clock ${red ? 'due' : ''}`} title={exact(ms)}>
      {icon && <Icon name="clock" />}
      {done ? dateTime(ms) : left < 0 ? (late ? t('due.late', { span: span(left) }) : t('due.now')) : t('due.left', { span: span(left) })}
    </span>
  );
}

export function Badge({ kind = '', children, icon, title }: { kind?: '' | 'solid' | 'accent' | 'red' | 'gold'; children?: Children; icon?: IconName; title?: string }) {
  return <span class={`badge ${kind}`} title={title}>{icon && <Icon name={icon} />}{children}</span>;
}

/** A number that leads to the rows it counts. */
export function Figure({ value, href, label }: { value: number; href?: string; label?: string }) {
  const text = number(value);
  return href ? <a href={href} title={label}>{text}</a> : <span>{text}</span>;
}

export function Lines({ count = 5 }: { count?: number }) {
  return (
    <div class="stack" aria-busy="true" aria-label={t('state.loading')}>
      {Array.from({ length: count }, (_, i) => <div key={i} class={`skeleton w${(i * 37) % 4}`} />)}
    </div>
  );
}

export function Empty({ icon = 'check', title, children }: { icon?: IconName; title: string; children?: Children }) {
  return <div class="empty"><Icon name={icon} /><h2>{title}</h2>{children && <div class="stack tight">{children}</div>}</div>;
}

export function errorText(error: unknown): string {
  if (!(error instanceof ApiError)) return t('error.unknown');
  const params = { place: placeName(error.place), value: error.value, status: error.status };
  if (has(`error.${error.code}`)) return tx('error', error.code, params);
  if (error.status === 403) return t('error.forbidden');
  if (error.status === 404) return t('error.not_found');
  if (error.status === 409) return t('error.conflict');
  if (error.status === 413) return t('error.too_large');
  if (error.status === 429) return t('error.rate_limited');
  if (error.status >= 500) return t('error.server');
  return t('error.other', { code: error.code, value: [params.place, error.value].filter(Boolean).join(': ') });
}

export function placeName(place: string): string {
  return has(`field.${place}`) ? tx('field', place) : place;
}

export function Problem({ error, retry }: { error: unknown; retry?: () => void }) {
  // What is not there, or not for this person, does not come by asking again.
  const gone = error instanceof ApiError && (error.status === 404 || error.status === 403);
  return (
    <div class="notice error" role="alert">
      <Icon name="alert" />
      <div class="grow">{errorText(error)}</div>
      {retry && (gone ? <a class="button small" href="/">{t('state.go_home')}</a> : <button class="button small" onClick={retry}>{t('action.retry')}</button>)}
    </div>
  );
}

/* Dialogs */
export function Dialog({ title, onClose, children, footer, wide, onSubmit }:
  { title: Children; onClose: () => void; children: Children; footer?: Children; wide?: boolean; onSubmit?: () => void }) {
  const box = useRef<HTMLFormElement>(null);
  useKeys('keys.dialog', [
    { keys: 'Escape', help: 'keys.close', run: onClose, always: true },
    { keys: 'Ctrl+Enter', help: 'keys.confirm', run: () => box.current?.querySelector<HTMLElement>('footer button:not([type=button])')?.click(), always: true },
  ], true);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    const first = box.current?.querySelector<HTMLElement>('[data-first]') ?? box.current?.querySelector<HTMLElement>('.dialog-body input:not([type=hidden]), .dialog-body textarea, .dialog-body select, footer .primary');
    (first ?? box.current)?.focus();
    document.body.style.overflow = 'hidden';
    return () => {
      document.body.style.overflow = '';
      before?.focus?.();
    };
  }, []);
  const keepInside = (event: KeyboardEvent) => {
    if (event.key !== 'Tab' || !box.current) return;
    const stops = [...box.current.querySelectorAll<HTMLElement>('a[href], button:not([disabled]), input:not([disabled]), textarea, select, [tabindex="0"]')];
    const first = stops[0], last = stops[stops.length - 1];
    if (event.shiftKey && document.activeElement === first) { event.preventDefault(); last?.focus(); }
    else if (!event.shiftKey && document.activeElement === last) { event.preventDefault(); first?.focus(); }
  };
  return (
    <div class="shade" onMouseDown={(e) => e.target === e.currentTarget && onClose()}>
      <form ref={box} class={`dialog ${wide ? 'wide' : ''}`} role="dialog" aria-modal="true" aria-labelledby="dialog-title" tabIndex={-1} noValidate
        onKeyDown={keepInside} onSubmit={(e) => { e.preventDefault(); onSubmit?.(); }}>
        <header>
          <h2 id="dialog-title">{title}</h2>
          <button type="button" class="button quiet small icon-only" aria-label={t('action.close')} onClick={onClose}><Icon name="close" /></button>
        </header>
        <div class="dialog-body">{children}</div>
        {footer && <footer>{footer}</footer>}
      </form>
    </div>
  );
}

/* Toasts */
interface ToastItem { id: number; text: string; error?: boolean; action?: { label: string; run: () => void } }
let toasts: ToastItem[] = [];
let redrawToasts: (() => void) | null = null;
let nextToast = 1;

export function toast(text: string, options: { error?: boolean; action?: ToastItem['action'] } = {}): void {
  const item = { id: nextToast++, text, ...options };
  toasts = [...toasts.slice(-2), item];
  redrawToasts?.();
  setTimeout(() => dismiss(item.id), options.error ? 9000 : options.action ? 7000 : 4000);
}
export function toastError(error: unknown): void {
  toast(errorText(error), { error: true });
}
function dismiss(id: number): void {
  toasts = toasts.filter((x) => x.id !== id);
  redrawToasts?.();
}

export function Toasts() {
  const [, redraw] = useState(0);
  useEffect(() => {
    redrawToasts = () => redraw((n) => n + 1);
    return () => { redrawToasts = null; };
  }, []);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.map((item) => (
        <div key={item.id} class={`toast ${item.error ? 'error' : ''}`}>
          <span class="grow">{item.text}</span>
          {item.action && <button onClick={() => { item.action!.run(); dismiss(item.id); }}>{item.action.label}</button>}
        </div>
      ))}
    </div>
  );
}

/* A menu under a button */
export interface MenuItem { label: Children; icon?: IconName; run?: () => void; href?: string; key?: string; rule?: boolean; download?: boolean }

export function Menu({ label, items, direction = 'down', button = 'button', aria, children }:
  { label: Children; items: (MenuItem | null | undefined | false | '')[]; direction?: 'up' | 'down'; button?: string; aria?: string; children?: Children }) {
  const [open, setOpen] = useState(false);
  const host = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  // Fixed to the window: a table that scrolls must not cut the menu off.
  useLayoutEffect(() => {
    if (!open || !list.current || !host.current) return;
    const at = host.current.getBoundingClientRect(), own = list.current.getBoundingClientRect();
    const below = at.bottom + 5 + own.height < innerHeight;
    const top = direction === 'up' || !below ? Math.max(8, at.top - own.height - 5) : at.bottom + 5;
    const left = direction === 'up' ? at.left : Math.max(8, Math.min(at.right - own.width, innerWidth - own.width - 8));
    list.current.style.top = `${top}px`;
    list.current.style.left = `${left}px`;
    const shut = (event: Event) => { if (!list.current?.contains(event.target as Node)) setOpen(false); };
    addEventListener('scroll', shut, true);
    return () => removeEventListener('scroll', shut, true);
  }, [open]);
  useEffect(() => {
    if (!open) return;
    const away = (event: Event) => { if (!host.current?.contains(event.target as Node)) setOpen(false); };
    const escape = (event: KeyboardEvent) => {
      if (event.key === 'Escape') { setOpen(false); host.current?.querySelector('button')?.focus(); event.stopPropagation(); }
      if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
        event.preventDefault();
        const stops = [...host.current!.querySelectorAll<HTMLElement>('.menu button, .menu a')];
        const at = stops.indexOf(document.activeElement as HTMLElement) + (event.key === 'ArrowDown' ? 1 : -1);
        stops[(at + stops.length) % stops.length]?.focus();
      }
    };
    document.addEventListener('mousedown', away);
    document.addEventListener('keydown', escape, true);
    return () => {
      document.removeEventListener('mousedown', away);
      document.removeEventListener('keydown', escape, true);
    };
  }, [open]);
  return (
    <div class="menu-host" ref={host}>
      <button type="button" class={button} aria-haspopup="menu" aria-expanded={open} aria-label={aria} onClick={() => setOpen(!open)}>{label}</button>
      {open && (
        <div ref={list} class="menu fixed" role="menu">
          {children}
          {items.filter(Boolean).map((item, i) => {
            const m = item as MenuItem;
            const inner = <>{m.icon && <Icon name={m.icon} />}<span class="grow">{m.label}</span>{m.key && <kbd>{m.key}</kbd>}</>;
            return (
              <div key={i} role="none">
                {m.rule && <hr />}
                {m.href
                  ? <a role="menuitem" href={m.href} download={m.download} onClick={() => setOpen(false)}>{inner}</a>
                  : <button type="button" role="menuitem" onClick={() => { setOpen(false); m.run?.(); }}>{inner}</button>}
              </div>
            );
          })}
        </div>
      )}
    </div>
  );
}

export function Field({ label, hint, error, children, id, wide, required }:
  { label: Children; hint?: Children; error?: Children; children: Children; id?: string; wide?: boolean; required?: boolean }) {
  return (
    <div class={`field ${wide ? 'wide' : ''}`}>
      <label for={id}>{label}{required && <span class="faint" aria-hidden="true"> *</span>}</label>
      {children}
      {error ? <span class="wrong" role="alert">{error}</span> : hint && <span class="hint">{hint}</span>}
    </div>
  );
}

export function Segment<T extends string>({ value, options, onChange, label }:
  { value: T; options: { value: T; label: Children }[]; onChange: (value: T) => void; label: string }) {
  return (
    <div class="segment" role="group" aria-label={label}>
      {options.map((o) => <button key={o.value} type="button" aria-pressed={o.value === value} onClick={() => onChange(o.value)}>{o.label}</button>)}
    </div>
  );
}

export function Tabs({ tabs, current }: { tabs: { id: string; label: Children; href: string; count?: number }[]; current: string }) {
  const strip = useRef<HTMLElement>(null);
  // On a phone the strip is wider than the window: the tab that is open must be in sight.
  useEffect(() => {
    const on = strip.current?.querySelector<HTMLElement>('[aria-current]');
    if (on && strip.current) strip.current.scrollLeft = on.offsetLeft - (strip.current.clientWidth - on.offsetWidth) / 2;
  }, [current]);
  return (
    <nav class="tabs" ref={strip} aria-label={t('nav.views')}>
      {tabs.map((tab) => (
        <a key={tab.id} href={tab.href} aria-current={tab.id === current ? 'page' : undefined}>
          {tab.label}{tab.count !== undefined && <span class="count">{number(tab.count)}</span>}
        </a>
      ))}
    </nav>
  );
}

/** A dialog that asks for one text (a reason, a note) before acting. */
export function Ask({ title, lead, label, action, required, initial = '', onDone, onClose, danger, options }:
  { title: string; lead?: Children; label: string; action: string; required?: boolean; initial?: string; danger?: boolean;
    options?: { value: string; label: string }[]; onDone: (text: string, option: string) => Promise<void>; onClose: () => void }) {
  const [text, setText] = useState(initial);
  const [option, setOption] = useState(options?.[0]?.value ?? '');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const submit = async () => {
    if (busy || (required && !text.trim())) return;
    setBusy(true);
    try {
      await onDone(text.trim(), option);
      onClose();
    } catch (e) {
      setError(e);
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose} onSubmit={submit} footer={<>
      <button type="button" class="button" onClick={onClose}>{t('action.cancel')}</button>
      <button class={`button ${danger ? 'danger' : 'primary'}`} disabled={busy || (required && !text.trim())}>{action}</button>
    </>}>
      {lead && <p class="dim">{lead}</p>}
      {options && (
        <Field label={t('alerts.reason')} id="ask-option">
          <select id="ask-option" class="input" value={option} onChange={(e) => setOption(e.currentTarget.value)}>
            {options.map((o) => <option key={o.value} value={o.value}>{o.label}</option>)}
          </select>
        </Field>
      )}
      <Field label={label} id="ask-text" required={required}>
        <textarea id="ask-text" data-first class="input" rows={3} value={text} onInput={(e) => setText(e.currentTarget.value)}
          onKeyDown={(e: JSX.TargetedKeyboardEvent<HTMLTextAreaElement>) => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) { e.preventDefault(); void submit(); } }} />
      </Field>
      {error !== null && <Problem error={error} />}
    </Dialog>
  );
}

export const words = (key: Key) => t(key);
