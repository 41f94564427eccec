// SPDX-License-Identifier: Apache-2.0
// My account: password, second factor, where I am signed in, how the page looks.
import { useState } from 'preact/hooks';
import { del, post, useLoad } from '../lib/api';
import { dateTime } from '../lib/format';
import { lang, t, tx } from '../lib/i18n';
import { chooseDensity, chooseLang, chooseTheme, density, theme, type Theme } from '../lib/prefs';
import { useSession } from '../lib/session';
import type { Rows, Session } from '../lib/types';
import { PasswordFields, passwordProblem } from '../components/password';
import { TotpSetup } from '../components/totp';
import { Badge, Card, Dialog, errorText, Field, Lines, PageHead, Problem, Segment, toast, toastError, useTitle } from '../components/ui';

interface Place { id: number; created: string; seen: string; address: string; agent: string; current: boolean }

export default function Account() {
  const { session, renew, leave } = useSession();
  const { user } = session;
  useTitle(t('nav.account'));
  return (
    <>
      <PageHead title={user.display_name || user.name} lead={`${tx('role', user.role)}${user.agencies.length ? ` · ${user.agencies.map((a) => a.title).join(', ')}` : ''}`}><button class="button" onClick={leave}>{t('action.sign_out')}</button></PageHead>
      <div class="two even">
        <div class="stack">
        <Card title={t('account.look')}>
          <div class="stack">
            <Field label={t('account.language')}><Segment label={t('account.language')} value={lang()} onChange={(v) => void chooseLang(v)} options={[{ value: 'vi', label: <span lang="vi">Tiếng Việt</span> }, { value: 'en', label: <span lang="en">English</span> }]} /></Field>
            <Field label={t('account.theme')}><Segment label={t('account.theme')} value={theme()} onChange={(v: Theme) => chooseTheme(v)} options={[{ value: 'system', label: t('account.system') }, { value: 'light', label: t('account.light') }, { value: 'dark', label: t('account.dark') }]} /></Field>
            <Field label={t('account.density')}><Segment label={t('account.density')} value={density()} onChange={(v) => chooseDensity(v)} options={[{ value: 'comfortable', label: t('density.comfortable') }, { value: 'compact', label: t('density.compact') }]} /></Field>
            <p class="small faint">{t('account.version', { version: session.version })}</p>
          </div>
        </Card>
        <Card title={t('users.totp')}><Totp session={session} renew={renew} /></Card>
        </div>
        <div class="stack">
        <Card title={t('account.password')}><Password session={session} renew={renew} /></Card>
        <Card title={t('account.sessions')}><Places /></Card>
        </div>
      </div>
    </>
  );
}

function Password({ session, renew }: { session: Session; renew: (s: Session) => void }) {
  const [old, setOld] = useState('');
  const [fresh, setFresh] = useState('');
  const [again, setAgain] = useState('');
  const [error, setError] = useState('');
  const submit = async (event: Event) => {
    event.preventDefault();
    setError('');
    try {
      renew(await post<Session>('/api/account/password', { old, new: fresh }));
      setOld(''); setFresh(''); setAgain('');
      toast(t('password.saved'));
    } catch (e) { setError(passwordProblem(e) || errorText(e)); }
  };
  return (
    <form class="stack" onSubmit={submit}>
      <input class="sr" type="text" autocomplete="username" value={session.user.name} readOnly tabIndex={-1} aria-hidden="true" />
      <PasswordFields old={old} fresh={fresh} again={again} onOld={setOld} onFresh={setFresh} onAgain={setAgain} name={session.user.name} />
      {error && <div class="notice error" role="alert">{error}</div>}
      <div><button class="button primary" disabled={!old || !fresh || fresh !== again}>{t('password.save')}</button></div>
    </form>
  );
}

function Totp({ session, renew }: { session: Session; renew: (s: Session) => void }) {
  const [ending, setEnding] = useState(false);
  const [password, setPassword] = useState('');
  const [error, setError] = useState<unknown>(null);
  if (!session.user.totp) return <TotpSetup onSession={renew} />;
  return (
    <div class="stack">
      <p><Badge kind="accent" icon="check">{t('users.totp_on')}</Badge></p>
      <p class="dim">{t('totp.on_lead')}</p>
      <div><button class="button danger" onClick={() => setEnding(true)}>{t('totp.off')}</button></div>
      {ending && <Dialog title={t('totp.off')} onClose={() => setEnding(false)} onSubmit={async () => { try { await del('/api/account/totp', { password }); renew({ ...session, user: { ...session.user, totp: false } }); setEnding(false); } catch (e) { setError(e); } }}
        footer={<><button type="button" class="button" onClick={() => setEnding(false)}>{t('action.cancel')}</button><button class="button danger" disabled={!password}>{t('totp.off')}</button></>}>
        <p class="dim">{t('totp.off_lead')}</p>
        <Field label={t('signin.password')} id="off-pw"><input id="off-pw" class="input" type="password" autocomplete="current-password" value={password} onInput={(e) => setPassword(e.currentTarget.value)} /></Field>
        {error !== null && <Problem error={error} />}
      </Dialog>}
    </div>
  );
}

/** The browser and the system that a User-Agent names; the more telling words stand first. */
function browser(agent: string): string {
  const pick = (words: string) => new RegExp(words).exec(agent)?.[0].replace(/\W.*/, '');
  const program = /Edg\//.test(agent) ? 'Edge' : pick('OPR|Firefox|Headless|Chrome|Safari')?.replace('OPR', 'Opera').replace('Headless', 'Chrome');
  const system = pick('Windows|Android|iPhone|iPad|Mac|CrOS|Linux');
  return program || system ? [program, system].filter(Boolean).join(' · ') : agent;
}

function Places() {
  const { data, error, reload } = useLoad<Rows<Place>>('/api/account/sessions');
  if (!data) return error ? <Problem error={error} retry={reload} /> : <Lines count={3} />;
  return (
    <ul class="stack tight">
      {data.rows.map((s) => (
        <li key={s.id} class="row between top"><span class="grow"><b class="mono small">{s.address}</b> {s.current && <Badge kind="accent">{t('account.this')}</Badge>}<span class="small dim block clip" title={s.agent}>{browser(s.agent)}</span><span class="small faint">{t('account.seen', { time: dateTime(s.seen) })}</span></span>
          {!s.current && <button class="button small" onClick={() => void del(`/api/account/sessions/${s.id}`).then(reload, toastError)}>{t('account.end')}</button>}</li>
      ))}
    </ul>
  );
}
