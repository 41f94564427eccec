/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1 header blocks: where lines end, what a line means (RFC 9112 sections 2.2 and 5).
 *
 * Departures from the RFC follow what lenient receivers accept: LF, LF CR and lone CR end lines, blanks
 * before the colon, folded lines that look like fields, zero bytes in names and values. */
#include "proto/http.h"

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

/* A line of one blank and LF ends the block when something other than a line end follows it. */
static enum http_scan blank_line(struct bytes data, size_t next, bool last)
{
    if (next == data.size)
        return last ? HTTP_SCAN_END : HTTP_SCAN_MORE;
    uint8_t c = data.data[next];
    return c == '\n' || c == ' ' || c == '\t' ? HTTP_SCAN_LINE : HTTP_SCAN_END;
}

static enum http_scan found(struct http_scan_state *state, struct bytes *line, struct bytes data, size_t stop,
                            size_t next, bool lfcr, enum http_scan kind)
{
    *line = bytes_of(data.data + state->at, stop - state->at);
    state->at = state->searched = next;
    state->lfcr = lfcr;
    return kind;
}

static enum http_scan ends_with_lf(struct bytes data, struct http_scan_state *state, bool last, size_t lf,
                                   struct bytes *line)
{
    size_t size = lf - state->at;
    if (size == 0)
        return found(state, line, data, lf, lf + 1, false, HTTP_SCAN_END);
    if (lf + 1 == data.size && !last) {
        state->searched = lf;
        return HTTP_SCAN_MORE; /* LF CR is one end */
    }
    if (lf + 1 < data.size && data.data[lf + 1] == '\r')
        return found(state, line, data, lf, lf + 2, true, HTTP_SCAN_LINE);
    enum http_scan kind = HTTP_SCAN_LINE;
    if (size == 1 && is_blank(data.data[state->at]))
        kind = blank_line(data, lf + 1, last);
    if (kind == HTTP_SCAN_MORE) {
        state->searched = lf;
        return kind;
    }
    return found(state, line, data, lf, lf + 1, false, kind);
}

static enum http_scan ends_with_crlf(struct bytes data, struct http_scan_state *state, bool last, size_t cr,
                                     struct bytes *line)
{
    size_t next = cr + 2;
    bool end = cr == state->at;
    if (end && state->lfcr) { /* LF CR, CR LF, CR LF: two line ends, not three */
        struct bytes after = bytes_first(bytes_from(data, next), 2);
        if (after.size < 2 && !last && bytes_starts(BYTES_OF("\r\n"), after)) {
            state->searched = cr;
            return HTTP_SCAN_MORE;
        }
        if (bytes_is(after, "\r\n"))
            next += 2;
    }
    return found(state, line, data, cr, next, false, end ? HTTP_SCAN_END : HTTP_SCAN_LINE);
}

/* What a client says ends with LF: servers take a CR elsewhere for a byte like others. */
static enum http_scan scan_request(struct bytes data, struct http_scan_state *state, bool last,
                                   struct bytes *line)
{
    size_t from = MAX(state->at, state->searched);
    const uint8_t *lf_at = from < data.size ? memchr(data.data + from, '\n', data.size - from) : NULL;
    if (!lf_at) {
        state->searched = data.size;
        return last && state->at < data.size
                   ? found(state, line, data, data.size, data.size, false, HTTP_SCAN_LINE)
                   : HTTP_SCAN_MORE;
    }
    size_t lf = (size_t)(lf_at - data.data), stop = lf;
    while (stop > state->at && data.data[stop - 1] == '\r')
        stop--;
    return found(state, line, data, stop, lf + 1, false, stop == state->at ? HTTP_SCAN_END : HTTP_SCAN_LINE);
}

enum http_scan http_scan_line(struct bytes data, enum direction direction, struct http_scan_state *state,
                              bool last, struct bytes *line)
{
    if (direction == TO_SERVER)
        return scan_request(data, state, last, line);
    size_t from = MAX(state->at, state->searched), unseen = MAX(state->lf, from);
    const uint8_t *lf_at = unseen < data.size ? memchr(data.data + unseen, '\n', data.size - unseen) : NULL;
    size_t lf = state->lf = lf_at ? (size_t)(lf_at - data.data) : data.size;
    while (from < lf) {
        const uint8_t *cr_at = memchr(data.data + from, '\r', lf - from);
        if (!cr_at)
            break;
        size_t cr = (size_t)(cr_at - data.data);
        if (cr + 1 == data.size) {
            if (last)
                return found(state, line, data, cr, data.size, false, HTTP_SCAN_LINE);
            state->searched = cr;
            return HTTP_SCAN_MORE;
        }
        if (cr + 1 == lf)
            return ends_with_crlf(data, state, last, cr, line);
        if (data.data[cr + 1] != '\r')
            return found(state, line, data, cr, cr + 1, false,
                         cr == state->at ? HTTP_SCAN_EMPTY : HTTP_SCAN_LINE);
        from = cr + 1; /* CR CR: part of the line */
    }
    if (lf_at)
        return ends_with_lf(data, state, last, lf, line);
    if (last && state->at < data.size)
        return found(state, line, data, data.size, data.size, false, HTTP_SCAN_LINE);
    state->searched = data.size;
    return HTTP_SCAN_MORE;
}

/* ---- fields ---- */

static const struct bytes field_names[HTTP_FIELD_COUNT] = { [HTTP_OTHER] = { NULL, 0 },
#define X(id, text) [HTTP_##id] = { (const uint8_t *)(text), sizeof(text) - 1 },
                                                            HTTP_FIELDS(X)
#undef X
};

/* Equal without regard to case and to zero bytes in `name`. */
static bool same_name(struct bytes name, struct bytes lower)
{
    size_t at = 0;
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == 0)
            continue;
        if (at == lower.size || byte_lower(name.data[i]) != lower.data[at])
            return false;
        at++;
    }
    return at == lower.size;
}

/* Sizes that some known name has, a bit each. */
static const uint32_t known_sizes = 1U << 4 | 1U << 6 | 1U << 7 | 1U << 8 | 1U << 10 | 1U << 12 | 1U << 13 |
                                    1U << 14 | 1U << 15 | 1U << 16 | 1U << 17 | 1U << 19;

enum http_field http_field_named(struct bytes name, bool zeros)
{
    if (!zeros && (name.size > 31 || !(known_sizes >> name.size & 1)))
        return HTTP_OTHER;
    uint8_t first = name.size ? byte_lower(name.data[0]) : 0;
    for (int i = HTTP_OTHER + 1; i < HTTP_FIELD_COUNT; i++) {
        struct bytes known = field_names[i];
        if (zeros ? same_name(name, known)
                  : known.size == name.size && known.data[0] == first && bytes_equal_nocase(name, known))
            return (enum http_field)i;
    }
    return HTTP_OTHER;
}

const struct http_header *http_field(const struct http_message *message, enum http_field field)
{
    uint16_t place = message->known[field];
    return place ? &message->headers[place - 1] : NULL;
}

const struct http_header *http_header_named(const struct http_message *message, struct bytes name)
{
    for (uint16_t i = 0; i < message->header_count; i++)
        if (bytes_equal_nocase(message->headers[i].name, name))
            return &message->headers[i];
    return NULL;
}

bool http_value_has(struct bytes value, const char *word)
{
    struct bytes lower = bytes_of_string(word);
    for (size_t i = 0; i < value.size; i++) {
        size_t at = i, matched = 0;
        if (value.data[i] == 0) /* the word begins behind it */
            continue;
        while (at < value.size && matched < lower.size) {
            if (value.data[at] != 0) {
                if (byte_lower(value.data[at]) != lower.data[matched])
                    break;
                matched++;
            }
            at++;
        }
        if (matched == lower.size)
            return true;
    }
    return false;
}

/* ---- the block ---- */

struct block {
    struct tx *tx;
    enum direction direction;
    const struct http_settings *settings;
    struct http_message *message;
    struct bytes raw;
    struct http_header *headers;
    size_t capacity;
    struct bytes pending; /* the line being collected, folds joined */
    uint8_t *room;        /* where it stands once something was joined to it */
    size_t room_size;
    bool has_pending, pending_colon, too_many;
    size_t repeats;
};

#define LOCAL_HEADERS 48U

static void event(struct block *block, enum http_event request, enum http_event response)
{
    tx_event(block->tx, (uint8_t)(block->direction == TO_SERVER ? request : response));
}

static struct bytes trim(struct bytes b)
{
    while (b.size && (is_blank(b.data[0]) || b.data[0] == '\r' || b.data[0] == '\n'))
        b = bytes_from(b, 1);
    while (b.size &&
           (is_blank(b.data[b.size - 1]) || b.data[b.size - 1] == '\r' || b.data[b.size - 1] == '\n'))
        b.size--;
    return b;
}

/* a, separator and b as one run in the transaction's memory. */
static struct bytes join(struct arena *memory, struct bytes a, struct bytes separator, struct bytes b)
{
    uint8_t *room = arena_new(memory, a.size + separator.size + b.size + 1, 1);
    if (!room)
        return BYTES_NONE;
    if (a.size)
        memcpy(room, a.data, a.size);
    if (separator.size)
        memcpy(room + a.size, separator.data, separator.size);
    if (b.size)
        memcpy(room + a.size + separator.size, b.data, b.size);
    return bytes_of(room, a.size + separator.size + b.size);
}

static struct http_header *same_header(struct block *block, struct bytes name, enum http_field field)
{
    struct http_message *message = block->message;
    if (field != HTTP_OTHER)
        return message->known[field] ? &block->headers[message->known[field] - 1] : NULL;
    uint8_t first = name.size ? byte_lower(name.data[0]) : 0;
    for (uint16_t i = 0; i < message->header_count; i++) {
        struct http_header *header = &block->headers[i];
        /* As many as are counted were written.
         * NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
        if (header->field == HTTP_OTHER && header->name.size == name.size &&
            (name.size == 0 ||
             (byte_lower(header->name.data[0]) == first && bytes_equal_nocase(header->name, name))))
            return header;
    }
    return NULL;
}

/* The first number in a length, and whether there is one. */
static bool same_length(struct bytes a, struct bytes b)
{
    struct http_length first = http_length(a), second = http_length(b);
    return first.valid && second.valid && first.value == second.value;
}

static bool repeat(struct block *block, struct http_header *header, struct bytes value)
{
    event(block, HTTP_EVENT_REQUEST_HEADER_REPETITION, HTTP_EVENT_RESPONSE_HEADER_REPETITION);
    if (header->field == HTTP_CONTENT_LENGTH) { /* the first one counts */
        if (!same_length(header->value, value))
            event(block, HTTP_EVENT_DUPLICATE_CONTENT_LENGTH_IN_REQUEST,
                  HTTP_EVENT_DUPLICATE_CONTENT_LENGTH_IN_RESPONSE);
        return true;
    }
    if (++block->repeats > 64) /* joining more would be quadratic; the first values are enough */
        return true;
    struct bytes joined = join(&block->tx->memory, header->value, BYTES_OF(", "), value);
    if (!joined.data)
        return false;
    header->value = joined;
    return true;
}

/* Characters of a token (RFC 9110 section 5.6.2), a bit each. */
static const uint32_t token_bits[8] = { 0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff, 0, 0, 0, 0 };

enum { NAME_ODD = 1, NAME_ZEROS = 2, NAME_BLANK_BEHIND = 4 };

/* Anything but a token is odd, not fatal; 0: a token. */
static unsigned kind_of(struct bytes name)
{
    unsigned kind = 0;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        if (UNLIKELY(!(token_bits[c >> 5] >> (c & 31) & 1)))
            kind |= c == 0 ? NAME_ODD | NAME_ZEROS : NAME_ODD;
    }
    uint8_t last = name.size ? name.data[name.size - 1] : 0;
    return last == ' ' || last == '\t' ? kind | NAME_BLANK_BEHIND : kind;
}

/* One thing is said of a name: that it is empty, that blanks are behind it, or that it is no token. */
static void judge_name(struct block *block, struct bytes name, unsigned kind)
{
    if (name.size == 0)
        event(block, HTTP_EVENT_REQUEST_FIELD_MISSING_COLON, HTTP_EVENT_RESPONSE_FIELD_MISSING_COLON);
    else if (kind & NAME_BLANK_BEHIND)
        event(block, HTTP_EVENT_REQUEST_INVALID_LWS_AFTER_NAME, HTTP_EVENT_RESPONSE_INVALID_LWS_AFTER_NAME);
    else if (kind & NAME_ODD)
        event(block, HTTP_EVENT_REQUEST_HEADER_INVALID, HTTP_EVENT_RESPONSE_HEADER_NAME_NOT_TOKEN);
}

static bool add_header(struct block *block, struct bytes name, struct bytes value, bool zeros)
{
    struct http_message *message = block->message;
    enum http_field field = http_field_named(name, zeros);
    struct http_header *same = same_header(block, name, field);
    if (same)
        return repeat(block, same, value);
    if (message->header_count >= block->settings->headers_max) {
        if (!block->too_many)
            event(block, HTTP_EVENT_REQUEST_TOO_MANY_HEADERS, HTTP_EVENT_RESPONSE_TOO_MANY_HEADERS);
        block->too_many = true;
        return true;
    }
    if (message->header_count == block->capacity) {
        struct http_header *more = ARENA_ARRAY(&block->tx->memory, struct http_header, block->capacity * 2);
        if (!more)
            return false;
        memcpy(more, block->headers, block->capacity * sizeof *more);
        block->headers = more;
        block->capacity *= 2;
    }
    block->headers[message->header_count++] = (struct http_header){ name, value, (uint8_t)field };
    if (field != HTTP_OTHER)
        message->known[field] = message->header_count;
    return true;
}

static bool flush(struct block *block)
{
    if (!block->has_pending)
        return true;
    block->has_pending = false;
    struct bytes line = block->pending;
    size_t colon = bytes_find_byte(line, ':');
    if (colon == SIZE_MAX) {
        struct bytes value = trim(line);
        if (value.size == 0)
            return true;
        event(block, HTTP_EVENT_REQUEST_FIELD_MISSING_COLON, HTTP_EVENT_RESPONSE_FIELD_MISSING_COLON);
        return add_header(block, bytes_of(line.data, 0), value, false);
    }
    struct bytes name = bytes_first(line, colon);
    struct bytes value = trim(bytes_from(line, colon + 1));
    struct bytes trimmed = trim(name);
    unsigned kind = kind_of(name);
    if (UNLIKELY(kind || name.size == 0))
        judge_name(block, name, kind);
    return add_header(block, trimmed, value, kind & NAME_ZEROS);
}

static bool is_fold(struct bytes line)
{
    return line.size && (line.data[0] == ' ' || line.data[0] == '\t' || line.data[0] == 0);
}

static bool begin(struct block *block, struct bytes line)
{
    if (!flush(block))
        return false;
    block->pending = line;
    block->room_size = 0;
    block->has_pending = true;
    block->pending_colon = bytes_find_byte(line, ':') != SIZE_MAX;
    return true;
}

static bool append(struct block *block, struct bytes more)
{
    size_t size = block->pending.size + more.size;
    if (!block->room || size > block->room_size) {
        uint8_t *room = arena_new(&block->tx->memory, size * 2, 1);
        if (!room)
            return false;
        memcpy(room, block->pending.data, block->pending.size);
        block->room = room;
        block->room_size = size * 2;
    }
    memcpy(block->room + block->pending.size, more.data, more.size);
    block->pending = bytes_of(block->room, size);
    return true;
}

static bool fold(struct block *block, struct bytes line)
{
    struct bytes content = line;
    while (content.size && (content.data[0] == 0 || is_blank(content.data[0])))
        content = bytes_from(content, 1);
    if (!block->has_pending) {
        if (line.data[0] == 0) /* there is nothing that it could go on with */
            return begin(block, line);
        event(block, HTTP_EVENT_INVALID_REQUEST_FIELD_FOLDING, HTTP_EVENT_INVALID_RESPONSE_FIELD_FOLDING);
        bool named = content.size && content.data[0] != ':';
        return content.size == 0 || begin(block, named ? content : line);
    }
    if (content.size == 0)
        return true;
    size_t colon = bytes_find_byte(content, ':');
    /* A folded line that is a field by itself: browsers read it as one. */
    if (colon != SIZE_MAX && colon > 0 && block->pending_colon && block->direction == TO_CLIENT &&
        bytes_is(block->message->protocol, "HTTP/1.1"))
        return begin(block, content);
    block->pending_colon = block->pending_colon || colon != SIZE_MAX;
    return append(block, line.data[0] == 0 ? content : line);
}

static bool read_lines(struct block *block)
{
    struct http_scan_state scan = { 0 };
    struct bytes line;
    for (;;) {
        enum http_scan kind = http_scan_line(block->raw, block->direction, &scan, true, &line);
        if (kind == HTTP_SCAN_END || kind == HTTP_SCAN_MORE)
            return flush(block);
        if (kind != HTTP_SCAN_EMPTY && !(is_fold(line) ? fold(block, line) : begin(block, line)))
            return false;
    }
}

/* The message has the headers that were read, or none. */
static bool keep(struct block *block, const struct http_header *local)
{
    struct http_message *message = block->message;
    message->headers = block->headers != local ? block->headers : NULL;
    if (message->headers || !message->header_count)
        return true;
    message->headers = ARENA_ARRAY(&block->tx->memory, struct http_header, message->header_count);
    if (message->headers) {
        memcpy(message->headers, local, message->header_count * sizeof *local);
        return true;
    }
    message->header_count = 0;
    memset(message->known, 0, sizeof message->known);
    return false;
}

bool http_parse_headers(struct tx *tx, enum direction direction, const struct http_settings *settings)
{
    struct http *http = (struct http *)tx->record;
    struct http_header local[LOCAL_HEADERS];
    struct block block = { .tx = tx,
                           .direction = direction,
                           .settings = settings,
                           .message = &http->message[direction],
                           .raw = http->message[direction].raw,
                           .headers = local,
                           .capacity = LOCAL_HEADERS };
    bool read = read_lines(&block);
    return keep(&block, local) && read;
}

/* What follows the last chunk is judged like fields, and against those before the content; it adds none. */
void http_judge_trailer(struct tx *tx, enum direction direction, struct bytes raw,
                        const struct http_settings *settings)
{
    struct http *http = (struct http *)tx->record;
    struct http_message scratch = http->message[direction];
    struct http_header local[LOCAL_HEADERS * 2];
    scratch.header_count = MIN(scratch.header_count, (uint16_t)LOCAL_HEADERS);
    if (scratch.header_count)
        memcpy(local, scratch.headers, scratch.header_count * sizeof *local);
    for (size_t i = 0; i < HTTP_FIELD_COUNT; i++)
        if (scratch.known[i] > scratch.header_count)
            scratch.known[i] = 0;
    struct block block = { .tx = tx,
                           .direction = direction,
                           .settings = settings,
                           .message = &scratch,
                           .raw = raw,
                           .headers = local,
                           .capacity = COUNT_OF(local) };
    (void)read_lines(&block);
}
