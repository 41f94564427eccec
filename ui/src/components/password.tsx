// SPDX-License-Identifier: Apache-2.0
// The three fields of a password change, with the rules ticked off as they are met.
import { ApiError } from '../lib/api';
import { t, tx, type Key } from '../lib/i18n';
import { Icon } from './icons';
import { Field } from './ui';

export const PASSWORD_LENGTH = 14;

export function passwordProblem(error: unknown): string {
  if (!(error instanceof ApiError)) return '';
  const weak = error.errors.find((e) => e.code === 'weak') ?? (error.code === 'weak' ? { value: error.value } : null);
  return weak ? tx('password.weak', weak.value ?? 'common') : '';
}

export function PasswordFields({ old, fresh, again, onOld, onFresh, onAgain, name }:
  { old: string; fresh: string; again: string; onOld: (v: string) => void; onFresh: (v: string) => void; onAgain: (v: string) => void; name: string }) {
  const rules: [Key, boolean][] = [
    ['password.rule_length', [...fresh].length >= PASSWORD_LENGTH],
    ['password.rule_classes', /\p{Ll}/u.test(fresh) && /\p{Lu}/u.test(fresh) && /\d/.test(fresh) && /[^\p{L}\d]/u.test(fresh)],
    ['password.rule_name', fresh !== '' && !fresh.toLowerCase().includes(name.toLowerCase())],
  ];
  return (
    <>
      <Field label={t('password.old')} id="old"><input id="old" class="input" type="password" autocomplete="current-password" required value={old} onInput={(e) => onOld(e.currentTarget.value)} /></Field>
      <Field label={t('password.new')} id="new"><input id="new" class="input" type="password" autocomplete="new-password" required value={fresh} onInput={(e) => onFresh(e.currentTarget.value)} /></Field>
      <ul class="ticks" aria-label={t('password.rules')}>
        {rules.map(([key, met]) => <li key={key} class={met ? 'met' : ''}><Icon name={met ? 'check' : 'right'} />{t(key, { n: PASSWORD_LENGTH })}</li>)}
      </ul>
      <Field label={t('password.again')} id="again" error={again && again !== fresh ? t('password.differ') : undefined}>
        <input id="again" class="input" type="password" autocomplete="new-password" required value={again} onInput={(e) => onAgain(e.currentTarget.value)} />
      </Field>
    </>
  );
}
