/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTPS server: a table of routes, and what one request and its answer are made of.
 *
 * libmicrohttpd stands behind it and nowhere else. Handlers run on a few threads, one request at a
 * time each, and must be bounded in time. */
#ifndef VONGLAU_WEB_HTTP_H
#define VONGLAU_WEB_HTTP_H

#include "base/arena.h"
#include "base/address.h"
#include "base/error.h"
#include "base/text.h"

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_METHOD_COUNT };

#define HTTP_PARTS_MAX   4
#define HTTP_HEADERS_MAX 8

struct http_connection; /* libmicrohttpd's, hidden */
struct http_route;

struct http_request {
    enum http_method method;
    struct bytes path;                  /* decoded, without the query */
    struct bytes parts[HTTP_PARTS_MAX]; /* what stood for {…} in the route's pattern, in order */
    struct bytes body;
    struct address peer;
    struct arena *memory; /* freed when the answer is sent */
    struct http_connection *connection;
    const struct http_route *route; /* that took it; NULL in `other` */
};

/* Absent when there is none. Borrowed until the request ends. */
struct bytes http_header(const struct http_request *request, const char *name);
struct bytes http_cookie(const struct http_request *request, const char *name);
/* Calls `each` for every query parameter, decoded. */
typedef void (*http_parameter_fn)(void *context, struct bytes name, struct bytes value);
void http_parameters(const struct http_request *request, http_parameter_fn each, void *context);
/* The client's certificate as DER, verified against the settings' client_trust on this very connection;
 * absent when none was presented or it does not verify (expired, other CA). Lives in the request's memory. */
struct bytes http_client_certificate(const struct http_request *request);

/* A body without end, as server-sent events: `read` appends what is new, or nothing; it is asked again after
 * http_server_wake(). It runs on a server thread. */
struct http_stream {
    void (*read)(void *context, struct text *out);
    void (*close)(void *context);
    void *context;
};

struct http_response {
    unsigned status;    /* 200 unless set */
    const char *type;   /* Content-Type; NULL: application/json */
    struct text body;   /* heap text; the server frees it */
    struct bytes fixed; /* instead of `body`: bytes that outlive the server (embedded files) */
    struct {
        const char *name;
        char value[512];
    } headers[HTTP_HEADERS_MAX];
    size_t header_count;
    int fd; /* instead of a body: a file, closed by the server; 0: none */
    uint64_t fd_size;
    struct http_stream stream; /* `read` set: the answer is a stream */
};

/* Adds a header; the value is cut to what fits. Line breaks in it are refused (the header is left out). */
void http_add_header(struct http_response *response, const char *name, const char *format, ...)
    PRINTF_LIKE(3, 4);

typedef void (*http_handler_fn)(void *context, const struct http_request *request,
                                struct http_response *response);

struct http_route {
    enum http_method method;
    const char *pattern; /* "/api/registers/{entity}/{id}"; a last "*" takes the rest */
    uint32_t roles;      /* the application's own; handed to `guard` */
    http_handler_fn handler;
    size_t body_max; /* bytes; 0: no body */
    const char *help;
};

struct http_settings {
    const char *address;                   /* "127.0.0.1", "::", "0.0.0.0" */
    uint16_t port;                         /* 0: any free one, see http_server_port() */
    const char *certificate_pem, *key_pem; /* NULL: plain HTTP, for tests on loopback */
    const char *client_trust_pem;          /* CA of client certificates; NULL: none are asked for */
    const struct http_route *routes;
    size_t route_count;
    /* Runs before each handler; false: it has filled the response (401, 403, 429). NULL: none. */
    bool (*guard)(void *context, const struct http_route *route, const struct http_request *request,
                  struct http_response *response);
    /* Answers what no route takes (assets; 404), and requests refused before their handler (413, 405, 400):
     * then `status` says why and the response should be an error object. */
    void (*other)(void *context, const struct http_request *request, unsigned status,
                  struct http_response *response);
    /* Called once when a request is over, whatever became of it; may be NULL. */
    void (*log)(void *context, const struct http_request *request, unsigned status, uint64_t elapsed_ns);
    void *context;
    unsigned threads;         /* 0: 4 */
    unsigned connections_max; /* 0: 1024 */
    unsigned idle_seconds;    /* 0: 60 */
};

struct http_server;

MUST_CHECK struct http_server *http_server_start(const struct http_settings *settings, struct error *error);
/* Ends streams and connections, then returns. */
void http_server_stop(struct http_server *server);
uint16_t http_server_port(const struct http_server *server);
/* Streams have something to read. From any thread. */
void http_server_wake(struct http_server *server);
size_t http_server_streams(struct http_server *server);

#endif
