/* SPDX-License-Identifier: Apache-2.0 */
/* Session Initiation Protocol over UDP and TCP (RFC 3261 section 7). Each message is a transaction. */
#include "proto/sdp.h"
#include "proto/session.h"

#define HEADERS_MAX 128U
#define BODY_MAX    65536U

enum sip_event { EVENT_INCOMPLETE_DATA, EVENT_INVALID_DATA, EVENT_HEADERS_TOO_LONG };
static const char *const event_names[] = { "incomplete_data", "invalid_data", "headers_too_long", NULL };

enum sip_frame {
    FRAME_PDU,
    FRAME_REQUEST_LINE,
    FRAME_REQUEST_HEADERS,
    FRAME_REQUEST_BODY,
    FRAME_RESPONSE_LINE,
    FRAME_RESPONSE_HEADERS,
    FRAME_RESPONSE_BODY,
};
static const char *const frame_names[] = {
    "pdu",           "request.line",     "request.headers", "request.body",
    "response.line", "response.headers", "response.body",   NULL,
};

/* RFC 3261 and its extensions; recognition rests on them. */
static const char *const methods[] = { "REGISTER", "INVITE", "ACK",       "CANCEL", "BYE",
                                       "OPTIONS",  "PRACK",  "SUBSCRIBE", "NOTIFY", "PUBLISH",
                                       "INFO",     "REFER",  "MESSAGE",   "UPDATE" };

struct sip_header {
    struct bytes name, value;
};

struct sip {
    bool response, too_many; /* too_many: headers */
    struct bytes line, method, uri, version, code, reason;
    struct sip_header *headers;
    size_t header_count;
    struct sdp *sdp;
};

static const struct field fields[] = {
    { "method", FIELD_BYTES, AT(struct sip, method), .help = "Method of a request" },
    { "uri", FIELD_BYTES, AT(struct sip, uri), .help = "Address asked for" },
    { "version", FIELD_BYTES, AT(struct sip, version), .help = "Protocol version" },
    { "code", FIELD_BYTES, AT(struct sip, code), .help = "Status code of an answer" },
    { "reason", FIELD_BYTES, AT(struct sip, reason), .help = "Reason phrase" },
};

static void sip_write(const struct tx *tx, bool extended, struct text *out)
{
    (void)extended;
    const struct sip *sip = (const void *)tx->record;
    json_fields(out, fields, COUNT_OF(fields), sip);
    if (sip->sdp)
        sdp_write(sip->sdp, out);
    json_string(out, sip->response ? "response_line" : "request_line", sip->line);
}

/* ---- parsing ---- */

/* One line; the last one of a datagram may lack its line feed. */
static struct bytes take_line(struct reader *in)
{
    struct bytes rest = reader_peek(in);
    size_t end = bytes_find_byte(rest, '\n');
    struct bytes line = bytes_first(rest, end);
    reader_skip(in, end == SIZE_MAX ? rest.size : end + 1);
    if (line.size && line.data[line.size - 1] == '\r')
        line.size--;
    return line;
}

static bool parse_line(struct sip *sip)
{
    struct bytes rest = sip->line;
    struct bytes first = bytes_cut(&rest, ' ');
    if (bytes_starts(first, BYTES_OF("SIP/"))) {
        sip->response = true;
        sip->version = first;
        sip->code = bytes_cut(&rest, ' ');
        sip->reason = rest;
        return sip->code.size == 3;
    }
    sip->method = first;
    sip->uri = bytes_cut(&rest, ' ');
    sip->version = rest;
    return sip->uri.size > 0 && bytes_starts(sip->version, BYTES_OF("SIP/"));
}

static bool parse_headers(struct reader *in, struct arena *memory, struct sip *sip, const uint8_t **end)
{
    struct sip_header list[HEADERS_MAX];
    size_t count = 0;
    for (;;) {
        *end = in->at;
        if (reader_empty(in))
            break;
        struct bytes line = take_line(in);
        if (line.size == 0)
            break;
        bool folded = (line.data[0] == ' ' || line.data[0] == '\t') && count;
        if (folded) {
            /* A continuation belongs to the value before it: they are adjacent in memory. */
            list[count - 1].value.size = (size_t)(line.data + line.size - list[count - 1].value.data);
            continue;
        }
        sip->too_many = count == HEADERS_MAX;
        if (bytes_find_byte(line, ':') == SIZE_MAX || sip->too_many)
            return false;
        struct bytes name = bytes_trim(bytes_cut(&line, ':'));
        list[count++] = (struct sip_header){ name, bytes_trim(line) };
    }
    sip->headers = count ? ARENA_ARRAY(memory, struct sip_header, count) : NULL;
    if (!sip->headers)
        return count == 0;
    memcpy(sip->headers, list, count * sizeof *list);
    sip->header_count = count;
    return true;
}

/* `compact`: the one-letter form of RFC 3261 section 7.3.3. */
static bool header_value(const struct sip *sip, const char *name, const char *compact, uint32_t index,
                         struct bytes *value)
{
    for (size_t i = 0; i < sip->header_count; i++) {
        struct bytes own = sip->headers[i].name;
        if ((bytes_equal_nocase(own, bytes_of_string(name)) ||
             (compact && bytes_equal_nocase(own, bytes_of_string(compact)))) &&
            index-- == 0) {
            *value = sip->headers[i].value;
            return true;
        }
    }
    return false;
}

static uint64_t body_size(const struct sip *sip)
{
    struct bytes value;
    uint64_t size;
    if (!header_value(sip, "Content-Length", "l", 0, &value) || !bytes_to_u64(value, &size))
        return 0;
    return size;
}

struct parts {
    const uint8_t *start, *headers, *headers_end, *body, *end;
};

static void add_frames(struct session *session, enum direction direction, const struct parts *parts,
                       const struct tx *tx)
{
    const struct sip *sip = (const void *)tx->record;
    uint8_t shift = sip->response ? FRAME_RESPONSE_LINE - FRAME_REQUEST_LINE : 0;
    /* As in Suricata, the frame of a whole datagram does not name its transaction. */
    session_frame(session, direction, FRAME_PDU, parts->start, (uint64_t)(parts->end - parts->start),
                  session->transport == TRANSPORT_UDP ? NULL : tx);
    session_frame(session, direction, (uint8_t)(FRAME_REQUEST_LINE + shift), parts->start,
                  (uint64_t)(parts->headers - parts->start), tx);
    session_frame(session, direction, (uint8_t)(FRAME_REQUEST_HEADERS + shift), parts->headers,
                  (uint64_t)(parts->headers_end - parts->headers), tx);
    if (parts->end > parts->body)
        session_frame(session, direction, (uint8_t)(FRAME_REQUEST_BODY + shift), parts->body,
                      MIN((uint64_t)(parts->end - parts->body), BODY_MAX), tx);
}

/* Parses `whole` (borrowed) into `sip`; false when it is not a message. `parts` says where it is divided. */
static bool parse_message(struct bytes whole, struct arena *memory, struct sip *sip, struct parts *parts)
{
    struct reader in = reader_of_bytes(whole);
    parts->start = in.at;
    sip->line = take_line(&in);
    parts->headers = in.at;
    if (!parse_line(sip) || !parse_headers(&in, memory, sip, &parts->headers_end))
        return false;
    /* The blank line belongs to neither the headers nor the body. */
    parts->body = in.at;
    parts->end = in.end;
    return true;
}

static bool take_message(struct session *session, enum direction direction, struct bytes whole)
{
    struct reader in = reader_of_bytes(whole);
    struct sip start = { .line = take_line(&in) };
    if (!parse_line(&start)) /* blanks that keep a path open, or nothing of SIP's at all */
        return false;
    struct tx *tx = session_tx_directed(session, direction);
    if (!tx)
        return false;
    struct bytes copy = arena_copy(&tx->memory, whole);
    struct sip *sip = (struct sip *)(void *)tx->record;
    struct parts parts;
    if (!copy.data || !parse_message(copy, &tx->memory, sip, &parts)) {
        if (sip->too_many)
            tx_event(tx, EVENT_HEADERS_TOO_LONG);
        tx_finish_both(tx);
        tx->logged = true;
        return false;
    }
    struct bytes type, body = bytes_of(parts.body, (size_t)(parts.end - parts.body));
    if (body.size && header_value(sip, "Content-Type", "c", 0, &type) &&
        bytes_starts_nocase(type, BYTES_OF("application/sdp")))
        sip->sdp = sdp_parse(body, &tx->memory);
    ptrdiff_t shift = whole.data - copy.data;
    struct parts wire = { parts.start + shift, parts.headers + shift, parts.headers_end + shift,
                          parts.body + shift, parts.end + shift };
    add_frames(session, direction, &wire, tx);
    tx_finish_both(tx);
    return true;
}

static bool sip_datagram(struct session *session, void *state, enum direction direction, struct reader *in)
{
    (void)state;
    /* Requests and answers have rules of their own by direction: what goes the other way is neither. */
    struct bytes message = reader_rest(in);
    bool answer = bytes_starts(message, BYTES_OF("SIP/"));
    return answer == (direction == TO_CLIENT) && take_message(session, direction, message);
}

/* Where the blank line after the headers ends, or SIZE_MAX; there is none that ends in the first `scanned`
 * bytes. */
static size_t head_size(struct bytes data, size_t scanned)
{
    struct bytes rest = bytes_from(data, scanned);
    size_t crlf = bytes_find(rest, BYTES_OF("\r\n\r\n"));
    size_t lf = bytes_find(bytes_first(rest, crlf), BYTES_OF("\n\n"));
    if (lf != SIZE_MAX)
        return scanned + lf + 2;
    return crlf == SIZE_MAX ? SIZE_MAX : scanned + crlf + 4;
}

/* What is known of a message of which not all is there. */
struct sip_side {
    size_t scanned; /* bytes without the end of the headers */
    size_t size;    /* of the message as far as it is kept; 0: not known yet */
    uint64_t skip;  /* bytes of a body beyond what is kept */
};

struct sip_state {
    struct sip_side sides[DIRECTIONS];
};

/* Finds out the size of the message that `data` begins with; false when it is no message. */
static bool measure(struct sip_side *side, struct bytes data)
{
    size_t head = head_size(data, side->scanned);
    side->scanned = data.size > 3 ? data.size - 3 : 0;
    if (head == SIZE_MAX)
        return true;
    struct arena scratch = arena_of(64U * 1024U);
    struct sip sip = { 0 };
    struct parts parts;
    bool good = parse_message(bytes_first(data, head), &scratch, &sip, &parts);
    uint64_t body = good ? body_size(&sip) : 0;
    arena_done(&scratch);
    side->size = head + (size_t)MIN(body, (uint64_t)BODY_MAX);
    side->skip = body - MIN(body, (uint64_t)BODY_MAX);
    return good;
}

static bool sip_stream(struct session *session, void *state, enum direction direction, struct reader *in,
                       unsigned flags)
{
    struct sip_side *side = &((struct sip_state *)state)->sides[direction];
    for (;;) {
        if (side->skip && !side->size) {
            uint64_t size = MIN(side->skip, (uint64_t)reader_left(in));
            reader_skip(in, (size_t)size);
            side->skip -= size;
        }
        while (!side->scanned && (bytes_starts(reader_peek(in), BYTES_OF("\r")) ||
                                  bytes_starts(reader_peek(in), BYTES_OF("\n"))))
            reader_skip(in, 1); /* keep-alive (RFC 5626 section 3.5.1) */
        struct bytes data = reader_peek(in);
        if (!data.size)
            return true;
        if (!side->size && !measure(side, data))
            return false;
        if (!side->size || (side->size > data.size && !(flags & FEED_END)))
            return true;
        struct bytes whole = reader_bytes(in, MIN(side->size, data.size));
        side->size = side->scanned = 0;
        if (!take_message(session, direction, whole))
            return false;
    }
}

static enum probe sip_probe(enum direction direction, struct bytes data)
{
    (void)direction;
    struct bytes line = bytes_first(data, MIN(bytes_find_byte(data, '\n'), data.size));
    if (bytes_starts(data, BYTES_OF("SIP/2.0 ")))
        return direction == TO_SERVER ? PROBE_REVERSED : PROBE_YES;
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        struct bytes method = bytes_of_string(methods[i]);
        if (!bytes_starts(data, method) && !bytes_starts(method, data))
            continue;
        if (data.size <= method.size)
            return PROBE_MORE;
        if (data.data[method.size] != ' ')
            continue;
        if (line.size == data.size && data.size < 256)
            return PROBE_MORE;
        if (bytes_find(line, BYTES_OF(" SIP/2.0")) == SIZE_MAX)
            continue;
        return direction == TO_CLIENT ? PROBE_REVERSED : PROBE_YES;
    }
    return PROBE_NO;
}

/* ---- keywords ---- */

#define HEADER_GETTER(getter, name, compact)                                                                 \
    static bool getter(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch, \
                       struct bytes *value)                                                                  \
    {                                                                                                        \
        (void)direction;                                                                                     \
        (void)scratch;                                                                                       \
        return header_value((const void *)tx->record, name, compact, index, value);                          \
    }
HEADER_GETTER(get_from, "From", "f")
HEADER_GETTER(get_to, "To", "t")
HEADER_GETTER(get_via, "Via", "v")
HEADER_GETTER(get_user_agent, "User-Agent", NULL)
HEADER_GETTER(get_content_type, "Content-Type", "c")
HEADER_GETTER(get_content_length, "Content-Length", "l")

static bool get_line(const struct tx *tx, bool response, uint32_t index, struct bytes *value)
{
    const struct sip *sip = (const void *)tx->record;
    if (index || sip->response != response)
        return false;
    *value = sip->line;
    return true;
}

static bool get_request_line(const struct tx *tx, enum direction direction, uint32_t index,
                             struct arena *scratch, struct bytes *value)
{
    (void)direction;
    (void)scratch;
    return get_line(tx, false, index, value);
}

static bool get_response_line(const struct tx *tx, enum direction direction, uint32_t index,
                              struct arena *scratch, struct bytes *value)
{
    (void)direction;
    (void)scratch;
    return get_line(tx, true, index, value);
}

#define SDP_GETTER(getter, kind, in_media)                                                                   \
    static bool getter(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch, \
                       struct bytes *value)                                                                  \
    {                                                                                                        \
        (void)direction;                                                                                     \
        (void)scratch;                                                                                       \
        return sdp_value(((const struct sip *)(const void *)tx->record)->sdp, kind, in_media, index, value); \
    }
SDP_GETTER(get_origin, 'o', false)
SDP_GETTER(get_session_name, 's', false)
SDP_GETTER(get_session_info, 'i', false)
SDP_GETTER(get_uri, 'u', false)
SDP_GETTER(get_email, 'e', false)
SDP_GETTER(get_phone, 'p', false)
SDP_GETTER(get_connection, 'c', false)
SDP_GETTER(get_bandwidth, 'b', false)
SDP_GETTER(get_time, 't', false)
SDP_GETTER(get_repeat, 'r', false)
SDP_GETTER(get_timezone, 'z', false)
SDP_GETTER(get_key, 'k', false)
SDP_GETTER(get_attribute, 'a', false)
SDP_GETTER(get_media, 'm', true)
SDP_GETTER(get_media_info, 'i', true)
SDP_GETTER(get_media_connection, 'c', true)
SDP_GETTER(get_media_key, 'k', true)

#define TO_SERVER_BIT (1 << TO_SERVER)
#define TO_CLIENT_BIT (1 << TO_CLIENT)
#define BOTH          (TO_SERVER_BIT | TO_CLIENT_BIT)
#define MEMBER(keyword, bits, member, text)                             \
    {                                                                   \
        .name = (keyword), .kind = INSPECT_BYTES, .directions = (bits), \
        .offset = offsetof(struct sip, member), .help = (text)          \
    }
#define GETTER(keyword, bits, getter, ...)                                                                 \
    {                                                                                                      \
        .name = (keyword), .kind = INSPECT_GET, .directions = (bits), .get = (getter), .help = __VA_ARGS__ \
    }

static const struct inspect inspects[] = {
    MEMBER("sip.method", TO_SERVER_BIT, method, "Method of the request"),
    MEMBER("sip.uri", TO_SERVER_BIT, uri, "Address of the request"),
    MEMBER("sip.protocol", BOTH, version, "Protocol version"),
    MEMBER("sip.stat_code", TO_CLIENT_BIT, code, "Status code"),
    MEMBER("sip.stat_msg", TO_CLIENT_BIT, reason, "Reason phrase"),
    GETTER("sip.request_line", TO_SERVER_BIT, get_request_line, "First line of a request"),
    GETTER("sip.response_line", TO_CLIENT_BIT, get_response_line, "First line of an answer"),
    GETTER("sip.from", BOTH, get_from, "From header"),
    GETTER("sip.to", BOTH, get_to, "To header"),
    GETTER("sip.via", BOTH, get_via, "Via headers"),
    GETTER("sip.user_agent", BOTH, get_user_agent, "User-Agent header", .shown = "sip.ua"),
    GETTER("sip.content_type", BOTH, get_content_type, "Content-Type header"),
    GETTER("sip.content_length", BOTH, get_content_length, "Content-Length header"),
    GETTER("sdp.origin", BOTH, get_origin, "SDP o="),
    GETTER("sdp.session_name", BOTH, get_session_name, "SDP s="),
    GETTER("sdp.session_info", BOTH, get_session_info, "SDP i="),
    GETTER("sdp.uri", BOTH, get_uri, "SDP u="),
    GETTER("sdp.email", BOTH, get_email, "SDP e="),
    GETTER("sdp.phone_number", BOTH, get_phone, "SDP p="),
    GETTER("sdp.connection_data", BOTH, get_connection, "SDP c="),
    GETTER("sdp.bandwidth", BOTH, get_bandwidth, "SDP b="),
    GETTER("sdp.time", BOTH, get_time, "SDP t="),
    GETTER("sdp.repeat_time", BOTH, get_repeat, "SDP r="),
    GETTER("sdp.timezone", BOTH, get_timezone, "SDP z="),
    GETTER("sdp.encryption_key", BOTH, get_key, "SDP k="),
    GETTER("sdp.attribute", BOTH, get_attribute, "SDP a="),
    GETTER("sdp.media.media", BOTH, get_media, "SDP m="),
    GETTER("sdp.media.media_info", BOTH, get_media_info, "SDP i= of a media description"),
    GETTER("sdp.media.connection_data", BOTH, get_media_connection, "SDP c= of a media description"),
    GETTER("sdp.media.encryption_key", BOTH, get_media_key, "SDP k= of a media description"),
};

const struct protocol sip_protocol = {
    .id = PROTOCOL_sip,
    .name = "sip",
    .title = "Session Initiation Protocol",
    .eve_type = "sip",
    .eve_ends = EVE_ENDS_OF_PACKET,
    .transports = TRANSPORT_TCP | TRANSPORT_UDP,
    .ports = "5060,5061",
    .probe = sip_probe,
    .probe_depth = 256,
    .state_size = sizeof(struct sip_state),
    .record_size = sizeof(struct sip),
    .tx_memory_max = 512U * 1024U,
    .buffer_max = 256U * 1024U,
    .tx_max = 256,
    .datagram = sip_datagram,
    .stream = sip_stream,
    .one_way = true,
    .fields = fields,
    .field_count = COUNT_OF(fields),
    .write = sip_write,
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .events = event_names,
    .frames = frame_names,
    .frame_tx_first = 1,
};
