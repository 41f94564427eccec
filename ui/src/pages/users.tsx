// SPDX-License-Identifier: Apache-2.0
// Users: who may do what, one-time passwords, locked accounts.
import { useState } from 'preact/hooks';
import { patch, post, useLoad } from '../lib/api';
import { dateTime } from '../lib/format';
import { t, tx } from '../lib/i18n';
import { useMay, useSession } from '../lib/session';
import type { Ref, Role, Rows, User } from '../lib/types';
import { RefInput } from '../components/register';
import { Icon } from '../components/icons';
import { CsvButton, Table, type Column } from '../components/table';
import { Badge, Dialog, Empty, Field, Lines, Menu, Moment, PageHead, Problem, toast, toastError, useTitle } from '../components/ui';

const ROLES: Role[] = ['administrator', 'duty', 'handler', 'leader', 'contact', 'auditor'];

export default function Users() {
  useTitle(t('nav.users'));
  const { data, error, reload } = useLoad<Rows<User>>('/api/users');
  const write = useMay('users_write');
  const { session } = useSession();
  const [editing, setEditing] = useState<User | 'new' | null>(null);
  const [password, setPassword] = useState<{ name: string; password: string } | null>(null);
  const act = async (run: () => Promise<unknown>, said: string) => { try { await run(); toast(said); reload(); } catch (e) { toastError(e); } };
  const rows = data?.rows ?? [];
  const columns: Column<User>[] = [
    { id: 'display_name', head: t('field.display_name'), phone: 'title', text: (u) => u.display_name, cell: (u) => <div><b>{u.display_name || u.name}</b><div class="small faint mono">{u.name}</div></div> },
    { id: 'role', head: t('field.role'), text: (u) => tx('role', u.role), cell: (u) => tx('role', u.role) },
    { id: 'agencies', head: t('col.agency'), text: (u) => u.agencies.map((a) => a.title).join('; '), cell: (u) => u.agencies.length ? u.agencies.map((a) => a.title).join(', ') : <span class="faint">{u.role === 'contact' ? t('users.no_agency') : t('users.all_agencies')}</span> },
    { id: 'state', head: t('field.state'), text: (u) => tx('user_state', u.state), cell: (u) => <span class="row wrap">{u.state === 'disabled' ? <Badge kind="solid">{t('user_state.disabled')}</Badge> : <span>{t('user_state.active')}</span>}{u.locked_until && Date.parse(u.locked_until) > Date.now() && <Badge kind="gold">{t('users.locked')}</Badge>}{u.must_change_password && <Badge>{t('users.first_password')}</Badge>}</span> },
    { id: 'totp', head: t('users.totp'), text: (u) => (u.totp ? t('yes') : t('no')), cell: (u) => u.totp ? <Badge kind="solid" icon="check">{t('users.totp_on')}</Badge> : <span class="faint">{t('users.totp_off')}</span> },
    { id: 'last', head: t('users.last'), class: 'num', text: (u) => dateTime(u.last_sign_in), cell: (u) => u.last_sign_in ? <Moment at={u.last_sign_in} /> : <span class="faint">{t('sensors.never')}</span> },
    ...(write ? [{ id: 'menu', head: '', class: 'num menu-cell', phone: 'bare' as const, cell: (u: User) => (
      <Menu button="button quiet small icon-only" aria={t('action.menu')} label={<Icon name="dots" />} items={[
        { label: t('action.edit'), icon: 'edit', run: () => setEditing(u) },
        { label: t('users.reset'), icon: 'key', run: () => void post<{ password: string }>(`/api/users/${u.id}/reset-password`).then((r) => { setPassword({ name: u.name, password: r.password }); reload(); }, toastError) },
        u.totp && { label: t('users.reset_totp'), icon: 'undo', run: () => void act(() => post(`/api/users/${u.id}/reset-totp`), t('action.saved')) },
        u.locked_until && { label: t('users.unlock'), icon: 'check', run: () => void act(() => post(`/api/users/${u.id}/unlock`), t('action.saved')) },
        u.id !== session.user.id && { label: u.state === 'active' ? t('users.disable') : t('users.enable'), icon: 'close', rule: true, run: () => void act(() => patch(`/api/users/${u.id}`, { version: u.version, state: u.state === 'active' ? 'disabled' : 'active' }), t('action.saved')) },
      ]} />) }] : []),
  ];
  return (
    <>
      <PageHead title={t('nav.users')} lead={t('users.lead')}>
        <CsvButton name="nguoi-dung" rows={rows} columns={columns} />
        {write && <button class="button primary" onClick={() => setEditing('new')}><Icon name="plus" />{t('users.new')}</button>}
      </PageHead>
      {error && <Problem error={error} retry={reload} />}
      <section class="card">{!data ? !error && <div class="card-body"><Lines count={5} /></div> : rows.length ? <Table label={t('nav.users')} rows={rows} columns={columns} id={(u) => u.id} keys onOpen={write ? (u) => setEditing(u) : undefined} /> : <Empty icon="users" title={t('state.nothing')} />}</section>
      {editing && <UserForm user={editing === 'new' ? null : editing} onClose={() => setEditing(null)} onDone={(made) => { setEditing(null); if (made) setPassword(made); else toast(t('action.saved')); reload(); }} />}
      {password && <Dialog title={t('users.password_title', { name: password.name })} onClose={() => setPassword(null)} footer={<button type="button" class="button primary" data-first onClick={() => setPassword(null)}>{t('users.noted')}</button>}><p>{t('users.password_lead')}</p><p class="onetime mono">{password.password}</p></Dialog>}
    </>
  );
}

function UserForm({ user, onClose, onDone }: { user: User | null; onClose: () => void; onDone: (made: { name: string; password: string } | null) => void }) {
  const [form, setForm] = useState({ name: user?.name ?? '', display_name: user?.display_name ?? '', role: user?.role ?? 'contact', email: user?.email ?? '', phone: user?.phone ?? '' });
  const [agencies, setAgencies] = useState<Ref[]>(user?.agencies ?? []);
  const [error, setError] = useState<unknown>(null);
  const set = (change: Partial<typeof form>) => setForm({ ...form, ...change });
  const submit = async () => {
    const { name, ...rest } = form;
    const body = { ...rest, agencies: agencies.map((a) => a.id) };
    try {
      if (user) { await patch(`/api/users/${user.id}`, { version: user.version, ...body }); onDone(null); } else { const made = await post<{ user: User; password: string }>('/api/users', { name: name.trim(), ...body }); onDone({ name: made.user.name, password: made.password }); }
    } catch (e) { setError(e); }
  };
  return (
    <Dialog wide title={user ? user.display_name || user.name : t('users.new')} onClose={onClose} onSubmit={submit} footer={<><button type="button" class="button" onClick={onClose}>{t('action.cancel')}</button><button class="button primary" disabled={!form.name.trim() || !form.display_name.trim()}>{t('action.save')}</button></>}>
      <div class="form-grid">
        <Field label={t('signin.name')} id="u-name" hint={t('users.name_hint')} required><input id="u-name" class="input" disabled={Boolean(user)} autocapitalize="none" spellcheck={false} value={form.name} onInput={(e) => set({ name: e.currentTarget.value })} /></Field>
        <Field label={t('field.display_name')} id="u-display" required><input id="u-display" class="input" value={form.display_name} onInput={(e) => set({ display_name: e.currentTarget.value })} /></Field>
        <Field label={t('field.role')} id="u-role" hint={tx('role_hint', form.role)}><select id="u-role" class="input" value={form.role} onChange={(e) => set({ role: e.currentTarget.value as Role })}>{ROLES.map((r) => <option key={r} value={r}>{tx('role', r)}</option>)}</select></Field>
        <Field label={t('field.email')} id="u-email"><input id="u-email" class="input" type="email" value={form.email} onInput={(e) => set({ email: e.currentTarget.value })} /></Field>
        <Field label={t('field.phone')} id="u-phone"><input id="u-phone" class="input" type="tel" value={form.phone} onInput={(e) => set({ phone: e.currentTarget.value })} /></Field>
      </div>
      <Field label={t('users.agencies')} id="u-agency" hint={t('users.agencies_hint')}>
        {agencies.length > 0 && <div class="chips">{agencies.map((a) => <span key={a.id} class="chip">{a.title}<button type="button" aria-label={t('action.remove_x', { x: a.title })} onClick={() => setAgencies(agencies.filter((x) => x.id !== a.id))}><Icon name="close" /></button></span>)}</div>}
        <RefInput key={agencies.length} id="u-agency" target="agency" value={null} title="" onChange={(id, title) => id && !agencies.some((a) => a.id === id) && setAgencies([...agencies, { id, title }])} />
      </Field>
      {error !== null && <Problem error={error} />}
    </Dialog>
  );
}
