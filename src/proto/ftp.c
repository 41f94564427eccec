/* SPDX-License-Identifier: Apache-2.0 */
/* File Transfer Protocol, the control connection (RFC 959, RFC 2428; AUTH TLS: RFC 4217). A transaction is a
 * command with its replies; the greeting is one by itself. */
#include "proto/ftp.h"

#define NAME_MAX_   1024U /* of a file */
#define REPLIES_MAX 64U
#define LINE_LIMIT  65535U /* of the setting */
#define TX_LIMIT    4096U

#define PRELIMINARY_MAX 16U

enum ftp_event {
    EVENT_REQUEST_TOO_LONG,
    EVENT_RESPONSE_TOO_LONG,
    EVENT_TOO_MANY_TRANSACTIONS,
    EVENT_FILE_BEFORE_PORT,
    EVENT_FILE_WITHOUT_NAME,
    EVENT_TOO_MANY_PRELIMINARY
};
static const char *const event_names[] = { "request_command_too_long",
                                           "response_command_too_long",
                                           "too_many_transactions",
                                           "file_before_port",
                                           "file_without_name",
                                           "too_many_preliminary_responses",
                                           NULL };

enum mode { MODE_ACTIVE, MODE_PASSIVE };
static const char *const mode_names[] = { "active", "passive", NULL };
/* As rules write it; EVE has the first two. */
static const char *const received_names[] = { "no", "yes", "false", "true", "off", "on", "0", "1", NULL };

/* The commands that records name. */
static const char *const commands[] = {
    "ABOR", "ACCT", "ALLO", "APPE", "CDUP", "CHMOD", "CWD",  "DELE", "EPRT", "EPSV", "HELP",  "IDLE",
    "LIST", "MAIL", "MDTM", "MKD",  "MLFL", "MLSD",  "MODE", "MRCP", "MRSQ", "MSAM", "MSND",  "MSOM",
    "NLST", "NOOP", "PASS", "PASV", "PORT", "PWD",   "QUIT", "REIN", "REST", "RETR", "RMD",   "RNFR",
    "RNTO", "SITE", "SIZE", "SMNT", "STAT", "STOR",  "STOU", "STRU", "SYST", "TYPE", "UMASK", "USER",
};

struct ftp {
    struct bytes command, argument;
    bool known, done, several, command_truncated, reply_truncated, starts_tls, has_mode;
    uint8_t mode; /* enum mode */
    uint16_t port;
    uint8_t reply_count, code_count, preliminary; /* preliminary: replies that announce another */
    struct bytes *replies, *codes;                /* REPLIES_MAX places each, once there is a reply */
};

struct ftp_settings {
    uint64_t memcap;
    uint32_t line_max, tx_max;
};

static const struct ftp_settings defaults = { .line_max = 4096, .tx_max = 1024 };

#define SETTING(key, member) .name = (key), .type = FIELD_UINT, AT(struct ftp_settings, member)
static const struct field settings_fields[] = {
    { SETTING("memcap", memcap), .help = "Accepted; the memory of all sessions has one limit" },
    { SETTING("max-line-length", line_max), .min = 1, .max = LINE_LIMIT, .help = "Bytes of a line" },
    { SETTING("max-tx", tx_max), .min = 1, .max = TX_LIMIT, .help = "Commands waiting for their reply" },
};

struct ftp_state {
    bool stopped;               /* too many commands: nothing is parsed any more */
    bool long_line[DIRECTIONS]; /* the rest of a line that is too long is passed over */
    size_t scanned[DIRECTIONS];
    uint16_t port; /* where the next transfer's connection goes; 0: not said */
};

static struct ftp *record_of(struct tx *tx)
{
    return (struct ftp *)(void *)tx->record;
}

static bool is_known(struct bytes name, struct bytes *capitals)
{
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (bytes_equal_nocase(name, bytes_of_string(commands[i]))) {
            *capitals = bytes_of_string(commands[i]);
            return true;
        }
    return false;
}

static enum probe ftp_probe(enum direction direction, struct bytes data)
{
    if (direction == TO_CLIENT) {
        if (!bytes_equal(bytes_first(data, 3), bytes_first(BYTES_OF("220"), data.size)))
            return PROBE_NO;
        if (bytes_find_nocase(data, BYTES_OF("SMTP")) != SIZE_MAX)
            return PROBE_NO;
        if (bytes_find_byte(data, '\n') == SIZE_MAX)
            return PROBE_MORE;
        /* Mail servers greet with the same code: unless the greeting tells, the client's command does. */
        return bytes_find_nocase(data, BYTES_OF("FTP")) != SIZE_MAX ? PROBE_YES : PROBE_MORE;
    }
    static const char *const firsts[] = { "USER ", "PASS ", "PORT ", "FEAT\r", "AUTH TLS", "AUTH SSL" };
    for (size_t i = 0; i < COUNT_OF(firsts); i++) {
        struct bytes first = bytes_of_string(firsts[i]);
        if (bytes_starts_nocase(data, first))
            return PROBE_YES;
        if (data.size < first.size && bytes_starts_nocase(first, data))
            return PROBE_MORE;
    }
    return PROBE_NO;
}

/* The port of "h1,h2,h3,h4,p1,p2" (RFC 959, section 4.1.2); 0 when it is none. */
static uint16_t comma_port(struct bytes text)
{
    uint64_t high = 0, low = 0, number;
    for (int i = 0; i < 6; i++) {
        struct bytes part = bytes_trim(bytes_cut(&text, ','));
        if (!bytes_to_u64(part, &number) || number > 255)
            return 0;
        high = low;
        low = number;
    }
    return (uint16_t)(high << 8 | low);
}

/* The port of "<d>family<d>address<d>port<d>" (RFC 2428); 0 when it is none. */
static uint16_t delimited_port(struct bytes text)
{
    uint64_t number;
    if (!text.size)
        return 0;
    uint8_t delimiter = text.data[0];
    struct bytes rest = bytes_from(text, 1);
    (void)bytes_cut(&rest, delimiter);
    (void)bytes_cut(&rest, delimiter);
    return bytes_to_u64(bytes_cut(&rest, delimiter), &number) && number <= UINT16_MAX ? (uint16_t)number : 0;
}

static void set_port(struct ftp *ftp, enum mode mode, uint16_t port)
{
    ftp->mode = port ? (uint8_t)mode : (uint8_t)MODE_PASSIVE;
    ftp->port = port;
}

/* A command about where the connection for data goes. */
static bool names_port(struct bytes command)
{
    return bytes_is(command, "PORT") || bytes_is(command, "EPRT") || bytes_is(command, "PASV") ||
           bytes_is(command, "EPSV");
}

/* A command that moves data goes with the connection agreed on before it. */
static void announce(struct session *session, struct ftp_state *state, struct tx *tx, struct bytes argument)
{
    struct bytes command = record_of(tx)->command;
    for (uint8_t i = 0; ftp_transfers[i]; i++) {
        if (!bytes_is(command, ftp_transfers[i]))
            continue;
        bool listing = i == FTP_LIST || i == FTP_NLST || i == FTP_MLSD;
        if (!listing && i != FTP_STOU && !argument.size) {
            tx_event(tx, EVENT_FILE_WITHOUT_NAME);
            return;
        }
        if (!state->port) {
            tx_event(tx, EVENT_FILE_BEFORE_PORT);
            return;
        }
        if (i == FTP_STOU && !argument.size)
            argument = BYTES_OF("<stou>"); /* the server chooses the name */
        uint8_t note[1U + NAME_MAX_] = { i };
        size_t size = listing ? 0 : MIN(argument.size, (size_t)NAME_MAX_);
        if (size)
            memcpy(note + 1, argument.data, size);
        session_announce(session, state->port, &ftp_data_protocol, bytes_of(note, 1 + size));
        state->port = 0;
        return;
    }
}

static const struct ftp_settings *settings_of(const struct session *session)
{
    const struct ftp_settings *given = session_options(session, session->protocol);
    return given ? given : &defaults;
}

/* More commands at once than a client sends without waiting: the oldest one says so, and parsing ends. */
static bool too_many(struct session *session, struct ftp_state *state)
{
    uint32_t waiting = 0;
    for (const struct tx *tx = session->txs; tx; tx = tx->next)
        waiting += !tx_complete(session, tx, TO_CLIENT);
    if (waiting < settings_of(session)->tx_max)
        return false;
    struct tx *oldest = session_tx_open(session, TO_CLIENT);
    tx_event(oldest, EVENT_TOO_MANY_TRANSACTIONS);
    record_of(oldest)->done = true;
    state->stopped = true;
    return true;
}

static bool take_command(struct session *session, struct ftp_state *state, struct bytes line, bool truncated)
{
    struct bytes rest = line;
    struct bytes name = bytes_cut(&rest, ' ');
    if (!name.size)
        return true;
    if (too_many(session, state))
        return false;
    struct tx *tx = session_tx(session);
    if (!tx)
        return false;
    struct ftp *ftp = record_of(tx);
    ftp->starts_tls = bytes_equal_nocase(name, BYTES_OF("AUTH")) &&
                      (bytes_equal_nocase(rest, BYTES_OF("TLS")) ||
                       bytes_equal_nocase(rest, BYTES_OF("SSL")));
    ftp->known = is_known(name, &ftp->command);
    if (bytes_equal_nocase(line, BYTES_OF("AUTH TLS"))) {
        ftp->command = BYTES_OF("AUTH TLS");
        ftp->known = true;
        rest.size = 0;
    } else if (!ftp->known)
        ftp->command = arena_copy(&tx->memory, name);
    if (rest.size)
        ftp->argument = arena_copy(&tx->memory, rest);
    ftp->command_truncated = truncated;
    if (truncated)
        tx_event(tx, EVENT_REQUEST_TOO_LONG);
    if (bytes_is(ftp->command, "PORT"))
        set_port(ftp, MODE_ACTIVE, comma_port(rest));
    else if (bytes_is(ftp->command, "EPRT"))
        set_port(ftp, MODE_ACTIVE, delimited_port(rest));
    if (ftp->port)
        state->port = ftp->port;
    ftp->has_mode = names_port(ftp->command);
    if (!ftp->port)
        ftp->mode = MODE_PASSIVE;
    announce(session, state, tx, rest);
    return true;
}

static bool is_code(struct bytes line)
{
    if (line.size < 3)
        return false;
    for (size_t i = 0; i < 3; i++)
        if (line.data[i] < '0' || line.data[i] > '9')
            return false;
    return line.size == 3 || line.data[3] == ' ';
}

/* The first of the lines of one reply (RFC 959, section 4.2). */
static bool starts_several(struct bytes line)
{
    return line.size > 3 && line.data[3] == '-' && is_code(bytes_first(line, 3));
}

static void add_reply(struct tx *tx, struct bytes code, struct bytes reply)
{
    struct ftp *ftp = record_of(tx);
    if (!ftp->replies) {
        ftp->replies = arena_new(&tx->memory, 2U * REPLIES_MAX * sizeof(struct bytes),
                                 _Alignof(struct bytes));
        if (!ftp->replies)
            return;
        ftp->codes = ftp->replies + REPLIES_MAX;
    }
    if (ftp->reply_count < REPLIES_MAX)
        ftp->replies[ftp->reply_count++] = arena_copy(&tx->memory, reply);
    if (code.size && ftp->code_count < REPLIES_MAX)
        ftp->codes[ftp->code_count++] = arena_copy(&tx->memory, code);
}

/* What the reply says about the connection for data. */
static void take_port(struct ftp *ftp, struct bytes code, struct bytes text)
{
    size_t open = bytes_find_byte(text, '(');
    if (open == SIZE_MAX)
        return;
    struct bytes inner = bytes_from(text, open + 1);
    inner = bytes_cut(&inner, ')');
    if (bytes_is(code, "227") && bytes_is(ftp->command, "PASV"))
        set_port(ftp, MODE_PASSIVE, comma_port(inner));
    else if (bytes_is(code, "229") && bytes_is(ftp->command, "EPSV"))
        set_port(ftp, MODE_PASSIVE, delimited_port(inner));
}

static bool take_reply(struct session *session, struct ftp_state *state, struct bytes line, bool truncated)
{
    bool last = is_code(line);
    struct tx *tx = session_tx_open(session, TO_CLIENT);
    bool greeting = !tx;
    if (greeting)
        tx = session_tx(session);
    if (!tx)
        return false;
    if (greeting)
        tx->inspected[TO_SERVER] = true; /* it answers nothing */
    struct ftp *ftp = record_of(tx);
    struct bytes code = last ? bytes_first(line, 3) : (struct bytes){ 0 };
    struct bytes text = last ? bytes_from(line, MIN(line.size, (size_t)4)) : line;
    add_reply(tx, code, text);
    if (truncated) {
        ftp->reply_truncated = true;
        tx_event(tx, EVENT_RESPONSE_TOO_LONG);
    }
    if (starts_several(line))
        ftp->several = true;
    if (last && code.data[0] == '1' && ++ftp->preliminary > PRELIMINARY_MAX) {
        tx_event(tx, EVENT_TOO_MANY_PRELIMINARY);
        tx_finish_both(tx);
        return true;
    }
    if (last ? code.data[0] == '1' : ftp->several) /* the final line, or the final reply, is still to come */
        return true;
    ftp->done = true;
    take_port(ftp, code, text);
    if (ftp->port && ftp->mode == MODE_PASSIVE)
        state->port = ftp->port;
    tx_finish_both(tx);
    if (ftp->starts_tls && bytes_is(code, "234"))
        session_change(session, protocol_find(BYTES_OF("tls")));
    return true;
}

static bool take_line(struct session *session, struct ftp_state *state, enum direction direction,
                      struct bytes line, bool truncated)
{
    if (line.size && line.data[line.size - 1] == '\r')
        line.size--;
    return direction == TO_SERVER ? take_command(session, state, line, truncated)
                                  : take_reply(session, state, line, truncated);
}

static bool ftp_stream(struct session *session, void *state_, enum direction direction, struct reader *in,
                       unsigned flags)
{
    struct ftp_state *state = state_;
    size_t most = settings_of(session)->line_max;
    (void)flags;
    if (state->stopped)
        return false;
    while (!reader_empty(in) && !session->want_change) {
        struct bytes data = reader_peek(in);
        size_t from = MIN(state->scanned[direction], data.size);
        size_t end = bytes_find_byte(bytes_from(data, from), '\n');
        bool whole = end != SIZE_MAX;
        size_t size = whole ? from + end : data.size;
        if (!whole && size <= most && !state->long_line[direction]) {
            state->scanned[direction] = size;
            return true;
        }
        state->scanned[direction] = 0;
        struct bytes line = reader_bytes(in, size);
        if (whole)
            reader_skip(in, 1);
        bool rest = state->long_line[direction], truncated = size > most;
        state->long_line[direction] = !whole;
        if (!rest && !take_line(session, state, direction, bytes_first(line, most), truncated))
            return false;
    }
    return true;
}

/* ---- the record ---- */

static void put_list(struct text *out, const char *key, const struct bytes *values, size_t count)
{
    if (!count)
        return;
    json_open(out, key, '[');
    for (size_t i = 0; i < count; i++)
        json_string(out, NULL, values[i]);
    json_close(out, ']');
}

static void ftp_write(const struct tx *tx, bool extended, struct text *out)
{
    const struct ftp *ftp = (const void *)tx->record;
    (void)extended;
    if (ftp->known) {
        json_string(out, "command", ftp->command);
        if (ftp->argument.size) {
            json_string(out, "command_data", ftp->argument);
            json_bool(out, "command_truncated", ftp->command_truncated);
        }
    }
    put_list(out, "completion_code", ftp->codes, ftp->code_count);
    put_list(out, "reply", ftp->replies, ftp->reply_count);
    if (ftp->port)
        json_uint(out, "dynamic_port", ftp->port);
    if (ftp->has_mode) {
        json_cstring(out, "mode", mode_names[ftp->mode]);
    }
    json_cstring(out, "reply_received", received_names[ftp->done]);
    json_bool(out, "reply_truncated", ftp->reply_truncated);
}

/* ---- keywords ---- */

static bool get_reply(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                      struct bytes *value)
{
    const struct ftp *ftp = (const void *)tx->record;
    (void)direction;
    (void)scratch;
    if (index >= ftp->reply_count || !ftp->command.size)
        return false; /* a greeting is no reply */
    *value = ftp->replies[index];
    return true;
}

static bool get_code(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                     struct bytes *value)
{
    const struct ftp *ftp = (const void *)tx->record;
    (void)direction;
    (void)scratch;
    if (index >= ftp->code_count || !ftp->command.size)
        return false;
    *value = ftp->codes[index];
    return true;
}

static bool reply_received(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    const struct ftp *ftp = (const void *)tx->record;
    *value = index * 2U + ftp->done; /* each way to write it */
    return ftp->command.size && index < (COUNT_OF(received_names) - 1) / 2;
}

static bool transfer_mode(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    const struct ftp *ftp = (const void *)tx->record;
    (void)direction;
    *value = ftp->mode;
    return index == 0 && ftp->has_mode;
}

static bool dynamic_port(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    const struct ftp *ftp = (const void *)tx->record;
    (void)direction;
    *value = ftp->port;
    return index == 0 && ftp->port;
}

#define BOTH (1 << TO_SERVER | 1 << TO_CLIENT)

static const struct inspect inspects[] = {
    { .name = "ftp.command",
      .kind = INSPECT_BYTES,
      .directions = 1 << TO_SERVER,
      .offset = (uint32_t)offsetof(struct ftp, command),
      .help = "Command of the client",
      .source = "RFC 959, section 4.1" },
    { .name = "ftp.command_data",
      .kind = INSPECT_BYTES,
      .directions = 1 << TO_SERVER,
      .offset = (uint32_t)offsetof(struct ftp, argument),
      .help = "What follows the command",
      .source = "RFC 959, section 4.1" },
    { .name = "ftp.completion_code",
      .kind = INSPECT_GET,
      .directions = 1 << TO_CLIENT,
      .progress = { 1, 1 },
      .get = get_code,
      .help = "Code of a reply",
      .source = "RFC 959, section 4.2" },
    { .name = "ftp.reply",
      .kind = INSPECT_GET,
      .directions = 1 << TO_CLIENT,
      .progress = { 1, 1 },
      .get = get_reply,
      .help = "Text of a reply",
      .source = "RFC 959, section 4.2" },
    { .name = "ftp.reply_received",
      .kind = INSPECT_NUMBER,
      .directions = 1U << TO_CLIENT,
      .progress = { 1, 1 },
      .number = reply_received,
      .choices = received_names,
      .max = COUNT_OF(received_names) - 2,
      .help = "Whether the command has its final reply",
      .source = "RFC 959, section 4.2" },
    { .name = "ftp.mode",
      .kind = INSPECT_NUMBER,
      .directions = BOTH,
      .progress = { 1, 1 },
      .number = transfer_mode,
      .choices = mode_names,
      .max = 1,
      .help = "Who opens the connection for data",
      .source = "RFC 959, section 3.3" },
    { .name = "ftp.dynamic_port",
      .kind = INSPECT_NUMBER,
      .directions = BOTH,
      .progress = { 1, 1 },
      .number = dynamic_port,
      .max = UINT16_MAX,
      .help = "Port of the connection for data",
      .source = "RFC 959, section 4.1.2" },
};

const struct protocol ftp_protocol = {
    .id = PROTOCOL_ftp,
    .name = "ftp",
    .title = "File Transfer Protocol",
    .eve_type = "ftp",
    .stream_waits = true,
    .transports = TRANSPORT_TCP,
    .ports = "21",
    .probe = ftp_probe,
    .server_speaks_first = true,
    .probe_depth = 512,
    .state_size = sizeof(struct ftp_state),
    .record_size = sizeof(struct ftp),
    .tx_memory_max = 64U * 1024U,
    .buffer_max = LINE_LIMIT + 1,
    .tx_max = TX_LIMIT + 1,
    .stream = ftp_stream,
    .write = ftp_write,
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .events = event_names,
    .settings = settings_fields,
    .setting_count = COUNT_OF(settings_fields),
    .settings_size = sizeof(struct ftp_settings),
    .settings_default = &defaults,
};
