/* SPDX-License-Identifier: Apache-2.0 */
/* The interface of docs/api.md on the HTTPS server: routes, sessions, permissions, errors. Handlers hold no
 * SQL.
 *
 * A handler gets an admitted request and appends JSON to `out`; false means refused: the refusal in its
 * context becomes the answer. Several threads run handlers; each call has its own context and database
 * connection. */
#ifndef VONGLAU_WEB_API_H
#define VONGLAU_WEB_API_H

#include "center/center.h"
#include "web/http.h"

struct call {
    struct context *context;
    const struct http_request *request;
    const struct parameters *parameters;
    struct json_value body;          /* an object; of requests whose route is not ROUTE_RAW */
    struct bytes name;               /* what {name} matched */
    int64_t numbers[HTTP_PARTS_MAX]; /* what each {id} matched */
    struct text *out;                /* the answer's body */
    struct http_response *response;  /* for status, type, headers, files */
    bool stream;                     /* live events follow */
};

typedef bool (*route_fn)(struct call *call);

enum route_flag {
    ROUTE_PUBLIC = 1, /* no session needed */
    ROUTE_RAW = 2,    /* the body is not JSON */
    ROUTE_ANYWAY = 4, /* also while the password must be changed */
    ROUTE_FACTOR = 8, /* also while an administrator has no second factor */
    ROUTE_SENSOR =
        16, /* for sensors: neither session nor token; the handler checks the client's certificate */
};

struct route {
    const char *method;
    const char *path; /* "/api/incidents/{id}/tasks/{id}", "/api/registers/{name}" */
    unsigned roles;
    route_fn handler;
    const char *help;
    unsigned flags;
    size_t body_max; /* bytes; 0: 256 KB, nothing for GET */
};

struct route_table {
    const struct route *routes;
    size_t count;
};

struct web_settings {
    const char *address; /* "127.0.0.1", "::" */
    uint16_t port;       /* 0: any free one */
    const char *certificate_pem, *key_pem;
    const char *client_trust_pem; /* may be NULL */
};

struct web;

MUST_CHECK struct web *web_start(struct center *center, const struct web_settings *settings,
                                 struct error *error);
void web_stop(struct web *web);
uint16_t web_port(const struct web *web);

/* The tables, one per file. */
extern const struct route_table session_routes, register_routes, alert_routes, incident_routes, event_routes,
    report_routes, document_routes, admin_routes, live_routes, sensor_routes;

#endif
