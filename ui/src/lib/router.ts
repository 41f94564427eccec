// SPDX-License-Identifier: Apache-2.0
// The address of the page is its state: path and query, with back, forward and new tabs working by themselves.
import { useEffect, useReducer } from 'preact/hooks';

type Listener = () => void;
const listeners = new Set<Listener>();
const changed = () => listeners.forEach((listener) => listener());

/** Asked before leaving a page with unsaved words; returns false to stay. */
let guard: (() => boolean) | null = null;
export function setGuard(ask: (() => boolean) | null): void {
  guard = ask;
}

/** Whether this address was reached from within, so that a reload stays on it. */
export function reachedFromWithin(): boolean {
  return Boolean((history.state as { inside?: boolean } | null)?.inside);
}

export function navigate(to: string, replace = false): void {
  const here = location.pathname + location.search;
  if (to === here) return;
  if (guard && !replace && !guard()) return;
  if (!replace) guard = null;
  if (replace) history.replaceState(history.state, '', to);
  else history.pushState({ inside: true }, '', to);
  if (!replace && new URL(to, location.origin).pathname !== here.split('?')[0]) window.scrollTo(0, 0);
  changed();
}

export function startRouter(): void {
  addEventListener('popstate', changed);
  // Plain links work as they are; a plain left click on one of ours does not reload the page.
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest?.('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (link.pathname.startsWith('/api/')) return;
    event.preventDefault();
    if (link.hash && link.pathname === location.pathname) {
      document.getElementById(link.hash.slice(1))?.focus();
      return;
    }
    navigate(link.pathname + link.search);
  });
}

export interface Route {
  path: string;
  parts: string[];
  query: URLSearchParams;
}

export function route(): Route {
  return {
    path: location.pathname,
    parts: location.pathname.split('/').filter(Boolean).map((p) => {
      try { return decodeURIComponent(p); } catch { return p; }
    }),
    query: new URLSearchParams(location.search),
  };
}

export function useRoute(): Route {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    listeners.add(redraw as Listener);
    return () => void listeners.delete(redraw as Listener);
  }, []);
  return route();
}

/** This address with some parameters set, or taken away when null or empty. */
export function withQuery(change: Record<string, string | number | null | undefined>, path = location.pathname): string {
  const query = new URLSearchParams(path === location.pathname ? location.search : '');
  for (const [name, value] of Object.entries(change)) {
    if (value === null || value === undefined || value === '') query.delete(name);
    else query.set(name, String(value));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

export function setQuery(change: Record<string, string | number | null | undefined>, replace = false): void {
  navigate(withQuery(change), replace);
}

/** A path with query parameters, empty ones left out. */
export function url(path: string, query: Record<string, string | number | boolean | null | undefined> = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '' && value !== false) params.set(name, String(value));
  }
  const text = params.toString();
  return text ? `${path}?${text}` : path;
}
