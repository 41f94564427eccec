// SPDX-License-Identifier: Apache-2.0
// Setting up the second factor: a key for the authenticator app, a code to prove it, recovery codes shown once.
import { useState } from 'preact/hooks';
import { get, post } from '../lib/api';
import { t } from '../lib/i18n';
import type { Session } from '../lib/types';
import { qrPath } from '../lib/qr';
import { Field, Problem } from './ui';

export function TotpSetup({ onSession }: { onSession: (s: Session) => void }) {
  const [offer, setOffer] = useState<{ secret: string; uri: string } | null>(null);
  const [code, setCode] = useState('');
  const [codes, setCodes] = useState<string[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const act = async (run: () => Promise<void>) => {
    setError(null);
    try { await run(); } catch (e) { setError(e); }
  };
  if (codes) {
    return (
      <div class="stack">
        <p>{t('totp.recovery_lead')}</p>
        <pre class="json">{codes.join('\n')}</pre>
        <button class="button primary" onClick={() => act(async () => onSession(await get<Session>('/api/session')))}>{t('totp.recovery_done')}</button>
      </div>
    );
  }
  if (!offer) {
    return (
      <div class="stack">
        <p class="dim">{t('totp.lead')}</p>
        {error !== null && <Problem error={error} />}
        <div><button class="button primary" onClick={() => act(async () => setOffer(await post('/api/account/totp')))}>{t('totp.start')}</button></div>
      </div>
    );
  }
  const qr = qrPath(offer.uri);
  return (
    <form class="stack" onSubmit={(e) => { e.preventDefault(); void act(async () => setCodes((await post<{ recovery_codes: string[] }>('/api/account/totp/confirm', { code: code.replace(/\s/g, '') })).recovery_codes)); }}>
      <p>{t('totp.scan')}</p>
      {qr && <svg class="qr" viewBox={`0 0 ${qr.size} ${qr.size}`} role="img" aria-label={t('totp.qr')} shape-rendering="crispEdges"><rect width={qr.size} height={qr.size} fill="#fff" /><path d={qr.path} fill="#000" /></svg>}
      <p class="small dim">{t('totp.or_key')} <code class="strong">{offer.secret.replace(/(.{4})/g, '$1 ')}</code></p>
      <Field label={t('signin.code')} id="totp-code"><input id="totp-code" class="input" inputMode="numeric" autocomplete="one-time-code" value={code} onInput={(e) => setCode(e.currentTarget.value)} /></Field>
      {error !== null && <Problem error={error} />}
      <div><button class="button primary" disabled={code.length < 6}>{t('totp.confirm')}</button></div>
    </form>
  );
}
