/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1: its keywords, its EVE record, its declaration (RFC 9110, 9112). */
#include "proto/http2.h"

const struct http_settings http_settings_default = {
    .request_body_limit = 100U * 1024U,
    .response_body_limit = 100U * 1024U,
    .request_inspect_min = 32U * 1024U,
    .request_inspect_step = 4U * 1024U,
    .response_inspect_min = 40U * 1024U,
    .response_inspect_step = 16U * 1024U,
    .decompress_layers = 2,
    .bombs_max = 3,
    .headers_max = 1024,
};

/* The text Suricata shows for a request that was not seen; rules and archives know it. */
#define URI_NOT_SEEN "/libhtp::request_uri_not_seen"

static struct http *record_of(const struct tx *tx)
{
    return (struct http *)(uintptr_t)tx->record;
}

static struct http_message *message_of(const struct tx *tx, enum direction direction)
{
    return &record_of(tx)->message[direction];
}

/* ---- buffers ---- */

static bool is_cookie(const struct http_header *header)
{
    return header->field == HTTP_COOKIE || header->field == HTTP_SET_COOKIE;
}

/* Appends to `room`, which was measured before. */
static size_t put(uint8_t *room, size_t at, struct bytes b)
{
    if (b.size)
        memcpy(room + at, b.data, b.size);
    return at + b.size;
}

enum shape { SHAPE_HEADERS, SHAPE_NAMES, SHAPE_START };

/* The three joined forms of a header block: without cookies; names only; start line and all. */
static struct bytes build(const struct tx *tx, enum direction direction, enum shape shape)
{
    struct http_message *message = message_of(tx, direction);
    if (!message->raw.data)
        return BYTES_NONE;
    size_t size = message->line.size + 8;
    for (uint16_t i = 0; i < message->header_count; i++)
        size += message->headers[i].name.size + message->headers[i].value.size + 4;
    uint8_t *room = arena_new(&((struct tx *)(uintptr_t)tx)->memory, size, 1);
    if (!room)
        return BYTES_NONE;
    size_t at = 0;
    if (shape == SHAPE_START)
        at = put(room, at, message->line);
    if (shape != SHAPE_HEADERS)
        at = put(room, at, BYTES_OF("\r\n"));
    for (uint16_t i = 0; i < message->header_count; i++) {
        const struct http_header *header = &message->headers[i];
        if (shape == SHAPE_HEADERS && is_cookie(header) && tx->protocol == &http_protocol)
            continue;
        at = put(room, at, header->name);
        if (shape != SHAPE_NAMES) {
            at = put(room, at, BYTES_OF(": "));
            at = put(room, at, header->value);
        }
        at = put(room, at, BYTES_OF("\r\n"));
    }
    if (shape != SHAPE_HEADERS)
        at = put(room, at, BYTES_OF("\r\n"));
    return bytes_of(room, at);
}

static bool cached(const struct tx *tx, enum direction direction, enum shape shape, struct bytes *place,
                   struct bytes *value)
{
    if (!place->data)
        *place = build(tx, direction, shape);
    *value = *place;
    return value->data != NULL && value->size > 0;
}

struct bytes http_normal_headers(const struct tx *tx, enum direction direction)
{
    struct bytes value;
    return cached(tx, direction, SHAPE_HEADERS, &message_of(tx, direction)->normal, &value) ? value
                                                                                            : BYTES_NONE;
}

#define GETTER(name)                                                                                       \
    static bool name(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch, \
                     struct bytes *value)

GETTER(get_headers)
{
    (void)scratch;
    return index == 0 && cached(tx, direction, SHAPE_HEADERS, &message_of(tx, direction)->normal, value);
}

GETTER(get_names)
{
    (void)scratch;
    return index == 0 && cached(tx, direction, SHAPE_NAMES, &message_of(tx, direction)->names, value);
}

GETTER(get_start)
{
    (void)scratch;
    return index == 0 && cached(tx, direction, SHAPE_START, &message_of(tx, direction)->start, value);
}

GETTER(get_raw)
{
    (void)scratch;
    if (tx->protocol != &http_protocol) /* compressed: there is no text of its own */
        return index == 0 && cached(tx, direction, SHAPE_HEADERS, &message_of(tx, direction)->normal, value);
    *value = message_of(tx, direction)->raw;
    return index == 0 && value->data;
}

/* "Name: value", one buffer per field. */
GETTER(get_each)
{
    struct http_message *message = message_of(tx, direction);
    if (index >= message->header_count)
        return false;
    const struct http_header *header = &message->headers[index];
    uint8_t *room = arena_new(scratch, header->name.size + header->value.size + 2, 1);
    if (!room)
        return false;
    size_t at = put(room, 0, header->name);
    at = put(room, at, BYTES_OF(": "));
    *value = bytes_of(room, put(room, at, header->value));
    return true;
}

GETTER(get_line)
{
    (void)scratch;
    *value = message_of(tx, direction)->line;
    return index == 0 && value->data;
}

GETTER(get_protocol)
{
    (void)scratch;
    *value = message_of(tx, direction)->protocol;
    return index == 0 && value->data;
}

static bool field_value(const struct tx *tx, enum direction direction, uint32_t index, enum http_field field,
                        struct bytes *value)
{
    const struct http_header *header = http_field(message_of(tx, direction), field);
    if (index > 0 || !header)
        return false;
    *value = header->value;
    return true;
}

#define FIELD_GETTER(name, field)                               \
    GETTER(name)                                                \
    {                                                           \
        (void)scratch;                                          \
        return field_value(tx, direction, index, field, value); \
    }

FIELD_GETTER(get_user_agent, HTTP_USER_AGENT)
FIELD_GETTER(get_accept, HTTP_ACCEPT)
FIELD_GETTER(get_accept_encoding, HTTP_ACCEPT_ENCODING)
FIELD_GETTER(get_accept_language, HTTP_ACCEPT_LANGUAGE)
FIELD_GETTER(get_connection, HTTP_CONNECTION)
FIELD_GETTER(get_content_type, HTTP_CONTENT_TYPE)
FIELD_GETTER(get_content_length, HTTP_CONTENT_LENGTH)
FIELD_GETTER(get_referer, HTTP_REFERER)
FIELD_GETTER(get_location, HTTP_LOCATION)
FIELD_GETTER(get_server, HTTP_SERVER)

GETTER(get_cookie)
{
    (void)scratch;
    if (tx->protocol == &http2_protocol && direction == TO_SERVER) {
        *value = http2_of(tx)->cookie;
        return index == 0 && value->data;
    }
    return field_value(tx, direction, index, direction == TO_SERVER ? HTTP_COOKIE : HTTP_SET_COOKIE, value);
}

static bool body_window(const struct tx *tx, enum direction direction, uint32_t index, struct window *value)
{
    const struct file *body = message_of(tx, direction)->body;
    if (index > 0 || !body || !body->window.data.data)
        return false;
    *value = body->window;
    return true;
}

static bool uri_length(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    *value = record_of(tx)->uri.size;
    return index == 0 && record_of(tx)->uri.data;
}

static bool uri_raw_length(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    *value = record_of(tx)->uri_raw.size;
    return index == 0 && record_of(tx)->uri_raw.data;
}

enum { SERVER = 1 << TO_SERVER, CLIENT = 1 << TO_CLIENT, BOTH = SERVER | CLIENT };
#define FROM(p)  .progress = { (p), (p) }
#define PLACE(m) .offset = offsetof(struct http, m)

const struct inspect http_inspects[HTTP1_INSPECTS + HTTP2_INSPECTS] = {
    /* Of HTTP/1 only. */
    { "http.start", .alias = "http_start", .kind = INSPECT_GET, .directions = BOTH, FROM(HTTP_HEADERS),
      .get = get_start, .help = "Start line and header fields in normal form",
      .source = "RFC 9112 section 2.1", .shown = "http_start" },
    /* Of both. */
    { "http.method", .modifier = "http_method", .kind = INSPECT_BYTES, .directions = SERVER, FROM(HTTP_LINE),
      PLACE(method), .help = "Request method", .source = "RFC 9110 section 9" },
    { "http.uri", .modifier = "http_uri", .kind = INSPECT_BYTES, .directions = SERVER, FROM(HTTP_LINE),
      PLACE(uri), .help = "Request target in normal form", .source = "RFC 9112 section 3.2" },
    { "http.uri.raw", .modifier = "http_raw_uri", .kind = INSPECT_BYTES, .directions = SERVER,
      FROM(HTTP_LINE), PLACE(uri_raw), .help = "Request target as sent", .source = "RFC 9112 section 3.2" },
    { "http.request_line", .alias = "http_request_line", .kind = INSPECT_GET, .directions = SERVER,
      FROM(HTTP_LINE), .get = get_line, .help = "Request line", .source = "RFC 9112 section 3",
      .shown = "http_request_line" },
    { "http.response_line", .alias = "http_response_line", .kind = INSPECT_GET, .directions = CLIENT,
      FROM(HTTP_LINE), .get = get_line, .help = "Status line", .source = "RFC 9112 section 4",
      .shown = "http_response_line" },
    { "http.protocol", .alias = "http_protocol", .kind = INSPECT_GET, .directions = BOTH, FROM(HTTP_LINE),
      .get = get_protocol, .help = "Version as sent", .source = "RFC 9112 section 2.3",
      .shown = "http_protocol" },
    { "http.stat_code", .modifier = "http_stat_code", .kind = INSPECT_BYTES, .directions = CLIENT,
      FROM(HTTP_LINE), PLACE(status_code), .help = "Status code", .source = "RFC 9110 section 15" },
    { "http.stat_msg", .modifier = "http_stat_msg", .kind = INSPECT_BYTES, .directions = CLIENT,
      FROM(HTTP_LINE), PLACE(status_text), .help = "Reason phrase", .source = "RFC 9112 section 4" },
    { "http.host", .modifier = "http_host", .kind = INSPECT_BYTES, .directions = SERVER, FROM(HTTP_HEADERS),
      PLACE(host), .help = "Host in lower case, without port", .source = "RFC 9110 section 7.2" },
    { "http.host.raw", .modifier = "http_raw_host", .kind = INSPECT_BYTES, .directions = SERVER,
      FROM(HTTP_HEADERS), PLACE(host_raw), .help = "Host as sent", .source = "RFC 9110 section 7.2" },
    { "http.header", .modifier = "http_header", .kind = INSPECT_GET, .directions = BOTH, FROM(HTTP_HEADERS),
      .get = get_headers, .help = "Header fields in normal form, without cookies",
      .source = "RFC 9112 section 5" },
    { "http.header.raw", .modifier = "http_raw_header", .kind = INSPECT_GET, .directions = BOTH,
      FROM(HTTP_HEADERS), .get = get_raw, .help = "Header block as sent", .source = "RFC 9112 section 5" },
    { "http.header_names", .alias = "http_header_names", .kind = INSPECT_GET, .directions = BOTH,
      FROM(HTTP_HEADERS), .get = get_names, .help = "Field names, each between line ends",
      .source = "RFC 9112 section 5", .shown = "http_header_names" },
    { "http.request_header", .alias = "http_request_header", .kind = INSPECT_GET, .directions = SERVER,
      FROM(HTTP_HEADERS), .get = get_each, .help = "Each field of a request", .source = "RFC 9112 section 5",
      .shown = "http_request_header" },
    { "http.response_header", .alias = "http_response_header", .kind = INSPECT_GET, .directions = CLIENT,
      FROM(HTTP_HEADERS), .get = get_each, .help = "Each field of a response", .source = "RFC 9112 section 5",
      .shown = "http_response_header" },
    { "http.cookie", .modifier = "http_cookie", .kind = INSPECT_GET, .directions = BOTH, FROM(HTTP_HEADERS),
      .get = get_cookie, .help = "Cookie or Set-Cookie", .source = "RFC 6265 section 4" },
    { "http.user_agent", .modifier = "http_user_agent", .kind = INSPECT_GET, .directions = SERVER,
      FROM(HTTP_HEADERS), .get = get_user_agent, .help = "User-Agent", .source = "RFC 9110 section 10.1.5" },
    { "http.accept", .alias = "http_accept", .kind = INSPECT_GET, .directions = SERVER, FROM(HTTP_HEADERS),
      .get = get_accept, .help = "Accept", .source = "RFC 9110 section 12.5.1", .shown = "http_accept" },
    { "http.accept_enc", .alias = "http_accept_enc", .kind = INSPECT_GET, .directions = SERVER,
      FROM(HTTP_HEADERS), .get = get_accept_encoding, .help = "Accept-Encoding",
      .source = "RFC 9110 section 12.5.3", .shown = "http_accept_enc" },
    { "http.accept_lang", .alias = "http_accept_lang", .kind = INSPECT_GET, .directions = SERVER,
      FROM(HTTP_HEADERS), .get = get_accept_language, .help = "Accept-Language",
      .source = "RFC 9110 section 12.5.4", .shown = "http_accept_lang" },
    { "http.connection", .alias = "http_connection", .kind = INSPECT_GET, .directions = BOTH,
      FROM(HTTP_HEADERS), .get = get_connection, .help = "Connection", .source = "RFC 9110 section 7.6.1",
      .shown = "http_connection" },
    { "http.content_type", .alias = "http_content_type", .kind = INSPECT_GET, .directions = BOTH,
      FROM(HTTP_HEADERS), .get = get_content_type, .help = "Content-Type", .source = "RFC 9110 section 8.3",
      .shown = "http_content_type" },
    { "http.content_len", .alias = "http_content_len", .kind = INSPECT_GET, .directions = BOTH,
      FROM(HTTP_HEADERS), .get = get_content_length, .help = "Content-Length",
      .source = "RFC 9110 section 8.6", .shown = "http_content_len" },
    { "http.referer", .alias = "http_referer", .kind = INSPECT_GET, .directions = SERVER, FROM(HTTP_HEADERS),
      .get = get_referer, .help = "Referer", .source = "RFC 9110 section 10.1.3", .shown = "http_referer" },
    { "http.location", .alias = "http_location", .kind = INSPECT_GET, .directions = CLIENT,
      FROM(HTTP_HEADERS), .get = get_location, .help = "Location", .source = "RFC 9110 section 10.2.2" },
    { "http.server", .alias = "http_server", .kind = INSPECT_GET, .directions = CLIENT, FROM(HTTP_HEADERS),
      .get = get_server, .help = "Server", .source = "RFC 9110 section 10.2.4" },
    { "http.request_body", .modifier = "http_client_body", .kind = INSPECT_STREAM, .directions = SERVER,
      .progress = { HTTP_BODY, HTTP_BODY }, .window = body_window, .help = "Request content, decoded",
      .source = "RFC 9110 section 6.4" },
    { "http.response_body", .modifier = "http_server_body", .kind = INSPECT_STREAM, .directions = CLIENT,
      .progress = { HTTP_BODY, HTTP_BODY }, .window = body_window, .help = "Response content, decoded",
      .source = "RFC 9110 section 6.4", .shown = "file_data" },
    { "urilen", .kind = INSPECT_NUMBER, .directions = SERVER, FROM(HTTP_LINE), .number = uri_length,
      .help = "Bytes of the request target in normal form", .source = "RFC 9112 section 3.2",
      .shown = "http_uri" },
    { "urilen.raw", .kind = INSPECT_NUMBER, .directions = SERVER, FROM(HTTP_LINE), .number = uri_raw_length,
      .help = "Bytes of the request target as sent", .source = "RFC 9112 section 3.2",
      .shown = "http_raw_uri" },
    /* From here on: HTTP/2 only. */
    { "http2.frametype", .kind = INSPECT_NUMBER, .directions = BOTH, .number = http2_frame_number,
      .max = UINT8_MAX, .choices = http2_frame_names, .help = "Types of the frames",
      .source = "RFC 9113 section 6", .shown = "http2" },
    { "http2.errorcode", .kind = INSPECT_NUMBER, .directions = BOTH, .number = http2_error_number,
      .max = UINT32_MAX, .choices = http2_error_names, .help = "Codes of GOAWAY and RST_STREAM frames",
      .source = "RFC 9113 section 7", .shown = "http2" },
    { "http2.priority", .kind = INSPECT_NUMBER, .directions = BOTH, .number = http2_weight_number,
      .max = UINT8_MAX, .help = "Weights of PRIORITY and HEADERS frames", .source = "RFC 7540 section 5.3",
      .shown = "http2" },
    { "http2.window", .kind = INSPECT_NUMBER, .directions = BOTH, .number = http2_window_number,
      .max = UINT32_MAX, .help = "Increments of WINDOW_UPDATE frames", .source = "RFC 9113 section 6.9",
      .shown = "http2" },
    { "http2.size_update", .kind = INSPECT_NUMBER, .directions = BOTH, .number = http2_table_number,
      .help = "Sizes of the dynamic table", .source = "RFC 7541 section 6.3", .shown = "http2" },
    { "http2.settings", .kind = INSPECT_NUMBER, .directions = BOTH, .number = http2_setting_number,
      .choices = http2_setting_names, .parts = 1, .help = "Settings by name, as in SETTINGS_ENABLE_PUSH=0",
      .source = "RFC 9113 section 6.5", .shown = "http2" },
    { "http2.header_name", .alias = "http2_header_name", .kind = INSPECT_GET, .directions = BOTH,
      FROM(HTTP_HEADERS), .get = http2_get_name, .help = "Name of each field",
      .source = "RFC 9113 section 8.2", .shown = "http2_header_name" },
};

/* ---- EVE ---- */

static void write_port(const struct http *http, struct text *out)
{
    if (http->port)
        json_uint(out, "http_port", http->port);
}

/* Without parameters: "text/html; charset=x" is text/html. */
static void write_type(const struct http *http, struct text *out)
{
    const struct http_header *type = http_field(&http->message[TO_CLIENT], HTTP_CONTENT_TYPE);
    if (!type)
        return;
    size_t end = 0;
    while (end < type->value.size && type->value.data[end] != ';')
        end++;
    if (end)
        json_string(out, "http_content_type", bytes_first(type->value, end));
}

static void write_range(const struct http *http, struct text *out)
{
    const struct http_header *range = http_field(&http->message[TO_CLIENT], HTTP_CONTENT_RANGE);
    if (!range)
        return;
    json_open(out, "content_range", '{');
    if (range->value.size)
        json_string(out, "raw", range->value);
    if (http->has_range) {
        json_uint(out, "start", http->range_start);
        json_uint(out, "end", http->range_end);
        if (http->range_size)
            json_uint(out, "size", http->range_size);
    }
    json_close(out, '}');
}

static void write_field(const struct http *http, enum direction direction, enum http_field field,
                        const char *key, struct text *out)
{
    const struct http_header *header = http_field(&http->message[direction], field);
    if (header && header->value.size)
        json_string(out, key, header->value);
}

static void write(const struct tx *tx, bool extended, struct text *out)
{
    const struct http *http = record_of(tx);
    if (http->host.size)
        json_string(out, "hostname", http->host);
    write_port(http, out);
    if (http->no_request)
        json_cstring(out, "url", URI_NOT_SEEN);
    else if (http->uri_raw.size)
        json_string(out, "url", http->uri_raw);
    write_field(http, TO_SERVER, HTTP_USER_AGENT, "http_user_agent", out);
    write_field(http, TO_SERVER, HTTP_X_FORWARDED_FOR, "xff", out);
    write_type(http, out);
    write_range(http, out);
    if (!extended)
        return;
    write_field(http, TO_SERVER, HTTP_REFERER, "http_refer", out);
    if (http->method.size)
        json_string(out, "http_method", http->method);
    if (http->message[TO_SERVER].protocol.size)
        json_string(out, "protocol", http->message[TO_SERVER].protocol);
    if (http->status)
        json_uint(out, "status", http->status);
    else if (http->status_code.size)
        json_string(out, "status_string", http->status_code);
    if (http->status >= 300 && http->status < 400)
        write_field(http, TO_CLIENT, HTTP_LOCATION, "redirect", out);
    json_uint(out, "length", http->message[TO_CLIENT].size);
}

static bool header_wanted(const struct http_log_settings *settings, enum direction direction,
                          struct bytes name)
{
    if (settings->all[direction])
        return true;
    for (const char *const *custom = settings->custom; custom && *custom; custom++)
        if (bytes_equal_nocase(name, bytes_of_string(*custom)))
            return true;
    return false;
}

void http_log_headers(const struct tx *tx, const struct http_log_settings *settings, struct text *out)
{
    static const char *const keys[DIRECTIONS] = { "request_headers", "response_headers" };
    for (int d = 0; d < DIRECTIONS; d++) {
        const struct http_message *message = message_of(tx, (enum direction)d);
        bool any = false;
        for (uint16_t i = 0; i < message->header_count; i++) {
            if (!header_wanted(settings, (enum direction)d, message->headers[i].name))
                continue;
            if (!any)
                json_open(out, keys[d], '[');
            any = true;
            json_open(out, NULL, '{');
            json_string(out, "name", message->headers[i].name);
            json_string(out, "value", message->headers[i].value);
            json_close(out, '}');
        }
        if (any)
            json_close(out, ']');
    }
}

/* ---- settings ---- */

static const char *const inline_choices[] = { "auto", "yes", "no", NULL };

#define BYTERANGE(key, member) .name = "byterange." key, AT(struct http_settings, member)
#define SETTING(key, member)   .name = "libhtp.default-config." key, AT(struct http_settings, member)

static const struct field settings[] = {
    { BYTERANGE("memcap", byterange_memcap), .type = FIELD_UINT,
      .help = "Bytes of the parts of files that wait for the rest" },
    { BYTERANGE("timeout", byterange_timeout), .type = FIELD_UINT, .max = 86400,
      .help = "Seconds that a file waits for its next part" },
    { SETTING("request-body-limit", request_body_limit), .type = FIELD_UINT,
      .help = "Decoded bytes of a request body that are followed; 0: no limit" },
    { SETTING("response-body-limit", response_body_limit), .type = FIELD_UINT,
      .help = "Decoded bytes of a response body that are followed; 0: no limit" },
    { SETTING("request-body-minimal-inspect-size", request_inspect_min), .type = FIELD_UINT,
      .help = "Bytes of a request body before it is inspected" },
    { SETTING("request-body-inspect-window", request_inspect_step), .type = FIELD_UINT,
      .help = "Bytes from one inspection of a request body to the next" },
    { SETTING("response-body-minimal-inspect-size", response_inspect_min), .type = FIELD_UINT,
      .help = "Bytes of a response body before it is inspected" },
    { SETTING("response-body-inspect-window", response_inspect_step), .type = FIELD_UINT,
      .help = "Bytes from one inspection of a response body to the next" },
    { SETTING("response-body-decompress-layer-limit", decompress_layers), .type = FIELD_UINT,
      .help = "Codings undone on top of each other; 0: none" },
    { SETTING("headers-limit", headers_max), .type = FIELD_UINT, .min = 1,
      .help = "Header fields of a message" },
    { SETTING("http-body-inline", body_inline), .type = FIELD_CHOICE, .choices = inline_choices,
      .help = "Whether bodies are inspected as they come; auto: when packets wait for a verdict" },
    { SETTING("double-decode-path", double_decode_path), .type = FIELD_BOOL, .help = "Decode paths twice" },
    { SETTING("double-decode-query", double_decode_query), .type = FIELD_BOOL,
      .help = "Decode queries twice" },
    { SETTING("lzma-enabled", lzma), .type = FIELD_BOOL, .help = "Undo the LZMA coding" },
    { SETTING("lzma-memlimit", decompress.lzma_memory), .type = FIELD_UINT,
      .help = "Bytes an LZMA dictionary may take" },
    { SETTING("compression-bomb-limit", decompress.output_max), .type = FIELD_UINT,
      .help = "Decoded bytes from which the ratio to the encoded ones is watched" },
    { SETTING("compression-bomb-count", bombs_max), .type = FIELD_UINT,
      .help = "Bodies of one connection that may break that ratio before none is decoded any more" },
};

/* ---- declaration ---- */

static const char *const request_progress[] = { "request_started", "request_line",    "request_headers",
                                                "request_body",    "request_trailer", "request_complete" };
static const char *const response_progress[] = {
    "response_started", "response_line",    "response_headers",
    "response_body",    "response_trailer", "response_complete"
};
static const char *const events[] = {
#define X(id, name) name,
    HTTP_EVENTS(X)
#undef X
        NULL
};

static const char *const frame_names[] = { "request", "response", NULL }; /* HTTP_FRAME_ */

const struct protocol http_protocol = {
    .id = PROTOCOL_http,
    .eve_numbered = true,
    .ends_with_flow = true,
    .name = "http",
    .alias = "http1",
    .title = "Hypertext Transfer Protocol 1",
    .eve_type = "http",
    .transports = TRANSPORT_TCP,
    .ports = "80,8080,8000,3128,8888",
    .probe = http_probe,
    .probe_depth = 2048,
    .state_size = sizeof(struct http_state),
    .record_size = sizeof(struct http),
    .tx_memory_max = 512U * 1024U,
    .buffer_max = 256U * 1024U,
    .tx_max = 512,
    .close = http_close,
    .tx_close = http_tx_close,
    .stream = http_stream,
    .gap = http_gap,
    .progress_names = { request_progress, response_progress },
    .complete = { HTTP_COMPLETE, HTTP_COMPLETE },
    .write = write,
    .inspects = http_inspects,
    .inspect_count = HTTP1_INSPECTS + HTTP_INSPECTS,
    .events = events,
    .event_capitals = true,
    .frames = frame_names,
    .file_directions = 1 << TO_SERVER | 1 << TO_CLIENT,
    .steady = true,
    .settings = settings,
    .setting_count = COUNT_OF(settings),
    .settings_size = sizeof(struct http_settings),
    .settings_default = &http_settings_default,
};
