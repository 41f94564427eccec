/* SPDX-License-Identifier: Apache-2.0 */
/* Routes of alert groups. */
#include "center/alerts.h"
#include "web/api.h"

static bool list(struct call *x)
{
    return alerts_list(x->context, x->parameters, x->out);
}

static bool show(struct call *x)
{
    return alert_show(x->context, x->numbers[0], x->out);
}

static bool archive(struct call *x)
{
    return alert_archive(x->context, x->numbers[0], x->body, x->out);
}

static bool unarchive(struct call *x)
{
    return alert_unarchive(x->context, x->numbers[0], x->out);
}

static bool escalate(struct call *x)
{
    x->response->status = 201;
    return alert_escalate(x->context, x->numbers[0], x->body, x->out);
}

static bool filter(struct call *x)
{
    return alert_filter(x->context, x->numbers[0], x->body, x->out);
}

static bool bulk(struct call *x)
{
    return alerts_bulk(x->context, x->body, x->out);
}

#define READERS (ROLE_STAFF | ROLE_CONTACT | ROLE_AUDITOR)

static const struct route routes[] = {
    { "GET", "/api/alerts", READERS, list, "Alert groups", 0, 0 },
    { "POST", "/api/alerts/bulk", ROLE_ACTING, bulk, "One action on many groups", 0, 0 },
    { "GET", "/api/alerts/{id}", READERS, show, "One group with its events", 0, 0 },
    { "POST", "/api/alerts/{id}/archive", ROLE_ACTING, archive, "Out of the inbox", 0, 0 },
    { "POST", "/api/alerts/{id}/unarchive", ROLE_ACTING, unarchive, "Back into the inbox", 0, 0 },
    { "POST", "/api/alerts/{id}/escalate", ROLE_ACTING, escalate, "Makes it an incident", 0, 0 },
    { "POST", "/api/alerts/{id}/filter", ROLE_ACTING, filter, "Archives such alerts from now on", 0, 0 },
};

const struct route_table alert_routes = { routes, COUNT_OF(routes) };
