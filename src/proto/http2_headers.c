/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 header blocks: HPACK (RFC 7541, by libnghttp2), and the messages their fields make. */
#include <nghttp2/nghttp2.h>

#include "proto/http2.h"

#define HEADERS_MAX 1024U
#define VALUES_MAX  1024U

/* ---- numbers ---- */

void http2_add_value(struct tx *tx, struct http2_value value)
{
    struct http2 *http2 = http2_of(tx);
    for (uint32_t i = 0; value.kind == HTTP2_FRAME && i < http2->value_count; i++)
        if (http2->values[i].kind == HTTP2_FRAME && http2->values[i].direction == value.direction &&
            http2->values[i].value == value.value)
            return; /* which types there were is what counts */
    if (http2->value_count == http2->value_capacity) {
        uint32_t capacity = http2->value_capacity ? http2->value_capacity * 2 : 4;
        struct http2_value *grown = capacity > VALUES_MAX
                                        ? NULL
                                        : ARENA_ARRAY(&tx->memory, struct http2_value, capacity);
        if (!grown)
            return;
        if (http2->value_count)
            memcpy(grown, http2->values, http2->value_count * sizeof *grown);
        http2->values = grown;
        http2->value_capacity = capacity;
    }
    http2->values[http2->value_count++] = value;
}

/* ---- messages ---- */

bool http2_add_header(struct tx *tx, enum direction direction, struct bytes name, struct bytes value)
{
    struct http2 *http2 = http2_of(tx);
    struct http_message *message = &http2->http.message[direction];
    uint16_t *room = &http2->header_room[direction];
    if (message->header_count == HEADERS_MAX)
        return false;
    if (message->header_count == *room) {
        uint16_t capacity = *room ? (uint16_t)(*room * 2) : 16;
        struct http_header *grown = ARENA_ARRAY(&tx->memory, struct http_header, capacity);
        if (!grown)
            return false;
        if (message->header_count)
            memcpy(grown, message->headers, message->header_count * sizeof *grown);
        message->headers = grown;
        *room = capacity;
    }
    struct http_header *header = &message->headers[message->header_count];
    header->name = arena_copy(&tx->memory, name);
    header->value = value.size ? arena_copy(&tx->memory, value) : BYTES_OF("");
    header->field = (uint8_t)http_field_named(name, false);
    if (!header->name.data || !header->value.data)
        return false;
    message->header_count++;
    /* An upgraded request keeps the capitals of HTTP/1; keywords are about names as section 8.2 wants them.
     */
    bool lower = true;
    for (size_t i = 0; i < name.size; i++)
        lower = lower && byte_lower(name.data[i]) == name.data[i];
    if (header->field && !message->known[header->field] && (lower || direction == TO_CLIENT))
        message->known[header->field] = message->header_count;
    return true;
}

/* Several texts, one after another, in the transaction's memory. */
static struct bytes joined(struct tx *tx, const struct bytes *parts, size_t count)
{
    size_t size = 0, at = 0;
    for (size_t i = 0; i < count; i++)
        size += parts[i].size;
    uint8_t *room = arena_new(&tx->memory, size ? size : 1, 1);
    for (size_t i = 0; room && i < count; i++) {
        if (parts[i].size)
            memcpy(room + at, parts[i].data, parts[i].size);
        at += parts[i].size;
    }
    return room ? bytes_of(room, size) : BYTES_NONE;
}

/* Cookies may be split over fields (RFC 9113 section 8.2.3): those from header `from` on join the others. */
static void join_cookies(struct tx *tx, const struct http_message *message, uint16_t from)
{
    struct bytes *cookie = &http2_of(tx)->cookie;
    uint16_t first = message->known[HTTP_COOKIE];
    if (!first)
        return;
    if (first > from) {
        *cookie = message->headers[first - 1].value;
        from = first;
    }
    size_t size = cookie->size, at = cookie->size;
    for (uint16_t i = from; i < message->header_count; i++)
        size += message->headers[i].field == HTTP_COOKIE ? 2 + message->headers[i].value.size : 0;
    uint8_t *whole = size > at ? arena_new(&tx->memory, size, 1) : NULL;
    if (whole && at)
        memcpy(whole, cookie->data, at);
    for (uint16_t i = from; whole && i < message->header_count; i++) {
        struct bytes value = message->headers[i].value;
        if (message->headers[i].field != HTTP_COOKIE)
            continue;
        memcpy(whole + at, "; ", 2);
        if (value.size)
            memcpy(whole + at + 2, value.data, value.size);
        at += 2 + value.size;
    }
    if (whole)
        *cookie = bytes_of(whole, size);
}

static void set_authority(struct tx *tx, struct bytes authority)
{
    struct http *http = &http2_of(tx)->http;
    if (bytes_find_byte(authority, '@') != SIZE_MAX)
        tx_event(tx, HTTP2_EVENT_USERINFO_IN_URI);
    http->host_raw = authority;
    struct bytes host = authority;
    (void)http_split_host(authority, &host, &http->port);
    struct bytes lower = arena_copy(&tx->memory, host);
    for (size_t i = 0; i < lower.size; i++)
        ((uint8_t *)(uintptr_t)lower.data)[i] = byte_lower(lower.data[i]);
    http->host = lower;
}

/* What the headers from `from` on say: a block of trailers, of which there may be thousands, costs what it
 * has itself, in time and in memory. */
static void finish_request(struct tx *tx, uint16_t from)
{
    struct http2 *http2 = http2_of(tx);
    struct http *http = &http2->http;
    struct http_message *message = &http->message[TO_SERVER];
    bool asks = !message->line.data, named = message->known[HTTP_HOST] > from && !http2->authority.data;
    for (uint16_t i = from; i < message->header_count; i++) {
        const struct http_header *header = &message->headers[i];
        if (bytes_is(header->name, ":method")) {
            http->method = header->value;
            asks = true;
        } else if (bytes_is(header->name, ":path")) {
            http->uri = http->uri_raw = header->value;
            asks = true;
        } else if (bytes_is(header->name, ":authority")) {
            http2->authority = header->value;
            named = true;
        }
    }
    const struct http_header *host = http_field(message, HTTP_HOST);
    if (http2->authority.data && host && !bytes_equal_nocase(http2->authority, host->value))
        tx_event(tx, HTTP2_EVENT_AUTHORITY_HOST_MISMATCH);
    if (named)
        set_authority(tx, http2->authority.data ? http2->authority : host->value);
    http->head = bytes_is(http->method, "HEAD");
    join_cookies(tx, message, from);
    struct bytes parts[] = { http->method, BYTES_OF(" "), http->uri_raw, BYTES_OF(" HTTP/2\r\n") };
    if (asks)
        message->line = joined(tx, parts, COUNT_OF(parts));
}

static void finish_response(struct tx *tx)
{
    struct http *http = &http2_of(tx)->http;
    struct http_message *message = &http->message[TO_CLIENT];
    uint64_t number = 0;
    const struct http_header *status = message->line.data ? NULL
                                                          : http_header_named(message, BYTES_OF(":status"));
    if (!status)
        return;
    if (status->value.size == 3 && status->value.data[0] == '1') { /* the real response follows */
        *message = (struct http_message){ .protocol = message->protocol };
        http2_of(tx)->header_room[TO_CLIENT] = 0;
        return;
    }
    http->status_code = status->value;
    http->status = bytes_to_u64(status->value, &number) && number < 1000 ? (uint16_t)number : 0;
    struct bytes parts[] = { BYTES_OF("HTTP/2 "), status->value, BYTES_OF("\r\n") };
    message->line = joined(tx, parts, COUNT_OF(parts));
}

void http2_finish_headers(struct tx *tx, enum direction direction)
{
    struct http_message *message = &http2_of(tx)->http.message[direction];
    uint16_t *told = &http2_of(tx)->headers_told[direction];
    if (message->header_count != *told || !message->raw.data) {
        message->normal = message->names = message->start = BYTES_NONE;
        message->raw = BYTES_OF("");
        if (direction == TO_SERVER)
            finish_request(tx, *told);
        else
            finish_response(tx);
        *told = message->header_count;
    }
    if (message->header_count == 0)
        return;
    tx->progress[direction] = MAX(tx->progress[direction], (uint8_t)HTTP_HEADERS);
}

/* ---- HPACK ---- */

static bool open_inflater(struct http2_state *state, struct http2_end *end)
{
    if (end->inflater)
        return true;
    /* Either side may announce a larger table; what was announced before the capture is not known. */
    return nghttp2_hd_inflate_new(&end->inflater) == 0 &&
           nghttp2_hd_inflate_change_table_size(end->inflater, state->settings->table_max) == 0;
}

/* An integer with a 5-bit prefix (RFC 7541 section 5.1). False when it is not whole or too large. */
static bool read_integer(struct reader *in, uint64_t *value)
{
    *value = reader_u8(in) & 0x1f;
    if (*value < 0x1f)
        return reader_ok(in);
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t octet = reader_u8(in);
        *value += (uint64_t)(octet & 0x7f) << shift;
        if (!(octet & 0x80))
            return reader_ok(in) && *value <= UINT32_MAX;
    }
    return false;
}

/* A block that stands for so much more than its own size repeats entries of the table. */
#define REPEATED_MAX   65536U
#define REPEATED_RATIO 16U

/* Dynamic table size updates stand at the start of a block (section 4.2). */
static void note_table_sizes(struct tx *tx, enum direction direction, struct bytes block, uint32_t most)
{
    struct reader in = reader_of_bytes(block);
    while (!reader_empty(&in) && (reader_peek(&in).data[0] & 0xe0) == 0x20) {
        uint64_t size;
        if (!read_integer(&in, &size)) {
            tx_event(tx, HTTP2_EVENT_HEADER_INTEGER_OVERFLOW);
            return;
        }
        if (size > most)
            tx_event(tx, HTTP2_EVENT_HEADER_TABLE_OVERFLOW);
        http2_add_value(tx,
                        (struct http2_value){ .kind = HTTP2_TABLE_SIZE,
                                              .direction = (uint8_t)direction,
                                              .header = http2_of(tx)->http.message[direction].header_count,
                                              .value = (uint32_t)size });
    }
}

/* The field is an index (section 6.1), whole and of a usual size: what fails is that there is no such entry.
 */
static bool names_an_entry(struct bytes block)
{
    if (block.size == 0 || !(block.data[0] & 0x80))
        return false;
    if ((block.data[0] & 0x7f) < 0x7f)
        return true;
    for (size_t i = 1; i < MIN(block.size, (size_t)5); i++)
        if (!(block.data[i] & 0x80))
            return true;
    return false;
}

bool http2_header_block(struct http2_state *state, struct tx *tx, enum direction direction,
                        struct bytes block)
{
    struct http2_end *end = &state->end[direction];
    bool room = tx != NULL;
    size_t written = block.size, told = 0; /* bytes of the block, and of the fields it stands for */
    if (end->lost || !open_inflater(state, end))
        return false;
    if (tx)
        note_table_sizes(tx, direction, block, state->settings->table_max);
    for (;;) {
        nghttp2_nv field;
        int flags = 0;
        ssize_t taken = nghttp2_hd_inflate_hd2(end->inflater, &field, &flags, block.data, block.size, 1);
        if (taken < 0) {
            end->lost = true;
            if (tx)
                tx_event(tx,
                         names_an_entry(block) ? HTTP2_EVENT_INVALID_HEADER : HTTP2_EVENT_INVALID_FRAME_DATA);
            return false;
        }
        block = bytes_from(block, (size_t)taken);
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) && room) {
            room = http2_add_header(tx, direction, bytes_of(field.name, field.namelen),
                                    bytes_of(field.value, field.valuelen));
            if (!room)
                tx_event(tx, HTTP2_EVENT_REASSEMBLY_LIMIT_REACHED);
            told += field.namelen + field.valuelen;
            if (told - (field.namelen + field.valuelen) <= REPEATED_MAX && told > REPEATED_MAX &&
                told / REPEATED_RATIO > written)
                tx_event(tx, HTTP2_EVENT_TOO_LONG_REPEATED_HEADERS);
        }
        if (flags & NGHTTP2_HD_INFLATE_FINAL) {
            nghttp2_hd_inflate_end_headers(end->inflater);
            return true;
        }
        if (!(flags & NGHTTP2_HD_INFLATE_EMIT) && block.size == 0)
            return true;
    }
}
