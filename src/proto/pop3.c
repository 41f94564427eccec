/* SPDX-License-Identifier: Apache-2.0 */
/* Post Office Protocol version 3 (RFC 1939, RFC 2449, STLS: RFC 2595). A transaction is a command with its
 * response; the greeting is one by itself. */
#include "proto/session.h"

#define LINE_MAX_     1024U
#define ARGUMENTS_MAX 16U
#define DATA_MAX      (64U * 1024U) /* of the lines of a response that are kept */
#define COMMANDS_MAX  256U

enum pop3_event {
    EVENT_TOO_MANY_TRANSACTIONS,
    EVENT_REQUEST_TOO_LONG,
    EVENT_INCORRECT_ARGUMENT_COUNT,
    EVENT_UNKNOWN_COMMAND,
    EVENT_RESPONSE_TOO_LONG
};
static const char *const event_names[] = { "too_many_transactions",    "request_too_long",
                                           "incorrect_argument_count", "unknown_command",
                                           "response_too_long",        NULL };

struct command {
    const char *name;
    uint8_t min, max;   /* arguments */
    bool lines, barely; /* the response has lines; only when there is no argument */
};

#define NOT_TOLD 255U /* followed, but an unknown one to rules (RFC 6856) */

static const struct command commands[] = {
    { "USER", 1, 1, false, false },      { "PASS", 1, 1, false, false },
    { "APOP", 2, 2, false, false },      { "STAT", 0, 0, false, false },
    { "LIST", 0, 1, true, true },        { "RETR", 1, 1, true, false },
    { "DELE", 1, 1, false, false },      { "NOOP", 0, 0, false, false },
    { "RSET", 0, 0, false, false },      { "TOP", 2, 2, true, false },
    { "UIDL", 0, 1, true, true },        { "QUIT", 0, 0, false, false },
    { "CAPA", 0, 0, true, false },       { "STLS", 0, 0, false, false },
    { "AUTH", 1, 2, true, true },        { "UTF8", 0, NOT_TOLD, false, false },
    { "LANG", 0, NOT_TOLD, true, true },
};

struct pop3 {
    bool has_request, has_response, success, lines, starts_tls, bad;
    bool sasl;        /* AUTH, or what the client said in its dialogue: the server may ask for more */
    const char *name; /* of the known command, in capitals */
    struct bytes command;
    struct bytes arguments[ARGUMENTS_MAX];
    uint32_t argument_count;
    struct bytes status, header;
    struct bytes data; /* lines of the response, each with its line feed */
    size_t data_capacity;
    uint32_t line_count;
};

struct pop3_state {
    struct tx *in_lines;        /* its response goes on with lines */
    bool long_line[DIRECTIONS]; /* the rest of a line that is too long is passed over */
    bool dialogue;              /* AUTH: the client's next line is no command */
    size_t scanned[DIRECTIONS];
};

static struct pop3 *record_of(struct tx *tx)
{
    return (struct pop3 *)(void *)tx->record;
}

static const struct command *find_command(struct bytes name)
{
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (bytes_equal_nocase(name, bytes_of_string(commands[i].name)))
            return &commands[i];
    return NULL;
}

static enum probe pop3_probe(enum direction direction, struct bytes data)
{
    if (direction == TO_CLIENT) {
        bool ok = bytes_starts(data, BYTES_OF("+OK")), err = bytes_starts(data, BYTES_OF("-ERR"));
        if (!ok && !err)
            return data.size < 4 && (bytes_equal(data, bytes_first(BYTES_OF("+OK"), data.size)) ||
                                     bytes_equal(data, bytes_first(BYTES_OF("-ERR"), data.size)))
                       ? PROBE_MORE
                       : PROBE_NO;
        return bytes_find_byte(data, '\n') == SIZE_MAX ? PROBE_MORE : PROBE_YES;
    }
    size_t end = bytes_find_byte(data, '\n');
    if (end == SIZE_MAX)
        return data.size > LINE_MAX_ ? PROBE_NO : PROBE_MORE;
    struct bytes line = bytes_trim(bytes_first(data, end));
    return find_command(bytes_cut(&line, ' ')) ? PROBE_YES : PROBE_NO;
}

/* ---- the client ---- */

static void take_arguments(struct tx *tx, struct bytes rest, bool one)
{
    struct pop3 *pop3 = record_of(tx);
    while (rest.size) {
        struct bytes argument = one ? rest : bytes_cut(&rest, ' ');
        if (one)
            rest.size = 0;
        if (pop3->argument_count == ARGUMENTS_MAX)
            return;
        pop3->arguments[pop3->argument_count] = arena_copy(&tx->memory, argument);
        pop3->argument_count += pop3->arguments[pop3->argument_count].data != NULL;
    }
}

static uint32_t words_in(struct bytes rest)
{
    uint32_t count = 0;
    while (rest.size)
        count += bytes_cut(&rest, ' ').size > 0;
    return count;
}

static bool take_command(struct session *session, struct pop3_state *state, struct bytes line)
{
    struct bytes rest = line;
    struct bytes name = bytes_cut(&rest, ' ');
    const struct command *command = find_command(name);
    struct tx *tx = session_tx(session);
    if (!tx)
        return false;
    struct pop3 *pop3 = record_of(tx);
    pop3->has_request = true;
    tx_finish(tx, TO_SERVER);
    if (state->dialogue) { /* an answer to the server's challenge, which may be a password */
        state->dialogue = false;
        pop3->sasl = true;
        pop3->command = BYTES_OF("<SASL DATA>");
        return true;
    }
    if (!command) {
        pop3->command = arena_copy(&tx->memory, name);
        take_arguments(tx, rest, false);
        tx_event(tx, EVENT_UNKNOWN_COMMAND);
        return true;
    }
    pop3->name = command->name;
    pop3->command = bytes_of_string(command->name);
    take_arguments(tx, rest, bytes_is(pop3->command, "PASS")); /* a password may have spaces */
    pop3->lines = command->lines && (!command->barely || pop3->argument_count == 0);
    pop3->starts_tls = bytes_is(pop3->command, "STLS");
    pop3->sasl = bytes_is(pop3->command, "AUTH") && pop3->argument_count > 0;
    uint32_t count = words_in(rest);
    if (command->max == NOT_TOLD ||
        !bytes_is(name, command->name)) /* small letters are let through, and told */
        tx_event(tx, EVENT_UNKNOWN_COMMAND);
    else if (count < command->min || count > command->max)
        tx_event(tx, EVENT_INCORRECT_ARGUMENT_COUNT);
    return true;
}

/* ---- the server ---- */

static void end_lines(struct pop3_state *state)
{
    state->in_lines->keep = false;
    tx_finish_both(state->in_lines);
    state->in_lines = NULL;
}

static void add_line(struct tx *tx, struct bytes line)
{
    struct pop3 *pop3 = record_of(tx);
    size_t size = pop3->data.size + line.size + 1;
    if (size > DATA_MAX) {
        tx_event(tx, EVENT_RESPONSE_TOO_LONG);
        return;
    }
    if (size > pop3->data_capacity) {
        size_t capacity = MAX(size, pop3->data_capacity * 2);
        uint8_t *grown = arena_new(&tx->memory, capacity, 1);
        if (!grown)
            return;
        if (pop3->data.size)
            memcpy(grown, pop3->data.data, pop3->data.size);
        pop3->data.data = grown;
        pop3->data_capacity = capacity;
    }
    uint8_t *end = (uint8_t *)(uintptr_t)pop3->data.data + pop3->data.size;
    if (line.size)
        memcpy(end, line.data, line.size);
    end[line.size] = '\n';
    pop3->data.size = size;
    pop3->line_count++;
}

/* "+ " and a challenge: the client goes on with one line (RFC 5034). */
static bool take_challenge(struct session *session, struct pop3_state *state, struct bytes line)
{
    struct tx *tx = session_tx_open(session, TO_CLIENT);
    if (!tx || !record_of(tx)->sasl)
        return false;
    struct pop3 *pop3 = record_of(tx);
    state->dialogue = pop3->has_response = pop3->success = true;
    pop3->status = BYTES_OF("OK");
    pop3->header = arena_copy(&tx->memory, bytes_from(line, 2));
    tx_finish_both(tx);
    return true;
}

static bool take_status(struct session *session, struct pop3_state *state, struct bytes line)
{
    bool ok = bytes_starts(line, BYTES_OF("+OK"));
    if (bytes_is(bytes_first(line, 2), "+ ") || bytes_is(line, "+"))
        return take_challenge(session, state, line);
    if (!ok && !bytes_starts(line, BYTES_OF("-ERR")))
        return false;
    struct tx *tx = session_tx_open(session, TO_CLIENT);
    if (!tx)
        tx = session_tx(session); /* the greeting */
    if (!tx)
        return false;
    struct pop3 *pop3 = record_of(tx);
    pop3->has_response = true;
    pop3->success = ok;
    struct bytes rest = bytes_from(line, ok ? 3 : 4);
    if (rest.size && rest.data[0] == ' ')
        rest = bytes_from(rest, 1);
    pop3->status = ok ? BYTES_OF("OK") : BYTES_OF("ERR");
    pop3->header = arena_copy(&tx->memory, rest);
    if (ok && pop3->lines) {
        state->in_lines = tx;
        tx->keep = true;
        return true;
    }
    tx_finish_both(tx);
    if (ok && pop3->starts_tls)
        session_change(session, protocol_find(BYTES_OF("tls")));
    return true;
}

static bool take_server_line(struct session *session, struct pop3_state *state, struct bytes line)
{
    if (!state->in_lines)
        return take_status(session, state, line);
    if (bytes_is(line, "."))
        end_lines(state);
    else
        add_line(state->in_lines, line.size > 1 && line.data[0] == '.' ? bytes_from(line, 1) : line);
    return true;
}

static void long_line(struct session *session, struct pop3_state *state, enum direction direction)
{
    struct tx *tx = direction == TO_CLIENT ? session_tx_open(session, TO_CLIENT)
                                           : session_tx_directed(session, TO_SERVER);
    state->long_line[direction] = true;
    if (!tx)
        return;
    tx_event(tx, direction == TO_SERVER ? EVENT_REQUEST_TOO_LONG : EVENT_RESPONSE_TOO_LONG);
    record_of(tx)->bad = direction == TO_SERVER;
    if (direction == TO_SERVER)
        tx_finish_both(tx);
}

static bool pop3_stream(struct session *session, void *state_, enum direction direction, struct reader *in,
                        unsigned flags)
{
    struct pop3_state *state = state_;
    (void)flags;
    while (!reader_empty(in) && !session->want_change) {
        struct bytes data = reader_peek(in);
        size_t from = MIN(state->scanned[direction], data.size);
        size_t end = bytes_find_byte(bytes_from(data, from), '\n');
        if (end == SIZE_MAX) {
            if (data.size > LINE_MAX_) {
                if (!state->long_line[direction])
                    long_line(session, state, direction);
                (void)reader_rest(in);
                data.size = 0;
            }
            state->scanned[direction] = data.size;
            return true;
        }
        struct bytes line = reader_bytes(in, from + end);
        reader_skip(in, 1);
        state->scanned[direction] = 0;
        if (state->long_line[direction]) {
            state->long_line[direction] = false;
            continue;
        }
        if (line.size && line.data[line.size - 1] == '\r')
            line.size--;
        if (!(direction == TO_SERVER ? take_command(session, state, line)
                                     : take_server_line(session, state, line)))
            return false;
    }
    return true;
}

/* ---- the record ---- */

static void put_lines(struct text *out, const struct pop3 *pop3)
{
    struct bytes rest = pop3->data;
    json_open(out, "data", '[');
    while (rest.size)
        json_string(out, NULL, bytes_cut(&rest, '\n'));
    json_close(out, ']');
}

static void pop3_write(const struct tx *tx, bool extended, struct text *out)
{
    const struct pop3 *pop3 = (const void *)tx->record;
    (void)extended;
    if (pop3->has_request) {
        json_open(out, "request", '{');
        json_string(out, "command", pop3->command);
        json_open(out, "args", '[');
        for (uint32_t i = 0; i < pop3->argument_count; i++)
            json_string(out, NULL, pop3->arguments[i]);
        json_close(out, ']');
        json_close(out, '}');
    }
    if (pop3->has_response) {
        json_open(out, "response", '{');
        json_bool(out, "success", pop3->success);
        json_string(out, "status", pop3->status);
        json_string(out, "header", pop3->header);
        put_lines(out, pop3);
        json_close(out, '}');
    }
}

static bool pop3_loggable(const struct tx *tx)
{
    const struct pop3 *pop3 = (const void *)tx->record;
    return !pop3->bad;
}

const struct protocol pop3_protocol = {
    .id = PROTOCOL_pop3,
    .name = "pop3",
    .title = "Post Office Protocol",
    .eve_type = "pop3",
    .transports = TRANSPORT_TCP,
    .ports = "110",
    .probe = pop3_probe,
    .probe_usual_port_only = true,
    .server_speaks_first = true,
    .probe_depth = LINE_MAX_,
    .state_size = sizeof(struct pop3_state),
    .record_size = sizeof(struct pop3),
    .tx_memory_max = 256U * 1024U,
    .buffer_max = LINE_MAX_ + 1,
    .tx_max = COMMANDS_MAX,
    .shed_event = EVENT_TOO_MANY_TRANSACTIONS + 1,
    .stream = pop3_stream,
    .write = pop3_write,
    .loggable = pop3_loggable,
    .events = event_names,
    .whole_stream = true,
};
