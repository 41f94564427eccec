/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1 message framing in both directions (RFC 9112), as lenient receivers do it. */
#include "proto/http.h"

#define LINE_MAX_SIZE  18000U         /* of a start line or header line */
#define BLOCK_MAX_SIZE (192U * 1024U) /* of a header block */
#define JUNK_MAX_SIZE  64U            /* of a line before the status line that receivers skip */
#define CHUNK_DIGITS   15U

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

/* ---- start lines ---- */

static const char *const methods[] = {
    "GET",
    "POST",
    "HEAD",
    "PUT",
    "DELETE",
    "OPTIONS",
    "CONNECT",
    "TRACE",
    "PATCH",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "VERSION-CONTROL",
    "REPORT",
    "CHECKOUT",
    "CHECKIN",
    "UNCHECKOUT",
    "MKWORKSPACE",
    "UPDATE",
    "LABEL",
    "MERGE",
    "BASELINE-CONTROL",
    "MKACTIVITY",
    "SEARCH",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "NOTIFY",
    "PURGE",
    "DEBUG",
    "BCOPY",
    "BDELETE",
    "BMOVE",
    "BPROPFIND",
    "BPROPPATCH",
    "POLL",
    "RPC_IN_DATA",
    "RPC_OUT_DATA",
    "ORDERPATCH",
    "ACL",
    "LINK",
    "UNLINK",
    "M-SEARCH",
    "INVALID",
    NULL,
};

static bool is_method(struct bytes word)
{
    for (size_t i = 0; methods[i]; i++)
        if (bytes_is(word, methods[i]))
            return true;
    return false;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

static struct bytes skip_space(struct bytes b)
{
    while (b.size && (is_space(b.data[0]) || b.data[0] == '\n' || b.data[0] == 0))
        b = bytes_from(b, 1);
    return b;
}

static struct bytes word_of(struct bytes b)
{
    size_t size = 0;
    while (size < b.size && !is_space(b.data[size]) && b.data[size] != '\n')
        size++;
    return bytes_first(b, size);
}

/* A copy in the transaction's memory. */
static struct bytes keep(const struct call *call, struct bytes b)
{
    struct bytes copy = arena_copy(&call->side->tx->memory, b);
    return copy.data ? copy : bytes_of("", 0);
}

/* METHOD SP target SP version; spaces in the target are kept, the last word is the version. */
static bool request_line(const struct call *call, struct bytes raw)
{
    struct http *http = record(call->side);
    struct http_message *request = &http->message[TO_SERVER];
    struct bytes line = keep(call, raw);
    request->line = line;
    struct bytes rest = line;
    while (rest.size && is_space(rest.data[0]))
        rest = bytes_from(rest, 1);
    if (rest.size < line.size)
        tx_event(call->side->tx, HTTP_EVENT_REQUEST_LINE_LEADING_WHITESPACE);
    while (rest.size && is_space(rest.data[rest.size - 1]))
        rest.size--;
    http->method = word_of(rest);
    rest = bytes_from(rest, http->method.size);
    http->head = bytes_is(http->method, "HEAD");
    http->connect = bytes_is(http->method, "CONNECT");
    if (rest.size && rest.data[0] != ' ')
        tx_event(call->side->tx, HTTP_EVENT_METHOD_DELIM_NON_COMPLIANT);
    while (rest.size && is_space(rest.data[0]))
        rest = bytes_from(rest, 1);
    size_t split = rest.size;
    while (split && !is_space(rest.data[split - 1]))
        split--;
    if (split) {
        request->protocol = bytes_from(rest, split);
        if (rest.data[split - 1] != ' ')
            tx_event(call->side->tx, HTTP_EVENT_URI_DELIM_NON_COMPLIANT);
        rest = bytes_first(rest, split);
        while (rest.size && is_space(rest.data[rest.size - 1]))
            rest.size--;
    } else {
        http->version_0_9 = true;
    }
    http->uri_raw = rest;
    if (rest.size == 0)
        tx_event(call->side->tx, HTTP_EVENT_REQUEST_LINE_INCOMPLETE);
    return http_parse_uri(call->side->tx, call->settings);
}

/* A version such as HTTP/1.1 or SIP/2.0; blanks and zero bytes may come before it. */
static bool is_status_line(struct bytes data)
{
    data = skip_space(data);
    if (bytes_starts_nocase(data, BYTES_OF("HTTP")))
        return true;
    struct bytes word = word_of(data);
    size_t slash = bytes_find_byte(word, '/');
    if (slash == SIZE_MAX || slash == 0 || word.size < slash + 4 || slash > 8)
        return false;
    for (size_t i = 0; i < slash; i++)
        if (byte_lower(word.data[i]) < 'a' || byte_lower(word.data[i]) > 'z')
            return false;
    struct bytes code = word_of(skip_space(bytes_from(data, word.size)));
    return byte_is_digit(word.data[slash + 1]) && word.data[slash + 2] == '.' &&
           byte_is_digit(word.data[slash + 3]) && code.size == 3 && byte_is_digit(code.data[0]);
}

static bool valid_version(struct bytes b)
{
    return b.size == 8 && bytes_starts(b, BYTES_OF("HTTP/")) && byte_is_digit(b.data[5]) &&
           b.data[6] == '.' && byte_is_digit(b.data[7]);
}

static void status_line(const struct call *call, struct bytes raw)
{
    struct http *http = record(call->side);
    struct http_message *response = &http->message[TO_CLIENT];
    struct bytes line = keep(call, raw);
    response->line = line;
    struct bytes rest = skip_space(line);
    while (rest.size && is_space(rest.data[rest.size - 1]))
        rest.size--;
    response->protocol = word_of(rest);
    rest = skip_space(bytes_from(rest, response->protocol.size));
    http->status_code = word_of(rest);
    http->status_text = skip_space(bytes_from(rest, http->status_code.size));
    uint64_t status;
    bool number = bytes_to_u64(http->status_code, &status) && status >= 100 && status <= 999;
    http->status = number ? (uint16_t)status : 0;
    if (!number)
        tx_event(call->side->tx, HTTP_EVENT_RESPONSE_INVALID_STATUS);
    if (!valid_version(response->protocol))
        tx_event(call->side->tx, HTTP_EVENT_RESPONSE_INVALID_PROTOCOL);
}

/* ---- the end of messages ---- */

static void finish_message(const struct call *call)
{
    struct http_side *side = call->side;
    bool truncated = call->last && (side->phase == PHASE_LENGTH || side->phase == PHASE_CHUNK) &&
                     side->left > 0;
    http_body_end(&side->body, truncated);
    if (side->tx)
        tx_finish(side->tx, call->direction);
    detach(side, call->direction);
    side->phase = PHASE_LINE;
    side->scan = (struct http_scan_state){ 0 };
}

static void begin_body(const struct call *call)
{
    call->side->any_chunk = false;
    http_body_start(&call->side->body, call->session, call->side->tx, call->direction, call->settings);
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
    rest = skip_space(rest);
    if (rest.size == 0)
        return true;
    if (call->direction == TO_CLIENT) {
        struct bytes head = bytes_first(rest, 5);
        return bytes_starts_nocase(BYTES_OF("HTTP/"), head) || is_status_line(rest);
    }
    struct bytes word = word_of(rest);
    if (word.size == rest.size) { /* the method may go on */
        for (size_t i = 0; methods[i]; i++)
            if (bytes_starts(bytes_of_string(methods[i]), word))
                return true;
        return false;
    }
    return is_method(word);
}

/* The part of `rest` that belongs to the body just finished: lines up to one that begins a message. */
static size_t surplus(const struct call *call, struct bytes rest)
{
    size_t size = 0;
    while (size < rest.size) {
        struct bytes line = bytes_from(rest, size);
        struct bytes text = line;
        while (text.size && text.data[0] == ' ')
            text = bytes_from(text, 1);
        bool blank = text.size && (text.data[0] == '\n' || text.data[0] == '\r');
        if (!blank && begins_message(call, line))
            break;
        size_t lf = bytes_find_byte(line, '\n');
        size += lf == SIZE_MAX ? line.size : lf + 1;
        if (call->direction == TO_SERVER && !blank)
            return rest.size;
    }
    return size;
}

/* What comes with the end of a message and does not begin another one belongs to its body for receivers. */
static void end_body(const struct call *call)
{
    struct bytes rest = reader_peek(call->in);
    size_t size = rest.size && call->side->tx ? surplus(call, rest) : 0;
    if (size) {
        if (call->side->phase == PHASE_HEADERS)
            begin_body(call);
        if (bytes_trim(bytes_first(rest, size)).size)
            event(call, HTTP_EVENT_REQUEST_BODY_UNEXPECTED, HTTP_EVENT_RESPONSE_BODY_UNEXPECTED);
        body_bytes(call, bytes_first(rest, size));
        reader_skip(call->in, size);
    }
    finish_message(call);
}

/* ---- after the headers ---- */

static bool content_length(const struct call *call, uint64_t *length)
{
    const struct http_header *header = http_field(message(call), HTTP_CONTENT_LENGTH);
    if (!header)
        return false;
    struct bytes value = header->value;
    size_t start = 0;
    while (start < value.size && !byte_is_digit(value.data[start]))
        start++;
    size_t end = start;
    uint64_t number = 0;
    while (end < value.size && byte_is_digit(value.data[end]) && number < UINT64_MAX / 20)
        number = number * 10 + (uint64_t)(value.data[end++] - '0');
    bool clean = start == 0 && end == value.size && end > 0;
    bool several = false;
    for (size_t i = end; i < value.size; i++)
        several = several || (byte_is_digit(value.data[i]) && is_space(value.data[i - 1]));
    if (!clean)
        event(call, HTTP_EVENT_INVALID_CONTENT_LENGTH_IN_REQUEST,
              HTTP_EVENT_INVALID_CONTENT_LENGTH_IN_RESPONSE);
    *length = number;
    /* "34 68": receivers disagree which one counts, so everything up to the close is read. */
    return end > start && !several;
}

static bool is_chunked(const struct call *call)
{
    const struct http_header *header = http_field(message(call), HTTP_TRANSFER_ENCODING);
    if (!header)
        return false;
    bool exact = bytes_equal_nocase(header->value, BYTES_OF("chunked"));
    bool chunked = exact || http_value_has(header->value, "chunked");
    if (!exact && chunked)
        event(call, HTTP_EVENT_INVALID_TRANSFER_ENCODING_IN_REQUEST,
              HTTP_EVENT_RESPONSE_ABNORMAL_TRANSFER_ENCODING);
    else if (!chunked)
        event(call, HTTP_EVENT_INVALID_TRANSFER_ENCODING_IN_REQUEST,
              HTTP_EVENT_INVALID_TRANSFER_ENCODING_IN_RESPONSE);
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
        if (!http->uri_host.data) {
            http->port = port;
            http->host_raw = header->value;
            http->host = lowered(call, host);
            if (port && call->session->server_port && port != call->session->server_port && !http->connect)
                tx_event(tx, HTTP_EVENT_REQUEST_SERVER_PORT_TCP_PORT_MISMATCH);
        } else {
            http->host_raw = http->uri_host;
            if (!bytes_equal_nocase(host, http->uri_host) || (port && http->port && port != http->port))
                tx_event(tx, HTTP_EVENT_HOST_HEADER_AMBIGUOUS);
        }
    }
    if (!http->host.data && http->uri_host.data)
        http->host = lowered(call, http->uri_host);
    if (http->host.size && http->host.data[http->host.size - 1] == '.')
        http->host.size--;
}

static void check_authorization(const struct call *call)
{
    const struct http_header *header = http_field(message(call), HTTP_AUTHORIZATION);
    static const char *const schemes[] = { "basic", "digest", "bearer", "negotiate", "ntlm" };
    if (!header)
        return;
    struct bytes scheme = word_of(header->value);
    for (size_t i = 0; i < COUNT_OF(schemes); i++)
        if (bytes_equal_nocase(scheme, bytes_of_string(schemes[i])))
            return;
    tx_event(call->side->tx, HTTP_EVENT_REQUEST_AUTH_UNRECOGNIZED);
}

static bool request_headers_done(const struct call *call)
{
    struct http_side *side = call->side;
    find_host(call);
    check_authorization(call);
    uint64_t length = 0;
    bool sized = content_length(call, &length);
    if (record(side)->connect) {
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
    if (header && bytes_equal_nocase(header->value, BYTES_OF("websocket")))
        expected = protocol_find(BYTES_OF("websocket"));
    else if (header && bytes_starts_nocase(header->value, BYTES_OF("h2c")))
        expected = protocol_find(BYTES_OF("http2"));
    finish_message(call);
    call->state->side[TO_SERVER].phase = PHASE_TUNNEL;
    session_change(call->session, expected);
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

static void response_body(const struct call *call)
{
    struct http_side *side = call->side;
    if (side->framing == PHASE_CHUNK_SIZE && !bytes_is(message(call)->protocol, "HTTP/1.1"))
        tx_event(side->tx, HTTP_EVENT_RESPONSE_CHUNKED_OLD_PROTO);
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
    if (http->connect && http->status >= 200 && http->status < 300) {
        finish_message(call);
        session_change(call->session, NULL);
        return true;
    }
    if (http->status == 101 && !framed) {
        upgrade(call);
        return true;
    }
    if (http->status >= 100 && http->status < 200 && !framed) {
        forget_interim(call);
        return true;
    }
    bool bodyless = (http->status >= 100 && http->status < 200) || http->status == 204 || http->status == 304;
    if (http->head || (bodyless && !framed)) {
        finish_message(call);
        return true;
    }
    side->left = length;
    side->framing = chunked ? PHASE_CHUNK_SIZE : sized ? PHASE_LENGTH : PHASE_CLOSE;
    if (bodyless) {
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

static enum step read_request_line(const struct call *call)
{
    struct bytes data = reader_peek(call->in), line;
    struct http_side *side = call->side;
    enum http_scan kind = http_scan_line(data, &side->scan, call->last, &line);
    if (kind == HTTP_SCAN_MORE) {
        if (data.size > LINE_MAX_SIZE && (side->tx || new_request(call)))
            return too_long(call) ? STEP_ON : STEP_FAILED;
        return STEP_MORE;
    }
    size_t taken = side->scan.at;
    side->scan = (struct http_scan_state){ 0 };
    if (bytes_trim(line).size ==
        0) { /* receivers ignore empty lines before a request (RFC 9112 section 2.2) */
        reader_skip(call->in, taken);
        return STEP_ON;
    }
    settle_doubt(call);
    if (!new_request(call) || !request_line(call, line))
        return STEP_FAILED;
    reader_skip(call->in, taken);
    side->tx->progress[TO_SERVER] = HTTP_LINE;
    if (line.size > LINE_MAX_SIZE)
        (void)too_long(call);
    if (record(side)->version_0_9) {
        /* Without a version there are no fields, unless more lines come at once. */
        struct bytes rest = reader_peek(call->in);
        if (rest.size == 0) {
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
    if (!record(call->side)->version_0_9)
        tx_event(call->side->tx, HTTP_EVENT_RESPONSE_INVALID_PROTOCOL);
    begin_body(call);
    call->side->phase = PHASE_CLOSE;
    return STEP_ON;
}

static enum step read_status_line(const struct call *call)
{
    struct bytes data = reader_peek(call->in), line;
    struct http_side *side = call->side;
    /* The request that was kept while nobody knew the protocol comes first. */
    if (call->session->owed[TO_SERVER] && !call->last)
        return STEP_MORE;
    struct bytes start = skip_space(data);
    /* A body without headers need not have a line end at all. */
    if (start.size >= 4 && !bytes_starts_nocase(start, BYTES_OF("HTTP")) && data.size > JUNK_MAX_SIZE &&
        bytes_find_byte(bytes_first(data, JUNK_MAX_SIZE), '\n') == SIZE_MAX)
        return headless(call);
    enum http_scan kind = http_scan_line(data, &side->scan, call->last, &line);
    if (kind == HTTP_SCAN_MORE) {
        if (data.size <= LINE_MAX_SIZE)
            return STEP_MORE;
        return side->tx || new_response(call) ? (too_long(call), STEP_FAILED) : STEP_FAILED;
    }
    size_t taken = side->scan.at;
    side->scan = (struct http_scan_state){ 0 };
    if (!is_status_line(line)) {
        enum step junk = skip_junk(call, data, line, taken);
        return junk == STEP_FAILED ? headless(call) : junk;
    }
    if (!side->tx && !new_response(call))
        return STEP_FAILED;
    status_line(call, line);
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
    do
        kind = http_scan_line(data, &side->scan, call->last, &line);
    while (kind == HTTP_SCAN_LINE || kind == HTTP_SCAN_EMPTY);
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
    message(call)->raw = keep(call, block);
    if (!http_parse_headers(side->tx, call->direction, call->settings))
        return STEP_FAILED;
    side->tx->progress[call->direction] = HTTP_HEADERS;
    bool good = call->direction == TO_SERVER ? request_headers_done(call) : response_headers_done(call);
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
        if (!call->last && skip_space(rest).size < 5)
            return STEP_MORE;
        finish_message(call);
        return STEP_ON;
    }
    event(call, HTTP_EVENT_REQUEST_BODY_UNEXPECTED, HTTP_EVENT_RESPONSE_BODY_UNEXPECTED);
    response_body(call);
    return STEP_ON;
}

/* The framing was a lie: the rest is content as it is. */
static enum step not_chunked(const struct call *call)
{
    event(call, HTTP_EVENT_INVALID_REQUEST_CHUNK_LEN, HTTP_EVENT_INVALID_RESPONSE_CHUNK_LEN);
    if (call->direction == TO_SERVER)
        return STEP_FAILED;
    call->side->phase = PHASE_CLOSE;
    return STEP_ON;
}

/* Blanks, hexadecimal digits, anything up to the end of the line (RFC 9112 section 7.1). */
static enum step read_chunk_size(const struct call *call)
{
    struct bytes data = reader_peek(call->in);
    struct http_side *side = call->side;
    size_t at = 0;
    while (at < data.size && (is_space(data.data[at]) || data.data[at] == '\n' || data.data[at] == 0))
        at++;
    size_t digits = at;
    uint64_t size = 0;
    while (digits < data.size && byte_hex(data.data[digits]) >= 0 && digits - at < CHUNK_DIGITS)
        size = size << 4 | (uint64_t)byte_hex(data.data[digits++]);
    if (at == data.size) {
        count(call, at);
        reader_skip(call->in, at);
        return STEP_MORE;
    }
    if (digits == at)
        return not_chunked(call);
    size_t lf = bytes_find_byte(bytes_from(data, digits), '\n');
    if (lf == SIZE_MAX && !call->last) {
        if (data.size - digits > LINE_MAX_SIZE)
            return not_chunked(call);
        return STEP_MORE;
    }
    size_t line = lf == SIZE_MAX ? data.size - digits : lf + 1;
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
        kind = http_scan_line(data, &side->scan, call->last, &line);
    while (kind == HTTP_SCAN_LINE || kind == HTTP_SCAN_EMPTY);
    if (kind == HTTP_SCAN_MORE && !call->last) {
        if (data.size > BLOCK_MAX_SIZE)
            return too_long(call) ? STEP_ON : STEP_FAILED;
        return STEP_MORE;
    }
    reader_skip(call->in, side->scan.at);
    end_body(call);
    return STEP_ON;
}

/* After a gap: drops bytes until a start line begins a segment. */
static enum step resync(const struct call *call)
{
    struct bytes data = reader_peek(call->in);
    if (data.size == 0)
        return STEP_MORE;
    struct bytes word = word_of(data);
    bool start = call->direction == TO_CLIENT ? bytes_starts(data, BYTES_OF("HTTP/1."))
                                              : word.size < data.size && is_method(word);
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
    if (call->direction != TO_CLIENT)
        return;
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
    struct reader none = reader_of("", 0);
    struct call call = { .session = session,
                         .state = http,
                         .side = side,
                         .settings = settings ? settings : &http_settings_default,
                         .in = &none,
                         .direction = direction };
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
    if (inside)
        http_body_gap(&side->body, side->left);
    if (side->tx) {
        http_body_end(&side->body, true);
        tx_finish(side->tx, direction);
        detach(side, direction);
    }
    side->scan = (struct http_scan_state){ 0 };
    side->phase = PHASE_RESYNC;
    return true;
}

/* ---- recognition ---- */

/* A first line that ends in another protocol's version is that protocol's (SIP, RTSP). */
static bool foreign(struct bytes line)
{
    while (line.size && is_space(line.data[line.size - 1]))
        line.size--;
    size_t split = line.size;
    while (split && !is_space(line.data[split - 1]))
        split--;
    struct bytes version = bytes_from(line, split);
    return bytes_starts(version, BYTES_OF("SIP/")) || bytes_starts(version, BYTES_OF("RTSP/")) ||
           bytes_starts(version, BYTES_OF("ICE/"));
}

enum probe http_probe(enum direction direction, struct bytes data)
{
    static const char *const answers[] = { "HTTP/1.", "HTTP/0.9" };
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        struct bytes answer = bytes_of_string(answers[i]);
        if (bytes_starts(data, answer))
            return direction == TO_CLIENT ? PROBE_YES : PROBE_REVERSED;
        if (data.size < answer.size && bytes_starts(answer, data))
            return PROBE_MORE;
    }
    size_t lf = bytes_find_byte(bytes_first(data, 2048), '\n');
    struct bytes line = bytes_first(data, lf == SIZE_MAX ? data.size : lf);
    struct bytes word = word_of(line);
    if (word.size < line.size && is_method(word) &&
        (line.data[word.size] == ' ' || line.data[word.size] == '\t')) {
        if (foreign(line))
            return PROBE_NO;
        return direction == TO_SERVER ? PROBE_YES : PROBE_REVERSED;
    }
    /* Odd first lines are kept until the other side answers, as long as they look like text. */
    for (size_t i = 0; i < MIN(data.size, (size_t)16); i++)
        if (data.data[i] >= 0x7f)
            return PROBE_NO;
    if (lf == SIZE_MAX || lf == 0 || bytes_trim(line).size == 0)
        return PROBE_MORE;
    bool version = bytes_find(line, BYTES_OF(" HTTP/1.")) != SIZE_MAX;
    return version ? PROBE_MORE : PROBE_NO;
}
