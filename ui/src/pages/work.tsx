// SPDX-License-Identifier: Apache-2.0
// Việc của tôi: at most five plain cards for a contact officer, each with what to do and by when.
import { useCallback, useState } from 'preact/hooks';
import { post, useLoad } from '../lib/api';
import { lang, t, tx } from '../lib/i18n';
import { navigate } from '../lib/router';
import { useMay, useSession } from '../lib/session';
import { useStream } from '../lib/stream';
import type { WorkCard } from '../lib/types';
import { Icon, type IconName } from '../components/icons';
import { Ask, Due, Empty, Lines, PageHead, Problem, toast, toastError, useTitle } from '../components/ui';

const ICON: Record<string, IconName> = { task: 'work', message: 'mail', acknowledge: 'alert', clock: 'clock', contact_check: 'phone', incident: 'case' };

export default function Work() {
  useTitle(t('nav.work'));
  const { session } = useSession();
  const { data, error, reload } = useLoad<{ cards: WorkCard[]; more: number }>('/api/mywork');
  useStream(['incident', 'alert'], useCallback(() => reload(), [reload]));
  const [asking, setAsking] = useState<{ card: WorkCard; help: boolean } | null>(null);
  const mayOpen = useMay('open_incident'), contact = session.user.role === 'contact';
  const vi = lang() === 'vi';
  const title = (c: WorkCard) => (vi ? c.title_vi : c.title_en || c.title_vi);
  // Clocks come as the code of the duty: their words are this page's.
  const words = (c: WorkCard) => (c.kind === 'clock' || c.kind === 'acknowledge' ? tx('clock', c.text_vi || c.kind) : vi ? c.text_vi : c.text_en || c.text_vi);
  const confirm = async (c: WorkCard) => { try { await post(`/api/contacts/${c.contact}/confirm`); toast(t('work.confirmed')); reload(); } catch (e) { toastError(e); } };
  const cards = data?.cards ?? [];
  return (
    <div class="narrow">
      <PageHead crumb={session.user.agencies.map((a) => a.title).join(', ')} title={!data ? t('nav.work') : cards.length ? t('work.n', { n: cards.length + data.more }) : t('work.none')} lead={!cards.length ? undefined : contact ? t('work.lead') : t('work.lead_staff')}>
        {mayOpen && <button class="button" onClick={() => navigate('/cases?new=1')}><Icon name="flag" />{contact ? t('cases.report_title') : t('cases.new')}</button>}
      </PageHead>
      {error && <Problem error={error} retry={reload} />}
      {!data ? <Lines count={5} /> : cards.length ? (
        <ol class="workcards">
          {cards.map((c, i) => (
            <li key={i} class={`card workcard ${c.overdue ? 'late' : ''}`}>
              <span class="workcard-icon"><Icon name={ICON[c.kind] ?? 'work'} /></span>
              <div class="grow stack tight">
                <h2>{title(c)}</h2>
                <p class="dim pre">{words(c)}</p>
                <div class="row wrap small">{c.due && <Due at={c.due} late={c.overdue} />}{c.number && <span class="faint">{c.number}</span>}{c.address && <span class="mono faint">{c.address}</span>}</div>
                <div class="row wrap">
                  {c.actions.includes('done') && <button class="button primary" onClick={() => setAsking({ card: c, help: false })}><Icon name="check" />{t('work.done')}</button>}
                  {c.actions.includes('confirm') && <button class="button primary" onClick={() => void confirm(c)}><Icon name="check" />{t('work.confirm')}</button>}
                  {c.kind === 'contact_check' && c.contact && <a class="button" href={`/registers/contact/${c.contact}`}>{t('work.correct')}</a>}
                  {c.actions.includes('open') && c.incident && <a class={`button ${c.actions.includes('done') ? '' : 'primary'}`} href={`/case/${c.incident}${c.kind === 'message' ? '?tab=talk' : c.kind === 'task' ? '?tab=tasks' : ''}`}>{c.kind === 'message' ? t('work.answer') : c.kind === 'task' && contact ? t('work.how') : t('action.open')}</a>}
                  {c.actions.includes('help') && <button class="button" onClick={() => setAsking({ card: c, help: true })}>{t('work.help')}</button>}
                </div>
              </div>
            </li>
          ))}
        </ol>
      ) : <section class="card"><Empty icon="check" title={t('work.calm')}><p>{contact ? t('work.calm_hint') : t('work.calm_staff')}</p></Empty></section>}
      {data && data.more > 0 && <p class="dim small center-text">{t('work.more', { n: data.more })}</p>}
      {asking && asking.card.task !== null && <Ask title={title(asking.card)} label={asking.help ? t('work.help_label') : t('work.done_label')} action={asking.help ? t('work.help') : t('work.done')} required={asking.help} onClose={() => setAsking(null)}
        onDone={async (note) => { await post(`/api/incidents/${asking.card.incident}/tasks/${asking.card.task}`, asking.help ? { help: true, note } : { done: true, note }); toast(asking.help ? t('work.help_sent') : t('work.thanks')); reload(); }} />}
    </div>
  );
}
