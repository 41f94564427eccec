/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 connections: frames, header blocks over several frames, the streams they belong to (RFC 9113
 * sections 3 to 6). DATA is taken as it comes, all other frames when they are whole. */
#include <nghttp2/nghttp2.h>

#include "proto/http2.h"

#define FRAME_HEAD    9U
#define FRAME_DEFAULT 16384U /* largest payload unless the receiver allows more */
#define CLIENT_MAGIC  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

enum { FLAG_END_STREAM = 1, FLAG_ACK = 1, FLAG_END_HEADERS = 4, FLAG_PADDED = 8, FLAG_PRIORITY = 32 };
enum { FRAME_HDR, FRAME_DATA, FRAME_PDU };

/* Bodies are followed to their end and shown as they come. */
static const struct http_settings body_settings = {
    .decompress_layers = 2,
    .headers_max = 1024,
    .body_inline = 1,
};

struct frame_head {
    uint32_t size, stream;
    uint8_t type, flags;
};

/* One call of the parser. */
struct feed {
    struct session *session;
    struct http2_state *state;
    struct http2_end *end;
    enum direction direction;
    struct reader *in;
    struct tx **ended; /* the stream that this call ended last */
};

/* ---- streams ---- */

static struct tx **chain_of(struct http2_state *state, uint32_t stream)
{
    return &state->streams[(stream * 0x9e3779b1U >> 16) % HTTP2_CHAINS];
}

static void forget_stream(struct tx *tx)
{
    struct http2 *http2 = http2_of(tx);
    if (!http2->before)
        return;
    *http2->before = http2->beside;
    if (http2->beside)
        http2_of(http2->beside)->before = http2->before;
    http2->beside = NULL;
    http2->before = NULL;
}

static void remember_stream(struct http2_state *state, struct tx *tx)
{
    struct http2 *http2 = http2_of(tx);
    struct tx **chain = chain_of(state, http2->stream);
    http2->beside = *chain;
    if (*chain)
        http2_of(*chain)->before = &http2->beside;
    http2->before = chain;
    *chain = tx;
}

/* Streams that are over are forgotten on the way, so that thousands of them do not stand before an open one.
 */
static struct tx *find_stream(const struct feed *feed, uint32_t stream)
{
    struct tx *next;
    for (struct tx *tx = *chain_of(feed->state, stream); tx; tx = next) {
        next = http2_of(tx)->beside;
        if (tx->progress[TO_SERVER] == HTTP_COMPLETE && tx->progress[TO_CLIENT] == HTTP_COMPLETE)
            forget_stream(tx);
        else if (http2_of(tx)->stream == stream &&
                 !(tx_complete(feed->session, tx, TO_SERVER) && tx_complete(feed->session, tx, TO_CLIENT)))
            return tx;
    }
    return NULL;
}

static struct tx *new_tx(struct session *session, struct http2_state *state, uint32_t stream)
{
    struct tx *tx = session_tx(session);
    if (!tx)
        return NULL;
    struct http2 *http2 = http2_of(tx);
    http2->stream = stream;
    if (stream)
        remember_stream(state, tx);
    http2->http.message[TO_SERVER].protocol = http2->http.message[TO_CLIENT].protocol = BYTES_OF("HTTP/2");
    http2->http.status_text = BYTES_OF("");
    return tx;
}

/* A frame that is about the connection. */
static struct tx *connection_tx(const struct feed *feed)
{
    struct tx *tx = new_tx(feed->session, feed->state, 0);
    if (tx)
        tx_finish_both(tx);
    return tx;
}

/* Whether `most` streams or more are open. */
static bool is_crowded(const struct session *session, uint32_t most)
{
    uint32_t count = 0;
    const struct tx *tx = session->shed_from ? session->shed_from : session->txs;
    for (; session->tx_count >= most && tx && count < most; tx = tx->next)
        count += tx->protocol->stream == http2_stream && http2_of(tx)->stream != 0 &&
                 !(tx_complete(session, tx, TO_SERVER) && tx_complete(session, tx, TO_CLIENT));
    return count >= most;
}

/* The transaction of a stream, made when it is new. NULL: closed long ago, or out of memory. */
static struct tx *stream_tx(const struct feed *feed, uint32_t stream, uint8_t type)
{
    struct tx *tx = find_stream(feed, stream), *ended = *feed->ended;
    /* A server that has answered tells so that it needs no more of the request (section 8.1). */
    if (!tx && type == HTTP2_RST_STREAM && ended && !ended->dead && http2_of(ended)->stream == stream)
        return ended;
    uint32_t *highest = &feed->state->highest[stream & 1];
    if (tx)
        return tx;
    bool closed = stream <= *highest;
    /* What trails behind a closed stream is no stream of its own. */
    if (closed && type != HTTP2_HEADERS && type != HTTP2_RST_STREAM)
        return NULL;
    bool crowded = is_crowded(feed->session, feed->state->settings->streams_max);
    tx = new_tx(feed->session, feed->state, stream);
    if (!tx)
        return NULL;
    if (crowded)
        tx_event(tx, HTTP2_EVENT_TOO_MANY_STREAMS);
    if (closed && type == HTTP2_HEADERS)
        tx_event(tx, HTTP2_EVENT_STREAM_ID_REUSE);
    if (type == HTTP2_HEADERS)
        *highest = MAX(*highest, stream);
    return tx;
}

static void end_side(const struct feed *feed, struct tx *tx, enum direction direction)
{
    struct http2_side *side = &http2_of(tx)->side[direction];
    if (side->ended)
        return;
    side->ended = true;
    http_body_end(&side->body, false);
    http2_dns_end(feed->session, tx, direction);
    tx_finish(tx, direction);
    *feed->ended = tx;
}

static void reset_stream(struct tx *tx)
{
    for (int d = 0; d < DIRECTIONS; d++) {
        struct http2_side *side = &http2_of(tx)->side[d];
        if (!side->ended)
            http_body_end(&side->body, true);
        side->ended = true;
    }
    tx_finish_both(tx);
}

/* ---- frames that are whole ---- */

static void add_number(const struct feed *feed, struct tx *tx, enum http2_number kind, uint8_t frame,
                       uint32_t value)
{
    http2_add_value(tx, (struct http2_value){ .kind = (uint8_t)kind,
                                              .direction = (uint8_t)feed->direction,
                                              .frame = frame,
                                              .value = value });
}

static void count_frame(const struct feed *feed, struct tx *tx, uint8_t type)
{
    struct http2 *http2 = http2_of(tx);
    add_number(feed, tx, HTTP2_FRAME, type, type);
    if (http2->frames++ == feed->state->settings->frames_max)
        tx_event(tx, HTTP2_EVENT_TOO_MANY_FRAMES);
}

static void take_settings(const struct feed *feed, struct tx *tx, const struct frame_head *head,
                          struct reader *payload)
{
    for (size_t i = 0; i < head->size / 6; i++) {
        uint16_t setting = reader_be16(payload);
        http2_add_value(tx, (struct http2_value){ .kind = HTTP2_SETTING,
                                                  .direction = (uint8_t)feed->direction,
                                                  .frame = HTTP2_SETTINGS,
                                                  .setting = setting,
                                                  .value = reader_be32(payload) });
    }
}

static bool strip_padding(const struct frame_head *head, struct reader *payload, struct bytes *content)
{
    uint8_t padding = head->flags & FLAG_PADDED ? reader_u8(payload) : 0;
    *content = reader_rest(payload);
    if (!reader_ok(payload) || padding > content->size)
        return false;
    *content = bytes_first(*content, content->size - padding);
    return true;
}

/* A trailer, or the fields of a message; 1xx responses are replaced by what follows them. */
static void take_block(const struct feed *feed, uint32_t stream, struct bytes block, bool ends)
{
    struct tx *tx = find_stream(feed, stream);
    enum direction direction = feed->direction;
    bool promised = feed->end->block_type == HTTP2_PUSH_PROMISE;
    if (!http2_header_block(feed->state, promised ? NULL : tx, direction, block) || !tx || promised)
        return;
    http2_finish_headers(tx, direction);
    if (ends)
        end_side(feed, tx, direction);
}

static void block_done(const struct feed *feed)
{
    struct http2_end *end = feed->end;
    if (end->block_cut)
        end->lost = true;
    else
        take_block(feed, end->block_stream, text_bytes(&end->block), end->block_ends);
    end->block_stream = 0;
    end->block_cut = false;
    text_done(&end->block);
}

static void block_more(const struct feed *feed, struct tx *tx, struct bytes fragment)
{
    struct http2_end *end = feed->end;
    if (end->block_cut)
        return;
    text_put(&end->block, fragment);
    if (!end->block.full)
        return;
    end->block_cut = true;
    if (tx)
        tx_event(tx, HTTP2_EVENT_REASSEMBLY_LIMIT_REACHED);
}

static void take_headers(const struct feed *feed, struct tx *tx, const struct frame_head *head,
                         struct reader *payload)
{
    struct http2_end *end = feed->end;
    struct bytes fragment;
    bool good = strip_padding(head, payload, &fragment);
    struct reader rest = reader_of_bytes(fragment);
    if (head->type == HTTP2_PUSH_PROMISE)
        reader_skip(&rest, 4);
    if (head->type == HTTP2_HEADERS && head->flags & FLAG_PRIORITY) {
        reader_skip(&rest, 4);
        uint8_t weight = reader_u8(&rest);
        if (tx && reader_ok(&rest))
            add_number(feed, tx, HTTP2_WEIGHT, head->type, weight);
    }
    if (!good || !reader_ok(&rest)) {
        if (tx)
            tx_event(tx, HTTP2_EVENT_INVALID_FRAME_DATA);
        end->lost = true;
        return;
    }
    text_done(&end->block);
    end->block = text_new((size_t)feed->state->settings->block_max);
    end->block_stream = head->stream;
    end->block_type = head->type;
    end->block_ends = head->type == HTTP2_HEADERS && head->flags & FLAG_END_STREAM;
    end->block_cut = false;
    block_more(feed, tx, reader_rest(&rest));
    if (head->flags & FLAG_END_HEADERS)
        block_done(feed);
}

static void take_continuation(const struct feed *feed, struct tx *tx, const struct frame_head *head,
                              struct reader *payload)
{
    if (feed->end->block_stream != head->stream || !head->stream) {
        if (tx && head->stream)
            tx_event(tx, HTTP2_EVENT_CONTINUATION_WITHOUT_HEADERS);
        return;
    }
    block_more(feed, tx, reader_rest(payload));
    if (head->flags & FLAG_END_HEADERS)
        block_done(feed);
}

/* RFC 9113 sections 6.3, 6.4, 6.8, 6.9. */
static bool has_its_size(const struct frame_head *head)
{
    switch (head->type) {
    case HTTP2_PRIORITY:
        return head->size == 5;
    case HTTP2_GOAWAY:
        return head->size >= 8;
    default:
        return head->size == 4;
    }
}

static void take_number(const struct feed *feed, struct tx *tx, const struct frame_head *head,
                        struct reader *payload)
{
    enum http2_number kind = HTTP2_ERROR;
    uint32_t value;
    if (head->type == HTTP2_PRIORITY) {
        reader_skip(payload, 4);
        value = reader_u8(payload);
        kind = HTTP2_WEIGHT;
    } else {
        if (head->type == HTTP2_GOAWAY)
            reader_skip(payload, 4);
        value = reader_be32(payload);
        if (head->type == HTTP2_WINDOW_UPDATE) {
            kind = HTTP2_WINDOW;
            value &= 0x7fffffffU;
        }
    }
    if (has_its_size(head))
        add_number(feed, tx, kind, head->type, value);
    else
        tx_event(tx, HTTP2_EVENT_INVALID_FRAME_LENGTH);
    if (head->type == HTTP2_RST_STREAM && head->stream)
        reset_stream(tx);
}

static void take_frame(const struct feed *feed, const struct frame_head *head, struct bytes payload)
{
    struct reader in = reader_of_bytes(payload);
    if (head->type == HTTP2_SETTINGS && head->size == 0)
        return; /* an acknowledgment, or nothing to say */
    struct tx *tx = head->stream ? stream_tx(feed, head->stream, head->type) : connection_tx(feed);
    bool block = head->type == HTTP2_HEADERS || head->type == HTTP2_PUSH_PROMISE ||
                 head->type == HTTP2_CONTINUATION;
    if (tx)
        count_frame(feed, tx, head->type);
    if (!tx && !block)
        return;
    switch (head->type) {
    case HTTP2_SETTINGS:
        take_settings(feed, tx, head, &in);
        break;
    case HTTP2_HEADERS:
    case HTTP2_PUSH_PROMISE: /* also without a transaction: the compression state has to follow */
        take_headers(feed, tx, head, &in);
        break;
    case HTTP2_CONTINUATION:
        take_continuation(feed, tx, head, &in);
        break;
    case HTTP2_PRIORITY:
    case HTTP2_RST_STREAM:
    case HTTP2_GOAWAY:
    case HTTP2_WINDOW_UPDATE:
        take_number(feed, tx, head, &in);
        break;
    default: /* PING, extensions */
        break;
    }
}

/* ---- DATA, and frames that are passed over ---- */

static void data_done(const struct feed *feed)
{
    struct http2_end *end = feed->end;
    struct tx *tx = end->stream ? find_stream(feed, end->stream) : NULL;
    if (tx && end->ends)
        end_side(feed, tx, feed->direction);
    end->stream = 0;
    end->ends = false;
    end->padding = 0;
}

static void take_data(const struct feed *feed, struct bytes data)
{
    struct http2_end *end = feed->end;
    uint64_t content = end->left > end->padding ? end->left - end->padding : 0;
    struct bytes part = bytes_first(data, (size_t)MIN(content, (uint64_t)data.size));
    struct tx *tx = end->stream ? find_stream(feed, end->stream) : NULL;
    end->left -= data.size;
    if (tx && part.size && !http2_of(tx)->side[feed->direction].ended) {
        struct http2_side *side = &http2_of(tx)->side[feed->direction];
        if (!side->body.tx)
            http_body_start(&side->body, feed->session, tx, feed->direction, &body_settings, NULL);
        http2_of(tx)->http.message[feed->direction].size += part.size;
        http_body_data(&side->body, part);
        http2_dns_data(tx, feed->direction);
    }
    if (end->left == 0)
        data_done(feed);
}

/* False: the padding is not there yet. */
static bool begin_data(const struct feed *feed, const struct frame_head *head)
{
    struct http2_end *end = feed->end;
    bool padded = head->flags & FLAG_PADDED && head->size > 0;
    struct bytes bytes = reader_peek(feed->in);
    if (padded && bytes.size < FRAME_HEAD + 1)
        return false;
    struct tx *tx = head->stream ? stream_tx(feed, head->stream, head->type) : connection_tx(feed);
    if (tx)
        count_frame(feed, tx, head->type);
    if (tx && !head->stream)
        tx_event(tx, HTTP2_EVENT_DATA_STREAM_ZERO);
    if (tx && head->size > FRAME_DEFAULT)
        tx_event(tx, HTTP2_EVENT_LONG_FRAME_DATA);
    reader_skip(feed->in, FRAME_HEAD + padded);
    end->left = head->size - padded;
    end->padding = padded ? bytes.data[FRAME_HEAD] : 0;
    end->stream = head->stream;
    end->ends = head->flags & FLAG_END_STREAM;
    if (end->left == 0)
        data_done(feed);
    return true;
}

static void begin_skip(const struct feed *feed, const struct frame_head *head)
{
    struct tx *tx = head->stream ? find_stream(feed, head->stream) : connection_tx(feed);
    if (tx)
        tx_event(tx, HTTP2_EVENT_LONG_FRAME_DATA);
    if (head->type == HTTP2_HEADERS || head->type == HTTP2_PUSH_PROMISE || head->type == HTTP2_CONTINUATION)
        feed->end->lost = true;
    reader_skip(feed->in, FRAME_HEAD);
    feed->end->left = head->size;
    feed->end->stream = 0;
}

/* ---- the stream of bytes ---- */

static void note_frames(const struct feed *feed, const struct frame_head *head, const uint8_t *at)
{
    struct tx *tx = head->stream ? find_stream(feed, head->stream) : NULL;
    (void)session_frame(feed->session, feed->direction, FRAME_PDU, at, (uint64_t)head->size + FRAME_HEAD, tx);
    (void)session_frame(feed->session, feed->direction, FRAME_HDR, at, FRAME_HEAD, tx);
    if (head->size)
        (void)session_frame(feed->session, feed->direction, FRAME_DATA, at + FRAME_HEAD, head->size, tx);
}

static struct frame_head read_head(struct bytes data)
{
    struct reader in = reader_of_bytes(data);
    struct frame_head head = { .size = reader_be24(&in) };
    head.type = reader_u8(&in);
    head.flags = reader_u8(&in);
    head.stream = reader_be32(&in) & 0x7fffffffU;
    return head;
}

enum step { STEP_ON, STEP_MORE, STEP_BAD };

static enum step read_frame(const struct feed *feed)
{
    struct bytes data = reader_peek(feed->in);
    if (data.size < FRAME_HEAD)
        return STEP_MORE;
    struct frame_head head = read_head(data);
    if (head.type > HTTP2_CONTINUATION && head.size > FRAME_DEFAULT && !head.stream) {
        struct tx *tx = connection_tx(feed);
        if (tx)
            tx_event(tx, HTTP2_EVENT_INVALID_FRAME_HEADER);
        return STEP_BAD;
    }
    if (head.type == HTTP2_DATA) {
        struct bytes at = data;
        if (!begin_data(feed, &head))
            return STEP_MORE;
        note_frames(feed, &head, at.data);
        return STEP_ON;
    }
    if (head.size > feed->state->settings->block_max) {
        begin_skip(feed, &head);
        return STEP_ON;
    }
    if (data.size < FRAME_HEAD + head.size)
        return STEP_MORE;
    reader_skip(feed->in, FRAME_HEAD + head.size);
    take_frame(feed, &head, bytes_of(data.data + FRAME_HEAD, head.size));
    note_frames(feed, &head, data.data);
    return STEP_ON;
}

static enum step read_magic(const struct feed *feed)
{
    struct bytes data = reader_peek(feed->in), magic = BYTES_OF(CLIENT_MAGIC);
    struct bytes first = bytes_first(data, magic.size);
    if (!bytes_starts(magic, first)) {
        struct tx *tx = connection_tx(feed);
        if (tx)
            tx_event(tx, HTTP2_EVENT_INVALID_CLIENT_MAGIC);
        return STEP_BAD;
    }
    if (first.size < magic.size)
        return STEP_MORE;
    reader_skip(feed->in, magic.size);
    feed->end->magic = true;
    return STEP_ON;
}

/* Tells the session how much of its memory is held here. */
static void tell_held(struct session *session, struct http2_state *state)
{
    enum { INFLATER_SIZE = 4096 };
    size_t held = 0;
    for (int d = 0; d < DIRECTIONS; d++) {
        const struct http2_end *end = &state->end[d];
        held += end->block.capacity;
        held += end->inflater ? INFLATER_SIZE + nghttp2_hd_inflate_get_dynamic_table_size(end->inflater) : 0;
    }
    session_holds(session, &state->held, held);
}

bool http2_stream(struct session *session, void *state, enum direction direction, struct reader *in,
                  unsigned flags)
{
    struct http2_state *connection = state;
    struct tx *ended = NULL;
    struct feed feed = { session, connection, &connection->end[direction], direction, in, &ended };
    (void)flags;
    enum step step = STEP_ON;
    while (step == STEP_ON && !reader_empty(in)) {
        if (feed.end->left)
            take_data(&feed, reader_bytes(in, (size_t)MIN(feed.end->left, (uint64_t)reader_left(in))));
        else if (direction == TO_SERVER && !feed.end->magic)
            step = read_magic(&feed);
        else
            step = read_frame(&feed);
    }
    tell_held(session, connection);
    return step != STEP_BAD;
}

bool http2_gap(struct session *session, void *state, enum direction direction, uint64_t size)
{
    struct http2_state *connection = state;
    struct http2_end *end = &connection->end[direction];
    struct tx *ended = NULL;
    struct feed feed = { session, connection, end, direction, NULL, &ended };
    if (size > end->left) /* where the next frame begins is not known */
        return false;
    struct tx *tx = end->stream ? find_stream(&feed, end->stream) : NULL;
    if (tx && http2_of(tx)->side[direction].body.tx)
        http_body_gap(&http2_of(tx)->side[direction].body, size);
    end->left -= size;
    if (end->left == 0)
        data_done(&feed);
    return true;
}

enum probe http2_probe(enum direction direction, struct bytes data)
{
    struct bytes magic = BYTES_OF(CLIENT_MAGIC);
    if (direction == TO_SERVER) {
        struct bytes first = bytes_first(data, magic.size);
        if (!bytes_starts(magic, first))
            return PROBE_NO;
        return first.size == magic.size ? PROBE_YES : PROBE_MORE;
    }
    /* A server begins with a SETTINGS frame on the connection (section 3.4). */
    if (data.size < FRAME_HEAD)
        return data.size && data.data[0] ? PROBE_NO : PROBE_MORE;
    struct frame_head head = read_head(data);
    return head.type == HTTP2_SETTINGS && head.stream == 0 && head.flags == 0 && head.size % 6 == 0 &&
                   head.size <= 96
               ? PROBE_YES
               : PROBE_NO;
}

/* ---- opening and closing ---- */

/* The value of HTTP2-Settings is a SETTINGS payload in base64url (RFC 7540 section 3.2.1). */
static void take_upgrade_settings(const struct feed *feed, struct bytes value)
{
    uint8_t room[6 * 64];
    size_t size = 0;
    uint32_t bits = 0, held = 0;
    bool good = true;
    for (size_t i = 0; i < value.size && size < sizeof room && value.data[i] != '='; i++) {
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        const char *digit = value.data[i] ? strchr(digits, value.data[i]) : NULL;
        good = good && digit;
        bits = bits << 6 | (digit ? (uint32_t)(digit - digits) : 0);
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        room[size++] = (uint8_t)(bits >> held);
    }
    struct tx *tx = connection_tx(feed);
    if (!tx)
        return;
    if (!good || size % 6) {
        tx_event(tx, HTTP2_EVENT_INVALID_HTTP1_SETTINGS);
        return;
    }
    struct reader payload = reader_of(room, size);
    const struct frame_head head = { .size = (uint32_t)size, .type = HTTP2_SETTINGS };
    count_frame(feed, tx, HTTP2_SETTINGS);
    take_settings(feed, tx, &head, &payload);
}

/* The request that asked for the upgrade is stream 1 (RFC 7540 section 3.2). */
static void take_upgrade(struct session *session, struct http2_state *state)
{
    const struct http *asked = NULL;
    for (const struct tx *tx = session->txs; tx; tx = tx->next)
        if (tx->protocol == &http_protocol)
            asked = (const struct http *)(const void *)tx->record;
    if (!asked || asked->status != 101)
        return;
    struct tx *tx = new_tx(session, state, 1);
    if (!tx)
        return;
    struct tx *ended = NULL;
    const struct feed feed = { session, state, &state->end[TO_SERVER], TO_SERVER, NULL, &ended };
    state->highest[1] = 1;
    count_frame(&feed, tx, HTTP2_HEADERS);
    const struct http_message *message = &asked->message[TO_SERVER];
    bool good = http2_add_header(tx, TO_SERVER, BYTES_OF(":method"), asked->method) &&
                http2_add_header(tx, TO_SERVER, BYTES_OF(":path"), asked->uri_raw);
    const struct http_header *host = http_field(message, HTTP_HOST);
    if (good && host)
        good = http2_add_header(tx, TO_SERVER, BYTES_OF(":authority"), host->value);
    for (uint16_t i = 0; good && i < message->header_count; i++) {
        const struct http_header *header = &message->headers[i];
        if (header->field != HTTP_HOST && !bytes_equal_nocase(header->name, BYTES_OF("HTTP2-Settings")))
            good = http2_add_header(tx, TO_SERVER, header->name, header->value);
    }
    http2_finish_headers(tx, TO_SERVER);
    http2_of(tx)->side[TO_SERVER].ended = true;
    tx_finish(tx, TO_SERVER);
    const struct http_header *told = http_header_named(message, BYTES_OF("HTTP2-Settings"));
    if (told)
        take_upgrade_settings(&feed, told->value);
}

void http2_open(struct session *session, void *state)
{
    struct http2_state *connection = state;
    const struct http2_settings *settings = session_options(session, &http2_protocol);
    connection->settings = settings ? settings : &http2_settings_default;
    take_upgrade(session, connection);
}

void http2_close(struct session *session, void *state)
{
    struct http2_state *connection = state;
    for (int d = 0; d < DIRECTIONS; d++) {
        if (connection->end[d].inflater)
            nghttp2_hd_inflate_del(connection->end[d].inflater);
        connection->end[d].inflater = NULL;
        text_done(&connection->end[d].block);
    }
    for (size_t i = 0; i < HTTP2_CHAINS; i++)
        while (connection->streams[i])
            forget_stream(connection->streams[i]);
    tell_held(session, connection);
}

void http2_tx_close(struct tx *tx)
{
    struct http2 *http2 = http2_of(tx);
    forget_stream(tx);
    for (int d = 0; d < DIRECTIONS; d++) {
        http_body_abandon(&http2->side[d].body);
        struct http_message *message = &http2->http.message[d];
        if (message->body_hidden && message->body)
            file_free(message->body);
    }
}
