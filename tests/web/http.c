/* SPDX-License-Identifier: Apache-2.0 */
/* A real server on loopback, asked by libcurl. */
#include "../support/support.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "web/http.h"

struct fixture {
    struct http_server *server;
    atomic_int messages;
    int closed;
};

static void echo(void *context, const struct http_request *request, struct http_response *response)
{
    (void)context;
    text_put(&response->body, request->parts[0]);
    text_char(&response->body, '|');
    text_put(&response->body, request->parts[1]);
    text_char(&response->body, '|');
    text_put(&response->body, request->body);
    text_char(&response->body, '|');
    text_put(&response->body, http_cookie(request, "taste"));
    http_add_header(response, "X-Good", "%d", 1);
    http_add_header(response, "X-Bad", "a\r\nX-Injected: 1");
}

static void other(void *context, const struct http_request *request, unsigned status,
                  struct http_response *response)
{
    (void)context;
    (void)request;
    response->status = status;
    text_add(&response->body, "other %u", status);
}

static void read_message(void *context, struct text *out)
{
    struct fixture *fixture = context;
    if (atomic_load(&fixture->messages) > 0) {
        atomic_fetch_sub(&fixture->messages, 1);
        text_string(out, "data: hello\n\n");
    }
}

static void close_stream(void *context)
{
    ((struct fixture *)context)->closed++;
}

static void stream(void *context, const struct http_request *request, struct http_response *response)
{
    (void)request;
    response->stream = (struct http_stream){ read_message, close_stream, context };
}

static const struct http_route routes[] = {
    { HTTP_GET, "/api/things/{id}", 0, echo, 0, "One thing" },
    { HTTP_POST, "/api/things/{id}/parts/{part}", 0, echo, 1000, "A part" },
    { HTTP_GET, "/api/stream", 0, stream, 0, "Events" },
};

static int start(void **state)
{
    static struct fixture fixture;
    struct error error;
    struct http_settings settings = { .address = "127.0.0.1",
                                      .routes = routes,
                                      .route_count = COUNT_OF(routes),
                                      .other = other,
                                      .context = &fixture,
                                      .threads = 2 };
    fixture = (struct fixture){ .server = NULL };
    fixture.server = http_server_start(&settings, &error);
    assert_non_null(fixture.server);
    *state = &fixture;
    return 0;
}

static int stop(void **state)
{
    struct fixture *fixture = *state;
    http_server_stop(fixture->server);
    return 0;
}

static size_t collect(char *data, size_t size, size_t count, void *context)
{
    text_put(context, bytes_of(data, size * count));
    return count;
}

static long ask(struct fixture *fixture, const char *method, const char *path, const char *body,
                struct text *out)
{
    char url[512];
    long status = 0;
    CURL *curl = curl_easy_init();
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", http_server_port(fixture->server), path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_COOKIE, "taste=sweet");
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
    if (body)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    curl_easy_setopt(curl, CURLOPT_HEADER, 1L);
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    return status;
}

static void routes_bind_their_parts(void **state)
{
    struct text out = text_new(1 << 16);
    assert_int_equal(ask(*state, "GET", "/api/things/7", NULL, &out), 200);
    assert_non_null(strstr(out.data, "\r\n\r\n7|||sweet"));
    text_clear(&out);
    assert_int_equal(ask(*state, "POST", "/api/things/7/parts/a%20b", "body", &out), 200);
    assert_non_null(strstr(out.data, "\r\n\r\n7|a b|body|sweet"));
    text_done(&out);
}

static void what_no_route_takes_is_named(void **state)
{
    static const struct {
        const char *method, *path;
        long status;
    } cases[] = { { "GET", "/api/things", 404 },     { "GET", "/api/things/", 404 },
                  { "GET", "/api/things/1/2", 404 }, { "DELETE", "/api/things/1", 405 },
                  { "BREW", "/api/things/1", 405 },  { "GET", "/", 404 } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text out = text_new(1 << 16);
        assert_int_equal(ask(*state, cases[i].method, cases[i].path, NULL, &out), cases[i].status);
        text_done(&out);
    }
}

static void a_body_past_the_limit_is_refused(void **state)
{
    static char body[4096];
    struct text out = text_new(1 << 16);
    memset(body, 'x', 1000);
    assert_int_equal(ask(*state, "POST", "/api/things/7/parts/p", body, &out), 200);
    memset(body, 'x', sizeof body - 1);
    assert_int_equal(ask(*state, "POST", "/api/things/7/parts/p", body, &out), 413);
    text_done(&out);
}

static size_t no_more_than_said(char *buffer, size_t size, size_t count, void *context)
{
    size_t *left = context, now = size * count < *left ? size * count : *left;
    memset(buffer, 'x', now);
    *left -= now;
    return now;
}

/* Sends a body in chunks, its size untold; returns the status seen, 0 when the server hung up instead. */
static long ask_in_chunks(struct fixture *fixture, size_t size)
{
    char url[128];
    long status = 0;
    struct text out = text_new(1 << 16);
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Transfer-Encoding: chunked");
    headers = curl_slist_append(headers, "Expect:");
    snprintf(url, sizeof url, "http://127.0.0.1:%u/api/things/7/parts/p", http_server_port(fixture->server));
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, no_more_than_said);
    curl_easy_setopt(curl, CURLOPT_READDATA, &size);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &out);
    if (curl_easy_perform(curl) == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    text_done(&out);
    return status;
}

static void a_body_of_untold_size_is_bounded(void **state)
{
    assert_int_equal(ask_in_chunks(*state, 1000), 200);
    assert_int_equal(ask_in_chunks(*state, 4 << 20), 413);
    assert_int_equal(ask_in_chunks(*state, 64 << 20), 0);
}

static void every_answer_carries_the_security_headers(void **state)
{
    static const char *const headers[] = { "Content-Security-Policy: default-src 'none'",
                                           "X-Frame-Options: DENY",
                                           "X-Content-Type-Options: nosniff",
                                           "Cache-Control: no-store",
                                           "Strict-Transport-Security:",
                                           "X-Good: 1" };
    struct text out = text_new(1 << 16);
    ask(*state, "GET", "/api/things/7", NULL, &out);
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        assert_non_null(strstr(out.data, headers[i]));
    assert_null(strstr(out.data, "Injected"));
    text_done(&out);
}

struct reading {
    struct fixture *fixture;
    unsigned seen;
};

/* Every message that arrives makes the next one; the third ends the transfer. */
static size_t on_message(char *data, size_t size, size_t count, void *context)
{
    struct reading *reading = context;
    assert_true(bytes_starts(bytes_of(data, size * count), BYTES_OF("data: hello\n\n")));
    if (++reading->seen == 3)
        return 0;
    atomic_fetch_add(&reading->fixture->messages, 1);
    http_server_wake(reading->fixture->server);
    return count;
}

static void a_stream_sends_what_comes_while_it_waits(void **state)
{
    struct fixture *fixture = *state;
    struct reading reading = { fixture, 0 };
    char url[128];
    CURL *curl = curl_easy_init();
    snprintf(url, sizeof url, "http://127.0.0.1:%u/api/stream", http_server_port(fixture->server));
    atomic_store(&fixture->messages, 1);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_message);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reading);
    assert_int_equal(curl_easy_perform(curl), CURLE_WRITE_ERROR);
    curl_easy_cleanup(curl);
    assert_int_equal(reading.seen, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(routes_bind_their_parts, start, stop),
        cmocka_unit_test_setup_teardown(what_no_route_takes_is_named, start, stop),
        cmocka_unit_test_setup_teardown(a_body_past_the_limit_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(a_body_of_untold_size_is_bounded, start, stop),
        cmocka_unit_test_setup_teardown(every_answer_carries_the_security_headers, start, stop),
        cmocka_unit_test_setup_teardown(a_stream_sends_what_comes_while_it_waits, start, stop),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failures;
}
