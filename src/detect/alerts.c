/* SPDX-License-Identifier: Apache-2.0 */
/* What comes of the matches of one packet: alerts in order, as many as there is room for, and what they do to
 * packet and flow. */
#include <stdlib.h>

#include "detect/engine.h"
#include "detect/profile.h"
#include "detect/shared.h"
#include "proto/file.h"

#define DROPS (ACTION_DROP | ACTION_REJECT | ACTION_REJECT_SRC | ACTION_REJECT_DST | ACTION_REJECT_BOTH)

static bool applies_to_flow(const struct signature *s, const struct alert *alert)
{
    return s->flow_scope || (alert->on_stream && s->scope != SCOPE_PACKET);
}

/* An alert for which there is no room is not given; that it drops still holds. */
static void lose_alert(struct alerts *alerts, const struct alert *alert)
{
    const struct signature *s = (const struct signature *)alert->rule;
    if (!(alert->action & DROPS))
        return;
    if (!alerts->lost_drop)
        alerts->lost_drop = alert->rule;
    alerts->lost_flow_drop |= applies_to_flow(s, alert);
}

/* A pass before it in order hides it anyway. */
static bool comes_after_pass(const struct alerts *alerts, const struct signature *s)
{
    for (size_t i = 0; i < alerts->count; i++)
        if (alerts->items[i].action == ACTION_PASS &&
            ((const struct signature *)alerts->items[i].rule)->index < s->index)
            return true;
    return false;
}

static void keep_alert(struct context *context, const struct signature *s)
{
    struct alerts *alerts = context->alerts;
    uint32_t max = MIN(context->set->alerts_per_packet, (uint32_t)ALERTS_MAX);
    struct alert alert = { .rule = &s->rule,
                           .tx = context->tx,
                           .file = context->file,
                           .frame = context->frame,
                           .notes = context->notes,
                           .direction = (uint8_t)context->direction,
                           .action = s->rule.action,
                           .on_stream = context->on_stream };
    if (s->no_alert && s->rule.action == ACTION_ALERT && !s->late_actions)
        return;
    if (alerts->count < max) {
        alerts->items[alerts->count++] = alert;
        return;
    }
    if (comes_after_pass(alerts, s))
        return;
    alerts->overflow++;
    context->counters[DETECT_ALERT_OVERFLOW]++;
    /* What comes earlier in order takes the place of what comes last. */
    struct alert *last = &alerts->items[0];
    for (size_t i = 1; i < alerts->count; i++)
        if (((const struct signature *)alerts->items[i].rule)->index >=
            ((const struct signature *)last->rule)->index)
            last = &alerts->items[i];
    bool earlier = ((const struct signature *)last->rule)->index > s->index;
    lose_alert(alerts, earlier ? last : &alert);
    if (earlier)
        *last = alert;
}

static void store_one(struct file *file, uint32_t sid)
{
    file_store(file);
    for (unsigned i = 0; i < file->sid_count; i++)
        if (file->sids[i] == sid)
            return;
    if (file->sid_count < COUNT_OF(file->sids))
        file->sids[file->sid_count++] = sid;
}

static void store_files(const struct context *context, const struct signature *s)
{
    if (!s->files_store || !context->tx)
        return;
    if (context->file)
        store_one((struct file *)(uintptr_t)context->file, s->rule.sid);
    else
        for (struct file *file = context->tx->files; file; file = file->next)
            store_one(file, s->rule.sid);
}

void signature_matched(struct context *context, const struct signature *s)
{
    context->signature = s;
    if (context->detector->costs)
        context->detector->costs[s->index].matches++;
    for (const struct check *action = s->actions; action; action = action->next)
        (void)action->test(action, context);
    for (const struct alert_note *note = context->notes; note; note = note->next) {
        if (note->kind == NOTE_FLOW)
            flow_text_keep(context, note);
        struct alert_note *kept = note->kind == NOTE_PACKET ? ARENA_NEW(context->scratch, struct alert_note)
                                                            : NULL;
        if (kept) {
            *kept = *note;
            kept->next = context->packet_notes;
            context->packet_notes = kept;
        }
    }
    store_files(context, s);
    if (s->bypass)
        context->alerts->bypass = true;
    keep_alert(context, s);
}

static void drop(struct context *context, const struct rule *rule, uint8_t action, bool whole_flow)
{
    struct alerts *alerts = context->alerts;
    if (!alerts->drop_rule) {
        alerts->drop_rule = rule;
        alerts->drop_by_rate = action != rule->action;
    }
    alerts->action |= action;
    alerts->flow_drop |= whole_flow && context->flow;
}

/* What was dropped cannot pass any more. */
static void apply_action(struct context *context, struct alert *alert, const struct signature *s)
{
    struct alerts *alerts = context->alerts;
    if (alert->action & DROPS)
        drop(context, alert->rule, alert->action, applies_to_flow(s, alert));
    if (alert->action != ACTION_PASS || (alerts->action & DROPS))
        return;
    alerts->action |= ACTION_PASS;
    if (context->flow && applies_to_flow(s, alert)) {
        alerts->flow_pass = true;
        struct flow_memory *state = context_state(context);
        if (state)
            state->pass = true;
    }
}

static int by_rule(const void *a, const void *b)
{
    const struct alert *x = a, *y = b;
    const struct signature *s = (const struct signature *)x->rule, *t = (const struct signature *)y->rule;
    if (s->index != t->index)
        return s->index < t->index ? -1 : 1;
    uint64_t m = x->tx ? x->tx->number : 0, n = y->tx ? y->tx->number : 0;
    return m < n ? -1 : m > n;
}

/* An alert on a packet or stream bytes is told with the only transaction there is: of a datagram's protocol
 * that the rule names, or, when asked for, of any; of a connection for the first few alerts. */
static const struct tx *nearby_tx(const struct context *context, const struct alert *alert,
                                  const struct signature *s)
{
    const struct ruleset *set = context->set;
    const struct session *session = context->in->session;
    struct tx *tx = session ? session->txs : NULL;
    if (alert->tx || !tx || tx->next || !context->flow)
        return NULL;
    if (session->transport == TRANSPORT_UDP)
        return s->protocols || set->guess_tx ? tx : NULL;
    if (!set->guess_tx || tx->guessed >= set->guess_max)
        return NULL;
    tx->guessed++;
    return tx;
}

/* In order: a pass ends it; thresholds hide; noalert rules have done their work. */
void alerts_finish(struct context *context)
{
    struct alerts *alerts = context->alerts;
    if (alerts->count > 1)
        qsort(alerts->items, alerts->count, sizeof alerts->items[0], by_rule);
    size_t kept = 0;
    for (size_t i = 0; i < alerts->count; i++) {
        struct alert alert = alerts->items[i];
        const struct signature *s = (const struct signature *)alert.rule;
        context->tx = alert.tx;
        context->signature = s;
        enum threshold_outcome outcome = s->no_alert ? THRESHOLD_SILENT
                                                     : threshold_judge(context, s, &alert.action);
        if (outcome != THRESHOLD_ALERT && !s->no_alert) {
            alerts->suppressed++;
            context->counters[DETECT_ALERTS_SUPPRESSED]++;
        }
        if (outcome == THRESHOLD_NOTHING)
            continue;
        apply_action(context, &alert, s);
        if (alert.action == ACTION_PASS) {
            if (s->alerts_too)
                alerts->items[kept++] = alert;
            break;
        }
        if (outcome == THRESHOLD_SILENT && !s->no_alert)
            continue;
        for (const struct check *late = s->late_actions; late; late = late->next)
            (void)late->test(late, context);
        if (s->no_alert)
            continue;
        if (alert.tx)
            alert.tx->alerted = true;
        alert.nearby = nearby_tx(context, &alert, s);
        alerts->items[kept++] = alert;
    }
    context->tx = NULL;
    if (alerts->lost_drop)
        drop(context, alerts->lost_drop, alerts->lost_drop->action, alerts->lost_flow_drop);
    alerts->count = kept;
    context->counters[DETECT_ALERT] += kept;
}

/* A tag of an earlier match makes this packet an event. */
void alerts_add_tagged(struct context *context)
{
    struct alerts *alerts = context->alerts;
    alerts->tagged = true;
    if (alerts->count < ALERTS_MAX)
        alerts->items[alerts->count++] = (struct alert){ .direction = (uint8_t)context->direction,
                                                         .tagged = true };
}
