// SPDX-License-Identifier: Apache-2.0
// The words of the page in English; see vi.ts.
import type { Catalogue } from './vi';
import frame from './en/frame';
import parts from './en/parts';
import account from './en/account';
import today from './en/today';
import alerts from './en/alerts';
import explain from './en/explain';
import cases from './en/cases';
import registers from './en/registers';
import entities from './en/entities';
import hunt from './en/hunt';
import reports from './en/reports';
import admin from './en/admin';

const en: Catalogue = {
  ...frame, ...parts, ...account, ...today, ...alerts, ...explain, ...cases, ...registers, ...entities, ...hunt, ...reports, ...admin,
};
export default en;
