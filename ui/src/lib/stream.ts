// SPDX-License-Identifier: Apache-2.0
// What happens at the centre, as it happens: one event stream for the page, shared by all who listen.
import { useEffect, useState } from 'preact/hooks';

type Handler = (data: unknown, type: string) => void;
const handlers = new Map<string, Set<Handler>>();
let source: EventSource | null = null;
/* Taken for true until the stream says otherwise: a page that has just been opened has lost nothing. */
let live = true;
const watchers = new Set<(on: boolean) => void>();

const TYPES = ['alert', 'incident', 'sensor', 'inbox'];

function setLive(on: boolean): void {
  if (live === on) return;
  live = on;
  watchers.forEach((w) => w(on));
}

export function startStream(): void {
  if (source) return;
  source = new EventSource('/api/stream');
  source.onopen = () => setLive(true);
  source.onerror = () => setLive(false);
  for (const type of TYPES) {
    source.addEventListener(type, (event) => {
      setLive(true);
      let data: unknown = null;
      try {
        data = JSON.parse((event as MessageEvent).data);
      } catch {
        /* an event without a body still says that something changed */
      }
      handlers.get(type)?.forEach((h) => h(data, type));
      handlers.get('*')?.forEach((h) => h(data, type));
    });
  }
}

export function stopStream(): void {
  source?.close();
  source = null;
  setLive(false);
}

/** Calls `handler` at most every `pause` milliseconds while events of these types arrive. */
export function useStream(types: string[], handler: () => void, pause = 1500): void {
  useEffect(() => {
    let timer = 0, last = 0;
    const soon: Handler = () => {
      if (timer) return;
      const wait = Math.max(60, pause - (Date.now() - last));
      timer = window.setTimeout(() => {
        timer = 0;
        last = Date.now();
        if (!document.hidden) handler();
      }, wait);
    };
    for (const type of types) {
      if (!handlers.has(type)) handlers.set(type, new Set());
      handlers.get(type)!.add(soon);
    }
    return () => {
      clearTimeout(timer);
      for (const type of types) handlers.get(type)?.delete(soon);
    };
  }, [types.join(), handler]);
}

export function useLive(): boolean {
  const [on, setOn] = useState(live);
  useEffect(() => {
    watchers.add(setOn);
    return () => void watchers.delete(setOn);
  }, []);
  return on;
}
