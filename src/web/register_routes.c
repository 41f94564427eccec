/* SPDX-License-Identifier: Apache-2.0 */
/* Routes of the registers. */
#include "center/register_api.h"
#include "web/api.h"

static bool describe(struct call *x)
{
    return registers_describe(x->context, x->out);
}

static bool list(struct call *x)
{
    return registers_list(x->context, x->name, x->parameters, x->out);
}

static bool create(struct call *x)
{
    x->response->status = 201;
    return registers_create(x->context, x->name, x->body, x->out);
}

static bool show(struct call *x)
{
    return registers_show(x->context, x->name, x->numbers[0], x->out);
}

static bool update(struct call *x)
{
    return registers_update(x->context, x->name, x->numbers[0], x->body, x->out);
}

static bool end(struct call *x)
{
    x->response->status = 204;
    return registers_end(x->context, x->name, x->numbers[0], x->parameters);
}

static bool history(struct call *x)
{
    return registers_history(x->context, x->name, x->numbers[0], x->out);
}

static bool versions(struct call *x)
{
    return registers_versions(x->context, x->name, x->numbers[0], x->out);
}

static bool export(struct call *x)
{
    x->response->type = "text/csv; charset=utf-8";
    http_add_header(x->response, "Content-Disposition", "attachment; filename=\"%.*s.csv\"",
                    (int)MIN(x->name.size, (size_t)40), (const char *)x->name.data);
    return registers_export(x->context, x->name, x->parameters, x->out);
}

static bool import(struct call *x)
{
    return registers_import(x->context, x->name, x->parameters, x->request->body, x->out);
}

static bool confirm(struct call *x)
{
    return contact_confirm(x->context, x->numbers[0], x->out);
}

#define WRITERS (ROLE_ADMINISTRATOR | ROLE_STAFF | ROLE_CONTACT)

static const struct route routes[] = {
    { "GET", "/api/registers", ROLE_ANY, describe, "The registers and their fields", 0, 0 },
    { "GET", "/api/registers/{name}", ROLE_ANY, list, "Rows", 0, 0 },
    { "GET", "/api/registers/{name}/export.csv", ROLE_ANY, export, "Rows as CSV", 0, 0 },
    { "POST", "/api/registers/{name}/import", WRITERS, import, "Rows from CSV", ROUTE_RAW, 5 << 20 },
    { "POST", "/api/registers/{name}", WRITERS, create, "A new row", 0, 0 },
    { "GET", "/api/registers/{name}/{id}", ROLE_ANY, show, "One row", 0, 0 },
    { "PATCH", "/api/registers/{name}/{id}", WRITERS, update, "Changes a row", 0, 0 },
    { "DELETE", "/api/registers/{name}/{id}", WRITERS, end, "Ends a row", 0, 0 },
    { "GET", "/api/registers/{name}/{id}/history", ROLE_ANY, history, "Who changed what", 0, 0 },
    { "GET", "/api/registers/{name}/{id}/versions", ROLE_ANY, versions, "Dated values", 0, 0 },
    { "POST", "/api/contacts/{id}/confirm", WRITERS, confirm, "Confirms a contact", 0, 0 },
};

const struct route_table register_routes = { routes, COUNT_OF(routes) };
