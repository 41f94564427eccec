/* SPDX-License-Identifier: Apache-2.0 */
/* Routes of hunting. */
#include "center/hunt.h"
#include "web/api.h"

static bool list(struct call *x)
{
    return hunt_events(x->context, x->parameters, x->out);
}

static bool histogram(struct call *x)
{
    return hunt_histogram(x->context, x->parameters, x->out);
}

static bool top(struct call *x)
{
    return hunt_top(x->context, x->parameters, x->out);
}

static bool fields(struct call *x)
{
    return hunt_fields(x->out);
}

static bool show(struct call *x)
{
    return hunt_event(x->context, x->name, x->out);
}

static bool context(struct call *x)
{
    return hunt_context(x->context, x->name, x->out);
}

static bool host(struct call *x)
{
    return hunt_host(x->context, x->name, x->parameters, x->out);
}

#define READERS (ROLE_STAFF | ROLE_CONTACT | ROLE_AUDITOR)

static const struct route routes[] = {
    { "GET", "/api/events", READERS, list, "Events by query", 0, 0 },
    { "GET", "/api/events/histogram", READERS, histogram, "Events over time", 0, 0 },
    { "GET", "/api/events/top", READERS, top, "Most and fewest values", 0, 0 },
    { "GET", "/api/events/fields", READERS, fields, "Names for the query bar", 0, 0 },
    { "GET", "/api/events/{name}", READERS, show, "One event", 0, 0 },
    { "GET", "/api/events/{name}/context", READERS, context, "The events of its flow", 0, 0 },
    { "GET", "/api/hosts/{name}", READERS, host, "Everything about one address", 0, 0 },
};

const struct route_table event_routes = { routes, COUNT_OF(routes) };
