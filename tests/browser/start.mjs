// SPDX-License-Identifier: Apache-2.0
// Runs run.mjs with a private copy of its packages in the build folder.
// usage: node start.mjs WORK_FOLDER PATH_OF_vonglau [SHOTS_FOLDER]
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const [folder, program, ...rest] = process.argv.slice(2);
if (!program) {
  console.error('usage: node start.mjs WORK_FOLDER PATH_OF_vonglau [SHOTS_FOLDER]');
  process.exit(2);
}
const here = dirname(fileURLToPath(import.meta.url)), work = resolve(folder);
mkdirSync(work, { recursive: true });
for (const file of ['package.json', 'package-lock.json', '.npmrc', 'browser.mjs', 'keyboard.mjs', 'looks.mjs', 'walk.mjs', 'run.mjs']) {
  if (existsSync(join(here, file))) copyFileSync(join(here, file), join(work, file));
}
const sum = createHash('sha256').update(readFileSync(join(here, 'package-lock.json'))).digest('hex');
const stamp = join(work, 'stamp');
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== sum) {
  const done = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: work, stdio: 'inherit' });
  if (done.status !== 0) {
    console.error('the packages of the browser test could not be installed');
    process.exit(1);
  }
  writeFileSync(stamp, sum);
}
const done = spawnSync(process.execPath, [join(work, 'run.mjs'), resolve(program), ...rest], { stdio: 'inherit', env: { VONGLAU_UI: join(here, '..', '..', 'ui', 'src'), ...process.env } });
process.exit(done.status ?? 1);
