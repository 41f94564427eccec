/* SPDX-License-Identifier: Apache-2.0 */
/* The content of HTTP messages: undoing Content-Encoding, limits, and the file it makes. */
#include "proto/http2.h"
#include "proto/ranges.h"

#define HELD_MAX (4U * 1024U * 1024U) /* bytes of an unlimited body that detection may see */

static struct http *record_of(const struct http_body *body)
{
    return (struct http *)body->tx->record;
}

static struct http_message *message_of(const struct http_body *body)
{
    return &record_of(body)->message[body->direction];
}

static bool is_http1(const struct http_body *body)
{
    return body->tx->protocol == &http_protocol;
}

/* Anomalies carry the names that each version of HTTP has for them. */
static void raise(struct http_body *body, enum http_event event)
{
    if (is_http1(body))
        tx_event(body->tx, (uint8_t)event);
    else if (event == HTTP_EVENT_RANGE_INVALID)
        tx_event(body->tx, HTTP2_EVENT_INVALID_RANGE);
    else if (event == HTTP_EVENT_COMPRESSION_BOMB)
        tx_event(body->tx, HTTP2_EVENT_COMPRESSION_BOMB);
}

/* ---- what the content is called ---- */

/* Splits `name=value` parameters after semicolons; quotes protect them (RFC 6266 section 4.1). */
struct bytes http_parameter(struct bytes value, const char *name)
{
    struct bytes wanted = bytes_of_string(name);
    size_t at = 0;
    while (at < value.size) {
        struct bytes rest = bytes_from(value, at);
        size_t stop = 0;
        bool quoted = false;
        for (; stop < rest.size && (quoted || rest.data[stop] != ';'); stop++)
            if (rest.data[stop] == '"')
                quoted = !quoted;
        struct bytes part = bytes_trim(bytes_first(rest, stop));
        at += stop + 1;
        size_t equals = bytes_find_byte(part, '=');
        if (equals == SIZE_MAX || !bytes_equal_nocase(bytes_trim(bytes_first(part, equals)), wanted))
            continue;
        struct bytes found = bytes_trim(bytes_from(part, equals + 1));
        if (found.size && found.data[0] == '"') {
            found = bytes_from(found, 1);
            size_t close = bytes_find_byte(found, '"');
            found = bytes_first(found, close == SIZE_MAX ? found.size : close);
        }
        return found.data ? found : bytes_of("", 0);
    }
    return BYTES_NONE;
}

#define NAME_LIMIT    1024U
#define NAME_TOO_LONG 4096U

static struct bytes file_name(struct http_body *body)
{
    struct http *http = record_of(body);
    const struct http_header *disposition = http_field(message_of(body), HTTP_CONTENT_DISPOSITION);
    struct bytes name = BYTES_NONE;
    if (disposition)
        name = http_parameter(disposition->value, "filename");
    if (name.size == 0 && !is_http1(body))
        return BYTES_OF("");
    if (name.size == 0)
        name = http->no_request ? BYTES_OF("/libhtp::request_uri_not_seen") : http->path;
    if (name.size > NAME_TOO_LONG)
        raise(body, HTTP_EVENT_FILE_NAME_TOO_LONG);
    return bytes_first(name, NAME_LIMIT);
}

static bool take_byte(struct bytes *rest, uint8_t byte)
{
    if (rest->size == 0 || rest->data[0] != byte)
        return false;
    *rest = bytes_from(*rest, 1);
    return true;
}

static bool take_number(struct bytes *rest, uint64_t *number)
{
    size_t size = 0;
    while (size < rest->size && byte_is_digit(rest->data[size]))
        size++;
    struct bytes digits = bytes_first(*rest, size);
    *rest = bytes_from(*rest, size);
    return bytes_to_u64(digits, number);
}

/* Content-Range: bytes 0-99/1000, or an asterisk for a range that cannot be had (RFC 9110 section 14.4); what
 * stands behind is passed over. */
static void read_range(struct http_body *body, struct file *file)
{
    struct http *http = record_of(body);
    const struct http_header *header = http_field(message_of(body), HTTP_CONTENT_RANGE);
    if (body->direction != TO_CLIENT || !header)
        return;
    struct bytes rest = header->value;
    struct bytes unit = bytes_cut(&rest, ' ');
    while (bytes_starts(rest, BYTES_OF(" ")))
        rest = bytes_from(rest, 1);
    uint64_t from = 0, to = 0, all = 0;
    bool unsatisfied = bytes_starts(rest, BYTES_OF("*/"));
    bool good = unit.size && (unsatisfied ? (rest = bytes_from(rest, 2), true)
                                          : take_number(&rest, &from) && take_byte(&rest, '-') &&
                                                take_number(&rest, &to) && take_byte(&rest, '/'));
    bool open = !unsatisfied && take_byte(&rest, '*');
    good = good && (open || take_number(&rest, &all)) && from <= to && (all == 0 || to < all);
    if (!good)
        raise(body, HTTP_EVENT_RANGE_INVALID);
    if (!good || unsatisfied)
        return;
    http->has_range = true;
    http->range_start = from;
    http->range_end = to;
    http->range_size = all;
    if (file && is_http1(body)) {
        file->has_range = true;
        file->start = from;
        file->end = to;
    }
}

static struct bytes range_path(const struct http *http)
{
    struct bytes uri = http->uri;
    return bytes_first(http->path.data ? http->path : bytes_cut(&uri, '?'), NAME_LIMIT);
}

/* The parts of one file have its host and its path in common. */
static void begin_range(struct http_body *body)
{
    struct http *http = record_of(body);
    const struct http_settings *settings = body->settings;
    const struct range_limits limits = { settings->byterange_memcap, settings->byterange_timeout };
    if (!http->has_range || !http->range_size || body->direction != TO_CLIENT || http->status != 206)
        return;
    uint8_t key[NAME_LIMIT * 2];
    struct bytes host = http->host, path = range_path(http);
    uint16_t port;
    if (!is_http1(body) && !http_split_host(http->host, &host, &port))
        host = http->host;
    host = bytes_first(host, NAME_LIMIT - 1);
    if (host.size)
        memcpy(key, host.data, host.size);
    key[host.size] = '\0';
    if (path.size)
        memcpy(key + host.size + 1, path.data, path.size);
    struct session *session = body->session;
    body->range = range_begin(session->settings->ranges, bytes_of(key, host.size + 1 + path.size),
                              http->range_start, http->range_end, http->range_size, &limits, session->time);
}

/* What came of a part is kept; what follows a hole is not. */
static void abandon_range(struct http_body *body)
{
    ranged_file_free(range_end(body->range, body->session ? body->session->time : 0));
    body->range = NULL;
}

/* The last part makes the whole file, which is one more of this transaction. */
static void end_range(struct http_body *body)
{
    struct ranged_file *whole = range_end(body->range, body->session->time);
    body->range = NULL;
    if (!whole)
        return;
    struct http *http = record_of(body);
    struct bytes name = is_http1(body) ? file_name(body) : range_path(http);
    struct file *file = file_open(body->session, body->tx, TO_CLIENT, name);
    uint64_t position = 0;
    struct bytes piece;
    while (file && ranged_file_next(whole, &position, &piece))
        (void)file_data(body->session, file, piece);
    if (file)
        file_close(body->session, file, false);
    ranged_file_free(whole);
}

/* ---- decoded content ---- */

bool http_body_at_once(const struct http_body *body)
{
    uint8_t choice = body->settings->body_inline;
    return choice == 1 || (choice == 0 && body->session->settings->inline_mode);
}

static void open_file(struct http_body *body)
{
    struct http_message *message = message_of(body);
    struct http *http = record_of(body);
    const struct http_settings *settings = body->settings;
    bool form = body->multipart != NULL;
    bool named = body->direction == TO_CLIENT || !is_http1(body) || bytes_is(http->method, "POST") ||
                 bytes_is(http->method, "PUT");
    struct bytes name = form || !named ? BYTES_NONE : file_name(body);
    message->body_hidden = !name.data;
    struct file *file = message->body_hidden
                            ? file_open_body(body->session, body->tx, (enum direction)body->direction)
                            : file_open(body->session, body->tx, (enum direction)body->direction, name);
    if (!file)
        return;
    if (!http_body_at_once(body)) {
        bool request = body->direction == TO_SERVER;
        file->inspect_min = request ? settings->request_inspect_min : settings->response_inspect_min;
        file->inspect_step = request ? settings->request_inspect_step : settings->response_inspect_step;
    }
    file->inspect_max = body->limit ? body->limit : HELD_MAX;
    read_range(body, file);
    begin_range(body);
    message->body = file;
}

/* Receives decoded content; false once more came than the limit lets in. What reaches the limit is no more
 * than it: only content that comes after it says that the body goes on. */
static bool content(void *context, struct bytes data)
{
    struct http_body *body = context;
    if (!body->tx || body->cut)
        return false;
    if (!body->started) {
        body->started = true;
        open_file(body);
    }
    struct http_message *message = message_of(body);
    /* A file that is stored is followed to the store's own limit. */
    bool bounded = body->limit && !(message->body && message->body->store);
    uint64_t room = bounded ? body->limit - MIN(body->limit, body->decoded) : UINT64_MAX;
    struct bytes take = bytes_first(data, (size_t)MIN(room, (uint64_t)data.size));
    body->decoded += take.size;
    if (message->body)
        (void)file_data(body->session, message->body, take);
    range_data(body->range, take);
    if (body->multipart)
        http_multipart_data(body->multipart, take);
    if (room == 0 && data.size) {
        body->cut = true;
        if (message->body)
            file_close(body->session, message->body, true);
        if (body->multipart)
            http_multipart_end(body->multipart, true);
    }
    return !body->cut;
}

/* ---- codings ---- */

static bool is_exact(struct bytes token, const char *word)
{
    return bytes_equal_nocase(token, bytes_of_string(word));
}

/* The coding a Content-Encoding token names; names buried in other text count, as they do for browsers. */
static bool coding_of(const struct http_body *body, struct bytes token, enum coding *coding)
{
    bool known = true;
    if (is_exact(token, "br"))
        *coding = CODING_BROTLI;
    else if (http_value_has(token, "gzip"))
        *coding = CODING_GZIP;
    else if (http_value_has(token, "deflate"))
        *coding = CODING_DEFLATE;
    else if (is_exact(token, "lzma") && body->settings->lzma)
        *coding = CODING_LZMA;
    else
        known = false;
    return known;
}

/* Names that say nothing odd; that a request be as it is needs no saying. */
static bool is_usual(struct bytes token, enum direction direction)
{
    static const char *const usual[] = { "",   "gzip", "x-gzip",  "deflate", "x-deflate",
                                         "br", "lzma", "inflate", "none" };
    for (size_t i = 0; i < COUNT_OF(usual); i++)
        if (is_exact(token, usual[i]))
            return true;
    return direction == TO_CLIENT && is_exact(token, "identity");
}

void http_judge_codings(struct tx *tx, enum direction direction, const struct http_settings *settings)
{
    const struct http_header *header = http_field(&((struct http *)tx->record)->message[direction],
                                                  HTTP_CONTENT_ENCODING);
    if (!header || settings->decompress_layers == 0)
        return;
    size_t layers = 0, most = MIN((size_t)settings->decompress_layers, (size_t)DECOMPRESS_LAYERS_MAX);
    struct bytes rest = header->value;
    while (rest.size) {
        struct bytes token = bytes_trim(bytes_cut(&rest, ','));
        if (token.size && layers++ == most) {
            tx_event(tx, HTTP_EVENT_TOO_MANY_ENCODING_LAYERS);
            return;
        }
        if (!is_usual(token, direction))
            tx_event(tx, HTTP_EVENT_ABNORMAL_CE_HEADER);
    }
}

static void open_decompressor(struct http_body *body)
{
    const struct http_header *header = http_field(message_of(body), HTTP_CONTENT_ENCODING);
    if (!header || body->settings->decompress_layers == 0 ||
        (body->bombs && *body->bombs >= body->settings->bombs_max))
        return;
    enum coding codings[DECOMPRESS_LAYERS_MAX];
    size_t count = 0, layers = 0;
    size_t most = MIN((size_t)body->settings->decompress_layers, (size_t)DECOMPRESS_LAYERS_MAX);
    struct bytes rest = header->value;
    while (rest.size) {
        enum coding coding;
        struct bytes token = bytes_trim(bytes_cut(&rest, ','));
        if (token.size == 0)
            continue;
        if (layers++ == most) /* also what needs no decoding is a layer */
            break;
        if (coding_of(body, token, &coding))
            codings[count++] = coding;
    }
    if (count)
        body->decompressor = decompress_open(codings, count, &body->settings->decompress, content, body);
}

static void report_bomb(struct http_body *body)
{
    if (body->bombed)
        return;
    body->bombed = true;
    raise(body, HTTP_EVENT_COMPRESSION_BOMB);
    if (body->bombs && ++*body->bombs == body->settings->bombs_max)
        raise(body, HTTP_EVENT_COMPRESSION_BOMB_LIMIT_REACHED);
}

static void report(struct http_body *body, enum decompress_status status)
{
    if (!body->tx)
        return;
    if (status == DECOMPRESS_FAILED && !is_http1(body))
        tx_event(body->tx, HTTP2_EVENT_FAILED_DECOMPRESSION);
    else if (status == DECOMPRESS_BOMB)
        report_bomb(body);
    else if (status == DECOMPRESS_LZMA_MEMORY)
        raise(body, HTTP_EVENT_LZMA_MEMLIMIT_REACHED);
}

/* ---- the parser's calls ---- */

/* Tells the session how much of its memory is held here. */
static void tell_held(struct http_body *body)
{
    if (body->session)
        session_holds(body->session, &body->held,
                      decompress_memory(body->decompressor) + http_multipart_memory(body->multipart));
}

void http_body_start(struct http_body *body, struct session *session, struct tx *tx, enum direction direction,
                     const struct http_settings *settings, uint32_t *bombs)
{
    *body = (struct http_body){
        .session = session, .tx = tx, .settings = settings, .direction = (uint8_t)direction, .bombs = bombs
    };
    if (!tx)
        return;
    body->limit = direction == TO_SERVER ? settings->request_body_limit : settings->response_body_limit;
    struct http_message *message = message_of(body);
    open_decompressor(body);
    const struct http_header *type = http_field(message, HTTP_CONTENT_TYPE);
    if (type && is_http1(body) && direction == TO_SERVER && bytes_is(record_of(body)->method, "POST") &&
        bytes_starts_nocase(type->value, BYTES_OF("multipart/form-data")))
        body->multipart = http_multipart_open(type->value, body);
    tell_held(body);
}

void http_body_data(struct http_body *body, struct bytes data)
{
    if (!body->tx || body->cut || data.size == 0)
        return;
    if (!body->decompressor) {
        (void)content(body, data);
        return;
    }
    report(body, decompress_feed(body->decompressor, data));
    tell_held(body);
}

void http_body_gap(struct http_body *body, uint64_t size)
{
    if (!body->tx || body->cut)
        return;
    if (body->decompressor) { /* a compressed stream cannot go on after a hole */
        decompress_free(body->decompressor);
        body->decompressor = NULL;
        body->cut = true;
    }
    if (!body->started) {
        body->started = true;
        open_file(body);
    }
    struct file *file = message_of(body)->body;
    abandon_range(body);
    if (file)
        file_gap(body->session, file, size);
    if (file && body->cut)
        file_close(body->session, file, true);
    if (body->multipart)
        http_multipart_end(body->multipart, true);
    http_multipart_free(body->multipart);
    body->multipart = NULL;
    tell_held(body);
}

void http_body_end(struct http_body *body, bool truncated)
{
    if (body->tx) {
        if (body->decompressor && !body->cut)
            report(body, decompress_finish(body->decompressor));
        if (body->multipart)
            http_multipart_end(body->multipart, truncated);
        struct file *file = message_of(body)->body;
        if (file)
            file_close(body->session, file, truncated || file->has_gaps);
        end_range(body);
    }
    http_body_abandon(body);
}

void http_body_abandon(struct http_body *body)
{
    decompress_free(body->decompressor);
    http_multipart_free(body->multipart);
    abandon_range(body);
    body->decompressor = NULL;
    body->multipart = NULL;
    body->tx = NULL;
    tell_held(body);
}
