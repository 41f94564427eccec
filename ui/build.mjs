// SPDX-License-Identifier: Apache-2.0
// Builds the page: TypeScript and CSS of src/ into dist/, split by page, names carrying a hash of the content. A word that one
// language lacks, or any other error of types, fails the build.
// usage: node build.mjs [OUTPUT_FOLDER]
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const modules = process.env.VONGLAU_UI_MODULES ?? join(here, 'node_modules');
const { build } = createRequire(join(modules, 'x.js'))('esbuild');
const out = resolve(process.argv[2] ?? join(here, 'dist'));
const PAGE_LIMIT = 300 * 1024;

// The packages may lie elsewhere than beside the sources; the compiler is told where.
const project = join(modules, 'tsconfig.build.json');
writeFileSync(project, JSON.stringify({ extends: join(here, 'tsconfig.json'), include: [join(here, 'src')],
  compilerOptions: { incremental: true, tsBuildInfoFile: `${project}.state`, paths: { preact: [join(modules, 'preact')], 'preact/*': [join(modules, 'preact/*')] } } }));
const types = spawnSync(process.execPath, [join(modules, 'typescript/bin/tsc'), '--noEmit', '-p', project], { stdio: 'inherit' });
if (types.status !== 0) process.exit(1);

rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, 'a'), { recursive: true });

const result = await build({
  absWorkingDir: here,
  entryPoints: { main: 'src/main.tsx', style: 'src/style/index.css' },
  outdir: join(out, 'a'),
  entryNames: '[name]-[hash]', chunkNames: '[name]-[hash]', assetNames: '[name]-[hash]',
  bundle: true, splitting: true, format: 'esm', target: ['es2020', 'chrome100', 'firefox100', 'safari15'],
  minify: true, charset: 'utf8', metafile: true, legalComments: 'none', nodePaths: [modules],
  jsx: 'automatic', jsxImportSource: 'preact', logLevel: 'warning',
});

// The theme is set before the first paint by a file of its own: the content policy allows no inline script.
const theme = readFileSync(join(here, 'src/theme.js'), 'utf8');
const themeName = `a/theme-${createHash('sha256').update(theme).digest('hex').slice(0, 8).toUpperCase()}.js`;
writeFileSync(join(out, themeName), theme);

const outputs = Object.entries(result.metafile.outputs);
const entry = (source) => {
  const found = outputs.find(([, o]) => o.entryPoint === source);
  if (!found) throw new Error(`no output for ${source}`);
  return relative(out, resolve(here, found[0]));
};
const html = readFileSync(join(here, 'src/index.html'), 'utf8')
  .replace('%THEME%', '/' + themeName)
  .replace('%STYLE%', '/' + entry('src/style/index.css'))
  .replace('%MAIN%', '/' + entry('src/main.tsx'));
writeFileSync(join(out, 'index.html'), html);
cpSync(join(here, 'static'), out, { recursive: true });

// What one page loads: the entry with its static imports, the style, the shell, one language and one page.
const sizes = new Map(outputs.map(([name, o]) => [name, o.bytes]));
const closure = (name, seen = new Set()) => {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const i of result.metafile.outputs[name].imports) if (i.kind === 'import-statement') closure(i.path, seen);
  return seen;
};
const nameOf = (source) => outputs.find(([, o]) => o.entryPoint === source)?.[0];
const base = closure(nameOf('src/main.tsx'));
base.add(nameOf('src/style/index.css'));
let worst = 0;
for (const [name, o] of outputs) {
  if (!o.entryPoint?.startsWith('src/pages/')) continue;
  for (const lang of ['src/i18n/vi.ts', 'src/i18n/en.ts']) {
    const files = new Set([...base, ...closure(name), ...closure(nameOf(lang))]);
    worst = Math.max(worst, [...files].reduce((sum, f) => sum + sizes.get(f), 0) + html.length + theme.length);
  }
}
const count = (dir) => readdirSync(dir).reduce((n, f) => {
  const s = statSync(join(dir, f));
  return n + (s.isDirectory() ? count(join(dir, f)) : s.size);
}, 0);
console.log(`page: ${count(out)} bytes in all, ${worst} bytes for the heaviest page (limit ${PAGE_LIMIT})`);
if (worst > PAGE_LIMIT) {
  console.error('a page is heavier than its limit');
  process.exit(1);
}
