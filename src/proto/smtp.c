/* SPDX-License-Identifier: Apache-2.0 */
/* SMTP (RFC 5321) with pipelining (RFC 2920), chunking (RFC 3030), STARTTLS (RFC 3207). */
#include "proto/smtp.h"

#include "proto/file.h"

#define LINE_MAX_BYTES  4096U
#define QUEUE_MAX       64U
#define RECIPIENTS_MAX  1000U
#define HELO_MAX        512U
#define TX_MEMORY_BYTES (1024U * 1024U)

extern const struct protocol tls_protocol;

enum smtp_event {
    EVENT_INVALID_REPLY,
    EVENT_UNABLE_TO_MATCH_REPLY_WITH_REQUEST,
    EVENT_MAX_COMMAND_LINE_LEN_EXCEEDED,
    EVENT_MAX_REPLY_LINE_LEN_EXCEEDED,
    EVENT_INVALID_PIPELINED_SEQUENCE,
    EVENT_BDAT_CHUNK_LEN_EXCEEDED,
    EVENT_NO_SERVER_WELCOME_MESSAGE,
    EVENT_TLS_REJECTED,
    EVENT_DATA_COMMAND_REJECTED,
    EVENT_FAILED_PROTOCOL_CHANGE,
    EVENT_INVALID_BDAT,
    EVENT_DUPLICATE_FIELDS,
    EVENT_UNPARSABLE_CONTENT,
    EVENT_TRUNCATED_LINE,
    EVENT_MIME_FIRST, /* enum mime_event follows */
};

static const char *const event_names[] = {
    "invalid_reply",
    "unable_to_match_reply_with_request",
    "max_command_line_len_exceeded",
    "max_reply_line_len_exceeded",
    "invalid_pipelined_sequence",
    "bdat_chunk_len_exceeded",
    "no_server_welcome_message",
    "tls_rejected",
    "data_command_rejected",
    "failed_protocol_change",
    "invalid_bdat",
    "duplicate_fields",
    "unparsable_content",
    "truncated_line",
    "mime_invalid_base64",
    "mime_invalid_qp",
    "mime_long_line",
    "mime_long_enc_line",
    "mime_long_header_name",
    "mime_long_header_value",
    "mime_long_boundary",
    "mime_long_filename",
    "mime_malformed_msg",
    "mime_parse_failed",
    NULL,
};

enum command {
    COMMAND_OTHER,
    COMMAND_DATA,
    COMMAND_DATA_END,
    COMMAND_BDAT,
    COMMAND_STARTTLS,
    COMMAND_CLOSING
};

/* Of a mail: its content begins once the server has asked for it. The envelope is complete then, and not when
 * the client says DATA: a server that refuses is told more recipients. */
enum { PROGRESS_STARTED, PROGRESS_DATA, PROGRESS_COMPLETE };
static const char *const request_progress[] = { "request_started", "request_data", "request_complete" };
static const char *const response_progress[] = { "response_started", "response_data", "response_complete" };

/* A command whose reply is awaited. */
struct waiting {
    uint8_t command; /* enum command */
    bool ends_tx;    /* the reply completes `tx` */
    bool has_tx;     /* the command was one of the mail's with number `tx_number` */
    struct tx *tx;
    uint64_t tx_number;
};

struct smtp_state {
    struct tx *tx; /* the mail being written; kept */
    struct mime *mime;
    struct file *raw; /* the whole content as a file */
    uint8_t helo[HELO_MAX];
    size_t helo_size;
    struct waiting queue[QUEUE_MAX];
    uint8_t queued;
    bool greeting, replied, greeted, data, data_asked, tls_asked, skip_line[DIRECTIONS];
    uint64_t chunk; /* bytes of a BDAT chunk still to come */
    bool chunk_last, in_line;
    uint32_t paced;             /* files of the session that are shown in steps */
    uint64_t content_frame;     /* of the content being sent; 0: none */
    size_t scanned[DIRECTIONS]; /* unread bytes known to hold no line end */
};

static const struct smtp_settings defaults = {
    .mime = { .decode_base64 = true,
              .decode_quoted_printable = true,
              .extract_urls = true,
              .header_value_max = 2000 },
    .decode_mime = true,
    .content_limit = 100000,
    .content_inspect_min_size = 32768,
    .content_inspect_window = 4096,
};

static const struct smtp_settings *settings_of(const struct session *session)
{
    const struct smtp_settings *given = session_options(session, session->protocol);
    return given ? given : &defaults;
}

static struct smtp *mail_of(const struct tx *tx)
{
    return (struct smtp *)tx->record;
}

/* ---- transactions ---- */

static struct tx *current(struct session *session, struct smtp_state *state)
{
    if (state->tx)
        return state->tx;
    state->tx = session_tx(session);
    if (!state->tx)
        return NULL;
    state->tx->keep = true;
    if (state->helo_size)
        mail_of(state->tx)->helo = arena_copy(&state->tx->memory, bytes_of(state->helo, state->helo_size));
    return state->tx;
}

static void raise(struct session *session, struct smtp_state *state, enum smtp_event event)
{
    struct tx *tx = current(session, state);
    if (tx)
        tx_event(tx, (uint8_t)event);
}

static void let_go(struct waiting *waiting)
{
    if (!waiting->ends_tx)
        return;
    tx_finish_both(waiting->tx);
    waiting->tx->keep = false;
}

static void await(struct smtp_state *state, enum command command, struct tx *ends)
{
    if (state->queued == QUEUE_MAX) { /* no replies are coming: forget the oldest */
        let_go(&state->queue[0]);
        memmove(&state->queue[0], &state->queue[1], sizeof state->queue[0] * (QUEUE_MAX - 1));
        state->queued--;
    }
    state->queue[state->queued++] = (struct waiting){ .command = (uint8_t)command,
                                                      .ends_tx = ends != NULL,
                                                      .has_tx = ends || state->tx,
                                                      .tx = ends,
                                                      .tx_number = ends        ? ends->number
                                                                   : state->tx ? state->tx->number
                                                                               : 0 };
}

static void raise_mime(struct smtp_state *state)
{
    unsigned events = state->mime ? mime_events(state->mime) : 0;
    for (uint8_t i = 0; events; i++, events >>= 1)
        if (events & 1)
            tx_event(state->tx, (uint8_t)(EVENT_MIME_FIRST + i));
}

static void start_content(struct session *session, struct smtp_state *state)
{
    const struct smtp_settings *settings = settings_of(session);
    struct tx *tx = current(session, state);
    if (!tx || state->mime || state->raw)
        return;
    if (settings->raw_extraction)
        state->raw = file_open(session, tx, TO_SERVER, BYTES_OF("rawmsg"));
    else if (settings->decode_mime)
        state->mime = mime_new(session, tx, TO_SERVER, &settings->mime, &mail_of(tx)->mail);
}

static void end_content(struct session *session, struct smtp_state *state, bool truncated)
{
    if (state->mime) {
        mime_end(state->mime, truncated);
        raise_mime(state);
    }
    if (state->raw)
        file_close(session, state->raw, truncated);
    state->mime = NULL;
    state->raw = NULL;
    state->data = false;
    state->in_line = false;
}

/* The client is done with this mail; the reply to `command` completes it. */
static void leave_tx(struct session *session, struct smtp_state *state, enum command command)
{
    struct tx *tx = state->tx;
    if (state->mime || state->raw) /* chunks without a last one (RFC 3030) */
        end_content(session, state, true);
    if (tx)
        tx_finish(tx, TO_SERVER);
    state->tx = NULL;
    await(state, command, tx);
}

/* Files of attachments are shown to detection in steps, as the settings say. */
static void pace_files(const struct session *session, struct tx *tx)
{
    const struct smtp_settings *settings = settings_of(session);
    for (struct file *file = tx->files; file; file = file->next) {
        file->inspect_max = settings->content_limit;
        file->inspect_min = settings->content_inspect_min_size;
        file->inspect_step = settings->content_inspect_window;
    }
}

static void content_line(struct session *session, struct smtp_state *state, struct bytes line, bool ended)
{
    if (state->mime) {
        if (!ended && mime_in_headers(state->mime))
            tx_event(state->tx, EVENT_TRUNCATED_LINE);
        mime_line(state->mime, line, ended);
        raise_mime(state);
    }
    if (state->raw) {
        (void)file_data(session, state->raw, line);
        if (ended)
            (void)file_data(session, state->raw, BYTES_OF("\r\n"));
    }
    if (state->tx && state->paced != session->file_total) {
        pace_files(session, state->tx);
        state->paced = session->file_total;
    }
}

static void content_begins(const struct smtp_state *state, enum direction direction)
{
    if (state->tx && state->tx->progress[direction] < PROGRESS_DATA)
        state->tx->progress[direction] = PROGRESS_DATA;
}

/* ---- commands ---- */

static bool is_command(struct bytes line, const char *name)
{
    struct bytes word = bytes_of_string(name), rest = bytes_from(line, word.size);
    return bytes_starts_nocase(line, word) &&
           (rest.size == 0 || byte_is_space(rest.data[0]) || rest.data[0] == ':');
}

/* The path after "MAIL FROM:" or "RCPT TO:", without parameters. */
static struct bytes path_of(struct bytes line)
{
    struct bytes rest = line;
    (void)bytes_cut(&rest, ':');
    rest = bytes_trim(rest);
    size_t end = 0;
    bool quoted = false;
    for (; end < rest.size && (quoted || !byte_is_space(rest.data[end])); end++)
        if (rest.data[end] == '"')
            quoted = !quoted;
    return bytes_first(rest, end);
}

static void hello(struct session *session, struct smtp_state *state, struct bytes line)
{
    struct tx *tx = state->tx;
    struct bytes name = bytes_trim(bytes_from(line, 4));
    if (state->greeted)
        raise(session, state, EVENT_DUPLICATE_FIELDS);
    state->greeted = true;
    state->helo_size = MIN(name.size, sizeof state->helo);
    memcpy(state->helo, name.data, state->helo_size);
    bool used = tx && (mail_of(tx)->mail_from.data || mail_of(tx)->rcpt_to.count || mail_of(tx)->mail.begun);
    if (used) { /* RFC 5321 section 4.1.1.1: clears all state, as RSET does */
        leave_tx(session, state, COMMAND_OTHER);
        return;
    }
    tx = current(session, state);
    if (tx)
        mail_of(tx)->helo = arena_copy(&tx->memory, bytes_of(state->helo, state->helo_size));
    await(state, COMMAND_OTHER, NULL);
}

static void mail_from(struct session *session, struct smtp_state *state, struct bytes line)
{
    struct tx *tx = current(session, state);
    if (tx && mail_of(tx)->mail_from.data)
        tx_event(tx, EVENT_DUPLICATE_FIELDS);
    else if (tx)
        mail_of(tx)->mail_from = arena_copy(&tx->memory, path_of(line));
    await(state, COMMAND_OTHER, NULL);
}

static void rcpt_to(struct session *session, struct smtp_state *state, struct bytes line)
{
    struct tx *tx = current(session, state);
    await(state, COMMAND_OTHER, NULL);
    if (!tx || mail_of(tx)->rcpt_to.count >= RECIPIENTS_MAX)
        return;
    struct mail_texts *list = &mail_of(tx)->rcpt_to;
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? list->capacity * 2 : 4;
        struct bytes *grown = ARENA_ARRAY(&tx->memory, struct bytes, capacity);
        if (!grown)
            return;
        if (list->count)
            memcpy(grown, list->items, list->count * sizeof *grown);
        list->items = grown;
        list->capacity = capacity;
    }
    struct bytes path = arena_copy(&tx->memory, path_of(line));
    if (path.data)
        list->items[list->count++] = path;
}

/* "BDAT 1234 [LAST]" (RFC 3030). False: not readable, the chunk's size is unknown. */
static bool chunk(struct session *session, struct smtp_state *state, struct bytes line)
{
    struct bytes rest = bytes_from(line, 4);
    bool apart = rest.size && rest.data[0] == ' ';
    while (bytes_starts(rest, BYTES_OF(" ")))
        rest = bytes_from(rest, 1);
    struct bytes size = bytes_cut(&rest, ' ');
    while (bytes_starts(rest, BYTES_OF(" ")))
        rest = bytes_from(rest, 1);
    state->chunk_last = bytes_equal_nocase(rest, BYTES_OF("LAST"));
    if (!apart || !bytes_to_u64(size, &state->chunk) || state->chunk > UINT32_MAX ||
        (rest.size && !state->chunk_last)) {
        raise(session, state, EVENT_INVALID_BDAT);
        state->chunk = 0;
        await(state, COMMAND_OTHER, NULL);
        return false;
    }
    start_content(session, state);
    return true;
}

static void chunk_done(struct session *session, struct smtp_state *state)
{
    if (!state->chunk_last) {
        await(state, COMMAND_BDAT, NULL);
        return;
    }
    end_content(session, state, false);
    leave_tx(session, state, COMMAND_BDAT);
}

static void data_command(struct session *session, struct smtp_state *state)
{
    (void)current(session, state);
    start_content(session, state);
    state->data_asked = true;
    await(state, COMMAND_DATA, NULL);
}

/* Commands that say nothing about a mail do not begin one. */
static bool idle_command(struct bytes line)
{
    return is_command(line, "QUIT") || is_command(line, "RSET") || is_command(line, "NOOP");
}

static bool known_command(struct bytes line)
{
    static const char *const names[] = {
        "EHLO", "HELO", "MAIL", "RCPT",     "DATA", "BDAT", "RSET", "QUIT",
        "NOOP", "AUTH", "VRFY", "STARTTLS", "EXPN", "HELP", "ETRN", "XCLIENT"
    };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (is_command(line, names[i]))
            return true;
    return false;
}

static void content_or_end(struct session *session, struct smtp_state *state, struct bytes line, bool ended);

static void command(struct session *session, struct smtp_state *state, struct bytes line)
{
    /* Where the server's bytes are seen, its first reply decides. */
    if (!state->replied && session->offset[TO_CLIENT] == 0 && session->scanned[TO_CLIENT] == 0)
        raise(session, state, EVENT_NO_SERVER_WELCOME_MESSAGE);
    if (state->data_asked || state->tls_asked)
        raise(session, state, EVENT_INVALID_PIPELINED_SEQUENCE);
    if (state->data_asked && !known_command(line)) { /* content without waiting for the server's word */
        state->data_asked = false;
        state->data = true;
        content_begins(state, TO_SERVER);
        content_or_end(session, state, line, true);
        return;
    }
    if (session->tx_total == 0 || !idle_command(line))
        (void)current(session, state);
    if (is_command(line, "EHLO") || is_command(line, "HELO")) {
        hello(session, state, line);
    } else if (bytes_starts_nocase(line, BYTES_OF("MAIL FROM"))) {
        mail_from(session, state, line);
    } else if (bytes_starts_nocase(line, BYTES_OF("RCPT TO"))) {
        rcpt_to(session, state, line);
    } else if (is_command(line, "DATA")) {
        data_command(session, state);
    } else if (bytes_starts_nocase(line, BYTES_OF("BDAT"))) {
        if (chunk(session, state, line) && state->chunk == 0)
            chunk_done(session, state);
    } else if (is_command(line, "STARTTLS")) {
        state->tls_asked = true;
        await(state, COMMAND_STARTTLS, NULL);
    } else if (is_command(line, "RSET")) {
        leave_tx(session, state, COMMAND_OTHER);
    } else if (is_command(line, "QUIT")) {
        leave_tx(session, state, COMMAND_CLOSING);
    } else {
        await(state, COMMAND_OTHER, NULL);
    }
}

static void content_or_end(struct session *session, struct smtp_state *state, struct bytes line, bool ended)
{
    if (!state->in_line && ended && bytes_is(line, ".")) {
        end_content(session, state, false);
        leave_tx(session, state, COMMAND_DATA_END);
        return;
    }
    /* A leading dot was doubled by the sender (RFC 5321 section 4.5.2). */
    if (!state->in_line && line.size > 1 && line.data[0] == '.')
        line = bytes_from(line, 1);
    content_line(session, state, line, ended);
    state->in_line = !ended;
}

/* ---- replies ---- */

/* Codes in use (RFC 5321 section 4.2, RFC 4954, RFC 7504 and what large servers add). */
static bool known_code(unsigned code)
{
    static const uint16_t codes[] = { 211, 214, 220, 221, 235, 250, 251, 252, 334, 354, 401, 402, 421,
                                      435, 450, 451, 452, 454, 455, 500, 501, 502, 503, 504, 511, 521,
                                      522, 525, 530, 534, 535, 541, 543, 550, 551, 552, 553, 554, 555 };
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (codes[i] == code)
            return true;
    return false;
}

static bool reply_code(struct bytes line, unsigned *code)
{
    if (line.size < 3 || !byte_is_digit(line.data[0]) || !byte_is_digit(line.data[1]) ||
        !byte_is_digit(line.data[2]))
        return false;
    *code = (unsigned)(line.data[0] - '0') * 100 + (unsigned)(line.data[1] - '0') * 10 +
            (unsigned)(line.data[2] - '0');
    return known_code(*code);
}

static void answered(struct session *session, struct smtp_state *state, const struct waiting *waiting,
                     unsigned code)
{
    switch (waiting->command) {
    case COMMAND_DATA:
        if (code == 354) {
            state->data |= state->data_asked;
            state->data_asked = false;
            content_begins(state, TO_SERVER);
            content_begins(state, TO_CLIENT);
        } else {
            state->data_asked = false;
            raise(session, state, EVENT_DATA_COMMAND_REJECTED);
            end_content(session, state, false);
        }
        break;
    case COMMAND_STARTTLS:
        state->tls_asked = false;
        if (code == 220)
            session_change(session, &tls_protocol);
        else
            raise(session, state, EVENT_TLS_REJECTED);
        break;
    default:
        break;
    }
}

static bool server_line(struct session *session, struct smtp_state *state, struct bytes line)
{
    unsigned code;
    bool first = !state->replied;
    state->replied = true;
    bool welcome = bytes_starts(line, BYTES_OF("220 ")) || bytes_starts(line, BYTES_OF("220-"));
    bool asked = state->queued > 0;
    if (first && !asked && !welcome) /* whatever else it is, it answers nothing */
        raise(session, state, EVENT_NO_SERVER_WELCOME_MESSAGE);
    if (!reply_code(line, &code) || (first && !asked && !welcome)) {
        raise(session, state, EVENT_INVALID_REPLY);
        return false;
    }
    state->greeting |= first && !asked;
    if (line.size > 3 && line.data[3] == '-')
        return true;
    if (state->greeting) {
        state->greeting = false;
        return true;
    }
    if (!state->queued) /* nobody asked: servers may close the connection at any time */
        return true;
    struct waiting waiting = state->queue[0];
    memmove(&state->queue[0], &state->queue[1], sizeof state->queue[0] * (QUEUE_MAX - 1));
    state->queued--;
    answered(session, state, &waiting, code);
    let_go(&waiting);
    return true;
}

/* ---- stream ---- */

/* The next line without its end; a part of it (`ended` false) when it is too long; false: wait. */
static bool take_line(struct smtp_state *state, enum direction direction, struct reader *in, unsigned flags,
                      struct bytes *line, bool *ended)
{
    struct bytes left = reader_peek(in);
    size_t known = MIN(state->scanned[direction], left.size);
    size_t at = bytes_find_byte(bytes_from(left, known), '\n');
    if (at != SIZE_MAX && known + at + 1 < LINE_MAX_BYTES) {
        *line = reader_bytes(in, known + at);
        reader_skip(in, 1);
        if (line->size && line->data[line->size - 1] == '\r')
            line->size--;
        *ended = true;
    } else if (left.size >= LINE_MAX_BYTES) {
        /* A CR at the cut may belong to the line end. */
        bool cr = bytes_ends(bytes_first(left, LINE_MAX_BYTES), BYTES_OF("\r"));
        *line = reader_bytes(in, cr ? LINE_MAX_BYTES - 1 : LINE_MAX_BYTES);
        *ended = false;
    } else if ((flags & FEED_END) && left.size) {
        *line = reader_rest(in);
        *ended = true;
    } else {
        state->scanned[direction] = left.size;
        return false;
    }
    state->scanned[direction] = 0;
    return true;
}

static void take_chunk(struct session *session, struct smtp_state *state, struct reader *in, unsigned flags)
{
    struct reader part = *in;
    size_t size = (size_t)MIN(state->chunk, (uint64_t)reader_left(in));
    struct reader inside = reader_sub(&part, size);
    bool whole = size == state->chunk;
    struct bytes line;
    bool ended;
    state->scanned[TO_SERVER] = 0;
    while (take_line(state, TO_SERVER, &inside, whole || (flags & FEED_END) ? FEED_END : 0, &line, &ended)) {
        content_line(session, state, line, ended);
        state->in_line = !ended;
    }
    size_t taken = size - reader_left(&inside);
    reader_skip(in, taken);
    state->chunk -= taken;
    state->scanned[TO_SERVER] = 0;
    if (state->chunk == 0)
        chunk_done(session, state);
}

enum { FRAME_COMMAND, FRAME_DATA, FRAME_RESPONSE };
static const char *const frame_names[] = { "command_line", "data", "response_line", NULL };

/* A command's line twice: with its end, and without it as part of its transaction. */
static void take_command(struct session *session, struct smtp_state *state, struct bytes line,
                         const uint8_t *end)
{
    session_frame(session, TO_SERVER, FRAME_COMMAND, line.data, (uint64_t)(end - line.data), NULL);
    command(session, state, line);
    if (!state->data)
        session_said(session, TO_SERVER);
    session_frame(session, TO_SERVER, FRAME_COMMAND, line.data, line.size, state->tx);
}

/* The content of a mail is one frame, from its first byte to behind the line that ends it. */
static void take_content(struct session *session, struct smtp_state *state, struct bytes line, bool ended,
                         const uint8_t *end)
{
    if (!state->content_frame)
        state->content_frame = session_frame(session, TO_SERVER, FRAME_DATA, line.data, UINT64_MAX,
                                             state->tx);
    content_or_end(session, state, line, ended);
    if (state->data)
        return;
    session_frame_end(session, TO_SERVER, state->content_frame, end);
    state->content_frame = 0;
}

/* The mail that the next reply is about; NULL when it is gone, or there was none yet. */
static const struct tx *tx_of_reply(const struct session *session, const struct smtp_state *state)
{
    const struct waiting *waiting = &state->queue[0];
    if (!state->queued || !waiting->has_tx)
        return state->tx;
    for (const struct tx *tx = session->txs; tx; tx = tx->next)
        if (tx->number == waiting->tx_number && tx->protocol == session->protocol)
            return tx;
    return NULL;
}

static bool from_client(struct session *session, struct smtp_state *state, struct reader *in, unsigned flags)
{
    struct bytes line;
    bool ended;
    while (!reader_empty(in)) {
        if (state->chunk) {
            uint64_t before = state->chunk;
            if (!state->content_frame)
                state->content_frame = session_frame(session, TO_SERVER, FRAME_DATA, in->at, state->chunk,
                                                     state->tx);
            take_chunk(session, state, in, flags);
            if (state->chunk == before)
                return true;
            if (state->chunk == 0)
                state->content_frame = 0;
            continue;
        }
        struct reader next = *in;
        if (state->tls_asked && state->replied && reader_u8(&next) < ' ')
            return true; /* what follows STARTTLS is for TLS once the server agrees */
        if (!take_line(state, TO_SERVER, in, flags, &line, &ended))
            return true;
        if (!state->data && !ended) {
            raise(session, state, EVENT_TRUNCATED_LINE);
            if (!state->skip_line[TO_SERVER])
                take_command(session, state, line, in->at);
            state->skip_line[TO_SERVER] = true;
            continue;
        }
        if (!state->data && state->skip_line[TO_SERVER]) {
            state->skip_line[TO_SERVER] = false;
            continue;
        }
        if (state->data)
            take_content(session, state, line, ended, in->at);
        else if (ended)
            take_command(session, state, line, in->at);
    }
    return true;
}

static bool from_server(struct session *session, struct smtp_state *state, struct reader *in, unsigned flags)
{
    struct bytes line;
    bool ended;
    while (!session->want_change && take_line(state, TO_CLIENT, in, flags, &line, &ended)) {
        bool skip = state->skip_line[TO_CLIENT];
        state->skip_line[TO_CLIENT] = !ended;
        if (!ended && !skip)
            raise(session, state, EVENT_TRUNCATED_LINE);
        if (!skip)
            session_frame(session, TO_CLIENT, FRAME_RESPONSE, line.data, (uint64_t)(in->at - line.data),
                          tx_of_reply(session, state));
        if (state->queued) /* it answers a command */
            session_said(session, TO_CLIENT);
        if (!skip && !server_line(session, state, line))
            return false;
    }
    return true;
}

static bool smtp_stream(struct session *session, void *parser, enum direction direction, struct reader *in,
                        unsigned flags)
{
    struct smtp_state *state = parser;
    bool good = direction == TO_SERVER ? from_client(session, state, in, flags)
                                       : from_server(session, state, in, flags);
    if ((flags & FEED_END) && direction == TO_SERVER && state->tx) {
        if (state->mime || state->raw)
            end_content(session, state, true);
        tx_finish(state->tx, TO_SERVER);
    }
    return good;
}

static void smtp_close(struct session *session, void *parser)
{
    (void)session;
    struct smtp_state *state = parser;
    if (state->mime)
        mime_free(state->mime);
    state->mime = NULL;
}

static enum probe smtp_probe(enum direction direction, struct bytes data)
{
    static const char *const openings[] = { "EHLO", "HELO", "QUIT" };
    if (direction == TO_CLIENT) {
        if (data.size < 4)
            return bytes_starts(BYTES_OF("220"), bytes_first(data, 3)) ? PROBE_MORE : PROBE_NO;
        if (!bytes_starts(data, BYTES_OF("220")) || (data.data[3] != ' ' && data.data[3] != '-'))
            return PROBE_NO;
        /* Other protocols greet alike; the client decides where the banner does not say. */
        return bytes_find_nocase(bytes_first(data, 256), BYTES_OF("SMTP")) != SIZE_MAX ? PROBE_YES
                                                                                       : PROBE_MORE;
    }
    for (size_t i = 0; i < COUNT_OF(openings); i++) {
        struct bytes opening = bytes_of_string(openings[i]);
        if (data.size < 5 && bytes_starts_nocase(opening, bytes_first(data, 4)))
            return PROBE_MORE;
        if (data.size >= 5 && bytes_starts_nocase(data, opening) && byte_is_space(data.data[4]))
            return i < 2 ? PROBE_YES : PROBE_MORE;
    }
    return PROBE_NO;
}

/* ---- EVE ---- */

void smtp_log(const struct tx *tx, struct text *out)
{
    const struct smtp *smtp = mail_of(tx);
    if (smtp->helo.data)
        json_string(out, "helo", smtp->helo);
    if (smtp->mail_from.data)
        json_string(out, "mail_from", smtp->mail_from);
    if (!smtp->rcpt_to.count)
        return;
    json_open(out, "rcpt_to", '[');
    for (uint32_t i = 0; i < smtp->rcpt_to.count; i++)
        json_string(out, NULL, smtp->rcpt_to.items[i]);
    json_close(out, ']');
}

void smtp_log_mail(const struct tx *tx, const struct mail_log_settings *settings, struct text *out)
{
    if (mail_of(tx)->mail.begun)
        mail_log(&mail_of(tx)->mail, settings, out);
}

static void smtp_write(const struct tx *tx, bool extended, struct text *out)
{
    (void)extended;
    smtp_log(tx, out);
}

static void smtp_write_beside(const struct tx *tx, bool extended, struct text *out)
{
    (void)extended;
    smtp_log_mail(tx, NULL, out);
}

/* ---- rule keywords ---- */

static bool one(uint32_t index, struct bytes found, struct bytes *value)
{
    *value = found;
    return index == 0 && found.data;
}

static bool get_helo(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                     struct bytes *value)
{
    (void)direction;
    (void)scratch;
    return one(index, mail_of(tx)->helo, value);
}

static bool get_mail_from(const struct tx *tx, enum direction direction, uint32_t index,
                          struct arena *scratch, struct bytes *value)
{
    (void)direction;
    (void)scratch;
    return one(index, mail_of(tx)->mail_from, value);
}

static bool from_list(const struct mail_texts *list, uint32_t index, struct bytes *value)
{
    if (index >= list->count)
        return false;
    *value = list->items[index];
    return true;
}

static bool get_rcpt_to(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                        struct bytes *value)
{
    (void)direction;
    (void)scratch;
    return from_list(&mail_of(tx)->rcpt_to, index, value);
}

static bool get_url(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                    struct bytes *value)
{
    (void)direction;
    (void)scratch;
    return from_list(&mail_of(tx)->mail.urls, index, value);
}

static bool get_body_md5(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                         struct bytes *value)
{
    (void)direction;
    const struct mail *mail = &mail_of(tx)->mail;
    char buffer[33];
    struct text text = text_of(buffer, sizeof buffer);
    if (index || !mail->has_body_md5)
        return false;
    text_hex(&text, bytes_of(mail->body_md5, sizeof mail->body_md5));
    *value = arena_copy(scratch, text_bytes(&text));
    return value->data != NULL;
}

#define HEADER_GETTER(function, header, many)                                           \
    static bool function(const struct tx *tx, enum direction direction, uint32_t index, \
                         struct arena *scratch, struct bytes *value)                    \
    {                                                                                   \
        (void)direction;                                                                \
        (void)scratch;                                                                  \
        *value = mail_header(&mail_of(tx)->mail, header, index);                        \
        return ((many) || index == 0) && value->data;                                   \
    }

HEADER_GETTER(get_from, "from", false)
HEADER_GETTER(get_subject, "subject", false)
HEADER_GETTER(get_to, "to", false)
HEADER_GETTER(get_cc, "cc", false)
HEADER_GETTER(get_date, "date", false)
HEADER_GETTER(get_message_id, "message-id", false)
HEADER_GETTER(get_x_mailer, "x-mailer", false)
HEADER_GETTER(get_received, "received", true)

#define ROW_AT(step, keyword, getter, text, where)                                                         \
    {                                                                                                      \
        .name = (keyword), .kind = INSPECT_GET, .directions = 1U << TO_SERVER,                             \
        .progress = { (step), (step) }, .early = true, .get = (getter), .help = (text), .source = (where), \
    }
#define ENVELOPE(...) ROW_AT(PROGRESS_DATA, __VA_ARGS__)
#define ROW(...)      ROW_AT(PROGRESS_COMPLETE, __VA_ARGS__)

static const struct inspect inspects[] = {
    ENVELOPE("smtp.helo", get_helo, "Name the client greets with", "RFC 5321 section 4.1.1.1"),
    ENVELOPE("smtp.mail_from", get_mail_from, "Sender of the envelope", "RFC 5321 section 4.1.1.2"),
    ENVELOPE("smtp.rcpt_to", get_rcpt_to, "Recipients of the envelope", "RFC 5321 section 4.1.1.3"),
    ROW("email.from", get_from, "From header", "RFC 5322 section 3.6"),
    ROW("email.subject", get_subject, "Subject header", "RFC 5322 section 3.6"),
    ROW("email.to", get_to, "To header", "RFC 5322 section 3.6"),
    ROW("email.cc", get_cc, "Cc header", "RFC 5322 section 3.6"),
    ROW("email.date", get_date, "Date header", "RFC 5322 section 3.6"),
    ROW("email.message_id", get_message_id, "Message-ID header", "RFC 5322 section 3.6"),
    ROW("email.x_mailer", get_x_mailer, "X-Mailer header", "RFC 5322 section 3.6"),
    ROW("email.received", get_received, "Received headers", "RFC 5322 section 3.6"),
    ROW("email.url", get_url, "Links in text bodies", "RFC 2045"),
    ROW("email.body_md5", get_body_md5, "MD5 of the body, in hexadecimal", "RFC 2045"),
};

#define MIME_SETTING(key, member, kind, text)                                                      \
    {                                                                                              \
        .name = "mime." key, .type = (kind), AT(struct smtp_settings, mime.member), .help = (text) \
    }

static const struct field settings_fields[] = {
    { .name = "raw-extraction",
      .type = FIELD_BOOL,
      AT(struct smtp_settings, raw_extraction),
      .help = "Take the whole content of a mail as one file named rawmsg" },
    { .name = "mime.decode-mime",
      .type = FIELD_BOOL,
      AT(struct smtp_settings, decode_mime),
      .help = "Parse mails" },
    MIME_SETTING("decode-base64", decode_base64, FIELD_BOOL, "Decode base64 bodies"),
    MIME_SETTING("decode-quoted-printable", decode_quoted_printable, FIELD_BOOL,
                 "Decode quoted-printable bodies"),
    MIME_SETTING("header-value-depth", header_value_max, FIELD_UINT,
                 "Bytes of a header's value that are kept"),
    MIME_SETTING("extract-urls", extract_urls, FIELD_BOOL, "Collect links of text bodies"),
    MIME_SETTING("extract-urls-schemes", schemes, FIELD_STRINGS, "Schemes of links to collect"),
    MIME_SETTING("log-url-scheme", log_url_scheme, FIELD_BOOL, "Keep the scheme in collected links"),
    MIME_SETTING("body-md5", body_md5, FIELD_BOOL, "Compute the MD5 of bodies"),
    { .name = "inspected-tracker.content-limit",
      .type = FIELD_UINT,
      AT(struct smtp_settings, content_limit),
      .help = "Bytes of an attachment that are inspected" },
    { .name = "inspected-tracker.content-inspect-min-size",
      .type = FIELD_UINT,
      AT(struct smtp_settings, content_inspect_min_size),
      .help = "Bytes before the first inspection" },
    { .name = "inspected-tracker.content-inspect-window",
      .type = FIELD_UINT,
      AT(struct smtp_settings, content_inspect_window),
      .help = "Bytes between inspections" },
};

const struct protocol smtp_protocol = {
    .id = PROTOCOL_smtp,
    .eve_numbered = true,
    .name = "smtp",
    .title = "Simple Mail Transfer Protocol",
    .eve_type = "smtp",
    .transports = TRANSPORT_TCP,
    .ports = "25,465,587,2525",
    .probe = smtp_probe,
    .server_speaks_first = true,
    .probe_depth = 1024,
    .state_size = sizeof(struct smtp_state),
    .record_size = sizeof(struct smtp),
    .tx_memory_max = TX_MEMORY_BYTES,
    .buffer_max = LINE_MAX_BYTES * 2,
    .stream = smtp_stream,
    .close = smtp_close,
    .progress_names = { request_progress, response_progress },
    .complete = { PROGRESS_COMPLETE, PROGRESS_COMPLETE },
    .write = smtp_write,
    .write_beside = smtp_write_beside,
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .events = event_names,
    .event_capitals = true,
    .settings = settings_fields,
    .setting_count = COUNT_OF(settings_fields),
    .settings_size = sizeof(struct smtp_settings),
    .settings_default = &defaults,
    .frames = frame_names,
    .file_directions = 1 << TO_SERVER,
};
