/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1 message framing in both directions (RFC 9112), as lenient receivers do it. */
#include "proto/http.h"

#define LINE_MAX_SIZE  18000U         /* of a start line or header line */
#define BLOCK_MAX_SIZE (192U * 1024U) /* of a header block */
#define JUNK_MAX_SIZE  64U            /* of a line before the status line that receivers skip */
#define CHUNK_MAX      INT32_MAX
#define ODDITIES_MAX   512U

enum phase {
    PHASE_LINE,
    PHASE_HEADERS,
    PHASE_LENGTH, /* body of known size */
    PHASE_CHUNK_SIZE,
    PHASE_CHUNK,
    PHASE_CHUNK_END,
    PHASE_TRAILER,
    PHASE_CLOSE,  /* body until the connection closes */
    PHASE_DOUBT,  /* a response that may not have a body says it has one: the next bytes tell */
    PHASE_TUNNEL, /* waits for the answer to CONNECT or an upgrade */
    PHASE_RESYNC, /* after a gap: looks for the start of a message */
    PHASE_IGNORE,
};

/* One call of the parser. */
struct call {
    struct session *session;
    struct http_state *state;
    struct http_side *side;
    const struct http_settings *settings;
    struct reader *in;
    enum direction direction;
    bool last;
};

static struct http *record(const struct http_side *side)
{
    return (struct http *)side->tx->record;
}

static struct http_message *message(const struct call *call)
{
    return &record(call->side)->message[call->direction];
}

static void event(const struct call *call, enum http_event request, enum http_event response)
{
    if (call->side->tx)
        tx_event(call->side->tx, (uint8_t)(call->direction == TO_SERVER ? request : response));
}

static void attach(const struct call *call, struct tx *tx)
{
    call->side->tx = tx;
    if (tx)
        ((struct http *)tx->record)->side[call->direction] = call->side;
}

static void detach(struct http_side *side, enum direction direction)
{
    if (side->tx)
        record(side)->side[direction] = NULL;
    side->tx = NULL;
}

void http_tx_close(struct tx *tx)
{
    struct http *http = (struct http *)tx->record;
    for (int d = 0; d < DIRECTIONS; d++) {
        if (http->side[d] && http->side[d]->tx == tx) {
            http->side[d]->tx = NULL;
            http_body_abandon(&http->side[d]->body);
        }
        if (http->message[d].body && http->message[d].body_hidden)
            file_free(http->message[d].body);
    }
}

void http_close(struct session *session, void *state)
{
    (void)session;
    struct http_state *http = state;
    for (int d = 0; d < DIRECTIONS; d++) {
        http_body_abandon(&http->side[d].body);
        detach(&http->side[d], (enum direction)d);
    }
}

/* ---- the end of messages ---- */

/* The connection ended before the message did. An answer ends where its server closes; between two chunks it
 * is not over, and a request whose content is missing is none. */
static bool is_cut_off(const struct call *call)
{
    const struct http_side *side = call->side;
    if (!call->last)
        return false;
    bool between = side->phase == PHASE_CHUNK_SIZE || side->phase == PHASE_CHUNK_END;
    bool inside = side->phase == PHASE_LENGTH || side->phase == PHASE_CHUNK;
    return between || (inside && side->left > 0 && call->direction == TO_SERVER);
}

/* Whether an event is about how the message is written; what is said of hosts, ranges, forms and files is
 * not. */
static bool is_oddity(uint8_t event)
{
    switch ((enum http_event)event) {
    case HTTP_EVENT_MISSING_HOST_HEADER:
    case HTTP_EVENT_HOST_HEADER_AMBIGUOUS:
    case HTTP_EVENT_REQUEST_URI_HOST_INVALID:
    case HTTP_EVENT_REQUEST_HEADER_HOST_INVALID:
    case HTTP_EVENT_REQUEST_AUTH_UNRECOGNIZED:
    case HTTP_EVENT_RANGE_INVALID:
    case HTTP_EVENT_FILE_NAME_TOO_LONG:
    case HTTP_EVENT_MULTIPART_GENERIC_ERROR:
    case HTTP_EVENT_MULTIPART_NO_FILEDATA:
    case HTTP_EVENT_MULTIPART_INVALID_HEADER:
    case HTTP_EVENT_FAILED_PROTOCOL_CHANGE:
        return false;
    default:
        return true;
    }
}

/* A connection that is odd again and again is told so once. */
static void count_oddities(const struct call *call)
{
    struct tx *tx = call->side->tx;
    uint16_t *oddities = &call->state->oddities;
    if (!tx || *oddities >= ODDITIES_MAX)
        return;
    for (uint8_t *at = &record(call->side)->events_counted; *at < tx->event_count; ++*at)
        if (is_oddity(tx->events[*at]) && ++*oddities == ODDITIES_MAX) {
            tx_event(tx, HTTP_EVENT_TOO_MANY_WARNINGS);
            return;
        }
}

static void finish_message(const struct call *call)
{
    struct http_side *side = call->side;
    count_oddities(call);
    http_body_end(&side->body, is_cut_off(call));
    if (side->tx)
        tx_finish(side->tx, call->direction);
    /* A response that waited for the next request to be over ended where this direction stands. */
    session_frame_end(call->session, call->direction, side->frame,
                      call->in ? call->in->at : call->session->feed);
    side->frame = 0;
    detach(side, call->direction);
    side->phase = PHASE_LINE;
    side->scan = (struct http_scan_state){ 0 };
}

static void begin_body(const struct call *call)
{
    call->side->any_chunk = false;
    if (call->side->tx)
        call->side->tx->progress[call->direction] = HTTP_BODY;
    http_body_start(&call->side->body, call->session, call->side->tx, call->direction, call->settings,
                    &call->state->bombs);
}

/* Bytes of the body as they are on the wire. */
static void count(const struct call *call, size_t size)
{
    if (call->side->tx)
        message(call)->size += size;
}

static void body_bytes(const struct call *call, struct bytes data)
{
    count(call, data.size);
    http_body_data(&call->side->body, data);
}

/* True when `rest` begins a message, or may. */
static bool begins_message(const struct call *call, struct bytes rest)
{
    rest = http_skip_space(rest);
    if (rest.size == 0)
        return true;
    if (call->direction == TO_CLIENT) {
        struct bytes head = bytes_first(rest, 5);
        return bytes_starts_nocase(BYTES_OF("HTTP/"), head) || http_is_status_line(rest);
    }
    struct bytes word = http_word(rest);
    if (word.size == rest.size) { /* the method may go on */
        return http_may_be_method(word);
    }
    return http_is_method(word);
}

/* The part of `rest` that belongs to the body just finished: lines up to one that begins a message. */
static size_t surplus(const struct call *call, struct bytes rest)
{
    size_t size = 0, judged = 0; /* judged: lines up to here lead to a word that begins no message */
    while (size < rest.size) {
        struct bytes line = bytes_from(rest, size);
        struct bytes text = line;
        while (text.size && text.data[0] == ' ')
            text = bytes_from(text, 1);
        bool blank = text.size && (text.data[0] == '\n' || text.data[0] == '\r');
        if (!blank && size >= judged) {
            struct bytes word = http_skip_space(line);
            if (begins_message(call, word))
                break;
            judged = rest.size - word.size + 1;
        }
        size_t lf = bytes_find_byte(line, '\n');
        size += lf == SIZE_MAX ? line.size : lf + 1;
        if (call->direction == TO_SERVER && !blank)
            return rest.size;
    }
    return size;
}

/* A line too many is worth a word, part of one is not: it may be the beginning of anything. */
static bool is_unexpected(const struct call *call, struct bytes more)
{
    if (bytes_find_byte(more, '\n') == SIZE_MAX)
        return false;
    return call->direction == TO_CLIENT || (bytes_trim(more).size && !call->side->unknown_length);
}

/* What comes with the end of a message and does not begin another one belongs to its body for receivers. */
static void end_body(const struct call *call)
{
    struct bytes rest = reader_peek(call->in);
    bool chunked = call->side->phase == PHASE_TRAILER;
    size_t size = rest.size && call->side->tx ? surplus(call, rest) : 0;
    if (size) {
        if (call->side->phase == PHASE_HEADERS)
            begin_body(call);
        if (is_unexpected(call, bytes_first(rest, size)) && !(chunked && call->direction == TO_SERVER))
            event(call, HTTP_EVENT_REQUEST_BODY_UNEXPECTED, HTTP_EVENT_RESPONSE_BODY_UNEXPECTED);
        body_bytes(call, bytes_first(rest, size));
        reader_skip(call->in, size);
    }
    finish_message(call);
}

/* ---- after the headers ---- */

struct http_length http_length(struct bytes value)
{
    struct http_length length = { 0 };
    size_t start = 0;
    while (start < value.size && !byte_is_digit(value.data[start]))
        start++;
    size_t end = start;
    while (end < value.size && byte_is_digit(value.data[end]) && length.value < UINT64_MAX / 20)
        length.value = length.value * 10 + (uint64_t)(value.data[end++] - '0');
    for (size_t i = end; i < value.size; i++)
        length.several = length.several || (byte_is_digit(value.data[i]) && http_is_space(value.data[i - 1]));
    length.valid = end > start && (end == value.size || !byte_is_digit(value.data[end]));
    length.before = start > 0;
    length.after = end < value.size;
    return length;
}

static bool content_length(const struct call *call, uint64_t *length)
{
    const struct http_header *header = http_field(message(call), HTTP_CONTENT_LENGTH);
    call->side->unknown_length = false;
    if (!header)
        return false;
    struct http_length read = http_length(header->value);
    *length = read.value;
    call->side->unknown_length = !read.valid;
    if (!read.valid) {
        if (call->direction == TO_CLIENT)
            event(call, 0, HTTP_EVENT_INVALID_CONTENT_LENGTH_IN_RESPONSE);
        return false;
    }
    if (read.before)
        event(call, HTTP_EVENT_CONTENT_LENGTH_EXTRA_DATA_START, HTTP_EVENT_CONTENT_LENGTH_EXTRA_DATA_START);
    if (read.after)
        event(call, HTTP_EVENT_CONTENT_LENGTH_EXTRA_DATA_END, HTTP_EVENT_CONTENT_LENGTH_EXTRA_DATA_END);
    /* "34 68": clients disagree which one counts, so everything up to the close is read. */
    return !read.several || call->direction == TO_SERVER;
}

static bool is_chunked(const struct call *call)
{
    const struct http_header *header = http_field(message(call), HTTP_TRANSFER_ENCODING);
    if (!header)
        return false;
    bool exact = bytes_equal_nocase(header->value, BYTES_OF("chunked"));
    bool chunked = exact || http_value_has(header->value, "chunked");
    if (!chunked)
        call->side->unknown_length = true;
    if (chunked && call->direction == TO_SERVER && !bytes_is(message(call)->protocol, "HTTP/1.1"))
        tx_event(call->side->tx, HTTP_EVENT_INVALID_TRANSFER_ENCODING_IN_REQUEST);
    else if (chunked && !exact && call->direction == TO_CLIENT)
        tx_event(call->side->tx, HTTP_EVENT_RESPONSE_ABNORMAL_TRANSFER_ENCODING);
    return chunked;
}

static struct bytes lowered(const struct call *call, struct bytes b)
{
    uint8_t *copy = arena_new(&call->side->tx->memory, b.size + 1, 1);
    if (!copy)
        return BYTES_NONE;
    for (size_t i = 0; i < b.size; i++)
        copy[i] = byte_lower(b.data[i]);
    return bytes_of(copy, b.size);
}

/* The host is that of the target if it has one, else the Host field (RFC 9112 section 3.2.2). */
static void find_host(const struct call *call)
{
    struct http *http = record(call->side);
    struct tx *tx = call->side->tx;
    const struct http_header *header = http_field(&http->message[TO_SERVER], HTTP_HOST);
    if (!header) {
        if (bytes_is(http->message[TO_SERVER].protocol, "HTTP/1.1"))
            tx_event(tx, HTTP_EVENT_MISSING_HOST_HEADER);
        http->host_raw = http->uri_host;
    } else {
        struct bytes host;
        uint16_t port;
        if (!http_split_host(header->value, &host, &port))
            tx_event(tx, HTTP_EVENT_REQUEST_HEADER_HOST_INVALID);
        if (!http->uri_host.size) {
            http->port = port;
            http->host_raw = header->value;
            http->host = lowered(call, host);
        } else {
            http->host_raw = http->uri_host;
            if (!bytes_equal_nocase(host, http->uri_host) || (port && http->port && port != http->port))
                tx_event(tx, HTTP_EVENT_HOST_HEADER_AMBIGUOUS);
        }
    }
    if (!http->host.data && http->uri_host.data)
        http->host = lowered(call, http->uri_host);
    if (bytes_ends(http->host, BYTES_OF(".")))
        http->host.size--;
}

static void check_authorization(const struct call *call)
{
    const struct http_header *header = http_field(message(call), HTTP_AUTHORIZATION);
    static const char *const schemes[] = { "basic", "digest", "bearer" };
    if (!header)
        return;
    struct bytes scheme = http_word(header->value);
    for (size_t i = 0; i < COUNT_OF(schemes); i++)
        if (bytes_equal_nocase(scheme, bytes_of_string(schemes[i])))
            return;
    tx_event(call->side->tx, HTTP_EVENT_REQUEST_AUTH_UNRECOGNIZED);
}

/* Line ends too many are not the first bytes of a tunnel. */
static void skip_line_ends(const struct call *call)
{
    struct bytes rest = reader_peek(call->in);
    size_t size = 0;
    while (size < rest.size && (rest.data[size] == '\r' || rest.data[size] == '\n'))
        size++;
    count(call, size);
    reader_skip(call->in, size);
}

static bool request_headers_done(const struct call *call)
{
    struct http_side *side = call->side;
    find_host(call);
    check_authorization(call);
    http_judge_codings(side->tx, TO_SERVER, call->settings);
    uint64_t length = 0;
    bool sized = content_length(call, &length);
    if (record(side)->connect) {
        skip_line_ends(call);
        finish_message(call);
        side->phase = PHASE_TUNNEL;
        return true;
    }
    if (is_chunked(call)) {
        begin_body(call);
        side->phase = PHASE_CHUNK_SIZE;
    } else if (sized && length > 0) {
        begin_body(call);
        side->left = length;
        side->phase = PHASE_LENGTH;
    } else {
        end_body(call);
    }
    return true;
}

/* The connection changes its protocol (RFC 9110 section 7.8). */
static void upgrade(const struct call *call)
{
    const struct http_header *header = http_field(message(call), HTTP_UPGRADE);
    const struct protocol *expected = NULL;
    struct tx *tx = call->side->tx; /* finishing lets go of it */
    if (header && bytes_equal_nocase(header->value, BYTES_OF("websocket")))
        expected = protocol_find(BYTES_OF("websocket"));
    else if (header && bytes_starts_nocase(header->value, BYTES_OF("h2c")))
        expected = protocol_find(BYTES_OF("http2"));
    finish_message(call);
    call->state->side[TO_SERVER].phase = PHASE_TUNNEL;
    bool changes = expected ? session_become(call->session, expected) : session_change(call->session, NULL);
    if (!changes)
        tx_event(tx, HTTP_EVENT_FAILED_PROTOCOL_CHANGE);
}

/* 1xx other than 101: the real response follows. */
static void forget_interim(const struct call *call)
{
    struct http *http = record(call->side);
    if (http->continued && http->status == 100)
        tx_event(call->side->tx, HTTP_EVENT_CONTINUE_ALREADY_SEEN);
    http->continued = true;
    http->message[TO_CLIENT] = (struct http_message){ 0 };
    http->status_code = http->status_text = BYTES_NONE;
    http->status = 0;
    call->side->tx->progress[TO_CLIENT] = HTTP_STARTED;
    call->side->phase = PHASE_LINE;
}

/* Of several ranges the end is known by their boundary only (RFC 9110 section 14.6), which is not looked for.
 */
static void check_type(const struct call *call)
{
    const struct http_header *type = http_field(message(call), HTTP_CONTENT_TYPE);
    if (type && bytes_starts_nocase(type->value, BYTES_OF("multipart/byteranges")))
        tx_event(call->side->tx, HTTP_EVENT_RESPONSE_MULTIPART_BYTERANGES);
}

static void response_body(const struct call *call)
{
    struct http_side *side = call->side;
    if (side->framing == PHASE_CHUNK_SIZE && !bytes_is(message(call)->protocol, "HTTP/1.1"))
        tx_event(side->tx, HTTP_EVENT_RESPONSE_CHUNKED_OLD_PROTO);
    if (side->framing == PHASE_CLOSE)
        check_type(call);
    begin_body(call);
    side->phase = side->framing;
    if (side->phase == PHASE_LENGTH && side->left == 0)
        end_body(call);
}

static bool response_headers_done(const struct call *call)
{
    struct http_side *side = call->side;
    struct http *http = record(side);
    uint64_t length = 0;
    bool sized = content_length(call, &length), chunked = is_chunked(call);
    bool framed = sized || chunked;
    http_judge_codings(side->tx, TO_CLIENT, call->settings);
    if (http->status == 101 && framed)
        tx_event(side->tx, HTTP_EVENT_SWITCHING_PROTO_WITH_CONTENT_LENGTH);
    if (http->connect && http->status >= 200 && http->status < 300) {
        skip_line_ends(call);
        struct tx *tx = side->tx;
        finish_message(call);
        if (!session_change(call->session, NULL))
            tx_event(tx, HTTP_EVENT_FAILED_PROTOCOL_CHANGE);
        return true;
    }
    if (http->status == 101 && !framed) {
        upgrade(call);
        return true;
    }
    bool nothing = !framed || (http->status == 100 && !chunked && length == 0);
    if (http->status >= 100 && http->status < 200 && nothing) {
        forget_interim(call);
        return true;
    }
    bool bodyless = (http->status >= 100 && http->status < 200) || http->status == 204 || http->status == 304;
    if (bodyless && !framed && !http->head) {
        end_body(call);
        return true;
    }
    if (http->head) {
        finish_message(call);
        return true;
    }
    side->left = length;
    side->framing = chunked ? PHASE_CHUNK_SIZE : sized ? PHASE_LENGTH : PHASE_CLOSE;
    if (bodyless) {
        tx_event(side->tx, HTTP_EVENT_RESPONSE_BODY_UNEXPECTED);
        if (!chunked && length == 0)
            end_body(call);
        else
            side->phase = PHASE_DOUBT;
        return true;
    }
    response_body(call);
    return true;
}

/* ---- reading ---- */

/* The client goes on: it takes the doubtful response for complete. */
static void settle_doubt(const struct call *call)
{
    struct call other = *call;
    other.direction = TO_CLIENT;
    other.in = NULL;
    other.side = &call->state->side[TO_CLIENT];
    if (other.side->phase == PHASE_DOUBT)
        finish_message(&other);
}

static bool too_long(const struct call *call)
{
    event(call, HTTP_EVENT_REQUEST_FIELD_TOO_LONG, HTTP_EVENT_RESPONSE_FIELD_TOO_LONG);
    return false;
}

static bool new_request(const struct call *call)
{
    struct tx *tx = session_tx(call->session);
    attach(call, tx);
    call->side->any = true;
    if (tx)
        tx->first_offset[TO_SERVER] = call->session->offset[TO_SERVER];
    return tx != NULL;
}

/* The request that the next response answers; made up when it was not seen. */
static bool new_response(const struct call *call)
{
    struct tx *tx = session_tx_open(call->session, TO_CLIENT);
    if (!tx) {
        tx = session_tx(call->session);
        if (tx) {
            ((struct http *)tx->record)->no_request = true;
            tx_finish(tx, TO_SERVER);
            tx_event(tx, HTTP_EVENT_UNABLE_TO_MATCH_RESPONSE_TO_REQUEST);
        }
    }
    attach(call, tx);
    call->side->any = true;
    return tx != NULL;
}

enum step { STEP_MORE, STEP_ON, STEP_FAILED };

/* Size of the blank lines that `data` begins with, of which there may be thousands; `any`: also of those that
 * a lone CR ends, and of long ones. */
static size_t blank_lines(struct bytes data, bool any)
{
    size_t size = 0;
    for (size_t i = 0; i < data.size && byte_is_space(data.data[i]) && (any || i - size < JUNK_MAX_SIZE); i++)
        if (data.data[i] == '\n' || (any && data.data[i] == '\r' && i + 1 < data.size))
            size = i + 1;
    return size;
}

static enum step read_request_line(const struct call *call)
{
    struct bytes data = reader_peek(call->in), line;
    struct http_side *side = call->side;
    enum http_scan kind = http_scan_line(data, call->direction, &side->scan, call->last, &line);
    if (kind == HTTP_SCAN_MORE) {
        if (data.size > LINE_MAX_SIZE && (side->tx || new_request(call)))
            return too_long(call) ? STEP_ON : STEP_FAILED;
        return STEP_MORE;
    }
    size_t taken = side->scan.at;
    side->scan = (struct http_scan_state){ 0 };
    if (bytes_trim(line).size ==
        0) { /* receivers ignore empty lines before a request (RFC 9112 section 2.2) */
        reader_skip(call->in, MAX(taken, blank_lines(data, true)));
        return STEP_ON;
    }
    settle_doubt(call);
    bool whole = data.data[taken - 1] == '\n';
    if (!new_request(call) || !http_request_line(side->tx, line, whole, call->settings))
        return STEP_FAILED;
    side->frame = session_frame(call->session, TO_SERVER, HTTP_FRAME_REQUEST, data.data, UINT64_MAX,
                                side->tx);
    reader_skip(call->in, taken);
    side->tx->progress[TO_SERVER] = HTTP_LINE;
    if (line.size > LINE_MAX_SIZE)
        (void)too_long(call);
    if (record(side)->version_0_9) {
        /* Without a version there are no fields, unless more lines come at once. */
        struct bytes rest = reader_peek(call->in);
        if (rest.size == 0 || rest.data[0] == '\r' || rest.data[0] == '\n') {
            finish_message(call);
            return STEP_ON;
        }
        tx_event(side->tx, HTTP_EVENT_REQUEST_LINE_MISSING_PROTOCOL);
    }
    side->phase = PHASE_HEADERS;
    return STEP_ON;
}

/* Blank lines and one short line of junk may come before a status line. */
static enum step skip_junk(const struct call *call, struct bytes data, struct bytes line, size_t taken)
{
    if (bytes_trim(line).size == 0) {
        reader_skip(call->in, taken);
        return STEP_ON;
    }
    if (taken > JUNK_MAX_SIZE)
        return STEP_FAILED;
    struct bytes after = bytes_first(bytes_from(data, taken), 5);
    if (after.size == 5 && bytes_equal_nocase(after, BYTES_OF("HTTP/"))) {
        reader_skip(call->in, taken);
        return STEP_ON;
    }
    bool undecided = !call->last && after.size < 5 && bytes_starts_nocase(BYTES_OF("HTTP/"), after);
    return undecided ? STEP_MORE : STEP_FAILED;
}

/* Everything is content: HTTP/0.9, or a server that sends no headers. */
static enum step headless(const struct call *call)
{
    if (!session_tx_open(call->session, TO_CLIENT)) {
        reader_skip(call->in, reader_left(call->in)); /* nobody asked for it */
        return STEP_MORE;
    }
    if (!new_response(call))
        return STEP_FAILED;
    call->side->tx->progress[TO_CLIENT] = HTTP_HEADERS;
    begin_body(call);
    call->side->phase = PHASE_CLOSE;
    return STEP_ON;
}

/* Lines that are no response and that no request waits for: they are one for themselves, as far as they came.
 */
static enum step unasked(const struct call *call, struct bytes data)
{
    if (bytes_find_byte(data, '\n') == SIZE_MAX) {
        reader_skip(call->in, data.size);
        return STEP_MORE;
    }
    if (!new_response(call))
        return STEP_FAILED;
    begin_body(call);
    body_bytes(call, reader_bytes(call->in, data.size));
    finish_message(call);
    return STEP_ON;
}

static enum step read_status_line(const struct call *call)
{
    struct bytes data = reader_peek(call->in), line;
    struct http_side *side = call->side;
    /* The request that was kept while nobody knew the protocol comes first. */
    if (call->session->owed[TO_SERVER] && !call->last)
        return STEP_MORE;
    struct bytes start = http_skip_space(data);
    /* A body without headers need not have a line end at all. */
    if (start.size >= 4 && !bytes_starts_nocase(start, BYTES_OF("HTTP")) && data.size > JUNK_MAX_SIZE &&
        bytes_find_byte(bytes_first(data, JUNK_MAX_SIZE), '\n') == SIZE_MAX)
        return headless(call);
    size_t blank = blank_lines(data, start.size < 4);
    if (blank) {
        side->scan = (struct http_scan_state){ 0 };
        reader_skip(call->in, blank);
        return STEP_ON;
    }
    enum http_scan kind = http_scan_line(data, call->direction, &side->scan, call->last, &line);
    if (kind == HTTP_SCAN_MORE) {
        if (data.size <= LINE_MAX_SIZE)
            return STEP_MORE;
        return side->tx || new_response(call) ? (too_long(call), STEP_FAILED) : STEP_FAILED;
    }
    size_t taken = side->scan.at;
    side->scan = (struct http_scan_state){ 0 };
    if (!http_is_status_line(line)) {
        if (!side->tx && !session_tx_open(call->session, TO_CLIENT) &&
            bytes_find(data, BYTES_OF("HTTP/")) == SIZE_MAX)
            return unasked(call, data);
        enum step junk = skip_junk(call, data, line, taken);
        return junk == STEP_FAILED ? headless(call) : junk;
    }
    if (!side->tx && !new_response(call))
        return STEP_FAILED;
    http_status_line(side->tx, line);
    if (!side->frame)
        side->frame = session_frame(call->session, TO_CLIENT, HTTP_FRAME_RESPONSE, data.data, UINT64_MAX,
                                    side->tx);
    reader_skip(call->in, taken);
    side->tx->progress[TO_CLIENT] = HTTP_LINE;
    side->phase = PHASE_HEADERS;
    return STEP_ON;
}

/* Waits for the whole block, copies it once and reads it there. */
static enum step read_headers(const struct call *call)
{
    struct bytes data = reader_peek(call->in), line;
    struct http_side *side = call->side;
    enum http_scan kind;
    do {
        kind = http_scan_line(data, call->direction, &side->scan, call->last, &line);
        if (kind == HTTP_SCAN_LINE && line.size > LINE_MAX_SIZE)
            (void)too_long(call);
    } while (kind == HTTP_SCAN_LINE || kind == HTTP_SCAN_EMPTY);
    if (kind == HTTP_SCAN_MORE && !call->last) {
        bool long_line = data.size - side->scan.at > LINE_MAX_SIZE;
        if (long_line || data.size > BLOCK_MAX_SIZE)
            return too_long(call) ? STEP_ON : STEP_FAILED;
        return STEP_MORE;
    }
    struct bytes block = bytes_first(data, side->scan.at);
    side->scan = (struct http_scan_state){ 0 };
    reader_skip(call->in, block.size);
    if (!side->tx) { /* shed meanwhile: only its framing would matter, and that is lost with it */
        side->phase = PHASE_RESYNC;
        return STEP_ON;
    }
    uint8_t events = side->tx->event_count;
    message(call)->raw = http_keep(side->tx, block);
    if (!http_parse_headers(side->tx, call->direction, call->settings))
        return STEP_FAILED;
    side->tx->progress[call->direction] = HTTP_HEADERS;
    struct tx *tx = side->tx;
    bool good = call->direction == TO_SERVER ? request_headers_done(call) : response_headers_done(call);
    if (kind == HTTP_SCAN_MORE) /* the connection ended within: what is missing is not held against it */
        tx->event_count = events;
    return good ? STEP_ON : STEP_FAILED;
}

static enum step read_sized(const struct call *call)
{
    struct http_side *side = call->side;
    size_t size = (size_t)MIN((uint64_t)reader_left(call->in), side->left);
    if (size == 0)
        return STEP_MORE;
    body_bytes(call, reader_bytes(call->in, size));
    side->left -= size;
    if (side->left)
        return STEP_MORE;
    if (side->phase == PHASE_CHUNK)
        side->phase = PHASE_CHUNK_END;
    else
        end_body(call);
    return STEP_ON;
}

static enum step read_until_close(const struct call *call)
{
    if (reader_empty(call->in))
        return STEP_MORE;
    body_bytes(call, reader_rest(call->in));
    return STEP_MORE;
}

/* No body, says RFC 9110 section 6.4.1; browsers read one when it is there all the same. */
static enum step read_doubtful(const struct call *call)
{
    struct bytes rest = reader_peek(call->in);
    if (!call->side->tx) {
        call->side->phase = PHASE_RESYNC;
        return STEP_ON;
    }
    if (rest.size == 0)
        return STEP_MORE;
    if (begins_message(call, rest)) {
        if (!call->last && http_skip_space(rest).size < 5)
            return STEP_MORE;
        finish_message(call);
        return STEP_ON;
    }
    response_body(call);
    return STEP_ON;
}

/* The framing was a lie: the rest is content as it is. */
static enum step not_chunked(const struct call *call)
{
    if (call->direction == TO_SERVER)
        return STEP_FAILED;
    event(call, 0, HTTP_EVENT_INVALID_RESPONSE_CHUNK_LEN);
    call->side->phase = PHASE_CLOSE;
    return STEP_ON;
}

/* Blanks, hexadecimal digits, anything up to the end of the line (RFC 9112 section 7.1). */
static enum step read_chunk_size(const struct call *call)
{
    struct bytes data = reader_peek(call->in);
    struct http_side *side = call->side;
    size_t at = 0;
    while (at < data.size && (http_is_space(data.data[at]) || data.data[at] == '\n' || data.data[at] == 0))
        at++;
    size_t digits = at;
    uint64_t size = 0;
    for (; digits < data.size && byte_hex(data.data[digits]) >= 0; digits++)
        size = size > CHUNK_MAX ? size : size << 4 | (uint64_t)byte_hex(data.data[digits]);
    if (at == data.size) {
        count(call, at);
        reader_skip(call->in, at);
        return STEP_MORE;
    }
    if (digits == at)
        return not_chunked(call);
    size_t lf = bytes_find_byte(bytes_from(data, digits), '\n');
    if (lf == SIZE_MAX) {
        if (data.size - at > LINE_MAX_SIZE)
            return not_chunked(call);
        return STEP_MORE;
    }
    if (size > CHUNK_MAX) {
        event(call, HTTP_EVENT_INVALID_REQUEST_CHUNK_LEN, HTTP_EVENT_INVALID_RESPONSE_CHUNK_LEN);
        return not_chunked(call);
    }
    size_t line = lf + 1;
    if (memchr(data.data + digits, ';', line))
        event(call, HTTP_EVENT_REQUEST_CHUNK_EXTENSION, HTTP_EVENT_RESPONSE_CHUNK_EXTENSION);
    count(call, digits + line);
    reader_skip(call->in, digits + line);
    side->any_chunk = true;
    side->left = size;
    side->phase = size ? PHASE_CHUNK : PHASE_TRAILER;
    if (size == 0)
        side->scan = (struct http_scan_state){ 0 };
    return STEP_ON;
}

/* The line end after a chunk; when it is missing the next size is looked for right here. */
static enum step read_chunk_end(const struct call *call)
{
    struct bytes data = reader_peek(call->in);
    if (data.size == 0)
        return STEP_MORE;
    size_t size = data.data[0] == '\n' ? 1 : data.data[0] == '\r' ? 2 : 0;
    if (size == 2 && data.size == 1 && !call->last)
        return STEP_MORE;
    if (size == 2 && (data.size == 1 || data.data[1] != '\n'))
        size = 1;
    count(call, size);
    reader_skip(call->in, size);
    call->side->phase = PHASE_CHUNK_SIZE;
    return STEP_ON;
}

static enum step read_trailer(const struct call *call)
{
    struct bytes data = reader_peek(call->in), line;
    struct http_side *side = call->side;
    /* A server that leaves the last empty line out: the next message begins here. */
    if (side->scan.at == 0 && data.size >= 8 && call->direction == TO_CLIENT &&
        bytes_starts(data, BYTES_OF("HTTP/1."))) {
        finish_message(call);
        return STEP_ON;
    }
    enum http_scan kind;
    do
        kind = http_scan_line(data, call->direction, &side->scan, call->last, &line);
    while (kind == HTTP_SCAN_LINE || kind == HTTP_SCAN_EMPTY);
    if (kind == HTTP_SCAN_MORE && !call->last) {
        if (data.size > BLOCK_MAX_SIZE)
            return too_long(call) ? STEP_ON : STEP_FAILED;
        return STEP_MORE;
    }
    struct bytes block = bytes_first(data, side->scan.at);
    if (side->tx && block.size > 2)
        http_judge_trailer(side->tx, call->direction, http_keep(side->tx, block), call->settings);
    reader_skip(call->in, block.size);
    end_body(call);
    return STEP_ON;
}

/* After a gap: drops bytes until a start line begins a segment. */
static enum step resync(const struct call *call)
{
    struct bytes data = reader_peek(call->in);
    if (data.size == 0)
        return STEP_MORE;
    struct bytes word = http_word(data);
    bool start = call->direction == TO_CLIENT ? bytes_starts(data, BYTES_OF("HTTP/1."))
                                              : word.size < data.size && http_is_method(word);
    if (start) {
        call->side->phase = PHASE_LINE;
        call->side->scan = (struct http_scan_state){ 0 };
        return STEP_ON;
    }
    reader_skip(call->in, data.size);
    return STEP_MORE;
}

/* Bytes after CONNECT stay unread until the proxy answers. */
static enum step tunnel(const struct call *call)
{
    struct tx *open = session_tx_open(call->session, TO_CLIENT);
    if (open && ((struct http *)open->record)->connect)
        return STEP_MORE;
    call->side->phase = PHASE_LINE;
    return reader_empty(call->in) ? STEP_MORE : STEP_ON;
}

static enum step step(const struct call *call)
{
    struct http_side *side = call->side;
    switch ((enum phase)side->phase) {
    case PHASE_LINE:
        if (reader_empty(call->in))
            return STEP_MORE;
        return call->direction == TO_SERVER ? read_request_line(call) : read_status_line(call);
    case PHASE_HEADERS:
        return read_headers(call);
    case PHASE_LENGTH:
    case PHASE_CHUNK:
        return read_sized(call);
    case PHASE_CHUNK_SIZE:
        return read_chunk_size(call);
    case PHASE_CHUNK_END:
        return read_chunk_end(call);
    case PHASE_TRAILER:
        return read_trailer(call);
    case PHASE_CLOSE:
        return read_until_close(call);
    case PHASE_DOUBT:
        return read_doubtful(call);
    case PHASE_TUNNEL:
        return tunnel(call);
    case PHASE_RESYNC:
        return resync(call);
    case PHASE_IGNORE:
        reader_skip(call->in, reader_left(call->in));
        return STEP_MORE;
    }
    return STEP_FAILED;
}

/* The direction is closed: what was begun is complete as it stands. */
static void close_side(const struct call *call)
{
    struct http_side *side = call->side;
    if (side->tx)
        finish_message(call);
    side->phase = PHASE_IGNORE;
    if (call->direction != TO_CLIENT || call->session->offset[TO_CLIENT] == 0)
        return; /* a server that never said anything has no answer to end */
    /* Requests that were not answered will not be. */
    for (struct tx *tx = session_tx_open(call->session, TO_CLIENT); tx;
         tx = session_tx_open(call->session, TO_CLIENT))
        tx_finish(tx, TO_CLIENT);
}

bool http_stream(struct session *session, void *state, enum direction direction, struct reader *in,
                 unsigned flags)
{
    struct http_state *http = state;
    const struct http_settings *settings = session_options(session, &http_protocol);
    struct call call = { .session = session,
                         .state = http,
                         .side = &http->side[direction],
                         .settings = settings ? settings : &http_settings_default,
                         .in = in,
                         .direction = direction,
                         .last = flags & FEED_END };
    enum step result;
    do
        result = step(&call);
    while (result == STEP_ON && !session->want_change);
    if (result == STEP_FAILED) {
        http_body_end(&call.side->body, true);
        if (call.side->tx)
            tx_finish(call.side->tx, direction);
        detach(call.side, direction);
        return false;
    }
    if (call.last && !session->want_change)
        close_side(&call);
    return true;
}

bool http_gap(struct session *session, void *state, enum direction direction, uint64_t size)
{
    struct http_state *http = state;
    struct http_side *side = &http->side[direction];
    const struct http_settings *settings = session_options(session, &http_protocol);
    struct call call = { .session = session,
                         .state = http,
                         .side = side,
                         .settings = settings ? settings : &http_settings_default,
                         .direction = direction }; /* nothing is read here */
    bool inside = side->phase == PHASE_LENGTH || side->phase == PHASE_CHUNK;
    if (side->phase == PHASE_CLOSE || (inside && size <= side->left)) {
        if (side->tx)
            message(&call)->size += size;
        http_body_gap(&side->body, size);
        if (!inside)
            return true;
        side->left -= size;
        if (side->left == 0 && side->phase == PHASE_CHUNK)
            side->phase = PHASE_CHUNK_END;
        else if (side->left == 0)
            finish_message(&call);
        return true;
    }
    if (inside && side->tx) {
        message(&call)->size += side->left;
        http_body_gap(&side->body, side->left);
    }
    if (side->tx) {
        http_body_end(&side->body, true);
        tx_finish(side->tx, direction);
        detach(side, direction);
    }
    side->scan = (struct http_scan_state){ 0 };
    side->phase = PHASE_RESYNC;
    return true;
}
