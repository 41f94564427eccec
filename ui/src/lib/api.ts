// SPDX-License-Identifier: Apache-2.0
// Requests to the centre: JSON, the CSRF token of the session, errors as {code, place, value}.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

export class ApiError extends Error {
  constructor(readonly status: number, readonly code: string, readonly place = '', readonly value = '',
              readonly errors: RowError[] = []) {
    super(code);
  }
}

/** One of several faults in what was sent. */
export interface RowError {
  code: string;
  place?: string;
  value?: string;
  row?: number;
  column?: string;
  text?: string;
}

let csrf = '';
export function setCsrf(token: string): void {
  csrf = token;
}

type Signal = (code: string) => void;
let onSessionLost: Signal = () => undefined;
export function whenSessionLost(call: Signal): void {
  onSessionLost = call;
}

async function failure(response: Response): Promise<ApiError> {
  let code = `http_${response.status}`, place = '', value = '';
  let errors: RowError[] = [];
  try {
    const body = await response.json();
    const e = body.error ?? body;
    code = e.code ?? code;
    place = e.place ?? '';
    value = e.value === undefined || e.value === null ? '' : String(e.value);
    errors = e.details ?? [];
  } catch {
    /* no JSON: the status says what there is to say */
  }
  return new ApiError(response.status, code, place, value, errors);
}

export async function request(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  let payload: BodyInit | undefined;
  if (body instanceof Blob || body instanceof FormData || typeof body === 'string') {
    payload = body;
    if (typeof body === 'string') headers['Content-Type'] = 'text/csv; charset=utf-8';
    else if (body instanceof Blob) headers['Content-Type'] = body.type || 'application/octet-stream';
  } else if (body !== undefined) {
    payload = JSON.stringify(body);
    headers['Content-Type'] = 'application/json';
  }
  if (method !== 'GET' && csrf) headers['X-CSRF-Token'] = csrf;
  let response: Response;
  try {
    response = await fetch(path, { method, headers, body: payload, signal, credentials: 'same-origin', cache: 'no-store' });
  } catch (e) {
    if ((e as Error).name === 'AbortError') throw e;
    throw new ApiError(0, 'unreachable');
  }
  if (!response.ok) {
    const error = await failure(response);
    if (response.status === 401 && !path.startsWith('/api/session')) onSessionLost(error.code);
    throw error;
  }
  return response;
}

async function parse<T>(response: Response): Promise<T> {
  const text = await response.text();
  return (text ? JSON.parse(text) : null) as T;
}

export const get = async <T>(path: string, signal?: AbortSignal) => parse<T>(await request('GET', path, undefined, signal));
export const post = async <T>(path: string, body: unknown = {}) => parse<T>(await request('POST', path, body));
export const patch = async <T>(path: string, body: unknown) => parse<T>(await request('PATCH', path, body));
export const del = async <T>(path: string, body?: unknown) => parse<T>(await request('DELETE', path, body));

export interface Load<T> {
  data: T | null;
  error: ApiError | null;
  loading: boolean;
  /** Asks again and keeps what is shown until the answer is there. */
  reload: () => void;
  /** Takes what a change answered with; an answer that was asked before it does not come in its place. */
  set: (data: T) => void;
}

const kept = new Map<string, unknown>();
const KEPT_MAX = 40;

/** The answer to GET `path`; null asks nothing. What was seen before is shown at once and then refreshed. */
export function useLoad<T>(path: string | null): Load<T> {
  const [, redraw] = useState(0);
  const state = useRef<{ path: string | null; data: T | null; error: ApiError | null; loading: boolean }>(
    { path: null, data: null, error: null, loading: false });
  const [turn, setTurn] = useState(0);
  const asking = useRef<AbortController | null>(null);
  if (state.current.path !== path) {
    state.current = { path, data: path ? ((kept.get(path) as T) ?? null) : null, error: null, loading: path !== null };
  }
  useEffect(() => {
    if (path === null) return;
    const control = asking.current = new AbortController();
    state.current.loading = true;
    get<T>(path, control.signal).then((data) => {
      if (control.signal.aborted) return;
      if (kept.size >= KEPT_MAX) kept.delete(kept.keys().next().value as string);
      kept.set(path, data);
      if (state.current.path === path) state.current = { path, data, error: null, loading: false };
      redraw((n) => n + 1);
    }, (e) => {
      if (control.signal.aborted) return;
      const error = e instanceof ApiError ? e : new ApiError(0, 'unreachable');
      if (state.current.path === path) state.current = { ...state.current, error, loading: false };
      redraw((n) => n + 1);
    });
    return () => control.abort();
  }, [path, turn]);
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  const set = useCallback((data: T) => {
    if (path) kept.set(path, data);
    // What is on its way was asked before this was known: it would bring back what has just been changed.
    if (state.current.loading) {
      asking.current?.abort();
      setTurn((n) => n + 1);
    }
    state.current = { ...state.current, data };
    redraw((n) => n + 1);
  }, [path]);
  return { data: state.current.data, error: state.current.error, loading: state.current.loading, reload, set };
}

export function forget(): void {
  kept.clear();
}
