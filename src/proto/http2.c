/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2: its keywords, its EVE record, its declaration (RFC 9113). */
#include "proto/http2.h"

const struct http2_settings http2_settings_default = {
    .streams_max = 256,
    .table_max = 65536,
    .frames_max = 65536,
    .block_max = 102400,
    .bomb_limit = 1024U * 1024U,
};

const char *const http2_frame_names[] = { "DATA",         "HEADERS",      "PRIORITY", "RSTSTREAM",
                                          "SETTINGS",     "PUSHPROMISE",  "PING",     "GOAWAY",
                                          "WINDOWUPDATE", "CONTINUATION", NULL };
const char *const http2_error_names[] = { "NO_ERROR",
                                          "PROTOCOL_ERROR",
                                          "INTERNAL_ERROR",
                                          "FLOW_CONTROL_ERROR",
                                          "SETTINGS_TIMEOUT",
                                          "STREAM_CLOSED",
                                          "FRAME_SIZE_ERROR",
                                          "REFUSED_STREAM",
                                          "CANCEL",
                                          "COMPRESSION_ERROR",
                                          "CONNECT_ERROR",
                                          "ENHANCE_YOUR_CALM",
                                          "INADEQUATE_SECURITY",
                                          "HTTP_1_1_REQUIRED",
                                          NULL };
/* By identifier; "" where none is assigned. */
const char *const http2_setting_names[] = { "",
                                            "SETTINGS_HEADER_TABLE_SIZE",
                                            "SETTINGS_ENABLE_PUSH",
                                            "SETTINGS_MAX_CONCURRENT_STREAMS",
                                            "SETTINGS_INITIAL_WINDOW_SIZE",
                                            "SETTINGS_MAX_FRAME_SIZE",
                                            "SETTINGS_MAX_HEADER_LIST_SIZE",
                                            "",
                                            "SETTINGS_ENABLE_CONNECT_PROTOCOL",
                                            "SETTINGS_NO_RFC7540_PRIORITIES",
                                            NULL };

/* ---- keywords ---- */

/* The `index`-th number of that kind which travelled in `direction`. */
static bool number_of(const struct tx *tx, enum direction direction, enum http2_number kind, uint32_t index,
                      uint64_t *value)
{
    const struct http2 *http2 = http2_of(tx);
    for (uint32_t i = 0; i < http2->value_count; i++) {
        const struct http2_value *at = &http2->values[i];
        if (at->kind != kind || at->direction != direction || index-- > 0)
            continue;
        *value = at->value;
        return true;
    }
    return false;
}

#define NUMBER(name, kind)                                                                    \
    bool name(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value) \
    {                                                                                         \
        return number_of(tx, direction, kind, index, value);                                  \
    }

NUMBER(http2_frame_number, HTTP2_FRAME)
NUMBER(http2_error_number, HTTP2_ERROR)
NUMBER(http2_weight_number, HTTP2_WEIGHT)
NUMBER(http2_window_number, HTTP2_WINDOW)
NUMBER(http2_table_number, HTTP2_TABLE_SIZE)

bool http2_setting_number(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    const struct http2 *http2 = http2_of(tx);
    for (uint32_t i = 0; i < http2->value_count; i++) {
        const struct http2_value *at = &http2->values[i];
        if (at->kind != HTTP2_SETTING || at->direction != direction || index-- > 0)
            continue;
        *value = (uint64_t)at->setting << 32 | at->value;
        return true;
    }
    return false;
}

bool http2_get_name(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                    struct bytes *value)
{
    (void)scratch;
    const struct http_message *message = &http2_of(tx)->http.message[direction];
    if (index >= message->header_count)
        return false;
    *value = message->headers[index].name;
    return true;
}

/* ---- EVE ---- */

/* "SETTINGS_ENABLE_PUSH" is shown as SETTINGSENABLEPUSH. */
static void write_plain(struct text *out, const char *key, const char *name)
{
    char plain[64];
    struct text text = text_of(plain, sizeof plain);
    for (; *name; name++)
        if (*name != '_')
            text_char(&text, *name);
    json_string(out, key, text_bytes(&text));
}

/* NO_ERROR is shown as NoError. */
static void write_camel(struct text *out, const char *key, const char *name)
{
    char camel[64];
    struct text text = text_of(camel, sizeof camel);
    bool first = true;
    for (; *name; name++) {
        if (*name != '_')
            text_char(&text, first ? *name : (char)byte_lower((uint8_t)*name));
        first = *name == '_';
    }
    json_string(out, key, text_bytes(&text));
}

static void write_error(const struct http2_value *value, struct text *out)
{
    if (value->value >= COUNT_OF(http2_error_names) - 1)
        json_uint(out, "error_code", value->value);
    else if (value->frame == HTTP2_GOAWAY)
        write_plain(out, "error_code", http2_error_names[value->value]);
    else
        write_camel(out, "error_code", http2_error_names[value->value]);
}

static const struct http2_value *first_of(const struct http2 *http2, enum direction direction,
                                          enum http2_number kind, bool *more)
{
    const struct http2_value *found = NULL;
    *more = false;
    for (uint32_t i = 0; i < http2->value_count; i++) {
        if (http2->values[i].kind != kind || http2->values[i].direction != direction)
            continue;
        *more = found != NULL;
        if (found)
            break;
        found = &http2->values[i];
    }
    return found;
}

static void write_settings(const struct http2 *http2, enum direction direction, struct text *out)
{
    json_open(out, "settings", '[');
    for (uint32_t i = 0; i < http2->value_count; i++) {
        const struct http2_value *value = &http2->values[i];
        if (value->kind != HTTP2_SETTING || value->direction != direction)
            continue;
        json_open(out, NULL, '{');
        if (value->setting < COUNT_OF(http2_setting_names) - 1 && http2_setting_names[value->setting][0])
            write_plain(out, "settings_id", http2_setting_names[value->setting]);
        else
            json_uint(out, "settings_id", value->setting);
        json_uint(out, "settings_value", value->value);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static bool has_numbers(const struct http2 *http2, enum direction direction)
{
    bool more;
    return first_of(http2, direction, HTTP2_SETTING, &more) ||
           first_of(http2, direction, HTTP2_ERROR, &more) || first_of(http2, direction, HTTP2_WEIGHT, &more);
}

static void write_numbers(const struct http2 *http2, enum direction direction, const char *key,
                          struct text *out)
{
    bool errors, weights, settings;
    const struct http2_value *error = first_of(http2, direction, HTTP2_ERROR, &errors);
    const struct http2_value *weight = first_of(http2, direction, HTTP2_WEIGHT, &weights);
    if (!has_numbers(http2, direction))
        return;
    json_open(out, key, '{');
    if (first_of(http2, direction, HTTP2_SETTING, &settings))
        write_settings(http2, direction, out);
    if (weight)
        json_uint(out, "priority", weight->value);
    if (error)
        write_error(error, out);
    if (errors || weights)
        json_cstring(out, "has_multiple", errors ? "error_code" : "priority");
    json_close(out, '}');
}

static void write_table_sizes(const struct http2 *http2, enum direction direction, uint16_t before,
                              struct text *out)
{
    for (uint32_t i = 0; i < http2->value_count; i++) {
        const struct http2_value *value = &http2->values[i];
        if (value->kind != HTTP2_TABLE_SIZE || value->direction != direction || value->header != before)
            continue;
        json_open(out, NULL, '{');
        json_uint(out, "table_size_update", value->value);
        json_close(out, '}');
    }
}

static void write_headers(const struct http2 *http2, enum direction direction, const char *key,
                          struct text *out)
{
    const struct http_message *message = &http2->http.message[direction];
    if (message->header_count == 0)
        return;
    json_open(out, key, '[');
    for (uint16_t i = 0; i < message->header_count; i++) {
        write_table_sizes(http2, direction, i, out);
        json_open(out, NULL, '{');
        json_string(out, "name", message->headers[i].name);
        json_string(out, "value", message->headers[i].value);
        json_close(out, '}');
    }
    write_table_sizes(http2, direction, message->header_count, out);
    json_close(out, ']');
}

static void write_length(const struct http *http, struct text *out)
{
    for (int d = DIRECTIONS - 1; d >= 0; d--) {
        const struct http_header *length = http_field(&http->message[d], HTTP_CONTENT_LENGTH);
        uint64_t size;
        if (!length || !bytes_to_u64(length->value, &size))
            continue;
        json_uint(out, "length", size);
        return;
    }
}

static void http2_write(const struct tx *tx, bool extended, struct text *out)
{
    const struct http2 *http2 = http2_of(tx);
    const struct http *http = &http2->http;
    (void)extended;
    json_cstring(out, "version", "2");
    write_headers(http2, TO_SERVER, "request_headers", out);
    write_headers(http2, TO_CLIENT, "response_headers", out);
    if (http->method.data)
        json_string(out, "http_method", http->method);
    if (http->uri_raw.data)
        json_string(out, "url", http->uri_raw);
    if (http->host_raw.data)
        json_string(out, "hostname", http->host_raw);
    const struct http_header *agent = http_header_named(&http->message[TO_SERVER], BYTES_OF("user-agent"));
    if (agent)
        json_string(out, "http_user_agent", agent->value);
    if (http->status)
        json_uint(out, "status", http->status);
    write_length(http, out);
    json_open(out, "http2", '{');
    json_uint(out, "stream_id", http2->stream);
    write_numbers(http2, TO_SERVER, "request", out);
    write_numbers(http2, TO_CLIENT, "response", out);
    json_close(out, '}');
}

/* Frames of the connection are only worth a record when they say something. */
static bool loggable(const struct tx *tx)
{
    const struct http2 *http2 = http2_of(tx);
    if (http2->dns)
        return false;
    return http2->http.message[TO_SERVER].header_count || http2->http.message[TO_CLIENT].header_count ||
           has_numbers(http2, TO_SERVER) || has_numbers(http2, TO_CLIENT);
}

/* ---- declaration ---- */

#define SETTING(key, member) .name = (key), AT(struct http2_settings, member), .type = FIELD_UINT

static const struct field settings[] = {
    { SETTING("max-streams", streams_max), .help = "Streams of a connection that are open at once" },
    { SETTING("max-table-size", table_max), .help = "Bytes of a table of header fields" },
    { SETTING("max-reassembly-size", block_max), .help = "Bytes of a header block over several frames" },
    { SETTING("max-frames", frames_max), .help = "Frames of one stream" },
    { SETTING("compression-bomb-limit", bomb_limit),
      .help = "Decoded bytes from which the ratio to the encoded ones is watched" },
};

static const char *const request_progress[] = { "request_started", "request_line",    "request_headers",
                                                "request_data",    "request_trailer", "request_complete" };
static const char *const response_progress[] = {
    "response_started", "response_line",    "response_headers",
    "response_data",    "response_trailer", "response_complete"
};
const char *const http2_parts_of_frames[] = { "hdr", "data", "pdu", NULL };
static const char *const events[] = {
#define X(id, name) name,
    HTTP2_EVENTS(X)
#undef X
        NULL
};

/* Every frame of a stream is counted. */
static uint64_t http2_changes(const struct tx *tx)
{
    const struct http2 *http2 = http2_of(tx);
    return (uint64_t)http2->frames << 32 | http2->value_count;
}

const struct protocol http2_protocol = {
    .id = PROTOCOL_http2,
    .name = "http2",
    .alias = "http", /* rules for http are about both; http1 is HTTP/1 alone */
    .title = "Hypertext Transfer Protocol 2",
    .eve_type = "http",
    .transports = TRANSPORT_TCP,
    .ports = "80,8080,8000,3128,8888,443,8443,3000",
    .probe = http2_probe,
    .probe_depth = 64,
    .server_speaks_first = true, /* both sides may begin with their settings */
    .state_size = sizeof(struct http2_state),
    .record_size = sizeof(struct http2),
    .tx_memory_max = 512U * 1024U,
    .buffer_max = 512U * 1024U,
    .tx_max = 1024,
    .open = http2_open,
    .close = http2_close,
    .tx_close = http2_tx_close,
    .changes = http2_changes,
    .stream = http2_stream,
    .gap = http2_gap,
    .progress_names = { request_progress, response_progress },
    .complete = { HTTP_COMPLETE, HTTP_COMPLETE },
    .write = http2_write,
    .loggable = loggable,
    .inspects = http_inspects + HTTP1_INSPECTS,
    .inspect_count = HTTP2_INSPECTS,
    .events = events,
    .frames = http2_parts_of_frames,
    .file_directions = 1 << TO_SERVER | 1 << TO_CLIENT,
    .settings = settings,
    .setting_count = COUNT_OF(settings),
    .settings_size = sizeof(struct http2_settings),
    .settings_default = &http2_settings_default,
};
