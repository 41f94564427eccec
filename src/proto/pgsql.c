/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL's frontend/backend protocol, version 3 (PostgreSQL manual, chapter "Frontend/Backend Protocol").
 *
 * A transaction is a message of the client with everything the server says until it is ready again. */
#include "proto/session.h"

#define MESSAGE_MAX (64U * 1024U)
#define LENGTH_MAX  0x40000000U
#define STARTUP_MAX 10000U /* as the server itself limits it */
#define ITEMS_MAX   64U
#define CODE_CANCEL 80877102U
#define CODE_SSL    80877103U
#define CODE_GSS    80877104U

enum pgsql_event {
    EVENT_TOO_MANY_TRANSACTIONS,
    EVENT_MALFORMED_REQUEST,
    EVENT_MALFORMED_RESPONSE,
    EVENT_INVALID_LENGTH,
    EVENT_TOO_MANY_RESPONSES
};
static const char *const event_names[] = { "too_many_transactions", "malformed_request",
                                           "malformed_response",    "invalid_length",
                                           "too_many_responses",    NULL };

enum pgsql_request {
    REQUEST_NONE,
    REQUEST_SSL,
    REQUEST_GSS,
    REQUEST_CANCEL,
    REQUEST_STARTUP,
    REQUEST_PASSWORD,
    REQUEST_SASL_INITIAL,
    REQUEST_SASL_RESPONSE,
    REQUEST_QUERY,
    REQUEST_COPY,
    REQUEST_TERMINATE,
};

/* AuthenticationXXX codes (section "Message Formats"). */
enum {
    AUTH_OK,
    AUTH_CLEARTEXT = 3,
    AUTH_MD5 = 5,
    AUTH_GSS = 7,
    AUTH_GSS_CONTINUE,
    AUTH_SSPI,
    AUTH_SASL,
    AUTH_SASL_CONTINUE,
    AUTH_SASL_FINAL
};

struct pair {
    struct bytes name, value;
};

struct pairs {
    struct pair items[ITEMS_MAX];
    size_t count;
};

struct pgsql {
    uint8_t request; /* enum pgsql_request */
    uint16_t major, minor;
    uint32_t process_id, secret_key;
    struct bytes user, query, password, sasl_mechanism, sasl_param;
    struct pairs *startup;
    uint64_t copy_in_count, copy_in_size;
    const char *copy_end; /* how the client ended its copy */
    bool silent;          /* an event without a record */
    /* the answer */
    bool answered, ssl_accepted, has_key, has_columns, columns_bad, has_copy_in, has_copy_out, copy_done;
    uint32_t answer_process_id, answer_secret_key;
    uint16_t columns, copy_columns;
    uint64_t rows, rows_size, copy_out_rows, copy_out_size;
    const char *message;
    struct bytes md5_salt, sasl_final, completed;
    struct pairs *parameters, *error;
    struct pair notification;
};

struct pgsql_state {
    uint64_t skip[DIRECTIONS]; /* bytes of a large message still to come */
    bool started;              /* the startup message was seen: messages have types */
    uint32_t authentication;   /* the last one asked for */
    bool copying;              /* the client sends CopyData */
};

static struct pgsql *record_of(struct tx *tx)
{
    return (struct pgsql *)(void *)tx->record;
}

/* ---- recognition ---- */

static enum probe probe_client(struct bytes data)
{
    struct reader in = reader_of_bytes(data);
    uint32_t size = reader_be32(&in), code = reader_be32(&in);
    if (!reader_ok(&in))
        return data.size && data.data[0] ? PROBE_NO : PROBE_MORE;
    if (code == CODE_SSL || code == CODE_GSS)
        return size == 8 && data.size == 8 ? PROBE_YES : PROBE_NO;
    if (code == CODE_CANCEL)
        return size == 16 && data.size == 16 ? PROBE_YES : PROBE_NO;
    return code >> 16 == 3 && (code & 0xffff) < 10 && size >= 9 && size <= STARTUP_MAX ? PROBE_YES : PROBE_NO;
}

static enum probe pgsql_probe(enum direction direction, struct bytes data)
{
    if (direction == TO_SERVER)
        return probe_client(data);
    struct reader in = reader_of_bytes(data);
    uint8_t type = reader_u8(&in);
    if (data.size == 1)
        return type == 'S' || type == 'N' ? PROBE_YES : PROBE_NO;
    uint32_t size = reader_be32(&in);
    if (!reader_ok(&in))
        return type == 'R' || type == 'E' ? PROBE_MORE : PROBE_NO;
    return (type == 'R' && size >= 8 && size < 2000) || (type == 'E' && size > 8 && size < 30000) ? PROBE_YES
                                                                                                  : PROBE_NO;
}

/* ---- messages of the client ---- */

static struct bytes take_string(struct reader *in)
{
    return reader_until(in, 0);
}

static void add_pair(struct tx *tx, struct pairs **list, struct bytes name, struct bytes value)
{
    if (!*list)
        *list = ARENA_NEW(&tx->memory, struct pairs);
    if (*list && (*list)->count == ITEMS_MAX)
        tx_event(tx, EVENT_TOO_MANY_RESPONSES);
    if (!*list || (*list)->count == ITEMS_MAX)
        return;
    struct pair *pair = &(*list)->items[(*list)->count];
    pair->name = arena_copy(&tx->memory, name);
    pair->value = arena_copy(&tx->memory, value);
    (*list)->count += pair->name.data && pair->value.data;
}

static struct tx *new_request(struct session *session, enum pgsql_request kind)
{
    struct tx *tx = session_tx(session);
    if (tx) {
        record_of(tx)->request = (uint8_t)kind;
        tx_finish(tx, TO_SERVER);
    }
    return tx;
}

/* A startup packet: a size, a code or version, and what belongs to it. */
static bool take_startup(struct session *session, struct pgsql_state *state, struct reader in)
{
    uint32_t code = reader_be32(&in);
    enum pgsql_request kind = code == CODE_SSL      ? REQUEST_SSL
                              : code == CODE_GSS    ? REQUEST_GSS
                              : code == CODE_CANCEL ? REQUEST_CANCEL
                                                    : REQUEST_STARTUP;
    if (kind == REQUEST_STARTUP && code >> 16 != 3)
        return false;
    struct tx *tx = new_request(session, kind);
    if (!tx)
        return false;
    struct pgsql *pgsql = record_of(tx);
    if (kind == REQUEST_CANCEL) {
        pgsql->process_id = reader_be32(&in);
        pgsql->secret_key = reader_be32(&in);
        tx_finish_both(tx);
    }
    if (kind != REQUEST_STARTUP)
        return reader_ok(&in);
    state->started = true;
    pgsql->major = (uint16_t)(code >> 16);
    pgsql->minor = (uint16_t)code;
    while (!reader_empty(&in)) {
        struct bytes name = take_string(&in);
        if (name.size == 0)
            break;
        struct bytes value = take_string(&in);
        if (!reader_ok(&in))
            break;
        if (bytes_is(name, "user"))
            pgsql->user = arena_copy(&tx->memory, value);
        else
            add_pair(tx, &pgsql->startup, name, value);
    }
    return true;
}

static bool take_password(struct session *session, const struct pgsql_state *state, struct reader in)
{
    bool initial = state->authentication == AUTH_SASL;
    bool response = state->authentication == AUTH_SASL_CONTINUE;
    struct tx *tx = new_request(session, initial    ? REQUEST_SASL_INITIAL
                                         : response ? REQUEST_SASL_RESPONSE
                                                    : REQUEST_PASSWORD);
    if (!tx)
        return false;
    struct pgsql *pgsql = record_of(tx);
    if (initial) {
        pgsql->sasl_mechanism = arena_copy(&tx->memory, take_string(&in));
        uint32_t size = reader_be32(&in);
        if (size != UINT32_MAX)
            pgsql->sasl_param = arena_copy(&tx->memory, bytes_first(reader_peek(&in), size));
    } else if (response) {
        pgsql->sasl_param = arena_copy(&tx->memory, reader_peek(&in));
    } else {
        pgsql->password = arena_copy(&tx->memory, take_string(&in));
    }
    return true;
}

/* CopyData, CopyDone, CopyFail: one transaction for the whole copy. */
static bool take_copy(struct session *session, struct pgsql_state *state, uint8_t type, uint32_t size)
{
    struct tx *tx = session->last_tx;
    /* That of a copy waits for its answer: no walk for each of its messages. */
    if (tx && tx_complete(session, tx, TO_CLIENT) && !session_tx_open(session, TO_CLIENT))
        tx = NULL;
    if (!tx || record_of(tx)->request != REQUEST_COPY || !state->copying)
        tx = new_request(session, REQUEST_COPY);
    if (!tx)
        return false;
    struct pgsql *pgsql = record_of(tx);
    state->copying = type == 'd';
    if (type == 'd') {
        pgsql->copy_in_count++;
        pgsql->copy_in_size += size;
    } else {
        pgsql->copy_end = type == 'c' ? "copy_done" : "copy_fail";
    }
    return true;
}

static bool take_client_message(struct session *session, struct pgsql_state *state, uint8_t type,
                                uint32_t size, struct reader in)
{
    struct tx *tx;
    switch (type) {
    case 'Q':
        tx = new_request(session, REQUEST_QUERY);
        if (!tx)
            return false;
        record_of(tx)->query = arena_copy(
            &tx->memory, bytes_first(reader_peek(&in), bytes_find_byte(reader_peek(&in), 0)));
        return true;
    case 'p':
        return take_password(session, state, in);
    case 'd':
    case 'c':
    case 'f':
        return take_copy(session, state, type, size);
    case 'X':
        tx = new_request(session, REQUEST_TERMINATE);
        if (tx)
            tx_finish_both(tx);
        return tx != NULL;
    case 'P': /* extended query, function call: answered as they come */
    case 'B':
    case 'E':
    case 'D':
    case 'S':
    case 'C':
    case 'H':
    case 'F':
        return true;
    default:
        return false;
    }
}

/* ---- messages of the server ---- */

static const char *authentication_name(uint32_t code)
{
    switch (code) {
    case AUTH_OK:
        return "authentication_ok";
    case AUTH_CLEARTEXT:
        return "authentication_cleartext_password";
    case AUTH_GSS:
        return "authentication_gss";
    case AUTH_GSS_CONTINUE:
        return "authentication_gss_continue";
    case AUTH_SSPI:
        return "authentication_sspi";
    case AUTH_SASL:
        return "authentication_sasl";
    case AUTH_SASL_CONTINUE:
        return "authentication_sasl_continue";
    default:
        return NULL;
    }
}

static void take_authentication(struct pgsql_state *state, struct tx *tx, struct reader in)
{
    struct pgsql *pgsql = record_of(tx);
    uint32_t code = reader_be32(&in);
    state->authentication = code;
    if (code == AUTH_MD5)
        pgsql->md5_salt = arena_copy(&tx->memory, reader_bytes(&in, 4));
    else if (code == AUTH_SASL_FINAL)
        pgsql->sasl_final = arena_copy(&tx->memory, reader_peek(&in));
    else
        pgsql->message = authentication_name(code);
    if (code != AUTH_OK && code != AUTH_SASL_FINAL)
        tx_finish_both(tx);
}

static void take_row(struct pgsql *pgsql, struct reader in)
{
    uint16_t columns = reader_be16(&in);
    pgsql->rows++;
    for (uint16_t i = 0; i < columns && !reader_empty(&in); i++) {
        uint32_t size = reader_be32(&in);
        if (size == UINT32_MAX) /* NULL */
            continue;
        pgsql->rows_size += size;
        reader_skip(&in, size);
    }
}

static void take_columns(struct pgsql *pgsql, struct reader in)
{
    pgsql->has_columns = true;
    pgsql->columns = reader_be16(&in);
    for (uint16_t i = 0; i < pgsql->columns && reader_ok(&in); i++) {
        (void)take_string(&in);
        reader_skip(&in, 18);
    }
    pgsql->columns_bad = !reader_ok(&in);
}

static void take_copy_start(struct pgsql *pgsql, uint8_t type, struct reader in)
{
    pgsql->has_copy_in = type == 'G';
    pgsql->has_copy_out = type == 'H';
    reader_skip(&in, 1);
    pgsql->copy_columns = reader_be16(&in);
    reader_skip(&in, (size_t)pgsql->copy_columns * 2);
    pgsql->columns_bad = !reader_ok(&in);
}

static void take_error(struct tx *tx, struct reader in)
{
    struct pgsql *pgsql = record_of(tx);
    while (!reader_empty(&in)) {
        struct bytes field = take_string(&in);
        if (field.size == 0 || !reader_ok(&in))
            break;
        add_pair(tx, &pgsql->error, bytes_first(field, 1), bytes_from(field, 1));
    }
}

static void take_parameter(struct tx *tx, struct reader in)
{
    struct bytes name = take_string(&in), value = take_string(&in);
    if (reader_ok(&in))
        add_pair(tx, &record_of(tx)->parameters, name, value);
}

static void take_notification(struct tx *tx, struct reader in)
{
    struct pgsql *pgsql = record_of(tx);
    pgsql->answer_process_id = reader_be32(&in);
    pgsql->notification.name = arena_copy(&tx->memory, take_string(&in));
    pgsql->notification.value = arena_copy(&tx->memory, take_string(&in));
}

static bool known_answer(uint8_t type)
{
    return bytes_find_byte(BYTES_OF("RSKTDCEZNAGHWdcI123nstVv"), type) != SIZE_MAX;
}

static bool take_server_message(struct session *session, struct pgsql_state *state, uint8_t type,
                                uint32_t size, struct reader in)
{
    if (!known_answer(type))
        return false;
    struct tx *tx = session_tx_open(session, TO_CLIENT);
    bool unasked = type == 'A' || type == 'N' || type == 'S'; /* may come at any time */
    if (!tx && unasked)
        return true;
    if (!tx)
        tx = session_tx_directed(session, TO_CLIENT);
    if (!tx)
        return false;
    struct pgsql *pgsql = record_of(tx);
    pgsql->answered = true;
    switch (type) {
    case 'R':
        take_authentication(state, tx, in);
        break;
    case 'S':
        take_parameter(tx, in);
        break;
    case 'K':
        pgsql->has_key = true;
        pgsql->answer_process_id = reader_be32(&in);
        pgsql->answer_secret_key = reader_be32(&in);
        break;
    case 'T':
        take_columns(pgsql, in);
        break;
    case 'D':
        take_row(pgsql, in);
        break;
    case 'C':
        pgsql->completed = arena_copy(&tx->memory, take_string(&in));
        break;
    case 'A':
        take_notification(tx, in);
        break;
    case 'G':
    case 'H':
    case 'W':
        take_copy_start(pgsql, type, in);
        if (type == 'G')
            tx_finish_both(tx); /* the client goes on */
        break;
    case 'd':
        pgsql->copy_out_rows++;
        pgsql->copy_out_size += size;
        break;
    case 'c':
        pgsql->copy_done = true;
        break;
    case 'E':
        take_error(tx, in);
        if (pgsql->request == REQUEST_STARTUP || pgsql->request == REQUEST_PASSWORD)
            tx_finish_both(tx);
        break;
    case 'Z':
        tx_finish_both(tx);
        break;
    default: /* notices, and answers to the extended query's steps */
        break;
    }
    return true;
}

/* One byte after a request for encryption: yes or no. */
static bool take_encryption_answer(struct session *session, struct tx *tx, struct reader *in)
{
    uint8_t answer = reader_u8(in);
    struct pgsql *pgsql = record_of(tx);
    pgsql->answered = true;
    pgsql->ssl_accepted = answer == 'S' || answer == 'G';
    tx_finish_both(tx);
    if (pgsql->ssl_accepted)
        session_change(session, answer == 'S' ? protocol_find(BYTES_OF("tls")) : NULL);
    return answer == 'S' || answer == 'N' || answer == 'G';
}

/* Says on a transaction of its own why the rest cannot be followed; always false. */
static bool complain(struct session *session, enum direction direction, enum pgsql_event event)
{
    struct tx *tx = session_tx_directed(session, direction);
    if (tx) {
        record_of(tx)->silent = true;
        tx_event(tx, (uint8_t)event);
        tx_finish_both(tx);
    }
    return false;
}

/* Takes the next message; *waiting when it is not all there. */
static bool take_message(struct session *session, struct pgsql_state *state, enum direction direction,
                         struct reader *in, bool *waiting)
{
    struct reader ahead = *in;
    bool typed = direction == TO_CLIENT || state->started;
    uint8_t type = typed ? reader_u8(&ahead) : 0;
    uint32_t size = reader_be32(&ahead), head = typed ? 5 : 4;
    *waiting = !reader_ok(&ahead);
    if (*waiting)
        return true;
    if (size < 4 || size > (typed ? LENGTH_MAX : STARTUP_MAX))
        return complain(session, direction, EVENT_INVALID_LENGTH);
    size -= 4;
    *waiting = size > reader_left(&ahead) && size <= MESSAGE_MAX;
    if (*waiting)
        return true;
    struct reader body = reader_of_bytes(bytes_first(reader_peek(&ahead), size));
    reader_skip(in, head + reader_left(&body));
    state->skip[direction] = size - reader_left(&body);
    if (direction == TO_CLIENT)
        return take_server_message(session, state, type, size, body) ||
               complain(session, direction, EVENT_MALFORMED_RESPONSE);
    bool good = typed ? take_client_message(session, state, type, size, body)
                      : take_startup(session, state, body);
    return good || complain(session, direction, EVENT_MALFORMED_REQUEST);
}

static bool pgsql_stream(struct session *session, void *state_, enum direction direction, struct reader *in,
                         unsigned flags)
{
    struct pgsql_state *state = state_;
    (void)flags;
    while (!reader_empty(in) && !session->want_change) {
        size_t skip = (size_t)MIN(state->skip[direction], (uint64_t)reader_left(in));
        reader_skip(in, skip);
        state->skip[direction] -= skip;
        if (reader_empty(in))
            break;
        struct tx *open = direction == TO_CLIENT ? session_tx_open(session, TO_CLIENT) : NULL;
        bool encryption = open && (record_of(open)->request == REQUEST_SSL ||
                                   record_of(open)->request == REQUEST_GSS);
        if (encryption && in->at[0] != 'E') {
            if (!take_encryption_answer(session, open, in))
                return false;
            continue;
        }
        bool waiting;
        if (!take_message(session, state, direction, in, &waiting))
            return false;
        if (waiting)
            break;
    }
    return true;
}

/* ---- the record ---- */

/* A key that came over the wire. */
static void put_pair(struct text *out, struct bytes name, struct bytes value)
{
    text_char(out, '"');
    json_escape(out, name);
    text_string(out, "\":");
    json_string(out, NULL, value);
}

static void put_startup(struct text *out, const struct pgsql *pgsql)
{
    char version[16];
    struct text text = text_of(version, sizeof version);
    text_add(&text, "%u.%u", pgsql->major, pgsql->minor);
    json_string(out, "protocol_version", text_bytes(&text));
    json_open(out, "startup_parameters", '{');
    if (pgsql->user.data)
        json_string(out, "user", pgsql->user);
    if (pgsql->startup && pgsql->startup->count) {
        json_open(out, "optional_parameters", '[');
        for (size_t i = 0; i < pgsql->startup->count; i++) {
            json_open(out, NULL, '{');
            put_pair(out, pgsql->startup->items[i].name, pgsql->startup->items[i].value);
            json_close(out, '}');
        }
        json_close(out, ']');
    }
    json_close(out, '}');
}

static void put_copy_in(struct text *out, const struct pgsql *pgsql)
{
    if (pgsql->copy_in_count) {
        json_open(out, "copy_data_in", '{');
        json_uint(out, "msg_count", pgsql->copy_in_count);
        json_uint(out, "data_size", pgsql->copy_in_size);
        json_close(out, '}');
    }
    if (pgsql->copy_end)
        json_cstring(out, "message", pgsql->copy_end);
}

static void put_request(struct text *out, const struct pgsql *pgsql, bool passwords)
{
    switch ((enum pgsql_request)pgsql->request) {
    case REQUEST_SSL:
        json_cstring(out, "message", "SSL Request");
        break;
    case REQUEST_GSS:
        json_cstring(out, "message", "GSSENC Request");
        break;
    case REQUEST_CANCEL:
        json_cstring(out, "message", "cancel_request");
        json_uint(out, "process_id", pgsql->process_id);
        json_uint(out, "secret_key", pgsql->secret_key);
        break;
    case REQUEST_STARTUP:
        put_startup(out, pgsql);
        break;
    case REQUEST_PASSWORD:
        if (passwords)
            json_string(out, "password", pgsql->password);
        else
            json_bool(out, "password_redacted", true);
        break;
    case REQUEST_SASL_INITIAL:
        json_string(out, "sasl_authentication_mechanism",
                    bytes_is(pgsql->sasl_mechanism, "SCRAM-SHA-256")        ? BYTES_OF("scram_SHA256")
                    : bytes_is(pgsql->sasl_mechanism, "SCRAM-SHA-256-PLUS") ? BYTES_OF("scram_SHA256_plus")
                                                                            : pgsql->sasl_mechanism);
        json_string(out, "sasl_param", pgsql->sasl_param);
        break;
    case REQUEST_SASL_RESPONSE:
        json_string(out, "sasl_response", pgsql->sasl_param);
        break;
    case REQUEST_QUERY:
        json_string(out, "simple_query", pgsql->query);
        break;
    case REQUEST_COPY:
        put_copy_in(out, pgsql);
        break;
    case REQUEST_TERMINATE:
        json_cstring(out, "message", "termination_message");
        break;
    case REQUEST_NONE:
        break;
    }
}

static void put_error(struct text *out, const struct pairs *error)
{
    static const struct {
        char code;
        const char *name;
    } names[] = { { 'S', "severity_localizable" },
                  { 'V', "severity_non_localizable" },
                  { 'C', "code" },
                  { 'M', "message" },
                  { 'D', "detail" },
                  { 'H', "hint" },
                  { 'P', "position" },
                  { 'p', "internal_position" },
                  { 'q', "internal_query" },
                  { 'W', "where" },
                  { 's', "schema_name" },
                  { 't', "table_name" },
                  { 'c', "column_name" },
                  { 'd', "data_type_name" },
                  { 'n', "constraint_name" },
                  { 'F', "file" },
                  { 'L', "line" },
                  { 'R', "routine" } };
    for (size_t i = 0; error && i < error->count; i++)
        for (size_t k = 0; k < COUNT_OF(names); k++)
            if (names[k].code == (char)error->items[i].name.data[0])
                json_string(out, names[k].name, error->items[i].value);
}

static void put_parameters(struct text *out, const struct pairs *parameters)
{
    if (!parameters || !parameters->count)
        return;
    json_open(out, "parameter_status", '[');
    for (size_t i = 0; i < parameters->count; i++) {
        struct bytes name = parameters->items[i].name;
        name = bytes_is(name, "DateStyle")       ? BYTES_OF("date_style")
               : bytes_is(name, "IntervalStyle") ? BYTES_OF("interval_style")
               : bytes_is(name, "TimeZone")      ? BYTES_OF("time_zone")
                                                 : name;
        json_open(out, NULL, '{');
        put_pair(out, name, parameters->items[i].value);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void put_copy_start(struct text *out, const char *key, const struct pgsql *pgsql)
{
    json_open(out, key, '{');
    json_bool(out, "malformed", pgsql->columns_bad);
    json_uint(out, "columns", pgsql->copy_columns);
    json_close(out, '}');
}

static void put_rows(struct text *out, const struct pgsql *pgsql)
{
    if (pgsql->has_columns) {
        json_bool(out, "row_description_malformed", pgsql->columns_bad);
        json_uint(out, "field_count", pgsql->columns);
    }
    if (pgsql->has_copy_in)
        put_copy_start(out, "copy_in_response", pgsql);
    if (pgsql->has_copy_out)
        put_copy_start(out, "copy_out_response", pgsql);
    if (pgsql->copy_out_rows) {
        json_open(out, "copy_data_out", '{');
        json_uint(out, "row_count", pgsql->copy_out_rows);
        json_uint(out, "data_size", pgsql->copy_out_size);
        json_close(out, '}');
    }
    if (pgsql->copy_done)
        json_cstring(out, "message", "copy_done");
    if (pgsql->rows) {
        json_uint(out, "data_rows", pgsql->rows);
        json_uint(out, "data_size", pgsql->rows_size);
    }
}

static void put_response(struct text *out, const struct pgsql *pgsql)
{
    if (pgsql->request == REQUEST_SSL)
        json_bool(out, "ssl_accepted", pgsql->ssl_accepted);
    if (pgsql->request == REQUEST_GSS)
        json_bool(out, "gss_accepted", pgsql->ssl_accepted);
    if (pgsql->md5_salt.data)
        json_string(out, "authentication_md5_password", pgsql->md5_salt);
    if (pgsql->sasl_final.data)
        json_string(out, "authentication_sasl_final", pgsql->sasl_final);
    if (pgsql->message)
        json_cstring(out, "message", pgsql->message);
    put_parameters(out, pgsql->parameters);
    if (pgsql->has_key || pgsql->notification.name.data)
        json_uint(out, "process_id", pgsql->answer_process_id);
    if (pgsql->has_key)
        json_uint(out, "secret_key", pgsql->answer_secret_key);
    if (pgsql->notification.name.data) {
        json_string(out, "channel_name", pgsql->notification.name);
        json_string(out, "payload", pgsql->notification.value);
    }
    put_rows(out, pgsql);
    put_error(out, pgsql->error);
    if (pgsql->completed.data)
        json_string(out, "command_completed", pgsql->completed);
}

/* `extended` is the output's `passwords: yes`. */
static void pgsql_write(const struct tx *tx, bool extended, struct text *out)
{
    const struct pgsql *pgsql = (const void *)tx->record;
    json_uint(out, "tx_id", tx->number + 1);
    if (pgsql->request != REQUEST_NONE) {
        json_open(out, "request", '{');
        put_request(out, pgsql, extended);
        json_close(out, '}');
    }
    if (pgsql->answered) {
        json_open(out, "response", '{');
        put_response(out, pgsql);
        json_close(out, '}');
    }
}

static const struct inspect inspects[] = {
    { .name = "pgsql.query",
      .kind = INSPECT_BYTES,
      .directions = 1 << TO_SERVER,
      .progress = { 1, 1 },
      .offset = offsetof(struct pgsql, query),
      .help = "Text of a simple query",
      .source = "PostgreSQL manual, Message Formats: Query" },
};

static bool pgsql_loggable(const struct tx *tx)
{
    return !((const struct pgsql *)(const void *)tx->record)->silent;
}

const struct protocol pgsql_protocol = {
    .id = PROTOCOL_pgsql,
    .name = "pgsql",
    .title = "PostgreSQL",
    .eve_type = "pgsql",
    .transports = TRANSPORT_TCP,
    .ports = "5432",
    .probe = pgsql_probe,
    .probe_usual_port_only = true,
    .probe_depth = 16,
    .state_size = sizeof(struct pgsql_state),
    .record_size = sizeof(struct pgsql),
    .tx_memory_max = 256U * 1024U,
    .buffer_max = MESSAGE_MAX + 16,
    .tx_max = 256,
    .shed_event = EVENT_TOO_MANY_TRANSACTIONS + 1,
    .events = event_names,
    .loggable = pgsql_loggable,
    .stream = pgsql_stream,
    .write = pgsql_write,
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .whole_stream = true,
};
