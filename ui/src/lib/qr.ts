// SPDX-License-Identifier: Apache-2.0
// QR codes (ISO/IEC 18004) of byte data at correction level L, versions 1 to 10: enough for an otpauth address.

// Per version: all codewords, correction codewords per block, number of blocks.
const SHAPES: [number, number, number][] = [[26, 7, 1], [44, 10, 1], [70, 15, 1], [100, 20, 1], [134, 26, 1], [172, 18, 2], [196, 20, 2], [242, 24, 2], [292, 30, 2], [346, 18, 4]];
const ALIGN: number[][] = [[], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50]];

function multiply(a: number, b: number): number {
  let product = 0;
  for (; b; b >>= 1, a = (a << 1) ^ (a & 128 ? 0x11d : 0)) if (b & 1) product ^= a;
  return product & 255;
}

function correction(data: number[], count: number): number[] {
  let divisor = [1];
  for (let i = 0, root = 1; i < count; i++, root = multiply(root, 2)) {
    const next = new Array<number>(divisor.length + 1).fill(0);
    divisor.forEach((c, j) => { next[j]! ^= c; next[j + 1]! ^= multiply(c, root); });
    divisor = next;
  }
  const rest = [...data, ...new Array<number>(count).fill(0)];
  for (let i = 0; i < data.length; i++) {
    const lead = rest[i]!;
    divisor.forEach((c, j) => { rest[i + j]! ^= multiply(c, lead); });
  }
  return rest.slice(data.length);
}

function codewords(bytes: Uint8Array, version: number): number[] {
  const [total, per, blocks] = SHAPES[version - 1]!;
  const capacity = total - per * blocks;
  const bits: number[] = [];
  const put = (value: number, count: number) => { for (let i = count - 1; i >= 0; i--) bits.push((value >> i) & 1); };
  put(4, 4);
  put(bytes.length, version < 10 ? 8 : 16);
  bytes.forEach((b) => put(b, 8));
  put(0, Math.min(4, capacity * 8 - bits.length));
  while (bits.length % 8) bits.push(0);
  const data: number[] = [];
  for (let i = 0; i < bits.length; i += 8) data.push(parseInt(bits.slice(i, i + 8).join(''), 2));
  for (let pad = 0xec; data.length < capacity; pad ^= 0xec ^ 0x11) data.push(pad);
  const short = Math.floor(capacity / blocks), longs = capacity % blocks;
  const parts: number[][] = [];
  for (let i = 0, at = 0; i < blocks; i++) {
    const size = short + (i >= blocks - longs ? 1 : 0);
    parts.push(data.slice(at, at + size));
    at += size;
  }
  const checks = parts.map((p) => correction(p, per));
  const out: number[] = [];
  for (let i = 0; i <= short; i++) parts.forEach((p) => { if (i < p.length) out.push(p[i]!); });
  for (let i = 0; i < per; i++) checks.forEach((c) => out.push(c[i]!));
  return out;
}

function bch(value: number, polynomial: number, degree: number): number {
  let rest = value << degree;
  for (let i = 31 - Math.clz32(rest); i >= degree; i = 31 - Math.clz32(rest)) rest ^= polynomial << (i - degree);
  return (value << degree) | rest;
}

const MASKS: ((x: number, y: number) => boolean)[] = [
  (x, y) => (x + y) % 2 === 0, (_, y) => y % 2 === 0, (x) => x % 3 === 0, (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0, (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0, (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

/** The modules of a code for `text`, true is dark; null when it is too long. */
export function qrModules(text: string): boolean[][] | null {
  const bytes = new TextEncoder().encode(text);
  const version = SHAPES.findIndex(([total, per, blocks], i) => bytes.length <= total - per * blocks - (i < 9 ? 2 : 3)) + 1;
  if (!version) return null;
  const size = version * 4 + 17;
  const grid = Array.from({ length: size }, () => new Array<boolean | null>(size).fill(null));
  const set = (x: number, y: number, dark: boolean) => { if (x >= 0 && y >= 0 && x < size && y < size) grid[y]![x] = dark; };
  for (const [cx, cy] of [[3, 3], [size - 4, 3], [3, size - 4]] as const) {
    for (let dy = -4; dy <= 4; dy++) for (let dx = -4; dx <= 4; dx++) {
      const ring = Math.max(Math.abs(dx), Math.abs(dy));
      set(cx + dx, cy + dy, ring !== 2 && ring !== 4);
    }
  }
  const align = ALIGN[version - 1]!;
  for (const cy of align) for (const cx of align) {
    if (grid[cy]![cx] !== null) continue;
    for (let dy = -2; dy <= 2; dy++) for (let dx = -2; dx <= 2; dx++) set(cx + dx, cy + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1);
  }
  for (let i = 0; i < size; i++) {
    if (grid[6]![i] === null) set(i, 6, i % 2 === 0);
    if (grid[i]![6] === null) set(6, i, i % 2 === 0);
  }
  const format = (mask: number) => {
    const word = bch((1 << 3) | mask, 0x537, 10) ^ 0x5412;
    for (let i = 0; i < 15; i++) {
      const dark = ((word >> i) & 1) === 1;
      if (i < 6) set(8, i, dark); else if (i < 8) set(8, i + 1, dark); else if (i === 8) set(7, 8, dark); else set(14 - i, 8, dark);
      if (i < 8) set(size - 1 - i, 8, dark); else set(8, size - 15 + i, dark);
    }
    set(8, size - 8, true);
  };
  format(0);
  if (version >= 7) {
    const word = bch(version, 0x1f25, 12);
    for (let i = 0; i < 18; i++) {
      const dark = ((word >> i) & 1) === 1, a = size - 11 + (i % 3), b = Math.floor(i / 3);
      set(a, b, dark);
      set(b, a, dark);
    }
  }
  const fixed = grid.map((row) => row.map((m) => m !== null));
  const words = codewords(bytes, version);
  let bit = 0;
  for (let right = size - 1, up = true; right >= 1; right -= 2, up = !up) {
    if (right === 6) right = 5;
    for (let i = 0; i < size; i++) {
      const y = up ? size - 1 - i : i;
      for (const x of [right, right - 1]) {
        if (fixed[y]![x]) continue;
        grid[y]![x] = bit < words.length * 8 && ((words[bit >> 3]! >> (7 - (bit & 7))) & 1) === 1;
        bit++;
      }
    }
  }
  // The mask with the least penalty for runs and for an uneven share of dark modules.
  let best = 0, least = Infinity;
  const masked = (m: number) => grid.map((row, y) => row.map((dark, x) => (fixed[y]![x] ? dark! : dark !== MASKS[m]!(x, y))));
  for (let m = 0; m < 8; m++) {
    const g = masked(m);
    let penalty = 0, dark = 0;
    for (let a = 0; a < size; a++) {
      for (const line of [g[a]!, g.map((row) => row[a]!)]) {
        for (let i = 0, run = 1; i < size; i++, run++) {
          if (i + 1 === size || line[i] !== line[i + 1]) { if (run >= 5) penalty += run - 2; run = 0; }
        }
      }
      dark += g[a]!.filter(Boolean).length;
      if (a) for (let b = 1; b < size; b++) if (g[a]![b] === g[a - 1]![b] && g[a]![b] === g[a]![b - 1] && g[a]![b] === g[a - 1]![b - 1]) penalty += 3;
    }
    penalty += Math.floor(Math.abs(dark / (size * size) - 0.5) * 20) * 10;
    if (penalty < least) { least = penalty; best = m; }
  }
  format(best);
  return masked(best);
}

export function qrPath(text: string): { size: number; path: string } | null {
  const modules = qrModules(text);
  if (!modules) return null;
  const path = modules.map((row, y) => row.map((dark, x) => (dark ? `M${x + 4} ${y + 4}h1v1h-1z` : '')).join('')).join('');
  return { size: modules.length + 8, path };
}
