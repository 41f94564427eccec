/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to a handler and back. */
#include "web/api.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "center/hub.h"
#include "center/users.h"
#include "web/assets.h"
#include "web/limits.h"

#define BODY_MAX      (256 * 1024)
#define STREAMS_MAX   500
#define SIGN_IN_BURST 30 /* a minute and address */

static const struct route_table *const tables[] = {
    &live_routes,     &session_routes, &alert_routes,    &event_routes, &incident_routes,
    &register_routes, &report_routes,  &document_routes, &admin_routes, &sensor_routes,
};

struct web {
    struct center *center;
    struct http_server *server;
    struct http_route *routes;    /* for the server, in the order of the tables */
    const struct route **sources; /* the row each of them comes from */
    size_t count;
    struct rate_limit sign_ins;
    uint64_t refused, failed;
};

/* ---- errors ---- */

static const struct {
    const char *code;
    unsigned status;
} statuses[] = {
    { "bad_json", 400 },
    { "bad_request", 400 },
    { "bad_query", 400 },
    { "bad_cursor", 400 },
    { "not_signed_in", 401 },
    { "bad_credentials", 401 },
    { "code_required", 401 },
    { "bad_code", 401 },
    { "forbidden", 403 },
    { "csrf", 403 },
    { "password_change_required", 403 },
    { "totp_required", 403 },
    { "second_person", 403 },
    { "not_found", 404 },
    { "wrong_method", 405 },
    { "conflict", 409 },
    { "wrong_state", 409 },
    { "overlap", 409 },
    { "in_use", 409 },
    { "too_large", 413 },
    { "wrong_type", 415 },
    { "invalid", 422 },
    { "too_many", 429 },
    { "locked", 429 },
    { "busy", 503 },
    { "disk_full", 503 },
};

static unsigned status_of(const char *code)
{
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        if (strcmp(statuses[i].code, code) == 0)
            return statuses[i].status;
    }
    return 500;
}

static void answer_refusal(struct web *web, const struct refusal *r, struct http_response *response)
{
    struct text *out = &response->body;
    text_clear(out);
    json_open(out, NULL, '{');
    json_open(out, "error", '{');
    json_cstring(out, "code", r->code);
    if (r->place[0])
        json_cstring(out, "place", r->place);
    if (r->value[0])
        json_cstring(out, "value", r->value);
    json_cstring(out, "text", r->text);
    if (r->problems)
        problems_json(r->problems, out);
    json_close(out, '}');
    json_close(out, '}');
    json_end(out);
    response->status = status_of(r->code);
    response->type = NULL;
    response->header_count = 0;
    if (response->status == 405)
        http_add_header(response, "Allow", "GET, POST, PATCH, DELETE");
    __atomic_add_fetch(&web->refused, 1, __ATOMIC_RELAXED);
    if (response->status == 500) {
        char quoted[300];
        __atomic_add_fetch(&web->failed, 1, __ATOMIC_RELAXED);
        log_error("web: request failed: %s", log_quote(bytes_of_string(r->text), quoted, sizeof quoted));
    }
}

/* ---- admission ---- */

static bool same_secret(struct bytes a, const char *b)
{
    size_t size = strlen(b);
    unsigned difference = a.size != size || size == 0;
    for (size_t i = 0; i < size && i < a.size; i++)
        difference |= (unsigned)(a.data[i] ^ (uint8_t)b[i]);
    return difference == 0;
}

static bool admit_public(struct web *web, const struct route *route, struct context *c)
{
    bool sign_in = strcmp(route->path, "/api/session") == 0;
    return !sign_in || rate_allowed(&web->sign_ins, bytes_of_string(c->principal.address), SIGN_IN_BURST) ||
           refuse(c, "too_many", "", BYTES_OF("60"), "too many attempts to sign in from this address");
}

/* Who asks, and may he? */
static bool admit(struct web *web, const struct route *route, const struct http_request *request,
                  struct context *c)
{
    if (route->flags & ROUTE_SENSOR)
        return true;
    bool changing = request->method != HTTP_GET;
    /* A page of another site can neither set our header nor read our answers; browsers also say where from.
     */
    struct bytes site = http_header(request, "Sec-Fetch-Site");
    if (changing && site.size && !bytes_is(site, "same-origin") && !bytes_is(site, "none"))
        return refuse(c, "csrf", "Sec-Fetch-Site", site, "the request comes from another site");
    struct bytes cookie = http_cookie(request, SESSION_COOKIE_NAME);
    bool signed_in = cookie.size && session_find(c, cookie);
    if (route->flags & ROUTE_PUBLIC)
        return admit_public(web, route, c);
    if (!signed_in)
        return refuse(c, "not_signed_in", "", BYTES_NONE, "sign in first");
    if (changing && !same_secret(http_header(request, "X-CSRF-Token"), c->csrf))
        return refuse(c, "csrf", "X-CSRF-Token", BYTES_NONE, "the token of the session is missing or wrong");
    if (c->must_change_password && !(route->flags & ROUTE_ANYWAY))
        return refuse(c, "password_change_required", "", BYTES_NONE, "change the one-time password first");
    if (c->must_add_factor && !(route->flags & (ROUTE_ANYWAY | ROUTE_FACTOR)))
        return refuse(c, "totp_required", "", BYTES_NONE, "set up the second factor first");
    return (route->roles & c->principal.role) ||
           refuse(c, "forbidden", "", BYTES_NONE, "not for the role %s", role_name(c->principal.role));
}

/* ---- the call ---- */

static void take_parameter(void *context, struct bytes name, struct bytes value)
{
    struct parameters *p = context;
    if (p->count < PARAMETERS_MAX)
        p->items[p->count] = (struct parameter){ name, value };
    p->count++;
}

/* {name} is text, {id} a number: what is none is not there. */
static bool read_parts(const struct route *route, const struct http_request *request, struct call *call)
{
    struct bytes rest = bytes_of_string(route->path);
    size_t part = 0, number = 0;
    while (rest.size) {
        struct bytes step = bytes_cut(&rest, '/');
        uint64_t value;
        if (bytes_is(step, "{name}")) {
            call->name = request->parts[part++];
        } else if (bytes_is(step, "{id}")) {
            if (!bytes_to_u64(request->parts[part++], &value) || value > INT64_MAX)
                return refuse(call->context, "not_found", "path", BYTES_NONE,
                              "there is nothing at this address");
            call->numbers[number++] = (int64_t)value;
        }
    }
    return true;
}

static bool read_body(const struct route *route, const struct http_request *request, struct call *call)
{
    struct bytes type = http_header(request, "Content-Type");
    call->body = json_parse(BYTES_OF("{}"));
    if ((route->flags & (ROUTE_RAW | ROUTE_SENSOR)) || request->body.size == 0)
        return true;
    if (!bytes_starts_nocase(type, BYTES_OF("application/json")))
        return refuse(call->context, "wrong_type", "Content-Type", type, "the body must be application/json");
    call->body = json_parse(request->body);
    return call->body.type == JSON_OBJECT ||
           refuse(call->context, "bad_json", "body", BYTES_NONE, "the body must be one JSON object");
}

static bool run(struct web *web, const struct route *route, const struct http_request *request,
                struct call *call)
{
    struct parameters *parameters = ARENA_NEW(request->memory, struct parameters);
    if (!parameters)
        return refuse(call->context, "too_large", "", BYTES_NONE, "the request needs too much memory");
    http_parameters(request, take_parameter, parameters);
    if (parameters->count > PARAMETERS_MAX)
        return refuse(call->context, "bad_request", "query", BYTES_NONE, "too many query parameters");
    call->parameters = parameters;
    return admit(web, route, request, call->context) && read_parts(route, request, call) &&
           read_body(route, request, call) && route->handler(call);
}

/* ---- live events ---- */

struct live {
    struct web *web;
    struct principal principal;
    int64_t session;
    uint64_t position, alive, checked;
    bool ended;
};

/* The session may have ended meanwhile: then nothing more is told. */
static void check_session(struct live *live, uint64_t now)
{
    live->checked = now;
    struct database *database = center_connection(live->web->center);
    struct arena memory = arena_of(1 << 16);
    struct context c = context_system(live->web->center, database, &memory);
    live->ended = !session_in_force(&c, live->session);
    center_connection_return(live->web->center, database);
    arena_done(&memory);
}

static void live_read(void *context, struct text *out)
{
    struct live *live = context;
    uint64_t now = clock_steady();
    if (now - live->checked > 30 * NS_PER_S)
        check_session(live, now);
    if (live->ended)
        return;
    if (live->alive == 0)
        text_put(out, BYTES_OF("retry: 3000\n\n"));
    hub_read(center_hub(live->web->center), &live->principal, &live->position, out);
    if (out->size == 0 && now - live->alive > 14 * NS_PER_S)
        text_put(out, BYTES_OF(": alive\n\n"));
    if (out->size)
        live->alive = now;
}

static bool live_start(struct web *web, struct context *c, struct http_response *response)
{
    struct live *live = http_server_streams(web->server) < STREAMS_MAX ? calloc(1, sizeof *live) : NULL;
    if (!live)
        return refuse(c, "too_many", "stream", BYTES_NONE, "too many live connections");
    *live = (struct live){ .web = web,
                           .principal = c->principal,
                           .session = c->session,
                           .position = hub_position(center_hub(web->center)),
                           .checked = clock_steady() };
    response->stream = (struct http_stream){ live_read, free, live };
    return true;
}

static void wake(void *context)
{
    struct web *web = context;
    http_server_wake(web->server);
}

/* ---- the server's callbacks ---- */

static struct context context_of(struct web *web, const struct http_request *request)
{
    struct context c = { .center = web->center, .memory = request->memory, .now = center_now(web->center) };
    struct text address = text_of(c.principal.address, sizeof c.principal.address);
    c.principal.limited = true;
    address_text_short(&request->peer, &address);
    return c;
}

static bool sound(struct call *call)
{
    struct context *c = call->context;
    struct error error;
    if (!database_ok(c->database, &error))
        return refuse_error(c, database_busy(c->database) ? "busy" : "internal", "", &error);
    return !call->out->full ||
           refuse(c, "too_large", "answer", BYTES_NONE, "the answer would be too large; narrow the request");
}

static void handle(void *context, const struct http_request *request, struct http_response *response)
{
    struct web *web = context;
    const struct route *route = web->sources[request->route - web->routes];
    center_watch_clock(web->center);
    struct context c = context_of(web, request);
    struct call call = { .context = &c, .request = request, .out = &response->body, .response = response };
    c.database = center_connection(web->center);
    bool ok = run(web, route, request, &call) && sound(&call);
    if (ok && call.stream)
        ok = live_start(web, &c, response);
    center_connection_return(web->center, c.database);
    if (!ok && !c.refusal.code)
        refuse(&c, "internal", "", BYTES_NONE, "%s was not done, without a reason", route->path);
    if (!ok)
        answer_refusal(web, &c.refusal, response);
    else if (!response->type)
        json_end(&response->body);
}

static bool accepts(const struct http_request *request, struct bytes coding)
{
    return bytes_find(http_header(request, "Accept-Encoding"), coding) != SIZE_MAX;
}

static void answer_asset(const struct http_request *request, const struct asset *asset,
                         struct http_response *response)
{
    bool fresh = bytes_find(http_header(request, "If-None-Match"), bytes_of_string(asset->hash)) != SIZE_MAX;
    bool brotli = asset->brotli.size && accepts(request, BYTES_OF("br"));
    bool gzip = !brotli && asset->gzip.size && accepts(request, BYTES_OF("gzip"));
    response->status = fresh ? 304 : 200;
    response->type = asset->type;
    response->fixed = fresh ? BYTES_OF("") : brotli ? asset->brotli : gzip ? asset->gzip : asset->data;
    http_add_header(response, "ETag", "\"%s\"", asset->hash);
    http_add_header(response, "Vary", "Accept-Encoding");
    http_add_header(response, "Cache-Control", "%s",
                    asset->immutable ? "public, max-age=31536000, immutable" : "no-cache");
    if (!fresh && (brotli || gzip))
        http_add_header(response, "Content-Encoding", "%s", brotli ? "br" : "gzip");
}

/* Addresses of the page are the page's own matter: what is no file answers the page. */
static const struct asset *asset_for(const struct http_request *request)
{
    struct bytes path = request->path;
    if (request->method != HTTP_GET || bytes_starts(path, BYTES_OF("/api/")) || bytes_is(path, "/api") ||
        bytes_starts(path, BYTES_OF("/sensor/")))
        return NULL;
    const struct asset *asset = web_asset_find(path);
    bool file = bytes_starts(path, BYTES_OF("/a/")) || bytes_ends(path, BYTES_OF(".ico")) ||
                bytes_ends(path, BYTES_OF(".txt"));
    return asset || file ? asset : web_asset_index();
}

static void other(void *context, const struct http_request *request, unsigned status,
                  struct http_response *response)
{
    struct web *web = context;
    struct context c = { .center = web->center };
    const struct asset *asset = status == 404 ? asset_for(request) : NULL;
    if (asset) {
        answer_asset(request, asset, response);
        return;
    }
    if (status == 405)
        refuse(&c, "wrong_method", "method", BYTES_NONE, "the address does not take this method");
    else if (status == 413)
        refuse(&c, "too_large", "body", BYTES_NONE, "the body is larger than this address takes");
    else if (status == 404)
        refuse(&c, "not_found", "path", BYTES_NONE, "there is nothing at this address");
    else
        refuse(&c, "bad_request", "", BYTES_NONE, "the request is malformed");
    answer_refusal(web, &c.refusal, response);
}

/* ---- start and stop ---- */

static enum http_method method_of(const char *name)
{
    static const char *const names[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(names[i], name) == 0)
            return (enum http_method)i;
    }
    return HTTP_METHOD_COUNT;
}

static bool collect_routes(struct web *web)
{
    for (size_t t = 0; t < COUNT_OF(tables); t++)
        web->count += tables[t]->count;
    web->routes = calloc(web->count, sizeof *web->routes);
    web->sources = calloc(web->count, sizeof *web->sources);
    if (!web->routes || !web->sources)
        return false;
    size_t at = 0;
    for (size_t t = 0; t < COUNT_OF(tables); t++) {
        for (size_t i = 0; i < tables[t]->count; i++, at++) {
            const struct route *route = &tables[t]->routes[i];
            size_t body = route->body_max                     ? route->body_max
                          : strcmp(route->method, "GET") == 0 ? 0
                                                              : BODY_MAX;
            web->sources[at] = route;
            web->routes[at] = (struct http_route){ .method = method_of(route->method),
                                                   .pattern = route->path,
                                                   .roles = route->roles,
                                                   .handler = handle,
                                                   .body_max = body,
                                                   .help = route->help };
        }
    }
    return true;
}

struct web *web_start(struct center *center, const struct web_settings *settings, struct error *error)
{
    struct web *web = calloc(1, sizeof *web);
    if (!web || !collect_routes(web)) {
        error_system(error, "web server");
        web_stop(web);
        return NULL;
    }
    web->center = center;
    rate_init(&web->sign_ins);
    const struct http_settings http = { .address = settings->address,
                                        .port = settings->port,
                                        .certificate_pem = settings->certificate_pem,
                                        .key_pem = settings->key_pem,
                                        .client_trust_pem = settings->client_trust_pem,
                                        .routes = web->routes,
                                        .route_count = web->count,
                                        .other = other,
                                        .context = web };
    web->server = http_server_start(&http, error);
    if (!web->server) {
        web_stop(web);
        return NULL;
    }
    hub_on_message(center_hub(center), wake, web);
    return web;
}

void web_stop(struct web *web)
{
    if (!web)
        return;
    if (web->server) {
        hub_on_message(center_hub(web->center), NULL, NULL);
        http_server_stop(web->server);
        rate_done(&web->sign_ins);
    }
    free(web->routes);
    free(web->sources);
    free(web);
}

uint16_t web_port(const struct web *web)
{
    return http_server_port(web->server);
}
