// SPDX-License-Identifier: Apache-2.0
// Signing in: name and password, the second factor when asked, the change of a first password.
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, post, setCsrf } from '../lib/api';
import { lang, t } from '../lib/i18n';
import { chooseLang } from '../lib/prefs';
import type { Session } from '../lib/types';
import { Mark } from '../components/icons';
import { PasswordFields, passwordProblem } from '../components/password';
import { TotpSetup } from '../components/totp';
import { errorText, Field, Problem, useTitle } from '../components/ui';

export default function SignIn({ session, why, onSession, onLeave }: { session: Session | null; why: string; onSession: (s: Session) => void; onLeave: () => void }) {
  useTitle(t('signin.title'));
  return (
    <div class="gate">
      <div class="gate-side" aria-hidden="true">
        <div class="gate-words"><Mark size={52} /><b>Vọng Lâu</b><p>{t('app.purpose')}</p></div>
        <Tower />
      </div>
      <main class="gate-main">
        <div class="gate-box">
          <div class="gate-top"><span class="gate-brand"><Mark size={32} /><b>Vọng Lâu</b></span>
            <button class="button quiet small" onClick={() => void chooseLang(lang() === 'vi' ? 'en' : 'vi', false)}>{lang() === 'vi' ? 'English' : 'Tiếng Việt'}</button>
          </div>
          {!session ? <Password why={why} onSession={onSession} />
            : session.user.must_change_password ? <FirstPassword session={session} onSession={onSession} onLeave={onLeave} />
              : <ForcedTotp onSession={onSession} onLeave={onLeave} />}
        </div>
        <footer class="faint small">{t('signin.footer')}</footer>
      </main>
    </div>
  );
}

function Password({ why, onSession }: { why: string; onSession: (s: Session) => void }) {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const [askCode, setAskCode] = useState(false);
  const [error, setError] = useState<unknown>(why ? new ApiError(401, why) : null);
  const [busy, setBusy] = useState(false);
  const codeBox = useRef<HTMLInputElement>(null);
  useEffect(() => { if (askCode) codeBox.current?.focus(); }, [askCode]);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const s = await post<Session>('/api/session', { name: name.trim(), password, ...(askCode ? { code: code.replace(/\s/g, '') } : {}) });
      onSession(s);
    } catch (e) {
      if (e instanceof ApiError && e.code === 'code_required') setAskCode(true);
      else setError(e);
    }
    setBusy(false);
  };
  return (
    <form class="stack" onSubmit={submit}>
      <h1>{t('signin.title')}</h1>
      <Field label={t('signin.name')} id="name">
        <input id="name" class="input" autocomplete="username" autocapitalize="none" spellcheck={false} required autoFocus value={name} onInput={(e) => setName(e.currentTarget.value)} disabled={askCode} />
      </Field>
      <Field label={t('signin.password')} id="password">
        <input id="password" class="input" type="password" autocomplete="current-password" required value={password} onInput={(e) => setPassword(e.currentTarget.value)} disabled={askCode} />
      </Field>
      {askCode && (
        <Field label={t('signin.code')} id="code" hint={t('signin.code_hint')}>
          <input ref={codeBox} id="code" class="input" inputMode="numeric" autocomplete="one-time-code" required value={code} onInput={(e) => setCode(e.currentTarget.value)} />
        </Field>
      )}
      {error !== null && <Problem error={error} />}
      <button class="button primary big" disabled={busy || !name || !password || (askCode && !code)}>{t('signin.enter')}</button>
      {askCode && <button type="button" class="linkish" onClick={() => { setAskCode(false); setCode(''); setError(null); }}>{t('signin.other')}</button>}
    </form>
  );
}

function FirstPassword({ session, onSession, onLeave }: { session: Session; onSession: (s: Session) => void; onLeave: () => void }) {
  const [old, setOld] = useState('');
  const [fresh, setFresh] = useState('');
  const [again, setAgain] = useState('');
  const [error, setError] = useState<string>('');
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError('');
    try {
      setCsrf(session.csrf);
      onSession(await post<Session>('/api/account/password', { old, new: fresh }));
    } catch (e) {
      setError(passwordProblem(e) || errorText(e));
    }
    setBusy(false);
  };
  return (
    <form class="stack" onSubmit={submit}>
      <div><h1>{t('password.first_title')}</h1><p class="dim">{t('password.first_lead', { name: session.user.display_name || session.user.name })}</p></div>
      <PasswordFields old={old} fresh={fresh} again={again} onOld={setOld} onFresh={setFresh} onAgain={setAgain} name={session.user.name} />
      {error && <div class="notice error" role="alert">{error}</div>}
      <button class="button primary big" disabled={busy || !old || !fresh || fresh !== again}>{t('password.save')}</button>
      <button type="button" class="linkish" onClick={onLeave}>{t('action.sign_out')}</button>
    </form>
  );
}

function ForcedTotp({ onSession, onLeave }: { onSession: (s: Session) => void; onLeave: () => void }) {
  return (
    <div class="stack">
      <div><h1>{t('totp.required_title')}</h1><p class="dim">{t('totp.required_lead')}</p></div>
      <TotpSetup onSession={onSession} />
      <button type="button" class="linkish" onClick={onLeave}>{t('action.sign_out')}</button>
    </div>
  );
}

/** A watchtower above terraced hills, drawn in a few lines. */
function Tower() {
  return (
    <svg class="gate-art" viewBox="0 0 600 700" preserveAspectRatio="xMidYMax slice">
      <g fill="none" stroke="currentColor" stroke-width="1.5" opacity=".28">
        {[0, 1, 2, 3, 4, 5, 6, 7, 8].map((i) => <path key={i} d={`M-20 ${520 + i * 24} C 120 ${470 + i * 22}, 210 ${560 + i * 17}, 330 ${512 + i * 22} S 540 ${500 + i * 25}, 640 ${470 + i * 28}`} />)}
      </g>
      <g fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round" stroke-linejoin="round" opacity=".75" transform="translate(372 250) scale(5.6)" >
        <g stroke-width=".55">
          <path d="M1 12.5c5.2-.8 10-3.6 15-8.3 5 4.7 9.8 7.5 15 8.3" /><path d="M6.5 11.4v5.6h19v-5.6M6.5 14.5h19" />
          <path d="M4 20.3c4-.6 5-1.8 5-3.3M28 20.3c-4-.6-5-1.8-5-3.3M4 20.3h24" />
          <path d="M9.5 20.3 7.3 47M22.5 20.3 24.7 47M8.8 28h14.4M8.2 36h15.6M8.8 28l15 8M23.2 28l-15 8" />
        </g>
      </g>
      <circle cx="461.6" cy="328" r="9" fill="#f2b84b" /><circle cx="461.6" cy="328" r="34" fill="#f2b84b" opacity=".16" /><circle cx="461.6" cy="328" r="80" fill="#f2b84b" opacity=".07" />
    </svg>
  );
}
