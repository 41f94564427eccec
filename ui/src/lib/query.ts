// SPDX-License-Identifier: Apache-2.0
// The query bar's text taken apart into terms, so that each can be a chip and be taken away again.
export interface Term { text: string; from: number; to: number; not: boolean }

/** Top-level terms of a query without `or` and brackets; null when it has them (then chips would lie). */
export function terms(q: string): Term[] | null {
  const out: Term[] = [];
  const token = /\s*((?:not\s+)?[-+]?(?:[@\w.]+:)?(?:"(?:\\.|[^"\\])*"|[^\s()"]+)|[()])/gy;
  let m: RegExpExecArray | null;
  while ((m = token.exec(q))) {
    const word = m[1]!;
    if (word === '(' || word === ')' || /^or$/i.test(word)) return null;
    if (/^and$/i.test(word)) continue;
    const from = m.index + m[0].length - word.length;
    out.push({ text: word, from, to: from + word.length, not: /^(-|not\s)/i.test(word) });
  }
  return out;
}

export function quote(value: string): string {
  return /^[\w.:/@*-]+$/.test(value) ? value : `"${value.replace(/(["\\])/g, '\\$1')}"`;
}

export function addTerm(q: string, field: string, value: string, not = false): string {
  const term = `${not ? '-' : ''}${field}:${quote(value)}`;
  return q.split(/\s+/).includes(term) ? q : `${q.trim()} ${term}`.trim();
}

export function removeTerm(q: string, term: Term): string {
  return (q.slice(0, term.from) + q.slice(term.to)).replace(/\s+/g, ' ').replace(/^\s*and\s+|\s+and\s*$/gi, '').replace(/\band\s+and\b/gi, 'and').trim();
}

/** The word under the cursor, for suggestions. */
export function wordAt(q: string, at: number): { from: number; text: string } {
  let from = at;
  while (from > 0 && !/[\s()]/.test(q[from - 1]!)) from--;
  return { from, text: q.slice(from, at) };
}
