/* SPDX-License-Identifier: Apache-2.0 */
/* Routes of the landing pages and of the quarterly report. */
#include "center/overview.h"
#include "center/quarter.h"
#include "web/api.h"

static bool today(struct call *x)
{
    return overview_today(x->context, x->out);
}

static bool mywork(struct call *x)
{
    return overview_mywork(x->context, x->out);
}

static bool list(struct call *x)
{
    return quarter_list(x->context, x->out);
}

static bool create(struct call *x)
{
    x->response->status = 201;
    return quarter_create(x->context, x->body, x->out);
}

static bool show(struct call *x)
{
    return quarter_show(x->context, x->numbers[0], x->out);
}

static bool update(struct call *x)
{
    return quarter_update(x->context, x->numbers[0], x->body, x->out);
}

static bool recompute(struct call *x)
{
    return quarter_recompute(x->context, x->numbers[0], x->out);
}

static bool move(struct call *x)
{
    return quarter_move(x->context, x->numbers[0], x->body, x->out);
}

#define READERS (ROLE_STAFF | ROLE_AUDITOR)

static const struct route routes[] = {
    { "GET", "/api/today", READERS | ROLE_ADMINISTRATOR, today, "What is burning, in order", 0, 0 },
    { "GET", "/api/mywork", ROLE_ANY, mywork, "At most five cards", 0, 0 },
    { "GET", "/api/reports", READERS, list, "Quarterly reports", 0, 0 },
    { "POST", "/api/reports", ROLE_STAFF, create, "Drafts one", 0, 0 },
    { "GET", "/api/reports/{id}", READERS, show, "One with its figures", 0, 0 },
    { "PATCH", "/api/reports/{id}", ROLE_STAFF, update, "Changes the draft", 0, 0 },
    { "POST", "/api/reports/{id}/recompute", ROLE_STAFF, recompute, "Counts anew", 0, 0 },
    { "POST", "/api/reports/{id}/state", ROLE_STAFF, move, "Review, approval, number", 0, 0 },
};

const struct route_table report_routes = { routes, COUNT_OF(routes) };
