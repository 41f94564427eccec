/* SPDX-License-Identifier: Apache-2.0 */
/* Routes of health, metrics and live events. */
#include "center/metrics.h"
#include "web/api.h"

static bool stream(struct call *x)
{
    x->stream = true;
    return true;
}

static bool healthz(struct call *x)
{
    x->response->type = "text/plain; charset=utf-8";
    text_put(x->out, BYTES_OF("ok\n"));
    return true;
}

static bool readyz(struct call *x)
{
    struct error error = { "" };
    return center_ready(x->context->center, &error) ? healthz(x)
                                                    : refuse_error(x->context, "busy", "", &error);
}

static bool health(struct call *x)
{
    center_health_json(x->context->center, x->out);
    return true;
}

static bool metrics(struct call *x)
{
    const struct principal *p = &x->context->principal;
    struct bytes address = bytes_of_string(p->address);
    bool near = bytes_starts(address, BYTES_OF("127.")) || bytes_is(address, "::1");
    if (!near && !(p->role & (ROLE_ADMINISTRATOR | ROLE_AUDITOR)))
        return refuse(x->context, "forbidden", "", BYTES_NONE,
                      "metrics are for this machine and administrators");
    x->response->type = "text/plain; version=0.0.4; charset=utf-8";
    return metrics_text(x->context, x->out);
}

static const struct route routes[] = {
    { "GET", "/api/stream", ROLE_ANY, stream, "Live events", 0, 0 },
    { "GET", "/api/health", ROLE_ANY, health, "Room on the centre's disk", 0, 0 },
    { "GET", "/healthz", ROLE_ANY, healthz, "The process lives", ROUTE_PUBLIC, 0 },
    { "GET", "/readyz", ROLE_ANY, readyz, "It can serve", ROUTE_PUBLIC, 0 },
    { "GET", "/metrics", ROLE_ANY, metrics, "Figures for Prometheus", ROUTE_PUBLIC, 0 },
};

const struct route_table live_routes = { routes, COUNT_OF(routes) };
