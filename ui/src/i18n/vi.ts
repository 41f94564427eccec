// SPDX-License-Identifier: Apache-2.0
// The words of the page in Vietnamese, a file for each part of it. `{n}` is replaced; "one|many" chooses by number.
// The files of en/ must have the same keys: what one language lacks does not compile.
import frame from './vi/frame';
import parts from './vi/parts';
import account from './vi/account';
import today from './vi/today';
import alerts from './vi/alerts';
import explain from './vi/explain';
import cases from './vi/cases';
import registers from './vi/registers';
import entities from './vi/entities';
import hunt from './vi/hunt';
import reports from './vi/reports';
import admin from './vi/admin';

const vi = {
  ...frame, ...parts, ...account, ...today, ...alerts, ...explain, ...cases, ...registers, ...entities, ...hunt, ...reports, ...admin,
};
export type Key = keyof typeof vi;
export type Catalogue = Record<Key, string>;
export default vi as Catalogue;
