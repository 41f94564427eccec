/* SPDX-License-Identifier: Apache-2.0 */
/* MySQL's and MariaDB's client/server protocol (MySQL manual, "Client/Server Protocol"; MariaDB knowledge
 * base, "MariaDB Protocol"). The login is one transaction, and each command with its response. */
#include "proto/session.h"

#define PACKET_KEPT       (64U * 1024U) /* of a packet's payload */
#define PACKET_MAX        0xffffffU     /* a payload of this size goes on in the next packet */
#define ROWS_MAX          64U           /* rows kept of a response */
#define ROWS_SIZE_MAX     (16U * 1024U)
#define COLUMNS_MAX       256U
#define ATTRIBUTES_MAX    4096U
#define STATEMENTS_MAX    16U
#define STATEMENT_KEPT    512U
#define STATEMENT_COLUMNS 64U
#define VERSION_MAX       128U
#define SSL_REQUEST       32U /* a login that ends before the user's name */
#define GREETING_MIN      24U

enum {
    CAN_MYSQL = 1 << 0, /* not set by MariaDB's servers */
    CAN_DATABASE = 1 << 3,
    CAN_COMPRESS = 1 << 5,
    CAN_PROTOCOL_41 = 1 << 9,
    CAN_SSL = 1 << 11,
    CAN_SECURE = 1 << 15,
    CAN_PLUGIN = 1 << 19,
    CAN_LENGTH_AUTH = 1 << 21,
    CAN_SKIP_EOF = 1 << 24,
    CAN_ZSTD = 1 << 26,
    CAN_ATTRIBUTES = 1 << 27,
};
/* MariaDB's own, in what is reserved elsewhere. */
enum { CAN_PROGRESS = 1 << 0, CAN_EXTENDED_TYPES = 1 << 3, CAN_CACHE_COLUMNS = 1 << 4 };
enum { STATUS_MORE_RESULTS = 8, STATUS_CURSOR = 64 };
enum { PACKET_OK = 0, PACKET_INFILE = 0xfb, PACKET_EOF = 0xfe, PACKET_ERROR = 0xff };

enum { EVENT_MALFORMED_PACKET };
static const char *const event_names[] = { "malformed_packet", NULL };

/* What answers a command. */
enum reply {
    REPLY_OK,
    REPLY_NONE,
    REPLY_RESULT,
    REPLY_PREPARED,
    REPLY_COLUMNS,
    REPLY_ROWS,
    REPLY_TEXT,
    REPLY_STREAM
};

enum {
    COM_QUERY = 0x03,
    COM_CHANGE_USER = 0x11,
    COM_PREPARE = 0x16,
    COM_EXECUTE = 0x17,
    COM_FETCH = 0x1c,
    COM_BULK_EXECUTE = 0xfa /* MariaDB */
};

static const struct {
    const char *name;
    enum reply reply;
    bool text; /* the rest of the packet is text */
} commands[] = {
    { "sleep", REPLY_OK, false },
    { "quit", REPLY_NONE, false },
    { "init_db", REPLY_OK, true },
    { "query", REPLY_RESULT, true },
    { "field_list", REPLY_COLUMNS, true },
    { "create_db", REPLY_OK, true },
    { "drop_db", REPLY_OK, true },
    { "refresh", REPLY_OK, false },
    { "shutdown", REPLY_OK, false },
    { "statistics", REPLY_TEXT, false },
    { "process_info", REPLY_RESULT, false },
    { "connect", REPLY_OK, false },
    { "process_kill", REPLY_OK, false },
    { "debug", REPLY_OK, false },
    { "ping", REPLY_OK, false },
    { "time", REPLY_OK, false },
    { "delayed_insert", REPLY_OK, false },
    { "change_user", REPLY_OK, false },
    { "binlog_dump", REPLY_STREAM, false },
    { "table_dump", REPLY_STREAM, false },
    { "connect_out", REPLY_OK, false },
    { "register_slave", REPLY_OK, false },
    { "stmt_prepare", REPLY_PREPARED, true },
    { "stmt_execute", REPLY_RESULT, false },
    { "stmt_send_long_data", REPLY_NONE, false },
    { "stmt_close", REPLY_NONE, false },
    { "stmt_reset", REPLY_OK, false },
    { "set_option", REPLY_OK, false },
    { "stmt_fetch", REPLY_ROWS, false },
    { "daemon", REPLY_OK, false },
    { "binlog_dump_gtid", REPLY_STREAM, false },
    { "reset_connection", REPLY_OK, false },
};

/* What the binary form of rows needs to know of a column. */
struct column {
    uint8_t type, flags;
};

struct mysql {
    bool login; /* or a change of user: answered by the exchange of authentication */
    uint8_t command;
    bool tls, compressed, has_counts;
    struct bytes version, user, database, plugin, text, infile;
    uint64_t affected, insert_id, column_count, row_count;
    uint16_t error_code;
    struct bytes error_state, error_text;
    struct field_list rows; /* of struct bytes: the first of them, columns parted by commas */
    size_t rows_size;
    struct column *columns;
    uint32_t statement; /* the one that is executed */
};

/* A prepared statement, to name what is executed. */
struct statement {
    uint32_t id;
    bool used;
    uint16_t size, column_count;
    uint8_t text[STATEMENT_KEPT];
    struct column columns[STATEMENT_COLUMNS];
};

/* What comes next of a response. */
enum step { STEP_FIRST, STEP_COLUMNS, STEP_COLUMNS_END, STEP_ROWS };

struct mysql_side {
    uint64_t skip;  /* bytes of a packet beyond what is kept */
    bool continued; /* the next packet belongs to the one before */
};

struct mysql_state {
    struct mysql_side sides[DIRECTIONS];
    struct bytes version;
    uint32_t server, client, mariadb; /* capabilities; MariaDB's own */
    struct tx *login;                 /* until the client answered */
    bool greeted, over, infile;       /* infile: the client sends a file */
    uint8_t step;                     /* enum step */
    bool prepared;                    /* the columns are those of a statement that was prepared */
    uint64_t columns_left, columns_next, column;
    struct statement *described; /* whose result's columns come */
    struct statement statements[STATEMENTS_MAX];
    uint8_t next_statement;
};

static enum reply reply_of(uint8_t command)
{
    if (command == COM_BULK_EXECUTE)
        return REPLY_RESULT;
    return command < COUNT_OF(commands) ? commands[command].reply : REPLY_OK;
}

static bool is_execution(uint8_t command)
{
    return command == COM_EXECUTE || command == COM_BULK_EXECUTE;
}

static struct mysql *record_of(struct tx *tx)
{
    return (struct mysql *)(void *)tx->record;
}

/* ---- values ---- */

static uint32_t take_le24(struct reader *in)
{
    uint32_t low = reader_le16(in);
    return low | (uint32_t)reader_u8(in) << 16;
}

/* An integer that tells its size; 0xfb (NULL) and 0xff fail. */
static uint64_t take_integer(struct reader *in)
{
    uint8_t first = reader_u8(in);
    switch (first) {
    case 0xfb:
    case 0xff:
        reader_fail(in);
        return 0;
    case 0xfc:
        return reader_le16(in);
    case 0xfd:
        return take_le24(in);
    case 0xfe:
        return reader_le64(in);
    default:
        return first;
    }
}

static struct bytes take_text(struct reader *in)
{
    uint64_t size = take_integer(in);
    return reader_bytes(in, size > SIZE_MAX ? SIZE_MAX : (size_t)size);
}

/* Up to a zero, or to the end. */
static struct bytes take_string(struct reader *in)
{
    size_t end = bytes_find_byte(reader_peek(in), 0);
    return end == SIZE_MAX ? reader_rest(in) : reader_until(in, 0);
}

/* Types of columns and parameters, as far as their values differ in form. */
enum {
    TYPE_TINY = 1,
    TYPE_SHORT = 2,
    TYPE_LONG = 3,
    TYPE_FLOAT = 4,
    TYPE_DOUBLE = 5,
    TYPE_NULL = 6,
    TYPE_TIMESTAMP = 7,
    TYPE_LONGLONG = 8,
    TYPE_INT24 = 9,
    TYPE_DATE = 10,
    TYPE_TIME = 11,
    TYPE_DATETIME = 12,
    TYPE_YEAR = 13,
};

static void put_integer(struct text *out, uint64_t value, unsigned bits, bool no_sign)
{
    unsigned spare = 64 - bits;
    int64_t number = (int64_t)(value << spare) >> spare;
    if (no_sign || number >= 0)
        text_u64(out, value);
    else
        text_add(out, "%lld", (long long)number);
}

static void put_date(struct text *out, struct reader in)
{
    uint16_t year = reader_le16(&in);
    uint8_t month = reader_u8(&in), day = reader_u8(&in);
    text_add(out, "%04u-%02u-%02u", year, month, day);
    if (reader_empty(&in))
        return;
    uint8_t hour = reader_u8(&in), minute = reader_u8(&in), second = reader_u8(&in);
    text_add(out, " %02u:%02u:%02u", hour, minute, second);
}

static void put_time(struct text *out, struct reader in)
{
    uint8_t negative = reader_u8(&in);
    uint32_t days = reader_le32(&in);
    uint64_t hour = (uint64_t)days * 24 + reader_u8(&in);
    uint8_t minute = reader_u8(&in), second = reader_u8(&in);
    text_add(out, "%s%02llu:%02u:%02u", negative ? "-" : "", (unsigned long long)hour, minute, second);
}

/* A value in binary form; `out` may be NULL. */
static void take_value(struct reader *in, uint8_t type, bool no_sign, struct text *out)
{
    static const uint8_t sizes[] = {
        [TYPE_TINY] = 1,   [TYPE_SHORT] = 2,    [TYPE_LONG] = 4,  [TYPE_FLOAT] = 4,
        [TYPE_DOUBLE] = 8, [TYPE_LONGLONG] = 8, [TYPE_INT24] = 4, [TYPE_YEAR] = 2
    };
    uint8_t fixed = type < COUNT_OF(sizes) ? sizes[type] : 0;
    char nothing[1];
    struct text nowhere = text_of(nothing, sizeof nothing);
    out = out ? out : &nowhere;
    if (type == TYPE_NULL)
        return;
    if (!fixed) {
        struct bytes value = take_text(in);
        struct reader part = reader_of_bytes(value);
        if (type == TYPE_TIME)
            put_time(out, part);
        else if (type == TYPE_DATE || type == TYPE_DATETIME || type == TYPE_TIMESTAMP)
            put_date(out, part);
        else
            text_put(out, value);
        return;
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < fixed; i++)
        value |= (uint64_t)reader_u8(in) << 8 * i;
    if (type == TYPE_FLOAT || type == TYPE_DOUBLE) {
        uint32_t half = (uint32_t)value;
        float single;
        double number;
        memcpy(&single, &half, sizeof single);
        memcpy(&number, &value, sizeof number);
        text_add(out, "%g", type == TYPE_FLOAT ? (double)single : number);
    } else {
        put_integer(out, value, fixed * 8U, no_sign || type == TYPE_YEAR);
    }
}

/* ---- recognition ---- */

static bool is_version(struct bytes version)
{
    if (!version.size || version.size > VERSION_MAX || !byte_is_digit(version.data[0]))
        return false;
    for (size_t i = 0; i < version.size; i++)
        if (version.data[i] < ' ' || version.data[i] > '~')
            return false;
    return bytes_find_byte(version, '.') != SIZE_MAX;
}

/* HandshakeV10: protocol 10, a version, thread, eight bytes of a challenge and a zero. */
static enum probe probe_greeting(struct reader in)
{
    uint32_t size = take_le24(&in);
    uint8_t sequence = reader_u8(&in), protocol = reader_u8(&in);
    if (!reader_ok(&in))
        return reader_left(&in) ? PROBE_NO : PROBE_MORE;
    if (sequence || protocol != 10 || size < GREETING_MIN || size > 1024)
        return PROBE_NO;
    struct bytes rest = reader_peek(&in);
    size_t end = bytes_find_byte(rest, 0);
    if (end == SIZE_MAX || rest.size < end + 14)
        return rest.size < VERSION_MAX + 14 && rest.size < size ? PROBE_MORE : PROBE_NO;
    return is_version(bytes_first(rest, end)) && rest.data[end + 13] == 0 ? PROBE_YES : PROBE_NO;
}

/* HandshakeResponse41, or the request for TLS that is its beginning. */
static enum probe probe_login(struct reader in)
{
    uint32_t size = take_le24(&in);
    uint8_t sequence = reader_u8(&in);
    uint32_t capabilities = reader_le32(&in);
    reader_skip(&in, 5);
    struct bytes zeros = reader_bytes(&in, 19);
    if (!reader_ok(&in))
        return PROBE_MORE;
    if (sequence != 1 || size < SSL_REQUEST || !(capabilities & CAN_PROTOCOL_41))
        return PROBE_NO;
    for (size_t i = 0; i < zeros.size; i++)
        if (zeros.data[i])
            return PROBE_NO;
    return PROBE_YES;
}

static enum probe mysql_probe(enum direction direction, struct bytes data)
{
    struct reader in = reader_of_bytes(data);
    return direction == TO_CLIENT ? probe_greeting(in) : probe_login(in);
}

/* ---- the login ---- */

static struct tx *new_tx(struct session *session, const struct mysql_state *state)
{
    struct tx *tx = session_tx(session);
    if (tx)
        record_of(tx)->version = arena_copy(&tx->memory, state->version);
    return tx;
}

static void take_error(struct tx *tx, const struct mysql_state *state, struct reader in)
{
    struct mysql *mysql = record_of(tx);
    reader_skip(&in, 1);
    mysql->error_code = reader_le16(&in);
    struct bytes rest = reader_peek(&in);
    if ((!state->greeted || state->client & CAN_PROTOCOL_41) && rest.size >= 6 && rest.data[0] == '#') {
        reader_skip(&in, 1);
        mysql->error_state = arena_copy(&tx->memory, reader_bytes(&in, 5));
    }
    mysql->error_text = arena_copy(&tx->memory, reader_rest(&in));
    tx_finish_both(tx);
}

/* What the server opens with: a greeting, or why there is none. */
static bool take_greeting(struct session *session, struct mysql_state *state, struct reader in)
{
    struct tx *tx = new_tx(session, state);
    if (!tx)
        return false;
    struct mysql *mysql = record_of(tx);
    mysql->login = true;
    struct bytes whole = reader_peek(&in);
    if (whole.size && whole.data[0] == PACKET_ERROR) {
        take_error(tx, state, in);
        state->over = true;
        return true;
    }
    uint8_t protocol = reader_u8(&in);
    struct bytes version = reader_until(&in, 0);
    reader_skip(&in, 4 + 8 + 1);
    state->server = reader_le16(&in);
    if (protocol != 10 || !reader_ok(&in)) {
        tx_event(tx, EVENT_MALFORMED_PACKET);
        tx_finish_both(tx);
        return false;
    }
    reader_skip(&in, 1 + 2);
    state->server |= (uint32_t)reader_le16(&in) << 16;
    state->version = arena_copy(&session->memory, version);
    mysql->version = arena_copy(&tx->memory, version);
    state->greeted = true;
    state->login = tx;
    tx->keep = true;
    return true;
}

static void skip_authentication(struct reader *in, uint32_t capabilities)
{
    if (capabilities & CAN_LENGTH_AUTH)
        (void)take_text(in);
    else if (capabilities & CAN_SECURE)
        reader_skip(in, reader_u8(in));
    else
        (void)take_string(in);
}

/* The user's name, and what comes after the answer to the challenge. */
static void take_user(struct tx *tx, uint32_t capabilities, struct reader *in)
{
    struct mysql *mysql = record_of(tx);
    mysql->user = arena_copy(&tx->memory, take_string(in));
    skip_authentication(in, capabilities);
    if (capabilities & CAN_DATABASE)
        mysql->database = arena_copy(&tx->memory, take_string(in));
    if (capabilities & CAN_PLUGIN)
        mysql->plugin = arena_copy(&tx->memory, take_string(in));
    if (!reader_ok(in))
        tx_event(tx, EVENT_MALFORMED_PACKET);
}

/* Before version 4.1. */
static void take_old_login(struct tx *tx, const struct mysql_state *state, struct reader *in)
{
    struct mysql *mysql = record_of(tx);
    reader_skip(in, 3);
    mysql->user = arena_copy(&tx->memory, take_string(in));
    if (state->client & CAN_DATABASE) {
        (void)take_string(in);
        mysql->database = arena_copy(&tx->memory, take_string(in));
    }
}

static bool take_login(struct session *session, struct mysql_state *state, struct reader in)
{
    struct tx *tx = state->login;
    struct mysql *mysql = record_of(tx);
    bool only_tls = reader_left(&in) == SSL_REQUEST;
    state->login = NULL;
    tx->keep = false;
    state->client = reader_le16(&in);
    if (!(state->client & CAN_PROTOCOL_41)) {
        take_old_login(tx, state, &in);
    } else {
        state->client |= (uint32_t)reader_le16(&in) << 16;
        reader_skip(&in, 4 + 1 + 19);
        uint32_t extended = reader_le32(&in);
        state->mariadb = state->server & CAN_MYSQL ? 0 : extended;
        if (only_tls && state->client & CAN_SSL) {
            mysql->tls = true;
            tx_finish_both(tx);
            state->over = true;
            session_change(session, protocol_find(BYTES_OF("tls")));
            return true;
        }
        take_user(tx, state->client, &in);
    }
    mysql->compressed = state->client & state->server & (CAN_COMPRESS | CAN_ZSTD);
    tx_finish(tx, TO_SERVER);
    return reader_ok(&in);
}

/* OK_Packet: counts and status; true when more results follow. */
static bool take_ok(struct tx *tx, struct reader in)
{
    struct mysql *mysql = record_of(tx);
    reader_skip(&in, 1);
    uint64_t affected = take_integer(&in), insert_id = take_integer(&in);
    uint16_t status = reader_le16(&in);
    if (!reader_ok(&in))
        return false;
    mysql->has_counts = true;
    mysql->affected += affected;
    mysql->insert_id = insert_id ? insert_id : mysql->insert_id;
    return status & STATUS_MORE_RESULTS;
}

static void take_authentication(struct mysql_state *state, struct tx *tx, struct reader in)
{
    struct bytes whole = reader_peek(&in);
    struct mysql *mysql = record_of(tx);
    if (whole.data[0] == PACKET_ERROR) {
        take_error(tx, state, in);
    } else if (whole.data[0] == PACKET_OK) {
        (void)take_ok(tx, in);
        mysql->has_counts = false;
        tx_finish_both(tx);
        state->over = mysql->compressed; /* from here on */
    } else if (whole.data[0] == PACKET_EOF && whole.size > 1) {
        reader_skip(&in, 1); /* another method: the client answers that */
        mysql->plugin = arena_copy(&tx->memory, take_string(&in));
    }
}

/* ---- commands ---- */

/* The attributes that may stand before a query (COM_QUERY with CLIENT_QUERY_ATTRIBUTES). */
static void skip_attributes(struct reader *in)
{
    uint64_t count = take_integer(in);
    (void)take_integer(in); /* sets of parameters: one */
    if (!count)
        return;
    if (count > ATTRIBUTES_MAX) {
        reader_fail(in);
        return;
    }
    struct bytes nulls = reader_bytes(in, ((size_t)count + 7) / 8);
    reader_skip(in, 1);
    struct reader types = *in;
    for (uint64_t i = 0; i < count && reader_ok(in); i++) {
        reader_skip(in, 2);
        (void)take_text(in);
    }
    for (uint64_t i = 0; i < count && reader_ok(in); i++) {
        uint8_t type = reader_u8(&types), flags = reader_u8(&types);
        (void)take_text(&types);
        if (!(nulls.data[i / 8] >> i % 8 & 1))
            take_value(in, type, flags & 0x80, NULL);
    }
}

static struct statement *find_statement(struct mysql_state *state, uint32_t id)
{
    for (size_t i = 0; i < STATEMENTS_MAX; i++)
        if (state->statements[i].used && state->statements[i].id == id)
            return &state->statements[i];
    return NULL;
}

static void keep_statement(struct mysql_state *state, uint32_t id, struct bytes text, uint16_t columns)
{
    struct statement *statement = find_statement(state, id);
    if (!statement) {
        statement = &state->statements[state->next_statement];
        state->next_statement = (uint8_t)((state->next_statement + 1U) % STATEMENTS_MAX);
    }
    struct bytes kept = bytes_first(text, STATEMENT_KEPT);
    *statement =
        (struct statement){ .id = id, .used = true, .size = (uint16_t)kept.size, .column_count = columns };
    if (kept.size)
        memcpy(statement->text, kept.data, kept.size);
}

static void name_command(struct mysql_state *state, struct tx *tx, struct reader *in)
{
    struct mysql *mysql = record_of(tx);
    const char *name = mysql->command < COUNT_OF(commands) ? commands[mysql->command].name : "unknown";
    if (mysql->command == COM_QUERY && state->client & state->server & CAN_ATTRIBUTES)
        skip_attributes(in);
    if (mysql->command == COM_QUERY || mysql->command == COM_PREPARE) {
        mysql->text = arena_copy(&tx->memory, reader_rest(in));
    } else if (is_execution(mysql->command)) {
        mysql->statement = reader_le32(in);
        struct statement *statement = find_statement(state, mysql->statement);
        mysql->text = arena_copy(&tx->memory, statement ? bytes_of(statement->text, statement->size)
                                                        : bytes_of_string(name));
    } else if (mysql->command < COUNT_OF(commands) && commands[mysql->command].text) {
        struct text text = text_new(PACKET_KEPT + 64U);
        text_add(&text, "%s ", name);
        text_put(&text, take_string(in));
        mysql->text = arena_copy(&tx->memory, text_bytes(&text));
        text_done(&text);
    } else {
        mysql->text = bytes_of_string(name);
    }
    if (!reader_ok(in))
        tx_event(tx, EVENT_MALFORMED_PACKET);
}

static bool take_command(struct session *session, struct mysql_state *state, struct reader in)
{
    struct tx *tx = new_tx(session, state);
    if (!tx)
        return false;
    struct mysql *mysql = record_of(tx);
    mysql->command = reader_u8(&in);
    name_command(state, tx, &in);
    if (mysql->command == COM_CHANGE_USER) {
        mysql->login = true;
        take_user(tx, (state->client & ~(uint32_t)(CAN_LENGTH_AUTH | CAN_PLUGIN)) | CAN_DATABASE, &in);
    }
    tx_finish(tx, TO_SERVER);
    enum reply reply = reply_of(mysql->command);
    if (reply == REPLY_NONE || reply == REPLY_STREAM)
        tx_finish_both(tx);
    state->over = reply == REPLY_STREAM;
    return true;
}

/* ---- responses ---- */

static void put_text_row(struct text *out, struct reader in)
{
    for (bool first = true; !reader_empty(&in); first = false) {
        if (!first)
            text_char(out, ',');
        if (reader_peek(&in).data[0] == 0xfb) {
            reader_skip(&in, 1);
            text_string(out, "NULL");
        } else {
            text_put(out, take_text(&in));
        }
    }
}

/* The bitmap of NULLs starts at its third bit. */
static void put_binary_row(struct text *out, const struct mysql *mysql, struct reader in)
{
    size_t count = (size_t)mysql->column_count;
    reader_skip(&in, 1);
    struct bytes nulls = reader_bytes(&in, (count + 7 + 2) / 8);
    for (size_t i = 0; i < count && reader_ok(&in); i++) {
        if (i)
            text_char(out, ',');
        if (nulls.data[(i + 2) / 8] >> (i + 2) % 8 & 1)
            text_string(out, "NULL");
        else
            take_value(&in, mysql->columns[i].type, mysql->columns[i].flags & 0x20, out);
    }
}

static void take_row(struct tx *tx, struct reader in)
{
    struct mysql *mysql = record_of(tx);
    bool binary = is_execution(mysql->command) || mysql->command == COM_FETCH;
    mysql->row_count++;
    if (mysql->rows.count == ROWS_MAX || mysql->rows_size >= ROWS_SIZE_MAX || (binary && !mysql->columns))
        return;
    if (!mysql->rows.items)
        mysql->rows.items = ARENA_ARRAY(&tx->memory, struct bytes, ROWS_MAX);
    struct bytes *items = (struct bytes *)(uintptr_t)mysql->rows.items;
    if (!items)
        return;
    struct text text = text_new(ROWS_SIZE_MAX - mysql->rows_size);
    if (binary)
        put_binary_row(&text, mysql, in);
    else
        put_text_row(&text, in);
    struct bytes row = arena_copy(&tx->memory, text_bytes(&text));
    mysql->rows_size += row.size + 1;
    if (row.data)
        items[mysql->rows.count++] = row;
    text_done(&text);
}

/* ColumnDefinition41. */
static void take_column(struct mysql_state *state, struct mysql *mysql, struct reader in)
{
    struct statement *described = state->described;
    struct column *columns = state->prepared ? described ? described->columns : NULL : mysql->columns;
    uint64_t most = state->prepared ? STATEMENT_COLUMNS : mysql->column_count;
    if (!columns || state->column >= most)
        return;
    for (unsigned i = 0; i < 6; i++)
        (void)take_text(&in);
    if (state->mariadb & CAN_EXTENDED_TYPES)
        (void)take_text(&in);
    reader_skip(&in, 1 + 2 + 4);
    columns[state->column].type = reader_u8(&in);
    columns[state->column].flags = (uint8_t)reader_le16(&in);
}

static void finish_response(struct mysql_state *state, struct tx *tx)
{
    state->step = STEP_FIRST;
    tx_finish_both(tx);
}

/* A result is over. */
static void end_result(struct mysql_state *state, struct tx *tx, bool more)
{
    state->step = STEP_FIRST;
    if (!more)
        finish_response(state, tx);
}

/* The server does not repeat the columns that it told when the statement was prepared. */
static void use_known_columns(struct mysql_state *state, struct mysql *mysql)
{
    const struct statement *statement = find_statement(state, mysql->statement);
    if (statement && statement->column_count == mysql->column_count &&
        mysql->column_count <= STATEMENT_COLUMNS)
        memcpy(mysql->columns, statement->columns, (size_t)mysql->column_count * sizeof *mysql->columns);
    else
        mysql->columns = NULL;
}

static void start_columns(struct mysql_state *state, struct tx *tx, struct reader in)
{
    struct mysql *mysql = record_of(tx);
    state->columns_left = take_integer(&in);
    bool cached = state->mariadb & CAN_CACHE_COLUMNS && reader_u8(&in) == 0;
    if (!reader_ok(&in) || !state->columns_left) {
        tx_event(tx, EVENT_MALFORMED_PACKET);
        finish_response(state, tx);
        return;
    }
    mysql->column_count = state->columns_left;
    mysql->columns = NULL;
    if (is_execution(mysql->command) && mysql->column_count <= COLUMNS_MAX)
        mysql->columns = ARENA_ARRAY(&tx->memory, struct column, COLUMNS_MAX);
    if (mysql->columns && cached)
        use_known_columns(state, mysql);
    state->prepared = false;
    state->column = 0;
    state->step = cached ? STEP_COLUMNS_END : STEP_COLUMNS;
    if (cached && state->client & CAN_SKIP_EOF)
        state->step = STEP_ROWS;
}

/* The columns of a statement that was prepared: its parameters, then those of its result. */
static void next_columns(struct mysql_state *state, struct tx *tx)
{
    state->columns_left = state->columns_next;
    state->columns_next = 0;
    state->column = 0;
    state->described = find_statement(state, record_of(tx)->statement);
    state->step = STEP_COLUMNS;
    if (!state->columns_left)
        finish_response(state, tx);
}

static void take_prepared(struct mysql_state *state, struct tx *tx, struct reader in)
{
    reader_skip(&in, 1);
    uint32_t id = reader_le32(&in);
    uint16_t columns = reader_le16(&in), parameters = reader_le16(&in);
    if (reader_ok(&in))
        keep_statement(state, id, record_of(tx)->text, columns);
    record_of(tx)->statement = id;
    state->prepared = true;
    state->described = NULL; /* parameters first */

    state->columns_next = columns;
    state->columns_left = parameters;
    state->step = STEP_COLUMNS;
    if (!parameters)
        next_columns(state, tx);
}

static void take_first(struct mysql_state *state, struct tx *tx, struct reader in)
{
    struct mysql *mysql = record_of(tx);
    uint8_t first = reader_peek(&in).data[0];
    enum reply reply = reply_of(mysql->command);
    if (reply == REPLY_PREPARED) {
        take_prepared(state, tx, in);
    } else if (reply == REPLY_TEXT) {
        finish_response(state, tx);
    } else if (reply == REPLY_COLUMNS) {
        if (first == PACKET_EOF)
            finish_response(state, tx);
    } else if (reply == REPLY_OK || first == PACKET_OK) {
        end_result(state, tx, first == PACKET_OK && take_ok(tx, in));
    } else if (first == PACKET_INFILE) {
        reader_skip(&in, 1);
        mysql->infile = arena_copy(&tx->memory, reader_rest(&in));
        state->infile = true;
    } else {
        start_columns(state, tx, in);
    }
}

/* EOF_Packet, or the OK_Packet that took its place, after the rows. */
static void end_rows(struct mysql_state *state, struct tx *tx, struct reader in)
{
    uint16_t status;
    reader_skip(&in, 1);
    if (state->client & CAN_SKIP_EOF) {
        (void)take_integer(&in);
        (void)take_integer(&in);
    } else {
        reader_skip(&in, 2);
    }
    status = reader_le16(&in);
    end_result(state, tx, status & STATUS_MORE_RESULTS);
}

static void take_response(struct mysql_state *state, struct tx *tx, struct reader in, uint32_t size)
{
    struct bytes whole = reader_peek(&in);
    uint8_t first = whole.data[0];
    bool progress = state->mariadb & CAN_PROGRESS && whole.size >= 3 && whole.data[1] == 0xff &&
                    whole.data[2] == 0xff;
    if (first == PACKET_ERROR && progress)
        return;
    if (first == PACKET_ERROR) {
        take_error(tx, state, in);
        state->step = STEP_FIRST;
        return;
    }
    if (state->step == STEP_FIRST && reply_of(record_of(tx)->command) == REPLY_ROWS)
        state->step = STEP_ROWS;
    switch ((enum step)state->step) {
    case STEP_FIRST:
        take_first(state, tx, in);
        break;
    case STEP_COLUMNS:
        take_column(state, record_of(tx), in);
        state->column++;
        if (--state->columns_left)
            break;
        if (!(state->client & CAN_SKIP_EOF))
            state->step = STEP_COLUMNS_END;
        else if (state->prepared)
            next_columns(state, tx);
        else
            state->step = STEP_ROWS;
        break;
    case STEP_COLUMNS_END:
        reader_skip(&in, 3);
        state->step = STEP_ROWS;
        if (state->prepared)
            next_columns(state, tx);
        else if (reader_le16(&in) & STATUS_CURSOR) /* the rows are fetched */
            finish_response(state, tx);
        break;
    case STEP_ROWS:
        if (first == PACKET_EOF && (state->client & CAN_SKIP_EOF ? size < PACKET_MAX : size < 9))
            end_rows(state, tx, in);
        else
            take_row(tx, in);
        break;
    }
}

/* ---- the stream ---- */

static bool take_server_packet(struct session *session, struct mysql_state *state, struct reader in,
                               uint32_t size)
{
    if (!state->greeted)
        return take_greeting(session, state, in);
    struct tx *tx = session_tx_open(session, TO_CLIENT);
    if (!tx || tx == state->login || reader_empty(&in))
        return true;
    if (record_of(tx)->login)
        take_authentication(state, tx, in);
    else
        take_response(state, tx, in, size);
    return true;
}

static bool take_client_packet(struct session *session, struct mysql_state *state, struct reader in,
                               uint8_t sequence)
{
    if (state->infile) {
        state->infile = !reader_empty(&in); /* an empty packet ends the file */
        return true;
    }
    if (state->login)
        return take_login(session, state, in);
    /* Others answer the server's questions while it authenticates. */
    return sequence || reader_empty(&in) || take_command(session, state, in);
}

/* Takes the next packet; false when not enough of it is there. */
static bool take_packet(struct session *session, struct mysql_state *state, enum direction direction,
                        struct reader *in, bool *good)
{
    struct mysql_side *side = &state->sides[direction];
    struct reader at = *in;
    uint32_t size = take_le24(&at);
    uint8_t sequence = reader_u8(&at);
    size_t kept = side->continued ? 0 : MIN((size_t)size, (size_t)PACKET_KEPT);
    if (!reader_ok(&at) || reader_left(&at) < kept)
        return false;
    struct reader payload = reader_sub(&at, kept);
    bool whole = !side->continued;
    side->continued = size == PACKET_MAX;
    side->skip = size - kept;
    *in = at;
    if (!whole)
        return true;
    *good = direction == TO_CLIENT ? take_server_packet(session, state, payload, size)
                                   : take_client_packet(session, state, payload, sequence);
    return true;
}

static bool mysql_stream(struct session *session, void *state_, enum direction direction, struct reader *in,
                         unsigned flags)
{
    struct mysql_state *state = state_;
    struct mysql_side *side = &state->sides[direction];
    bool good = true;
    (void)flags;
    while (good && !reader_empty(in) && !session->want_change) {
        if (state->over) {
            (void)reader_rest(in);
            break;
        }
        size_t skip = (size_t)MIN(side->skip, (uint64_t)reader_left(in));
        reader_skip(in, skip);
        side->skip -= skip;
        if (direction == TO_SERVER && !state->greeted)
            break; /* the server speaks first */
        if (!reader_empty(in) && !take_packet(session, state, direction, in, &good))
            break;
    }
    return good;
}

static bool mysql_gap(struct session *session, void *state_, enum direction direction, uint64_t size)
{
    struct mysql_state *state = state_;
    struct mysql_side *side = &state->sides[direction];
    (void)session;
    if (state->over)
        return true;
    if (size > side->skip)
        return false;
    side->skip -= size;
    return true;
}

/* ---- the record ---- */

static bool has_counts(const void *mysql)
{
    return ((const struct mysql *)mysql)->has_counts;
}

static bool has_columns(const void *mysql)
{
    return ((const struct mysql *)mysql)->column_count > 0;
}

static const struct field fields[] = {
    { "version", FIELD_BYTES, AT(struct mysql, version), .help = "Version of the server" },
    { "tls", FIELD_BOOL, AT(struct mysql, tls), .keep_zero = true, .help = "TLS follows" },
    { "compressed", FIELD_BOOL, AT(struct mysql, compressed),
      .help = "What follows is compressed, and not read" },
    { "user", FIELD_BYTES, AT(struct mysql, user), .help = "Who logs in" },
    { "database", FIELD_BYTES, AT(struct mysql, database), .help = "Database asked for at login" },
    { "auth_plugin", FIELD_BYTES, AT(struct mysql, plugin), .help = "Method of authentication" },
    { "command", FIELD_BYTES, AT(struct mysql, text), .help = "Statement, or name of another command" },
    { "local_infile", FIELD_BYTES, AT(struct mysql, infile),
      .help = "File that the server asks the client for" },
    { "affected_rows", FIELD_UINT, AT(struct mysql, affected), .keep_zero = true, .present = has_counts,
      .help = "Rows changed" },
    { "insert_id", FIELD_UINT, AT(struct mysql, insert_id), .help = "Identifier of the row inserted" },
    { "column_count", FIELD_UINT, AT(struct mysql, column_count), .help = "Columns of the last result" },
    { "row_count", FIELD_UINT, AT(struct mysql, row_count), .keep_zero = true, .present = has_columns,
      .help = "Rows of all results" },
    { "error_code", FIELD_UINT, AT(struct mysql, error_code), .help = "Number of the error" },
    { "error_state", FIELD_BYTES, AT(struct mysql, error_state), .help = "SQLSTATE of the error" },
    { "error_message", FIELD_BYTES, AT(struct mysql, error_text), .help = "Text of the error" },
};

static const struct field row_fields[] = {
    { "rows", FIELD_STRINGS, AT(struct mysql, rows), .help = "First rows, columns parted by commas" },
};

/* `extended`: with content of the database. */
static void mysql_write(const struct tx *tx, bool extended, struct text *out)
{
    json_fields(out, fields, COUNT_OF(fields), tx->record);
    if (extended)
        json_fields(out, row_fields, COUNT_OF(row_fields), tx->record);
}

/* ---- keywords ---- */

static bool get_row(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                    struct bytes *value)
{
    const struct mysql *mysql = (const void *)tx->record;
    (void)direction, (void)scratch;
    if (index >= mysql->rows.count)
        return false;
    *value = ((const struct bytes *)mysql->rows.items)[index];
    return true;
}

static const struct inspect inspects[] = {
    { .name = "mysql.command",
      .kind = INSPECT_BYTES,
      .directions = 1 << TO_SERVER,
      .progress = { 1, 1 },
      .offset = offsetof(struct mysql, text),
      .help = "Statement, or name of another command",
      .source = "MySQL manual, Command Phase" },
    { .name = "mysql.rows",
      .kind = INSPECT_GET,
      .directions = 1 << TO_CLIENT,
      .progress = { 1, 1 },
      .get = get_row,
      .help = "Rows of a result, columns parted by commas",
      .source = "MySQL manual, Text Resultset" },
};

const struct protocol mysql_protocol = {
    .id = PROTOCOL_mysql,
    .eve_numbered = true,
    .name = "mysql",
    .title = "MySQL and MariaDB",
    .eve_type = "mysql",
    .transports = TRANSPORT_TCP,
    .ports = "3306",
    .probe = mysql_probe,
    .server_speaks_first = true,
    .probe_depth = VERSION_MAX + 32,
    .state_size = sizeof(struct mysql_state),
    .record_size = sizeof(struct mysql),
    .tx_memory_max = 192U * 1024U,
    .buffer_max = PACKET_KEPT + 4,
    .tx_max = 64,
    .stream = mysql_stream,
    .gap = mysql_gap,
    .write = mysql_write,
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .events = event_names,
    .whole_stream = true,
};
