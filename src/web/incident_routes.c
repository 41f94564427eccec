/* SPDX-License-Identifier: Apache-2.0 */
/* Routes of incidents. */
#include "center/incidents.h"
#include "web/api.h"

static bool list(struct call *x)
{
    return incidents_list(x->context, x->parameters, x->out);
}

static bool states(struct call *x)
{
    return incident_states(x->out);
}

static bool create(struct call *x)
{
    x->response->status = 201;
    return incident_create(x->context, x->body, x->out);
}

static bool show(struct call *x)
{
    return incident_show(x->context, x->numbers[0], x->out);
}

static bool update(struct call *x)
{
    return incident_update(x->context, x->numbers[0], x->body, x->out);
}

static bool move(struct call *x)
{
    return incident_move(x->context, x->numbers[0], x->body, x->out);
}

static bool note(struct call *x)
{
    x->response->status = 201;
    return incident_note(x->context, x->numbers[0], x->body, x->out);
}

static bool message(struct call *x)
{
    x->response->status = 201;
    return incident_message(x->context, x->numbers[0], x->body, x->out);
}

static bool mark_read(struct call *x)
{
    x->response->status = 204;
    return incident_read(x->context, x->numbers[0]);
}

static bool add_task(struct call *x)
{
    x->response->status = 201;
    return incident_task_add(x->context, x->numbers[0], x->body, x->out);
}

static bool set_task(struct call *x)
{
    return incident_task_set(x->context, x->numbers[0], x->numbers[1], x->body, x->out);
}

static bool set_clock(struct call *x)
{
    return incident_clock_set(x->context, x->numbers[0], x->numbers[1], x->body, x->out);
}

static bool add_evidence(struct call *x)
{
    x->response->status = 201;
    return incident_evidence_add(x->context, x->numbers[0], parameter(x->parameters, "name"),
                                 http_header(x->request, "Content-Type"), parameter(x->parameters, "note"),
                                 x->request->body, x->out);
}

static bool get_evidence(struct call *x)
{
    char name[128];
    int fd;
    uint64_t size;
    if (!incident_evidence_open(x->context, x->numbers[0], x->numbers[1], &fd, &size, name))
        return false;
    x->response->fd = fd;
    x->response->fd_size = size;
    x->response->type = "application/octet-stream";
    http_add_header(x->response, "Content-Disposition", "attachment; filename=\"%s\"", name);
    return true;
}

#define READERS (ROLE_STAFF | ROLE_CONTACT | ROLE_AUDITOR)
#define WORKERS (ROLE_ACTING | ROLE_CONTACT)

static const struct route routes[] = {
    { "GET", "/api/incidents", READERS, list, "Incidents by time left", 0, 0 },
    { "GET", "/api/incidents/states", ROLE_ANY, states, "States, types, steps", 0, 0 },
    { "POST", "/api/incidents", WORKERS, create, "Reports an incident", 0, 0 },
    { "GET", "/api/incidents/{id}", READERS, show, "A whole case", 0, 0 },
    { "PATCH", "/api/incidents/{id}", ROLE_ACTING, update, "Changes its fields", 0, 0 },
    { "POST", "/api/incidents/{id}/state", ROLE_ACTING | ROLE_LEADER, move, "Takes the next step", 0, 0 },
    { "POST", "/api/incidents/{id}/notes", ROLE_ACTING, note, "A note in the timeline", 0, 0 },
    { "POST", "/api/incidents/{id}/messages", WORKERS, message, "Says something to the other side", 0, 0 },
    { "POST", "/api/incidents/{id}/read", READERS, mark_read, "Marks the dialogue read", 0, 0 },
    { "POST", "/api/incidents/{id}/tasks", ROLE_ACTING, add_task, "A further task", 0, 0 },
    { "POST", "/api/incidents/{id}/tasks/{id}", WORKERS, set_task, "Done, note, help", 0, 0 },
    { "POST", "/api/incidents/{id}/clocks/{id}", ROLE_ACTING, set_clock, "A notice was sent", 0, 0 },
    { "POST", "/api/incidents/{id}/evidence", WORKERS, add_evidence, "Stores a file", ROUTE_RAW,
      EVIDENCE_MAX },
    { "GET", "/api/incidents/{id}/evidence/{id}", READERS, get_evidence, "The file", 0, 0 },
};

const struct route_table incident_routes = { routes, COUNT_OF(routes) };
