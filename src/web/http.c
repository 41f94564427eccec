/* SPDX-License-Identifier: Apache-2.0 */
/* The server on libmicrohttpd: collecting bodies within limits, matching routes, answering. */
#include "web/http.h"

#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

#define THREADS          4U
#define CONNECTIONS_MAX  1024U
#define IDLE_SECONDS     60U
#define CONNECTION_BYTES (64U * 1024U) /* headers and read buffer of one connection */
#define REQUEST_BYTES    (32U << 20)   /* arena of one request */
#define DRAIN_BYTES      (16U << 20) /* of a refused body, read and dropped so that the client sees the answer */
#define STREAM_BYTES     (256U * 1024U)

static const char *const method_names[HTTP_METHOD_COUNT] = { "GET", "POST", "PUT", "PATCH", "DELETE" };

/* Sent with every answer. The page needs nothing from elsewhere and no inline code. */
static const char *const security_headers[][2] = {
    { "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
      "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
      "frame-ancestors 'none'" },
    { "Strict-Transport-Security", "max-age=31536000" },
    { "X-Content-Type-Options", "nosniff" },
    { "X-Frame-Options", "DENY" },
    { "Referrer-Policy", "no-referrer" },
    { "Cross-Origin-Opener-Policy", "same-origin" },
    { "Cross-Origin-Resource-Policy", "same-origin" },
    { "Permissions-Policy", "camera=(), microphone=(), geolocation=()" },
};

struct http_server {
    struct http_settings settings;
    struct MHD_Daemon *daemon;
    uint16_t port;
    bool tls;
    pthread_mutex_t lock;
    struct stream *streams;
    size_t stream_count;
    bool stopping;
};

struct exchange {
    struct http_server *server;
    struct http_request request;
    struct arena memory;
    struct text body;
    const struct http_route *route;
    unsigned refused; /* status of a refusal known before the handler; 0: none */
    unsigned status;
    uint64_t started;
    uint64_t dropped; /* octets of a refused body */
    bool allowed_elsewhere;
};

/* One server-sent event stream; suspended while there is nothing to read. */
struct stream {
    struct stream *next;
    struct http_server *server;
    struct MHD_Connection *connection;
    struct http_stream source;
    struct text pending;
    size_t sent;
    bool suspended, woken;
};

/* ---- requests ---- */

static struct MHD_Connection *connection_of(const struct http_request *request)
{
    return (struct MHD_Connection *)request->connection;
}

struct bytes http_header(const struct http_request *request, const char *name)
{
    return bytes_of_string(MHD_lookup_connection_value(connection_of(request), MHD_HEADER_KIND, name));
}

struct bytes http_cookie(const struct http_request *request, const char *name)
{
    return bytes_of_string(MHD_lookup_connection_value(connection_of(request), MHD_COOKIE_KIND, name));
}

struct parameter_walk {
    http_parameter_fn each;
    void *context;
};

static enum MHD_Result walk_parameter(void *context, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    (void)kind;
    struct parameter_walk *walk = context;
    walk->each(walk->context, bytes_of_string(name), bytes_of_string(value ? value : ""));
    return MHD_YES;
}

void http_parameters(const struct http_request *request, http_parameter_fn each, void *context)
{
    struct parameter_walk walk = { each, context };
    MHD_get_connection_values(connection_of(request), MHD_GET_ARGUMENT_KIND, walk_parameter, &walk);
}

struct bytes http_client_certificate(const struct http_request *request)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection_of(request),
                                                                   MHD_CONNECTION_INFO_GNUTLS_SESSION);
    unsigned status = 0, count = 0;
    if (!info || !info->tls_session)
        return BYTES_NONE;
    gnutls_session_t session = info->tls_session;
    if (gnutls_certificate_verify_peers2(session, &status) != GNUTLS_E_SUCCESS || status != 0)
        return BYTES_NONE;
    const gnutls_datum_t *list = gnutls_certificate_get_peers(session, &count);
    if (!list || count == 0)
        return BYTES_NONE;
    return arena_copy(request->memory, bytes_of(list[0].data, list[0].size));
}

/* ---- routes ---- */

/* True when `path` has the shape of `pattern`; `parts` gets what the braces stand for. */
static bool matches(const char *pattern, struct bytes path, struct bytes parts[HTTP_PARTS_MAX])
{
    struct bytes wanted = bytes_of_string(pattern);
    size_t count = 0;
    while (wanted.size) {
        if (bytes_is(wanted, "*")) {
            if (count < HTTP_PARTS_MAX)
                parts[count] = path;
            return true;
        }
        struct bytes expected = bytes_cut(&wanted, '/');
        bool last = wanted.data == NULL || wanted.size == 0;
        size_t end = bytes_find_byte(path, '/');
        struct bytes given = bytes_first(path, end);
        if ((end == SIZE_MAX) != last)
            return false;
        path = bytes_from(path, end == SIZE_MAX ? path.size : end + 1);
        if (expected.size && expected.data[0] == '{') {
            if (given.size == 0 || count == HTTP_PARTS_MAX)
                return false;
            parts[count++] = given;
        } else if (!bytes_equal(expected, given)) {
            return false;
        }
    }
    return path.size == 0;
}

static const struct http_route *find_route(struct exchange *exchange)
{
    const struct http_settings *settings = &exchange->server->settings;
    for (size_t i = 0; i < settings->route_count; i++) {
        struct bytes parts[HTTP_PARTS_MAX] = { 0 };
        if (!matches(settings->routes[i].pattern, exchange->request.path, parts))
            continue;
        exchange->allowed_elsewhere = true;
        if (settings->routes[i].method != exchange->request.method)
            continue;
        memcpy(exchange->request.parts, parts, sizeof parts);
        return &settings->routes[i];
    }
    return NULL;
}

/* ---- answers ---- */

void http_add_header(struct http_response *response, const char *name, const char *format, ...)
{
    if (response->header_count == HTTP_HEADERS_MAX)
        return;
    char *value = response->headers[response->header_count].value;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(value, sizeof response->headers[0].value, format, arguments);
    va_end(arguments);
    if (strpbrk(value, "\r\n"))
        return;
    response->headers[response->header_count++].name = name;
}

static void forget_stream(struct stream *stream)
{
    struct http_server *server = stream->server;
    pthread_mutex_lock(&server->lock);
    for (struct stream **at = &server->streams; *at; at = &(*at)->next)
        if (*at == stream) {
            *at = stream->next;
            server->stream_count--;
            break;
        }
    pthread_mutex_unlock(&server->lock);
}

static void end_stream(void *context)
{
    struct stream *stream = context;
    forget_stream(stream);
    if (stream->source.close)
        stream->source.close(stream->source.context);
    text_done(&stream->pending);
    free(stream);
}

/* Suspends the connection unless it was woken since the last look; the lock makes the two exclusive. */
static ssize_t wait_for_more(struct stream *stream)
{
    struct http_server *server = stream->server;
    pthread_mutex_lock(&server->lock);
    bool ended = server->stopping;
    if (!ended && !stream->woken) {
        stream->suspended = true;
        MHD_suspend_connection(stream->connection);
    }
    stream->woken = false;
    pthread_mutex_unlock(&server->lock);
    return ended ? MHD_CONTENT_READER_END_OF_STREAM : 0;
}

static ssize_t read_stream(void *context, uint64_t position, char *buffer, size_t size)
{
    (void)position;
    struct stream *stream = context;
    if (stream->sent == stream->pending.size) {
        text_clear(&stream->pending);
        stream->sent = 0;
        stream->source.read(stream->source.context, &stream->pending);
    }
    if (stream->pending.size == 0)
        return wait_for_more(stream);
    size_t part = MIN(size, stream->pending.size - stream->sent);
    memcpy(buffer, stream->pending.data + stream->sent, part);
    stream->sent += part;
    return (ssize_t)part;
}

static struct MHD_Response *stream_response(struct exchange *exchange, const struct http_response *response)
{
    struct http_server *server = exchange->server;
    struct stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    *stream = (struct stream){ .server = server,
                               .connection = connection_of(&exchange->request),
                               .source = response->stream,
                               .pending = text_new(STREAM_BYTES) };
    struct MHD_Response *made = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, read_stream,
                                                                  stream, end_stream);
    if (!made) {
        text_done(&stream->pending);
        free(stream);
        return NULL;
    }
    pthread_mutex_lock(&server->lock);
    stream->next = server->streams;
    server->streams = stream;
    server->stream_count++;
    pthread_mutex_unlock(&server->lock);
    return made;
}

static struct MHD_Response *make_response(struct exchange *exchange, struct http_response *response)
{
    if (response->stream.read)
        return stream_response(exchange, response);
    if (response->fd > 0)
        return MHD_create_response_from_fd64(response->fd_size, response->fd);
    if (response->fixed.data)
        return MHD_create_response_from_buffer(response->fixed.size, (void *)(uintptr_t)response->fixed.data,
                                               MHD_RESPMEM_PERSISTENT);
    struct MHD_Response *made = MHD_create_response_from_buffer(response->body.size, response->body.data,
                                                                MHD_RESPMEM_MUST_FREE);
    if (made)
        response->body = text_new(0);
    return made;
}

static bool has_header(const struct http_response *response, const char *name)
{
    for (size_t i = 0; i < response->header_count; i++)
        if (bytes_equal_nocase(bytes_of_string(response->headers[i].name), bytes_of_string(name)))
            return true;
    return false;
}

static void add_headers(struct MHD_Response *made, const struct http_response *response)
{
    const char *type = response->stream.read ? "text/event-stream"
                       : response->type      ? response->type
                                             : "application/json";
    for (size_t i = 0; i < COUNT_OF(security_headers); i++)
        MHD_add_response_header(made, security_headers[i][0], security_headers[i][1]);
    for (size_t i = 0; i < response->header_count; i++)
        MHD_add_response_header(made, response->headers[i].name, response->headers[i].value);
    if (!has_header(response, "Cache-Control"))
        MHD_add_response_header(made, "Cache-Control", "no-store");
    if (response->status != 204 && response->status != 304)
        MHD_add_response_header(made, "Content-Type", type);
}

static enum MHD_Result answer(struct exchange *exchange)
{
    const struct http_settings *settings = &exchange->server->settings;
    struct http_response response = { .status = 200, .body = text_new(REQUEST_BYTES) };
    exchange->request.body = text_bytes(&exchange->body);
    if (exchange->refused)
        settings->other(settings->context, &exchange->request, exchange->refused, &response);
    else if (!exchange->route)
        settings->other(settings->context, &exchange->request, exchange->allowed_elsewhere ? 405 : 404,
                        &response);
    else if (!settings->guard ||
             settings->guard(settings->context, exchange->route, &exchange->request, &response))
        exchange->route->handler(settings->context, &exchange->request, &response);
    exchange->status = response.status;
    struct MHD_Response *made = make_response(exchange, &response);
    text_done(&response.body);
    if (!made)
        return MHD_NO;
    add_headers(made, &response);
    enum MHD_Result queued = MHD_queue_response(connection_of(&exchange->request), response.status, made);
    MHD_destroy_response(made);
    return queued;
}

/* ---- libmicrohttpd's callbacks ---- */

static struct address peer_address(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection,
                                                                   MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct address none = { 0 };
    if (!info || !info->client_addr)
        return none;
    if (info->client_addr->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, info->client_addr, sizeof v4);
        return address_v4((const uint8_t *)&v4.sin_addr);
    }
    struct sockaddr_in6 v6;
    memcpy(&v6, info->client_addr, sizeof v6);
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    const uint8_t *octets = v6.sin6_addr.s6_addr;
    return memcmp(octets, mapped, sizeof mapped) == 0 ? address_v4(octets + 12) : address_v6(octets);
}

static bool read_method(const char *name, enum http_method *method)
{
    for (int i = 0; i < HTTP_METHOD_COUNT; i++)
        if (strcmp(name, method_names[i]) == 0) {
            *method = (enum http_method)i;
            return true;
        }
    return false;
}

/* Declared larger than that; chunked, without a known size, the limits hold while it is read. */
static bool declares_more_than(const struct exchange *exchange, uint64_t most)
{
    uint64_t size;
    struct bytes length = http_header(&exchange->request, "Content-Length");
    return length.data && (!bytes_to_u64(length, &size) || size > most);
}

/* Whether a refusal is told before the body comes. A client in the middle of sending one would be reset and
 * never see the answer, so a body of bearable size is awaited and dropped; who asks first (Expect) has not
 * sent any. */
static bool tells_at_once(const struct exchange *exchange)
{
    return http_header(&exchange->request, "Expect").data || declares_more_than(exchange, DRAIN_BYTES);
}

static struct exchange *begin(struct http_server *server, struct MHD_Connection *connection, const char *path,
                              const char *method)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange)
        return NULL;
    exchange->server = server;
    exchange->started = clock_steady();
    exchange->memory = arena_of(REQUEST_BYTES);
    exchange->request.memory = &exchange->memory;
    exchange->request.connection = (struct http_connection *)connection;
    exchange->request.peer = peer_address(connection);
    exchange->request.path = arena_copy(&exchange->memory, bytes_of_string(path));
    if (!read_method(method, &exchange->request.method))
        exchange->refused = 405;
    else
        exchange->request.route = exchange->route = find_route(exchange);
    exchange->body = text_new(exchange->route ? exchange->route->body_max : 0);
    if (!exchange->refused && declares_more_than(exchange, exchange->route ? exchange->route->body_max : 0))
        exchange->refused = exchange->route ? 413 : 404;
    return exchange;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *data, size_t *size,
                              void **state)
{
    (void)version;
    struct exchange *exchange = *state;
    if (!exchange) {
        *state = exchange = begin(context, connection, path, method);
        if (!exchange)
            return MHD_NO;
        return exchange->refused && tells_at_once(exchange) ? answer(exchange) : MHD_YES;
    }
    if (*size == 0)
        return exchange->status ? MHD_YES : answer(exchange);
    if (!exchange->refused)
        text_put(&exchange->body, bytes_of(data, *size));
    if (exchange->body.full && !exchange->refused)
        exchange->refused = 413;
    if (exchange->refused)
        exchange->dropped += *size;
    *size = 0;
    return exchange->dropped > DRAIN_BYTES ? MHD_NO : MHD_YES;
}

static void completed(void *context, struct MHD_Connection *connection, void **state,
                      enum MHD_RequestTerminationCode code)
{
    (void)connection;
    (void)code;
    struct http_server *server = context;
    struct exchange *exchange = *state;
    if (!exchange)
        return;
    if (server->settings.log)
        server->settings.log(server->settings.context, &exchange->request, exchange->status,
                             clock_steady() - exchange->started);
    text_done(&exchange->body);
    arena_done(&exchange->memory);
    free(exchange);
    *state = NULL;
}

/* ---- life ---- */

static bool socket_address(const char *text, uint16_t port, struct sockaddr_storage *out, struct error *error)
{
    struct address address;
    if (!address_parse(bytes_of_string(text), &address))
        return error_set(error, "https: \"%s\" is not an IP address to listen on", text);
    memset(out, 0, sizeof *out);
    if (address.version == 4) {
        struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
        memcpy(&v4.sin_addr, address.octets, 4);
        memcpy(out, &v4, sizeof v4);
    } else {
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
        memcpy(&v6.sin6_addr, address.octets, 16);
        memcpy(out, &v6, sizeof v6);
    }
    return true;
}

static bool start_daemon(struct http_server *server, struct error *error)
{
    const struct http_settings *settings = &server->settings;
    struct sockaddr_storage where = { .ss_family = AF_UNSPEC };
    if (!socket_address(settings->address, settings->port, &where, error))
        return false;
    struct MHD_OptionItem tls[] = {
        { MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)settings->certificate_pem },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)settings->key_pem },
        { MHD_OPTION_HTTPS_PRIORITIES, 0,
          (void *)(uintptr_t) "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2" },
        { settings->client_trust_pem ? MHD_OPTION_HTTPS_MEM_TRUST : MHD_OPTION_END, 0,
          (void *)(uintptr_t)settings->client_trust_pem },
        { MHD_OPTION_END, 0, NULL },
    };
    struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
    if (where.ss_family == AF_INET6)
        flags |= MHD_USE_IPv6 | MHD_USE_DUAL_STACK;
    if (server->tls)
        flags |= MHD_USE_TLS;
    server->daemon = MHD_start_daemon(
        flags, settings->port, NULL, NULL, handle, server, MHD_OPTION_SOCK_ADDR, &where,
        MHD_OPTION_NOTIFY_COMPLETED, completed, server, MHD_OPTION_THREAD_POOL_SIZE,
        settings->threads ? settings->threads : THREADS, MHD_OPTION_CONNECTION_LIMIT,
        settings->connections_max ? settings->connections_max : CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, settings->idle_seconds ? settings->idle_seconds : IDLE_SECONDS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_ARRAY,
        server->tls ? tls : none, MHD_OPTION_END);
    if (!server->daemon)
        return error_system(error, "https: cannot listen on %s port %u", settings->address, settings->port);
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    server->port = info ? info->port : settings->port;
    return true;
}

struct http_server *http_server_start(const struct http_settings *settings, struct error *error)
{
    struct http_server *server = calloc(1, sizeof *server);
    if (!server) {
        error_set(error, "https: no memory");
        return NULL;
    }
    server->settings = *settings;
    server->tls = settings->certificate_pem && settings->key_pem;
    pthread_mutex_init(&server->lock, NULL);
    if (!start_daemon(server, error)) {
        pthread_mutex_destroy(&server->lock);
        free(server);
        return NULL;
    }
    return server;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_wake(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    for (struct stream *stream = server->streams; stream; stream = stream->next) {
        if (stream->suspended)
            MHD_resume_connection(stream->connection);
        else
            stream->woken = true;
        stream->suspended = false;
    }
    pthread_mutex_unlock(&server->lock);
}

size_t http_server_streams(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    size_t count = server->stream_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

void http_server_stop(struct http_server *server)
{
    if (!server)
        return;
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    pthread_mutex_unlock(&server->lock);
    http_server_wake(server);
    MHD_stop_daemon(server->daemon);
    pthread_mutex_destroy(&server->lock);
    free(server);
}
