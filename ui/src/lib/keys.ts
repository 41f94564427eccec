// SPDX-License-Identifier: Apache-2.0
// The keyboard: single keys and two-key chords ("g i"), as users of EveBox know them. The newest layer answers first.
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Key } from './i18n';

export interface Binding {
  /** "j", "Shift+s", "Ctrl+k", "g i", "*  a": chords have a blank between the two. */
  keys: string;
  help: Key;
  run: (event: KeyboardEvent) => void;
  /** Also while the cursor is in a text field. */
  always?: boolean;
  hidden?: boolean;
}

export interface Layer {
  title: Key;
  bindings: Binding[];
  /** A dialog: nothing below it hears keys. */
  modal?: boolean;
}

const layers: Layer[] = [];
let pending = '';
let pendingTimer = 0;

function name(event: KeyboardEvent): string {
  let key = event.key;
  if (key === ' ') key = 'Space';
  const mods = (event.ctrlKey || event.metaKey ? 'Ctrl+' : '') + (event.altKey ? 'Alt+' : '');
  // A letter with Shift is written "Shift+s"; signs such as ? and * carry their Shift in themselves.
  const shift = event.shiftKey && (/^[a-zA-Z]$/.test(key) || key.length > 1) ? 'Shift+' : '';
  return mods + shift + (key.length === 1 ? key.toLowerCase() : key);
}

function typing(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  if (!element?.tagName) return false;
  return /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName) && !/^(checkbox|radio|button)$/.test((element as HTMLInputElement).type)
    || element.isContentEditable;
}

function find(keys: string, inField: boolean): Binding | null {
  for (let i = layers.length - 1; i >= 0; i--) {
    const found = layers[i]!.bindings.find((b) => b.keys === keys && (!inField || b.always));
    if (found) return found;
    if (layers[i]!.modal) return null;
  }
  return null;
}

const startsChord = (key: string) => layers.some((l) => l.bindings.some((b) => b.keys.startsWith(key + ' ')));

function onKey(event: KeyboardEvent): void {
  if (event.isComposing || event.key === 'Shift' || event.key === 'Control' || event.key === 'Alt') return;
  const inField = typing(event.target);
  const key = name(event);
  if (pending) {
    const chord = `${pending} ${key}`;
    pending = '';
    clearTimeout(pendingTimer);
    const binding = find(chord, inField);
    if (binding) {
      event.preventDefault();
      binding.run(event);
      return;
    }
  }
  // Enter and Space belong to the button or link that has the focus.
  const focused = document.activeElement;
  if ((key === 'Enter' || key === 'Space') && focused && /^(BUTTON|A|SUMMARY)$/.test(focused.tagName)) return;
  const binding = find(key, inField);
  if (binding) {
    event.preventDefault();
    binding.run(event);
  } else if (!inField && startsChord(key)) {
    pending = key;
    pendingTimer = window.setTimeout(() => { pending = ''; }, 1200);
  }
}

export function startKeys(): void {
  document.addEventListener('keydown', onKey);
}

/** Binds keys while the component is shown. */
export function useKeys(title: Key, bindings: Binding[], modal = false): void {
  const latest = useRef(bindings);
  latest.current = bindings;
  // Before the component is painted: a key that follows at once is its own.
  useLayoutEffect(() => {
    const layer: Layer = { title, modal, get bindings() { return latest.current; } };
    layers.push(layer);
    return () => void layers.splice(layers.indexOf(layer), 1);
  }, [title, modal]);
}

export function activeLayers(): Layer[] {
  return layers.filter((l) => l.bindings.some((b) => !b.hidden));
}
