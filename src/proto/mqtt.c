/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT 3.1, 3.1.1 and 5.0 (OASIS MQTT 5.0, section 2: control packets).
 *
 * A transaction is a message with what answers it: CONNECT and CONNACK, PUBLISH up to PUBCOMP by its
 * quality of service, SUBSCRIBE and SUBACK, and so on. */
#include "proto/mqtt.h"
#include "proto/session.h"

#define MESSAGE_MAX    (1024U * 1024U)
#define MESSAGES_MAX   5U
#define TOPICS_MAX     64U
#define PROPERTIES_MAX 64U

enum mqtt_type {
    MQTT_UNASSIGNED,
    MQTT_CONNECT,
    MQTT_CONNACK,
    MQTT_PUBLISH,
    MQTT_PUBACK,
    MQTT_PUBREC,
    MQTT_PUBREL,
    MQTT_PUBCOMP,
    MQTT_SUBSCRIBE,
    MQTT_SUBACK,
    MQTT_UNSUBSCRIBE,
    MQTT_UNSUBACK,
    MQTT_PINGREQ,
    MQTT_PINGRESP,
    MQTT_DISCONNECT,
    MQTT_AUTH,
};

static const char *const type_names[] = {
    "UNASSIGNED", "CONNECT",  "CONNACK",    "PUBLISH", "PUBACK",      "PUBREC",
    "PUBREL",     "PUBCOMP",  "SUBSCRIBE",  "SUBACK",  "UNSUBSCRIBE", "UNSUBACK",
    "PINGREQ",    "PINGRESP", "DISCONNECT", "AUTH",    NULL,
};
static const char *const type_keys[] = {
    "unassigned", "connect", "connack",     "publish",  "puback",  "pubrec",   "pubrel",     "pubcomp",
    "subscribe",  "suback",  "unsubscribe", "unsuback", "pingreq", "pingresp", "disconnect", "auth",
};

enum mqtt_event {
    EVENT_MISSING_CONNECT,
    EVENT_MISSING_PUBLISH,
    EVENT_MISSING_SUBSCRIBE,
    EVENT_MISSING_UNSUBSCRIBE,
    EVENT_DOUBLE_CONNECT,
    EVENT_UNINTRODUCED_MESSAGE,
    EVENT_INVALID_QOS_LEVEL,
    EVENT_MISSING_MSG_ID,
    EVENT_UNASSIGNED_MSG_TYPE,
    EVENT_MALFORMED_TRAFFIC,
    EVENT_TOO_MANY_TRANSACTIONS,
    EVENT_TOO_MANY_MESSAGES,
    EVENT_TOO_MANY_PROPERTIES,
};
static const char *const event_names[] = {
    "missing_connect",       "missing_publish",
    "missing_subscribe",     "missing_unsubscribe",
    "double_connect",        "unintroduced_message",
    "invalid_qos_level",     "missing_msg_id",
    "unassigned_msg_type",   "malformed_traffic",
    "too_many_transactions", "too_many_messages",
    "too_many_properties",   NULL,
};

enum { FRAME_PDU, FRAME_HEADER, FRAME_DATA };
static const char *const frame_names[] = { "pdu", "header", "data", NULL };

/* CONNECT flags (section 3.1.2.3). */
enum { FLAG_CLEAN = 2, FLAG_WILL = 4, FLAG_WILL_RETAIN = 32, FLAG_PASSWORD = 64, FLAG_USERNAME = 128 };

enum property_form {
    PROPERTY_NONE,
    PROPERTY_BYTE,
    PROPERTY_U16,
    PROPERTY_U32,
    PROPERTY_VARINT,
    PROPERTY_TEXT,
    PROPERTY_PAIR
};

/* Section 2.2.2.2, by identifier. */
static const struct {
    const char *name;
    enum property_form form;
} property_kinds[] = {
    [0x01] = { "payload_format_indicator", PROPERTY_BYTE },
    [0x02] = { "message_expiry_interval", PROPERTY_U32 },
    [0x03] = { "content_type", PROPERTY_TEXT },
    [0x08] = { "response_topic", PROPERTY_TEXT },
    [0x09] = { "correlation_data", PROPERTY_TEXT },
    [0x0b] = { "subscription_identifier", PROPERTY_VARINT },
    [0x11] = { "session_expiry_interval", PROPERTY_U32 },
    [0x12] = { "assigned_client_identifier", PROPERTY_TEXT },
    [0x13] = { "server_keep_alive", PROPERTY_U16 },
    [0x15] = { "authentication_method", PROPERTY_TEXT },
    [0x16] = { "authentication_data", PROPERTY_TEXT },
    [0x17] = { "request_problem_information", PROPERTY_BYTE },
    [0x18] = { "will_delay_interval", PROPERTY_U32 },
    [0x19] = { "request_response_information", PROPERTY_BYTE },
    [0x1a] = { "response_information", PROPERTY_TEXT },
    [0x1c] = { "server_reference", PROPERTY_TEXT },
    [0x1f] = { "reason_string", PROPERTY_TEXT },
    [0x21] = { "receive_maximum", PROPERTY_U16 },
    [0x22] = { "topic_alias_maximum", PROPERTY_U16 },
    [0x23] = { "topic_alias", PROPERTY_U16 },
    [0x24] = { "maximum_qos", PROPERTY_BYTE },
    [0x25] = { "retain_available", PROPERTY_BYTE },
    [0x26] = { "user_properties", PROPERTY_PAIR },
    [0x27] = { "maximum_packet_size", PROPERTY_U32 },
    [0x28] = { "wildcard_subscription_available", PROPERTY_BYTE },
    [0x29] = { "subscription_identifiers_available", PROPERTY_BYTE },
    [0x2a] = { "shared_subscription_available", PROPERTY_BYTE },
};

struct property {
    uint8_t kind;
    uint32_t number;
    struct bytes text, value; /* value: of a user property */
};

struct properties {
    struct property *items;
    size_t count;
    bool present, cut; /* cut: there are more than are kept */
};

struct topic {
    struct bytes name;
    uint8_t qos;
};

struct mqtt_message {
    uint8_t type, qos, flags, version, connect_flags, code;
    bool retain, dup, has_code, has_id, truncated;
    uint16_t id;
    uint64_t skipped;
    struct bytes protocol, client, username, password, topic, payload, codes;
    struct bytes will_topic, will_message;
    struct properties properties, will_properties;
    struct topic *topics;
    size_t topic_count;
};

struct mqtt {
    struct mqtt_message messages[MESSAGES_MAX];
    size_t count;
    bool done;
};

struct mqtt_state {
    uint8_t version; /* from CONNECT; 0: not seen */
    bool connected;
    uint64_t skip[DIRECTIONS]; /* bytes of an oversized message still to pass */
};

struct mqtt_settings {
    uint32_t message_max;
};
static const struct mqtt_settings defaults = { MESSAGE_MAX };
static const struct field settings[] = {
    { "max-msg-length", FIELD_UINT, AT(struct mqtt_settings, message_max),
      .help = "Longest message kept, in bytes" },
};

/* Section 1.5.5: up to four octets of seven bits. */
static uint32_t variable(struct reader *in)
{
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        uint8_t octet = reader_u8(in);
        value |= (uint32_t)(octet & 0x7f) << shift;
        if (!(octet & 0x80))
            return value;
    }
    reader_fail(in);
    return 0;
}

static struct bytes string(struct reader *in)
{
    return reader_bytes(in, reader_be16(in));
}

static void take_property(struct reader *in, struct property *property)
{
    property->kind = reader_u8(in);
    enum property_form form = property->kind < COUNT_OF(property_kinds) ? property_kinds[property->kind].form
                                                                        : PROPERTY_NONE;
    switch (form) {
    case PROPERTY_BYTE:
        property->number = reader_u8(in);
        break;
    case PROPERTY_U16:
        property->number = reader_be16(in);
        break;
    case PROPERTY_U32:
        property->number = reader_be32(in);
        break;
    case PROPERTY_VARINT:
        property->number = variable(in);
        break;
    case PROPERTY_PAIR:
        property->text = string(in);
        property->value = string(in);
        break;
    case PROPERTY_TEXT:
        property->text = string(in);
        break;
    case PROPERTY_NONE:
        reader_fail(in);
        break;
    }
}

static void take_properties(struct reader *in, struct arena *memory, struct properties *list)
{
    struct property kept[PROPERTIES_MAX];
    size_t size = variable(in);
    struct reader part = reader_sub(in, size);
    memset(kept, 0, sizeof kept);
    while (!reader_empty(&part) && list->count < PROPERTIES_MAX)
        take_property(&part, &kept[list->count++]);
    list->present = size > 0;
    list->cut = !reader_empty(&part) && reader_ok(&part);
    if (!reader_ok(&part) || list->count == 0) {
        if (!reader_ok(&part))
            reader_fail(in);
        list->count = 0;
        return;
    }
    list->items = ARENA_ARRAY(memory, struct property, list->count);
    if (list->items)
        memcpy(list->items, kept, list->count * sizeof *kept);
    else
        list->count = 0;
}

static void take_connect(struct reader *in, struct arena *memory, struct mqtt_message *m)
{
    m->protocol = string(in);
    m->version = reader_u8(in);
    m->connect_flags = reader_u8(in);
    reader_skip(in, 2); /* keep alive */
    if (m->version == 5)
        take_properties(in, memory, &m->properties);
    m->client = string(in);
    if (m->connect_flags & FLAG_WILL) {
        if (m->version == 5)
            take_properties(in, memory, &m->will_properties);
        m->will_topic = string(in);
        m->will_message = string(in);
    }
    if (m->connect_flags & FLAG_USERNAME)
        m->username = string(in);
    if (m->connect_flags & FLAG_PASSWORD)
        m->password = string(in);
}

static void take_topics(struct reader *in, struct arena *memory, struct mqtt_message *m, bool with_qos)
{
    struct topic kept[TOPICS_MAX];
    while (!reader_empty(in) && m->topic_count < TOPICS_MAX) {
        kept[m->topic_count].name = string(in);
        kept[m->topic_count++].qos = with_qos ? reader_u8(in) & 3 : 0;
    }
    m->topics = m->topic_count ? ARENA_ARRAY(memory, struct topic, m->topic_count) : NULL;
    if (m->topics)
        memcpy(m->topics, kept, m->topic_count * sizeof *kept);
    else
        m->topic_count = 0;
}

/* Reason code and properties of version 5 stand at the end and may be left out: then the code is 0. */
static void take_reason(struct reader *in, struct arena *memory, struct mqtt_message *m)
{
    m->has_code = true;
    if (reader_empty(in))
        return;
    m->code = reader_u8(in);
    if (!reader_empty(in))
        take_properties(in, memory, &m->properties);
}

static void take_body(struct reader *in, struct arena *memory, struct mqtt_message *m)
{
    bool five = m->version == 5;
    switch (m->type) {
    case MQTT_CONNECT:
        take_connect(in, memory, m);
        break;
    case MQTT_CONNACK:
        m->flags = reader_u8(in);
        m->code = reader_u8(in);
        m->has_code = true;
        if (five && !reader_empty(in))
            take_properties(in, memory, &m->properties);
        break;
    case MQTT_PUBLISH:
        m->topic = string(in);
        m->has_id = m->qos > 0;
        m->id = m->has_id ? reader_be16(in) : 0;
        if (five)
            take_properties(in, memory, &m->properties);
        m->payload = reader_rest(in);
        break;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
        m->id = reader_be16(in);
        m->has_id = true;
        if (five)
            take_reason(in, memory, m);
        break;
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE:
        m->id = reader_be16(in);
        m->has_id = true;
        if (five)
            take_properties(in, memory, &m->properties);
        take_topics(in, memory, m, m->type == MQTT_SUBSCRIBE);
        break;
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
        m->id = reader_be16(in);
        m->has_id = true;
        if (five)
            take_properties(in, memory, &m->properties);
        m->codes = reader_rest(in);
        break;
    case MQTT_DISCONNECT:
        /* Departs from section 3.14.2.1: a code without properties counts as 0, as EVE shows it. */
        if (five && reader_left(in) < 2)
            m->has_code = true;
        else if (five)
            take_reason(in, memory, m);
        break;
    case MQTT_AUTH:
        if (five)
            take_reason(in, memory, m);
        break;
    default:
        break;
    }
}

/* ---- transactions ---- */

static struct mqtt *record_of(struct tx *tx)
{
    return (struct mqtt *)(void *)tx->record;
}

static void finish(struct tx *tx)
{
    record_of(tx)->done = true;
    tx_finish_both(tx);
}

/* The open transaction whose first message has the type (and id) that `m` answers. */
static struct tx *find_open(struct session *session, enum mqtt_type first, const struct mqtt_message *m)
{
    for (struct tx *tx = session->txs; tx; tx = tx->next) {
        struct mqtt *record = record_of(tx);
        if (tx->protocol == session->protocol && !record->done && record->messages[0].type == first &&
            (!m->has_id || (record->messages[0].has_id && record->messages[0].id == m->id)))
            return tx;
    }
    return NULL;
}

/* What each answer belongs to, and whether it ends the exchange. */
static const struct {
    uint8_t first; /* enum mqtt_type of the message it answers; 0: it begins an exchange */
    bool ends, alone;
    uint8_t missing; /* enum mqtt_event when there is nothing to answer */
} exchanges[] = {
    [MQTT_CONNECT] = { 0, false, false, 0 },
    [MQTT_CONNACK] = { MQTT_CONNECT, true, false, EVENT_MISSING_CONNECT },
    [MQTT_PUBLISH] = { 0, false, false, 0 },
    [MQTT_PUBACK] = { MQTT_PUBLISH, true, false, EVENT_MISSING_PUBLISH },
    [MQTT_PUBREC] = { MQTT_PUBLISH, false, false, EVENT_MISSING_PUBLISH },
    [MQTT_PUBREL] = { MQTT_PUBLISH, false, false, EVENT_MISSING_PUBLISH },
    [MQTT_PUBCOMP] = { MQTT_PUBLISH, true, false, EVENT_MISSING_PUBLISH },
    [MQTT_SUBSCRIBE] = { 0, false, false, 0 },
    [MQTT_SUBACK] = { MQTT_SUBSCRIBE, true, false, EVENT_MISSING_SUBSCRIBE },
    [MQTT_UNSUBSCRIBE] = { 0, false, false, 0 },
    [MQTT_UNSUBACK] = { MQTT_UNSUBSCRIBE, true, false, EVENT_MISSING_UNSUBSCRIBE },
    [MQTT_PINGREQ] = { 0, false, true, 0 },
    [MQTT_PINGRESP] = { 0, false, true, 0 },
    [MQTT_DISCONNECT] = { 0, false, true, 0 },
    [MQTT_AUTH] = { 0, false, true, 0 },
};

static struct tx *place_message(struct session *session, struct mqtt_state *state, enum direction direction,
                                const struct mqtt_message *m)
{
    uint8_t first = m->truncated ? 0 : exchanges[m->type].first;
    struct tx *tx = first ? find_open(session, first, m) : NULL;
    bool missing = first && !tx;
    bool second_connect = m->type == MQTT_CONNECT && state->version;
    bool alone = m->truncated || missing || m->type == MQTT_UNASSIGNED || exchanges[m->type].alone ||
                 (m->type == MQTT_PUBLISH && m->qos == 0);
    if (!tx) /* an exchange is that of the side which began it */
        tx = session_tx_directed(session, direction);
    if (!tx)
        return NULL;
    struct mqtt *record = record_of(tx);
    if (record->count == MESSAGES_MAX) {
        tx_event(tx, EVENT_TOO_MANY_MESSAGES);
        finish(tx);
        return tx;
    }
    record->messages[record->count++] = *m;
    if (missing)
        tx_event(tx, exchanges[m->type].missing);
    if (second_connect)
        tx_event(tx, EVENT_DOUBLE_CONNECT);
    bool introduced = state->connected || m->type == MQTT_CONNECT || m->type == MQTT_CONNACK ||
                      (m->type == MQTT_AUTH && state->version == 5);
    if (!introduced && !missing)
        tx_event(tx, EVENT_UNINTRODUCED_MESSAGE);
    if (alone || exchanges[m->type].ends)
        finish(tx);
    return tx;
}

static void after_message(struct mqtt_state *state, const struct mqtt_message *m)
{
    if (m->type == MQTT_CONNECT)
        state->version = m->version;
    if (m->type == MQTT_CONNACK)
        state->connected = true;
}

static bool keep(struct arena *memory, struct bytes *b)
{
    if (!b->data)
        return true;
    *b = arena_copy(memory, *b);
    return b->data != NULL;
}

/* The body is copied once and parsed in the copy, so that every part lives as long as the transaction. */
static bool message(struct session *session, struct mqtt_state *state, enum direction direction, uint8_t head,
                    struct bytes body)
{
    const struct mqtt_message bare = { .type = head >> 4,
                                       .qos = head >> 1 & 3,
                                       .retain = head & 1,
                                       .dup = head & 8,
                                       .version = state->version };
    struct mqtt_message m = bare;
    struct arena scratch = arena_of(64U * 1024U);
    struct reader in = reader_of_bytes(body);
    take_body(&in, &scratch, &m);
    bool good = reader_ok(&in);
    if (!good)
        m = bare;
    struct tx *tx = place_message(session, state, direction, &m);
    arena_done(&scratch);
    if (!tx)
        return false;
    struct mqtt *record = record_of(tx);
    struct mqtt_message *kept = &record->messages[record->count - 1];
    *kept = bare;
    kept->version = m.version;
    if (!keep(&tx->memory, &body))
        return false;
    in = reader_of_bytes(body);
    if (good)
        take_body(&in, &tx->memory, kept);
    if (!good)
        tx_event(tx, EVENT_MALFORMED_TRAFFIC);
    if (kept->properties.cut || kept->will_properties.cut)
        tx_event(tx, EVENT_TOO_MANY_PROPERTIES);
    if (kept->qos == 3)
        tx_event(tx, EVENT_INVALID_QOS_LEVEL);
    if (kept->type == MQTT_UNASSIGNED)
        tx_event(tx, EVENT_UNASSIGNED_MSG_TYPE);
    if (kept->type == MQTT_PUBLISH && kept->qos && !kept->id)
        tx_event(tx, EVENT_MISSING_MSG_ID);
    after_message(state, kept);
    return true;
}

static bool oversized(struct session *session, struct mqtt_state *state, enum direction direction,
                      uint8_t head, uint32_t size, size_t head_size)
{
    struct mqtt_message m = { .type = head >> 4,
                              .qos = head >> 1 & 3,
                              .retain = head & 1,
                              .dup = head & 8,
                              .version = state->version,
                              .truncated = true,
                              .skipped = size + head_size };
    state->skip[direction] = size;
    return place_message(session, state, direction, &m) != NULL;
}

static void skip(struct reader *in, uint64_t *left)
{
    size_t size = (size_t)MIN(*left, (uint64_t)reader_left(in));
    reader_skip(in, size);
    *left -= size;
}

static bool mqtt_stream(struct session *session, void *state_, enum direction direction, struct reader *in,
                        unsigned flags)
{
    (void)flags;
    struct mqtt_state *state = state_;
    const struct mqtt_settings *own = session_options(session, session->protocol);
    uint32_t most = own ? own->message_max : MESSAGE_MAX;
    const uint8_t *origin = in->at;
    for (;;) {
        skip(in, &state->skip[direction]);
        if (reader_empty(in))
            return true;
        struct reader start = *in;
        const uint8_t *at = in->at;
        uint8_t head = reader_u8(in);
        uint32_t size = variable(in);
        bool whole_size = reader_ok(in);
        if (!whole_size && reader_left(&start) < 5) {
            *in = start;
            return true;
        }
        if (!whole_size)
            return false;
        size_t head_size = (size_t)(in->at - at);
        if (size > most) {
            if (!oversized(session, state, direction, head, size, head_size))
                return false;
            continue;
        }
        if (size > reader_left(in)) {
            *in = start;
            return true;
        }
        session_frame(session, direction, FRAME_PDU, at, head_size + size, NULL);
        /* Rules know these two by what stands where the messages that came together begin. */
        session_frame(session, direction, FRAME_HEADER, origin, head_size, NULL);
        if (size)
            session_frame(session, direction, FRAME_DATA, origin + head_size, size, NULL);
        if (!message(session, state, direction, head, reader_bytes(in, size)))
            return false;
    }
}

static bool mqtt_gap(struct session *session, void *state_, enum direction direction, uint64_t size)
{
    (void)session;
    struct mqtt_state *state = state_;
    if (size > state->skip[direction])
        return false;
    state->skip[direction] -= size;
    return true;
}

/* CONNECT names its protocol; anything else only counts when it is exactly one well-formed message. */
static enum probe mqtt_probe(enum direction direction, struct bytes data)
{
    (void)direction;
    struct reader in = reader_of_bytes(data);
    uint8_t head = reader_u8(&in), type = head >> 4;
    uint32_t size = variable(&in);
    if (data.size < 2)
        return type == MQTT_CONNECT ? PROBE_MORE : PROBE_NO;
    if (!reader_ok(&in))
        return PROBE_NO;
    if (type == MQTT_CONNECT) {
        struct bytes name = string(&in);
        if (!reader_ok(&in))
            return data.size < 8 ? PROBE_MORE : PROBE_NO;
        return bytes_is(name, "MQTT") || bytes_is(name, "MQIsdp") ? PROBE_YES : PROBE_NO;
    }
    if (type == MQTT_CONNACK)
        return (head & 15) == 0 && size >= 2 && reader_left(&in) >= 2 && size < 128 && reader_u8(&in) <= 1
                   ? PROBE_YES
                   : PROBE_NO;
    bool flags_fit = type == MQTT_PUBLISH ||
                     (head & 15) ==
                         (type == MQTT_PUBREL || type == MQTT_SUBSCRIBE || type == MQTT_UNSUBSCRIBE ? 2 : 0);
    if (type == MQTT_UNASSIGNED || !flags_fit || size != reader_left(&in))
        return PROBE_NO;
    if (type == MQTT_PUBLISH)
        return string(&in).size && reader_ok(&in) ? PROBE_YES : PROBE_NO;
    return PROBE_YES;
}

/* ---- EVE ---- */

/* A record being written, as its output wants it. */
struct writing {
    struct text *out;
    const struct mqtt_log_settings *settings;
};

static void write_string(const struct writing *w, const char *key, struct bytes value)
{
    size_t most = w->settings->limited ? w->settings->string_max : MQTT_LOG_STRING_MAX;
    if (!value.data)
        return;
    if (value.size <= most) {
        json_string(w->out, key, value);
        return;
    }
    json_key(w->out, key);
    text_char(w->out, '"');
    json_escape(w->out, bytes_first(value, most));
    text_add(w->out, "[truncated %zu additional bytes]\",", value.size - most);
}

static void write_properties(const struct writing *w, const struct properties *list)
{
    struct text *out = w->out;
    bool pairs = false;
    if (!list->present)
        return;
    json_open(out, "properties", '{');
    for (size_t i = 0; i < list->count; i++) {
        const struct property *property = &list->items[i];
        if (property_kinds[property->kind].form == PROPERTY_PAIR)
            pairs = true;
        else if (property_kinds[property->kind].form == PROPERTY_TEXT)
            write_string(w, property_kinds[property->kind].name, property->text);
        else
            json_uint(out, property_kinds[property->kind].name, property->number);
    }
    if (pairs) {
        json_open(out, "user_properties", '[');
        for (size_t i = 0; i < list->count; i++)
            if (property_kinds[list->items[i].kind].form == PROPERTY_PAIR) {
                json_open(out, NULL, '{');
                write_string(w, "key", list->items[i].text);
                write_string(w, "value", list->items[i].value);
                json_close(out, '}');
            }
        json_close(out, ']');
    }
    json_close(out, '}');
}

static void write_connect(const struct writing *w, const struct mqtt_message *m)
{
    struct text *out = w->out;
    uint8_t flags = m->connect_flags;
    write_string(w, "protocol_string", m->protocol);
    json_uint(out, "protocol_version", m->version);
    write_string(w, "client_id", m->client);
    json_open(out, "flags", '{');
    json_bool(out, "username", flags & FLAG_USERNAME);
    json_bool(out, "password", flags & FLAG_PASSWORD);
    json_bool(out, "will_retain", flags & FLAG_WILL_RETAIN);
    json_bool(out, "will", flags & FLAG_WILL);
    json_bool(out, "clean_session", flags & FLAG_CLEAN);
    json_close(out, '}');
    write_string(w, "username", m->username);
    if (!w->settings->no_passwords)
        write_string(w, "password", m->password);
    if (flags & FLAG_WILL) {
        json_open(out, "will", '{');
        write_string(w, "topic", m->will_topic);
        write_string(w, "message", m->will_message);
        write_properties(w, &m->will_properties);
        json_close(out, '}');
    }
}

static void write_topics(const struct writing *w, const struct mqtt_message *m)
{
    struct text *out = w->out;
    json_open(out, "topics", '[');
    for (size_t i = 0; i < m->topic_count; i++) {
        if (m->type == MQTT_UNSUBSCRIBE) {
            write_string(w, NULL, m->topics[i].name);
            continue;
        }
        json_open(out, NULL, '{');
        write_string(w, "topic", m->topics[i].name);
        json_uint(out, "qos", m->topics[i].qos);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void write_codes(struct text *out, const char *key, struct bytes codes)
{
    json_open(out, key, '[');
    for (size_t i = 0; i < codes.size; i++)
        json_uint(out, NULL, codes.data[i]);
    json_close(out, ']');
}

static void write_message(const struct writing *w, const struct mqtt_message *m)
{
    struct text *out = w->out;
    json_open(out, type_keys[m->type], '{');
    json_uint(out, "qos", m->qos);
    json_bool(out, "retain", m->retain);
    json_bool(out, "dup", m->dup);
    if (m->truncated) {
        json_bool(out, "truncated", true);
        json_uint(out, "skipped_length", m->skipped);
        json_close(out, '}');
        return;
    }
    if (m->type == MQTT_CONNECT)
        write_connect(w, m);
    write_string(w, "topic", m->topic);
    if (m->has_id)
        json_uint(out, "message_id", m->id);
    if (m->type == MQTT_PUBLISH)
        write_string(w, "message", m->payload);
    if (m->topics)
        write_topics(w, m);
    if (m->type == MQTT_CONNACK)
        json_bool(out, "session_present", m->flags & 1);
    if (m->has_code)
        json_uint(out, m->type == MQTT_CONNACK ? "return_code" : "reason_code", m->code);
    if (m->type == MQTT_SUBACK)
        write_codes(out, "qos_granted", m->codes);
    if (m->type == MQTT_UNSUBACK && m->codes.size)
        write_codes(out, "reason_codes", m->codes);
    write_properties(w, &m->properties);
    json_close(out, '}');
}

void mqtt_log(const struct tx *tx, const struct mqtt_log_settings *wanted, struct text *out)
{
    const struct writing w = { out, wanted };
    const struct mqtt *record = (const void *)tx->record;
    for (size_t i = 0; i < record->count; i++)
        write_message(&w, &record->messages[i]);
}

static void mqtt_write(const struct tx *tx, bool extended, struct text *out)
{
    static const struct mqtt_log_settings everything = { 0 };
    (void)extended;
    mqtt_log(tx, &everything, out);
}

/* ---- keywords ---- */

/* The message at `index`, counting those that `wanted` accepts. */
static const struct mqtt_message *message_at(const struct tx *tx, uint32_t index)
{
    const struct mqtt *record = (const void *)tx->record;
    return index < record->count ? &record->messages[index] : NULL;
}

static const struct mqtt_message *find_type(const struct tx *tx, enum mqtt_type type)
{
    const struct mqtt *record = (const void *)tx->record;
    for (size_t i = 0; i < record->count; i++)
        if (record->messages[i].type == type)
            return &record->messages[i];
    return NULL;
}

#define NUMBER_OF_MESSAGE(name, expression)                                                          \
    static bool name(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value) \
    {                                                                                                \
        (void)direction;                                                                             \
        const struct mqtt_message *m = message_at(tx, index);                                        \
        if (m)                                                                                       \
            *value = (expression);                                                                   \
        return m != NULL;                                                                            \
    }
NUMBER_OF_MESSAGE(type_number, m->type)
NUMBER_OF_MESSAGE(qos_number, m->qos)
NUMBER_OF_MESSAGE(flags_number, (uint64_t)m->retain | (uint64_t)m->dup << 3)

static bool version_number(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    const struct mqtt_message *m = message_at(tx, 0);
    if (index || !m || !m->version)
        return false;
    *value = m->version;
    return true;
}

/* Reason codes of all messages of the transaction, lists included. */
static bool code_number(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    const struct mqtt *record = (const void *)tx->record;
    for (size_t i = 0; i < record->count; i++) {
        const struct mqtt_message *m = &record->messages[i];
        if (m->has_code && index-- == 0) {
            *value = m->code;
            return true;
        }
        if (index < m->codes.size) {
            *value = m->codes.data[index];
            return true;
        }
        index -= (uint32_t)m->codes.size;
    }
    return false;
}

static bool connect_flags_number(const struct tx *tx, enum direction direction, uint32_t index,
                                 uint64_t *value)
{
    (void)direction;
    const struct mqtt_message *m = find_type(tx, MQTT_CONNECT);
    if (index || !m)
        return false;
    *value = m->connect_flags;
    return true;
}

static bool connack_session(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    const struct mqtt_message *m = find_type(tx, MQTT_CONNACK);
    if (index || !m)
        return false;
    *value = m->flags & 1;
    return true;
}

#define BYTES_OF_TYPE(name, wanted, member)                                                                \
    static bool name(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch, \
                     struct bytes *value)                                                                  \
    {                                                                                                      \
        (void)direction;                                                                                   \
        (void)scratch;                                                                                     \
        const struct mqtt_message *m = find_type(tx, wanted);                                              \
        if (index || !m || !m->member.data)                                                                \
            return false;                                                                                  \
        *value = m->member;                                                                                \
        return true;                                                                                       \
    }
BYTES_OF_TYPE(get_protocol, MQTT_CONNECT, protocol)
BYTES_OF_TYPE(get_client, MQTT_CONNECT, client)
BYTES_OF_TYPE(get_username, MQTT_CONNECT, username)
BYTES_OF_TYPE(get_password, MQTT_CONNECT, password)
BYTES_OF_TYPE(get_will_topic, MQTT_CONNECT, will_topic)
BYTES_OF_TYPE(get_will_message, MQTT_CONNECT, will_message)
BYTES_OF_TYPE(get_topic, MQTT_PUBLISH, topic)
BYTES_OF_TYPE(get_payload, MQTT_PUBLISH, payload)

static bool topic_at(const struct tx *tx, enum mqtt_type type, uint32_t index, struct bytes *value)
{
    const struct mqtt_message *m = find_type(tx, type);
    if (!m || index >= m->topic_count)
        return false;
    *value = m->topics[index].name;
    return true;
}

static bool get_subscribe(const struct tx *tx, enum direction direction, uint32_t index,
                          struct arena *scratch, struct bytes *value)
{
    (void)direction;
    (void)scratch;
    return topic_at(tx, MQTT_SUBSCRIBE, index, value);
}

static bool get_unsubscribe(const struct tx *tx, enum direction direction, uint32_t index,
                            struct arena *scratch, struct bytes *value)
{
    (void)direction;
    (void)scratch;
    return topic_at(tx, MQTT_UNSUBSCRIBE, index, value);
}

static const char *const flag_bits[] = { "retain", "", "", "dup", NULL };
static const char *const connect_bits[] = { "",         "clean_session", "will", "", "", "will_retain",
                                            "password", "username",      NULL };
static const char *const yes_no[] = { "false", "true", NULL };

enum { SERVER = 1 << TO_SERVER, CLIENT = 1 << TO_CLIENT, BOTH = SERVER | CLIENT };
#define NUMBER(keyword, where, getter, most, text)                                        \
    .name = (keyword), .kind = INSPECT_NUMBER, .directions = (where), .number = (getter), \
    .progress = { 1, 1 }, .max = (most), .help = (text)
#define BUFFER(keyword, getter, text)                                                                        \
    {                                                                                                        \
        .name = (keyword), .kind = INSPECT_GET, .directions = SERVER, .get = (getter), .progress = { 1, 1 }, \
        .help = (text)                                                                                       \
    }

static const struct inspect inspects[] = {
    { NUMBER("mqtt.type", BOTH, type_number, 255, "Control packet type"), .choices = type_names },
    { NUMBER("mqtt.qos", SERVER, qos_number, 2, "Quality of service") },
    { NUMBER("mqtt.flags", SERVER, flags_number, 255, "Header flags"), .bits = flag_bits },
    { NUMBER("mqtt.protocol_version", SERVER, version_number, 255, "Protocol version of the session") },
    { NUMBER("mqtt.reason_code", BOTH, code_number, 255, "Reason or return code"),
      .alias = "mqtt.connack.return_code" },
    { NUMBER("mqtt.connect.flags", SERVER, connect_flags_number, 255, "CONNECT flags"),
      .bits = connect_bits },
    { NUMBER("mqtt.connack.session_present", CLIENT, connack_session, 1, "CONNACK: session present"),
      .choices = yes_no },
    BUFFER("mqtt.connect.protocol_string", get_protocol, "CONNECT: protocol name"),
    BUFFER("mqtt.connect.clientid", get_client, "CONNECT: client identifier"),
    BUFFER("mqtt.connect.username", get_username, "CONNECT: user name"),
    BUFFER("mqtt.connect.password", get_password, "CONNECT: password"),
    BUFFER("mqtt.connect.willtopic", get_will_topic, "CONNECT: topic of the will"),
    BUFFER("mqtt.connect.willmessage", get_will_message, "CONNECT: message of the will"),
    { .name = "mqtt.publish.topic",
      .kind = INSPECT_GET,
      .directions = BOTH,
      .get = get_topic,
      .help = "PUBLISH: topic" },
    { .name = "mqtt.publish.message",
      .kind = INSPECT_GET,
      .directions = BOTH,
      .get = get_payload,
      .help = "PUBLISH: payload" },
    BUFFER("mqtt.subscribe.topic", get_subscribe, "SUBSCRIBE: each topic filter"),
    BUFFER("mqtt.unsubscribe.topic", get_unsubscribe, "UNSUBSCRIBE: each topic filter"),
};

const struct protocol mqtt_protocol = {
    .id = PROTOCOL_mqtt,
    .name = "mqtt",
    .title = "MQTT",
    .eve_type = "mqtt",
    .transports = TRANSPORT_TCP,
    .ports = "1883",
    .probe = mqtt_probe,
    .probe_depth = 32,
    .state_size = sizeof(struct mqtt_state),
    .record_size = sizeof(struct mqtt),
    .tx_memory_max = 4U << 20,
    .buffer_max = (2U << 20),
    .tx_max = 1024,
    .shed_event = EVENT_TOO_MANY_TRANSACTIONS + 1,
    .stream = mqtt_stream,
    .gap = mqtt_gap,
    .write = mqtt_write,
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .events = event_names,
    .frames = frame_names,
    .settings = settings,
    .setting_count = COUNT_OF(settings),
    .settings_size = sizeof(struct mqtt_settings),
    .settings_default = &defaults,
};
