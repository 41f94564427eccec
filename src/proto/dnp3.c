/* SPDX-License-Identifier: Apache-2.0 */
/* DNP3 (IEEE 1815-2012): link frames and transport segments are put together to application fragments. Each
 * fragment is a transaction of its direction. */
#include "proto/session.h"

#define LINK_HEAD        10U
#define BLOCK            16U /* user data between checksums */
#define FRAGMENT_MAX     12288U
#define OBJECTS_DEFAULT  2048U
#define POINTS_DEFAULT   16384U
#define POINTS_SHOWN     2048U
#define USER_DATA        4U /* unconfirmed user data */
#define CONFIRMED_DATA   3U
#define FUNCTION_CONFIRM 0U
#define FUNCTION_READ    1U
#define RESPONSE         129U
#define UNSOLICITED      130U

enum dnp3_event {
    EVENT_FLOODED,
    EVENT_LEN_TOO_SMALL,
    EVENT_BAD_LINK_CRC,
    EVENT_BAD_TRANSPORT_CRC,
    EVENT_UNKNOWN_OBJECT,
    EVENT_TOO_MANY_POINTS,
    EVENT_TOO_MANY_OBJECTS,
    EVENT_TOO_LONG_REASSEMBLY,
};
static const char *const event_names[] = { "flooded",           "len_too_small",       "bad_link_crc",
                                           "bad_transport_crc", "unknown_object",      "too_many_points",
                                           "too_many_objects",  "too_long_reassembly", NULL };

struct dnp3_settings {
    uint32_t max_objects, max_points;
};

static const struct dnp3_settings default_settings = { OBJECTS_DEFAULT, POINTS_DEFAULT };

static const struct field setting_fields[] = {
    { "max-objects", FIELD_UINT, AT(struct dnp3_settings, max_objects),
      .help = "Most objects of a fragment" },
    { "max-points", FIELD_UINT, AT(struct dnp3_settings, max_points), .help = "Most points of an object" },
};

struct dnp3 {
    bool request, closed, complete;
    uint8_t link_control;
    uint16_t destination, source;
    uint8_t control, function; /* of the application header */
    uint16_t indications;      /* IIN1 in the high octet */
    uint8_t *fragment;         /* application octets */
    size_t capacity;           /* of `fragment` */
    struct bytes data;         /* of it, what has come */
    uint32_t object_count;     /* that were decoded */
};

struct dnp3_state {
    struct tx *open[DIRECTIONS]; /* a fragment that goes on */
    uint8_t sequence[DIRECTIONS];
};

static struct dnp3 *record_of(struct tx *tx)
{
    return (struct dnp3 *)(void *)tx->record;
}

/* ---- link layer ---- */

/* Clause 9.2.4.1.8: polynomial 0x3D65, reflected, complemented. */
static uint16_t checksum(struct bytes b)
{
    uint16_t crc = 0;
    for (size_t i = 0; i < b.size; i++) {
        crc = (uint16_t)(crc ^ b.data[i]);
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xA6BC : crc >> 1);
    }
    return (uint16_t)~crc;
}

/* Octets of a frame whose length field is `length`: user data has a checksum after every block. */
static size_t frame_size(uint8_t length)
{
    size_t user = length > 5 ? length - 5U : 0;
    return LINK_HEAD + user + (user + BLOCK - 1) / BLOCK * 2;
}

static enum probe dnp3_probe(enum direction direction, struct bytes data)
{
    if (data.size && data.data[0] != 0x05)
        return PROBE_NO;
    if (data.size < LINK_HEAD)
        return data.size < 2 || data.data[1] == 0x64 ? PROBE_MORE : PROBE_NO;
    if (data.data[1] != 0x64 || data.data[2] < 5)
        return PROBE_NO;
    (void)direction; /* outstations may open connections, and the direction bit is not always right */
    return PROBE_YES;
}

/* ---- objects (clause 11, annex A) ---- */

/* What a point is made of: words "name:kind" in order. Digits are bits of an octet, lowest first; B H I are
 * unsigned of 1, 2, 4 octets; h i signed; f d real; T a time of 6 octets; p q one or two packed bits; s the
 * text whose size the "..._size" before it tells; r the rest of a sized point. */
#define QUALITY "online:1 restart:1 comm_lost:1 remote_forced:1 local_forced:1 "
#define BINARY  QUALITY "chatter_filter:1 reserved:1 state:1 "
#define DOUBLE  QUALITY "chatter_filter:1 state:2 "
#define OUTPUT  QUALITY "reserved0:1 reserved1:1 state:1 "
#define COUNTER QUALITY "rollover:1 discontinuity:1 reserved0:1 "
#define ANALOG  QUALITY "over_range:1 reference_err:1 reserved0:1 "
#define CONTROL "op_type:4 qu:1 cr:1 tcc:2 count:B ontime:I offtime:I status_code:7 reserved:1"

struct object_kind {
    uint8_t group, variation;
    const char *layout;
};

static const struct object_kind kinds[] = {
    { 1, 1, "state:p" },
    { 1, 2, BINARY },
    { 2, 1, "state:B" },
    { 2, 2, BINARY "timestamp:T" },
    { 2, 3, BINARY "timestamp:H" },
    { 3, 1, "state:q" },
    { 3, 2, DOUBLE },
    { 4, 1, DOUBLE },
    { 4, 2, DOUBLE "timestamp:T" },
    { 4, 3, DOUBLE "relative_time_ms:H" },
    { 10, 1, "state:p" },
    { 10, 2, OUTPUT },
    { 11, 1, OUTPUT },
    { 11, 2, OUTPUT "timestamp:T" },
    { 12, 1, CONTROL },
    { 12, 2, CONTROL },
    { 12, 3, "point:p" },
    { 13, 1, "status_code:7 commanded_state:1" },
    { 13, 2, "status_code:7 commanded_state:1 timestamp:T" },
    { 20, 1, COUNTER "count:I" },
    { 20, 2, COUNTER "count:H" },
    { 20, 3, COUNTER "count:I" },
    { 20, 4, COUNTER "count:H" },
    { 20, 5, "count:I" },
    { 20, 6, "count:H" },
    { 20, 7, "count:I" },
    { 20, 8, "count:H" },
    { 21, 1, COUNTER "count:I" },
    { 21, 2, COUNTER "count:H" },
    { 21, 3, COUNTER "count:I" },
    { 21, 4, COUNTER "count:H" },
    { 21, 5, COUNTER "count:I timestamp:T" },
    { 21, 6, COUNTER "count:H timestamp:T" },
    { 21, 7, COUNTER "count:I timestamp:T" },
    { 21, 8, COUNTER "count:H timestamp:T" },
    { 21, 9, "count:I" },
    { 21, 10, "count:H" },
    { 21, 11, "count:I" },
    { 21, 12, "count:H" },
    { 22, 1, COUNTER "count:I" },
    { 22, 2, COUNTER "count:H" },
    { 22, 3, COUNTER "count:I" },
    { 22, 4, COUNTER "count:H" },
    { 22, 5, COUNTER "count:I timestamp:T" },
    { 22, 6, COUNTER "count:H timestamp:T" },
    { 22, 7, COUNTER "count:I timestamp:T" },
    { 22, 8, COUNTER "count:H timestamp:T" },
    { 23, 1, COUNTER "count:I" },
    { 23, 2, COUNTER "count:H" },
    { 23, 3, COUNTER "count:I" },
    { 23, 4, COUNTER "count:H" },
    { 23, 5, COUNTER "count:I timestamp:T" },
    { 23, 6, COUNTER "count:H timestamp:T" },
    { 23, 7, COUNTER "count:I timestamp:T" },
    { 23, 8, COUNTER "count:H timestamp:T" },
    { 30, 1, ANALOG "value:i" },
    { 30, 2, ANALOG "value:h" },
    { 30, 3, "value:i" },
    { 30, 4, "value:h" },
    { 30, 5, ANALOG "value:f" },
    { 30, 6, ANALOG "value:d" },
    { 31, 1, ANALOG "value:i" },
    { 31, 2, ANALOG "value:h" },
    { 31, 3, ANALOG "value:i timestamp:T" },
    { 31, 4, ANALOG "value:h timestamp:T" },
    { 31, 5, "value:i" },
    { 31, 6, "value:h" },
    { 31, 7, ANALOG "value:f" },
    { 31, 8, ANALOG "value:d" },
    { 32, 1, ANALOG "value:i" },
    { 32, 2, ANALOG "value:h" },
    { 32, 3, ANALOG "value:i timestamp:T" },
    { 32, 4, ANALOG "value:h timestamp:T" },
    { 32, 5, ANALOG "value:f" },
    { 32, 6, ANALOG "value:d" },
    { 32, 7, ANALOG "value:f timestamp:T" },
    { 32, 8, ANALOG "value:d timestamp:T" },
    { 33, 1, ANALOG "value:i" },
    { 33, 2, ANALOG "value:h" },
    { 33, 3, ANALOG "value:i timestamp:T" },
    { 33, 4, ANALOG "value:h timestamp:T" },
    { 33, 5, ANALOG "value:f" },
    { 33, 6, ANALOG "value:d" },
    { 33, 7, ANALOG "value:f timestamp:T" },
    { 33, 8, ANALOG "value:d timestamp:T" },
    { 34, 1, "deadband_value:H" },
    { 34, 2, "deadband_value:I" },
    { 34, 3, "deadband_value:f" },
    { 40, 1, ANALOG "value:i" },
    { 40, 2, ANALOG "value:h" },
    { 40, 3, ANALOG "value:f" },
    { 40, 4, ANALOG "value:d" },
    { 41, 1, "value:i control_status:B" },
    { 41, 2, "value:h control_status:B" },
    { 41, 3, "value:f control_status:B" },
    { 41, 4, "value:d control_status:B" },
    { 42, 1, ANALOG "value:i" },
    { 42, 2, ANALOG "value:h" },
    { 42, 3, ANALOG "value:i timestamp:T" },
    { 42, 4, ANALOG "value:h timestamp:T" },
    { 42, 5, ANALOG "value:f" },
    { 42, 6, ANALOG "value:d" },
    { 42, 7, ANALOG "value:f timestamp:T" },
    { 42, 8, ANALOG "value:d timestamp:T" },
    { 43, 1, "status_code:7 reserved0:1 commanded_value:i" },
    { 43, 2, "status_code:7 reserved0:1 commanded_value:h" },
    { 43, 3, "status_code:7 reserved0:1 commanded_value:i timestamp:T" },
    { 43, 4, "status_code:7 reserved0:1 commanded_value:h timestamp:T" },
    { 43, 5, "status_code:7 reserved0:1 commanded_value:f" },
    { 43, 6, "status_code:7 reserved0:1 commanded_value:d" },
    { 43, 7, "status_code:7 reserved0:1 commanded_value:f timestamp:T" },
    { 43, 8, "status_code:7 reserved0:1 commanded_value:d timestamp:T" },
    { 50, 1, "timestamp:T" },
    { 50, 2, "timestamp:T interval:I" },
    { 50, 3, "timestamp:T" },
    { 50, 4, "timestamp:T interval_count:I interval_units:B" },
    { 51, 1, "timestamp:T" },
    { 51, 2, "timestamp:T" },
    { 52, 1, "delay_secs:H" },
    { 52, 2, "delay_ms:H" },
    { 70, 2, "username_offset:H username_size:H password_offset:H password_size:H authentication_key:I" },
    { 70, 3,
      "filename_offset:H filename_size:H created:T permissions:H authentication_key:I file_size:I "
      "operational_mode:H maximum_block_size:H request_id:H filename:s" },
    { 70, 4, "file_handle:I file_size:I maximum_block_size:H request_id:H status_code:B optional_text:r" },
    { 70, 5, "file_handle:I block_number:I file_data:r" },
    { 70, 6, "file_handle:I block_number:I status_code:B optional_text:r" },
    { 70, 7,
      "filename_offset:H filename_size:H file_type:H file_size:I created:T permissions:H "
      "request_id:H filename:s" },
    { 70, 8, "file_specification:r" },
    { 80, 1, "state:p" },
    { 81, 1, "fill_percentage:B group:B variation:B" },
    { 102, 1, "value:B" },
};

static const char *layout_of(uint8_t group, uint8_t variation)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (kinds[i].group == group && kinds[i].variation == variation)
            return kinds[i].layout;
    return NULL;
}

struct object {
    uint8_t group, variation, qualifier;
    uint32_t start, stop, count;
    const char *layout; /* NULL: no points follow, or none that are known */
};

static uint8_t prefix_code(const struct object *object)
{
    return object->qualifier >> 4 & 7;
}

static uint8_t range_code(const struct object *object)
{
    return object->qualifier & 15;
}

static uint32_t read_uint(struct reader *in, unsigned octets)
{
    return octets == 1 ? reader_u8(in) : octets == 2 ? reader_le16(in) : reader_le32(in);
}

/* Clause 4.2.2.7: which points an object header names. */
static bool read_range(struct reader *in, struct object *object)
{
    uint8_t code = range_code(object);
    if (code <= 5) {
        unsigned octets = 1U << code % 3;
        object->start = read_uint(in, octets);
        object->stop = read_uint(in, octets);
        if (!reader_ok(in) || object->stop < object->start)
            return false;
        object->count = object->stop - object->start + (object->stop - object->start != UINT32_MAX);
        return true;
    }
    if (code == 6)
        return true;
    if (code != 7 && code != 8 && code != 9 && code != 11)
        return false;
    object->count = read_uint(in, code == 11 ? 1 : 1U << (code - 7));
    return true;
}

static bool read_object(struct reader *in, struct object *object)
{
    *object = (struct object){ .group = reader_u8(in) };
    object->variation = reader_u8(in);
    object->qualifier = reader_u8(in);
    return read_range(in, object) && reader_ok(in);
}

struct word {
    struct bytes name;
    char kind;
};

static bool next_word(struct bytes *layout, struct word *word)
{
    struct bytes text = bytes_cut(layout, ' ');
    word->name = bytes_cut(&text, ':');
    word->kind = text.size ? (char)text.data[0] : 0;
    return text.size > 0;
}

static void put_name(struct text *out, struct bytes name)
{
    text_char(out, '"');
    text_put(out, name);
    text_string(out, "\":");
}

static void put_number(struct text *out, struct bytes name, uint64_t value)
{
    put_name(out, name);
    json_uint(out, NULL, value);
}

/* Reads one word's value and writes it when `out` is wanted; `size` is the last "..._size" read. */
static void read_word(struct reader *in, const struct word *word, struct text *out, uint32_t *size)
{
    struct bytes name = word->name, text = BYTES_NONE;
    uint64_t value = 0;
    double real = 0;
    bool is_real = false, is_signed = false;
    switch (word->kind) {
    case 'B':
        value = reader_u8(in);
        break;
    case 'H':
        value = reader_le16(in);
        break;
    case 'I':
        value = reader_le32(in);
        break;
    case 'T':
        value = reader_le32(in);
        value |= (uint64_t)reader_le16(in) << 32;
        break;
    case 'h':
        is_signed = true;
        value = (uint64_t)(int64_t)(int16_t)reader_le16(in);
        break;
    case 'i':
        is_signed = true;
        value = (uint64_t)(int64_t)(int32_t)reader_le32(in);
        break;
    case 'f': {
        uint32_t bits = reader_le32(in);
        float number;
        memcpy(&number, &bits, sizeof number);
        real = (double)number;
        is_real = true;
        break;
    }
    case 'd': {
        uint64_t bits = reader_le64(in);
        memcpy(&real, &bits, sizeof real);
        is_real = true;
        break;
    }
    case 's':
        text = reader_bytes(in, *size);
        break;
    default: /* 'r' */
        text = reader_rest(in);
        break;
    }
    if (bytes_ends(name, BYTES_OF("name_size")))
        *size = (uint32_t)value;
    if (!out || !reader_ok(in))
        return;
    put_name(out, name);
    if (is_real)
        json_real(out, NULL, real);
    else if (is_signed)
        json_int(out, NULL, (int64_t)value);
    else if (word->kind == 's' || word->kind == 'r')
        json_string(out, NULL, text);
    else
        json_uint(out, NULL, value);
}

/* One point that is not packed. */
static void read_layout(struct reader *in, const char *layout, struct text *out)
{
    struct bytes rest = bytes_of_string(layout);
    struct word word;
    uint32_t size = 0;
    unsigned octet = 0, used = 0;
    while (next_word(&rest, &word) && reader_ok(in)) {
        if (word.kind < '1' || word.kind > '8') {
            read_word(in, &word, out, &size);
            continue;
        }
        unsigned bits = (unsigned)(word.kind - '0');
        if (used == 0)
            octet = reader_u8(in);
        if (out && reader_ok(in))
            put_number(out, word.name, octet >> used & ((1U << bits) - 1));
        used = (used + bits) & 7;
    }
}

/* The prefix of a point: its index, or its size. */
static uint32_t read_prefix(struct reader *in, const struct object *object)
{
    uint8_t code = prefix_code(object);
    return code == 0 || code == 7 ? 0 : read_uint(in, 1U << (code - 1) % 3);
}

static void open_point(struct text *out, const struct object *object, uint32_t prefix, uint32_t index)
{
    uint8_t code = prefix_code(object);
    json_open(out, NULL, '{');
    json_uint(out, "prefix", prefix);
    json_uint(out, "index", code >= 1 && code <= 3 ? prefix : index);
    if (code >= 4 && code <= 6)
        json_uint(out, "size", prefix);
}

/* Points of one or two bits each, without prefixes. */
static void read_packed(struct reader *in, const struct object *object, struct text *out)
{
    struct bytes layout = bytes_of_string(object->layout);
    struct word word;
    (void)next_word(&layout, &word);
    unsigned bits = word.kind == 'p' ? 1 : 2, used = 0, octet = 0;
    for (uint32_t i = 0; i < object->count && reader_ok(in); i++) {
        if (used == 0)
            octet = reader_u8(in);
        if (out && i < POINTS_SHOWN && reader_ok(in)) {
            open_point(out, object, 0, object->start + i);
            put_number(out, word.name, octet >> used & ((1U << bits) - 1));
            json_close(out, '}');
        }
        used = (used + bits) & 7;
    }
}

static void read_points(struct reader *in, const struct object *object, struct text *out)
{
    bool sized = prefix_code(object) >= 4 && prefix_code(object) <= 6;
    bool packed = bytes_ends(bytes_of_string(object->layout), BYTES_OF(":p")) ||
                  bytes_ends(bytes_of_string(object->layout), BYTES_OF(":q"));
    if (packed && prefix_code(object) == 0) {
        read_packed(in, object, out);
        return;
    }
    for (uint32_t i = 0; i < object->count && reader_ok(in); i++) {
        uint32_t prefix = read_prefix(in, object);
        struct reader part = sized ? reader_sub(in, prefix) : *in;
        struct text *show = i < POINTS_SHOWN && reader_ok(in) ? out : NULL;
        if (show)
            open_point(show, object, prefix, object->start + i);
        if (packed)
            read_word(&part, &(struct word){ BYTES_OF("state"), 'B' }, show, &prefix);
        else
            read_layout(&part, object->layout, show);
        if (show)
            json_close(show, '}');
        if (!sized)
            *in = part;
    }
}

static bool has_points(uint8_t function, const struct object *object)
{
    return object->count && function != FUNCTION_READ;
}

static struct reader objects_of(const struct dnp3 *dnp3)
{
    return reader_of_bytes(bytes_from(dnp3->data, dnp3->request ? 2 : 4));
}

/* Checks the objects of a complete fragment, once. */
static void check_objects(const struct dnp3_settings *settings, struct tx *tx)
{
    struct dnp3 *dnp3 = record_of(tx);
    struct reader in = objects_of(dnp3);
    dnp3->complete = true;
    while (!reader_empty(&in)) {
        struct object object;
        if (dnp3->object_count >= settings->max_objects) {
            tx_event(tx, EVENT_TOO_MANY_OBJECTS);
            dnp3->complete = false;
            return;
        }
        if (!read_object(&in, &object)) {
            dnp3->complete = false;
            return;
        }
        dnp3->object_count++;
        if (!has_points(dnp3->function, &object))
            continue;
        object.layout = layout_of(object.group, object.variation);
        dnp3->complete = false;
        if (object.count > settings->max_points) {
            tx_event(tx, EVENT_TOO_MANY_POINTS);
            return;
        }
        if (!object.layout) {
            tx_event(tx, EVENT_UNKNOWN_OBJECT);
            return;
        }
        read_points(&in, &object, NULL);
        if (!reader_ok(&in))
            return;
        dnp3->complete = true;
    }
}

/* ---- fragments ---- */

static const struct dnp3_settings *settings_of(const struct session *session)
{
    const struct dnp3_settings *settings = session_options(session, session->protocol);
    return settings ? settings : &default_settings;
}

static void close_fragment(struct session *session, struct dnp3_state *state, enum direction direction,
                           bool whole)
{
    struct tx *tx = state->open[direction];
    if (!tx)
        return;
    if (whole)
        check_objects(settings_of(session), tx);
    record_of(tx)->closed = true;
    tx->keep = false;
    tx_finish_both(tx);
    state->open[direction] = NULL;
}

static bool open_fragment(struct session *session, struct dnp3_state *state, enum direction direction,
                          struct bytes link, struct bytes data)
{
    struct reader in = reader_of_bytes(data), head = reader_of_bytes(link);
    struct tx *tx = session_tx_directed(session, direction);
    if (!tx)
        return false;
    tx->keep = true;
    state->open[direction] = tx;
    struct dnp3 *dnp3 = record_of(tx);
    reader_skip(&head, 3);
    dnp3->request = direction == TO_SERVER;
    dnp3->link_control = reader_u8(&head);
    dnp3->destination = reader_le16(&head);
    dnp3->source = reader_le16(&head);
    dnp3->control = reader_u8(&in);
    dnp3->function = reader_u8(&in);
    dnp3->indications = dnp3->request ? 0 : reader_be16(&in);
    return true;
}

static bool append(struct tx *tx, struct bytes data)
{
    struct dnp3 *dnp3 = record_of(tx);
    size_t size = dnp3->data.size + data.size;
    if (size > FRAGMENT_MAX)
        return false;
    if (size > dnp3->capacity) {
        size_t capacity = MAX(size, dnp3->capacity * 2);
        uint8_t *grown = arena_new(&tx->memory, capacity, 1);
        if (!grown)
            return false;
        if (dnp3->data.size)
            memcpy(grown, dnp3->fragment, dnp3->data.size);
        dnp3->fragment = grown;
        dnp3->capacity = capacity;
    }
    if (data.size)
        memcpy(dnp3->fragment + dnp3->data.size, data.data, data.size);
    dnp3->data = bytes_of(dnp3->fragment, size);
    return true;
}

/* A transport segment: its head is FIN, FIR and a sequence number of 6 bits (clause 8.2). */
static bool take_segment(struct session *session, struct dnp3_state *state, enum direction direction,
                         struct bytes link, struct bytes segment)
{
    uint8_t head = segment.data[0];
    struct bytes data = bytes_from(segment, 1);
    bool first = head & 0x40, final = head & 0x80;
    if (first) {
        close_fragment(session, state, direction, false);
        if (data.size < (direction == TO_SERVER ? 2U : 4U)) {
            struct tx *tx = session_tx_directed(session, direction);
            if (tx) {
                tx_event(tx, EVENT_LEN_TOO_SMALL);
                tx_finish_both(tx);
            }
            return tx != NULL;
        }
        if (direction == TO_SERVER && data.data[1] == FUNCTION_CONFIRM)
            return true; /* says nothing of its own */
        if (!open_fragment(session, state, direction, link, data))
            return false;
    } else if (!state->open[direction] || (head & 0x3f) != ((state->sequence[direction] + 1) & 0x3f)) {
        return true; /* belongs to nothing that is known */
    }
    state->sequence[direction] = head & 0x3f;
    if (!append(state->open[direction], data)) {
        tx_event(state->open[direction], EVENT_TOO_LONG_REASSEMBLY);
        close_fragment(session, state, direction, false);
        return true;
    }
    if (final)
        close_fragment(session, state, direction, true);
    return true;
}

static bool lone_event(struct session *session, enum direction direction, enum dnp3_event event)
{
    struct tx *tx = session_tx_directed(session, direction);
    if (tx) {
        tx_event(tx, (uint8_t)event);
        tx_finish_both(tx);
    }
    return tx != NULL;
}

static bool take_frame(struct session *session, struct dnp3_state *state, enum direction direction,
                       struct bytes frame)
{
    uint8_t function = frame.data[3] & 15, segment[256];
    size_t size = 0;
    struct reader in = reader_of_bytes(bytes_from(frame, LINK_HEAD));
    if (!(frame.data[3] & 0x40) || (function != USER_DATA && function != CONFIRMED_DATA))
        return true;
    for (size_t left = frame.data[2] - 5U; left;) {
        struct bytes block = reader_bytes(&in, MIN(left, (size_t)BLOCK));
        if (reader_le16(&in) != checksum(block))
            return lone_event(session, direction, EVENT_BAD_TRANSPORT_CRC);
        if (!reader_ok(&in))
            return false;
        memcpy(segment + size, block.data, block.size);
        size += block.size;
        left -= block.size;
    }
    if (size == 0)
        return lone_event(session, direction, EVENT_LEN_TOO_SMALL);
    return take_segment(session, state, direction, frame, bytes_of(segment, size));
}

static bool dnp3_stream(struct session *session, void *state, enum direction direction, struct reader *in,
                        unsigned flags)
{
    (void)flags;
    while (reader_left(in) >= LINK_HEAD) {
        struct bytes data = reader_peek(in);
        if (data.data[0] != 0x05 || data.data[1] != 0x64) {
            /* Out of step: on to the next start octets. */
            size_t next = bytes_find(bytes_from(data, 1), BYTES_OF("\x05\x64"));
            reader_skip(in, next == SIZE_MAX ? data.size - 1 : next + 1);
            continue;
        }
        if (data.data[2] < 5) {
            if (!lone_event(session, direction, EVENT_LEN_TOO_SMALL))
                return false;
            reader_skip(in, 2);
            continue;
        }
        if (checksum(bytes_first(data, 8)) != (data.data[8] | data.data[9] << 8)) {
            if (!lone_event(session, direction, EVENT_BAD_LINK_CRC))
                return false;
            reader_skip(in, 2);
            continue;
        }
        size_t size = frame_size(data.data[2]);
        if (size > data.size)
            break;
        reader_skip(in, size);
        if (!take_frame(session, state, direction, bytes_first(data, size)))
            return false;
    }
    return true;
}

/* ---- the record ---- */

/* IIN2, then IIN1 (clause 4.2.2.6), lowest bits first. */
static const char *const indication_names[] = {
    "no_func_code_support",
    "object_unknown",
    "parameter_error",
    "event_buffer_overflow",
    "already_executing",
    "config_corrupt",
    "reserved_2",
    "reserved_1",
    "all_stations",
    "class_1_events",
    "class_2_events",
    "class_3_events",
    "need_time",
    "local_control",
    "device_trouble",
    "device_restart",
    NULL,
};

static void put_indications(struct text *out, uint16_t bits)
{
    json_open(out, "iin", '{');
    if (bits) {
        json_open(out, "indicators", '[');
        for (unsigned i = 0; i < 16; i++) {
            unsigned bit = (i + 8) % 16; /* IIN1 comes first */
            if (bits >> bit & 1)
                json_cstring(out, NULL, indication_names[bit]);
        }
        json_close(out, ']');
    }
    json_close(out, '}');
}

static void put_object(struct text *out, const struct object *object)
{
    json_uint(out, "group", object->group);
    json_uint(out, "variation", object->variation);
    json_uint(out, "qualifier", object->qualifier);
    json_uint(out, "prefix_code", prefix_code(object));
    json_uint(out, "range_code", range_code(object));
    json_uint(out, "start", object->start);
    json_uint(out, "stop", object->stop);
    json_uint(out, "count", object->count);
}

static void put_objects(struct text *out, const struct dnp3 *dnp3)
{
    struct reader in = objects_of(dnp3);
    if (!dnp3->object_count)
        return;
    json_open(out, "objects", '[');
    for (uint32_t i = 0; i < dnp3->object_count; i++) {
        struct object object;
        if (!read_object(&in, &object))
            break;
        json_open(out, NULL, '{');
        put_object(out, &object);
        object.layout = layout_of(object.group, object.variation);
        bool last_bad = i + 1 == dnp3->object_count && !dnp3->complete;
        if (has_points(dnp3->function, &object) && object.layout && !last_bad) {
            json_open(out, "points", '[');
            read_points(&in, &object, out);
            json_close(out, ']');
        }
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void dnp3_write(const struct tx *tx, bool extended, struct text *out)
{
    const struct dnp3 *dnp3 = (const void *)tx->record;
    (void)extended;
    json_cstring(out, "type",
                 dnp3->request                   ? "request"
                 : dnp3->function == UNSOLICITED ? "unsolicited_response"
                                                 : "response");
    json_open(out, "control", '{');
    json_bool(out, "dir", dnp3->link_control & 0x80);
    json_bool(out, "pri", dnp3->link_control & 0x40);
    json_bool(out, "fcb", dnp3->link_control & 0x20);
    json_bool(out, "fcv", dnp3->link_control & 0x10);
    json_uint(out, "function_code", dnp3->link_control & 15);
    json_close(out, '}');
    json_uint(out, "src", dnp3->source);
    json_uint(out, "dst", dnp3->destination);
    json_open(out, "application", '{');
    json_open(out, "control", '{');
    json_bool(out, "fir", dnp3->control & 0x80);
    json_bool(out, "fin", dnp3->control & 0x40);
    json_bool(out, "con", dnp3->control & 0x20);
    json_bool(out, "uns", dnp3->control & 0x10);
    json_uint(out, "sequence", dnp3->control & 15);
    json_close(out, '}');
    json_uint(out, "function_code", dnp3->function);
    put_objects(out, dnp3);
    json_bool(out, "complete", dnp3->complete);
    json_close(out, '}');
    if (!dnp3->request)
        put_indications(out, dnp3->indications);
}

static bool dnp3_loggable(const struct tx *tx)
{
    return ((const struct dnp3 *)(const void *)tx->record)->closed;
}

/* ---- keywords ---- */

/* Codes 34 to 128 have no names. */
#define UNNAMED_8 "", "", "", "", "", "", "", ""

static const char *const function_names[] = {
    "confirm",
    "read",
    "write",
    "select",
    "operate",
    "direct_operate",
    "direct_operate_nr",
    "immed_freeze",
    "immed_freeze_nr",
    "freeze_clear",
    "freeze_clear_nr",
    "freeze_at_time",
    "freeze_at_time_nr",
    "cold_restart",
    "warm_restart",
    "initialize_data",
    "initialize_appl",
    "start_appl",
    "stop_appl",
    "save_config",
    "enable_unsolicited",
    "disable_unsolicited",
    "assign_class",
    "delay_measure",
    "record_current_time",
    "open_file",
    "close_file",
    "delete_file",
    "get_file_info",
    "authenticate_file",
    "abort_file",
    "activate_config",
    "authenticate_req",
    "authenticate_err",
    UNNAMED_8,
    UNNAMED_8,
    UNNAMED_8,
    UNNAMED_8,
    UNNAMED_8,
    UNNAMED_8,
    UNNAMED_8,
    UNNAMED_8,
    UNNAMED_8,
    UNNAMED_8,
    UNNAMED_8,
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "response",
    "unsolicited_response",
    "authenticate_resp",
    NULL,
};
_Static_assert(COUNT_OF(function_names) == 133, "the names stand at their codes");

static bool function_code(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    const struct dnp3 *dnp3 = (const void *)tx->record;
    (void)direction;
    *value = dnp3->function;
    return index == 0 && dnp3->data.size > 0;
}

static bool indications(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    const struct dnp3 *dnp3 = (const void *)tx->record;
    (void)direction;
    *value = dnp3->indications;
    return index == 0 && dnp3->data.size > 0 && !dnp3->request;
}

/* Group and variation of the `index`-th object, 16 bits each. */
static bool object_kind(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    const struct dnp3 *dnp3 = (const void *)tx->record;
    struct reader in = objects_of(dnp3);
    struct object object = { 0 };
    (void)direction;
    if (index >= dnp3->object_count)
        return false;
    for (uint32_t i = 0; i <= index; i++) {
        if (!read_object(&in, &object))
            return false;
        object.layout = layout_of(object.group, object.variation);
        if (i < index && has_points(dnp3->function, &object) && object.layout)
            read_points(&in, &object, NULL);
    }
    *value = (uint64_t)object.group << 16 | object.variation;
    return true;
}

#define BOTH (1 << TO_SERVER | 1 << TO_CLIENT)

static const struct inspect inspects[] = {
    { .name = "dnp3_data",
      .alias = "dnp3.data",
      .kind = INSPECT_BYTES,
      .directions = BOTH,
      .progress = { 1, 1 },
      .offset = offsetof(struct dnp3, data),
      .help = "Application fragment without checksums",
      .source = "IEEE 1815 clause 4" },
    { .name = "dnp3_func",
      .alias = "dnp3.func",
      .kind = INSPECT_NUMBER,
      .directions = BOTH,
      .progress = { 1, 1 },
      .number = function_code,
      .max = UINT8_MAX,
      .choices = function_names,
      .help = "Function code",
      .source = "IEEE 1815 clause 4.2.2.5" },
    { .name = "dnp3_ind",
      .alias = "dnp3.ind",
      .kind = INSPECT_NUMBER,
      .directions = 1 << TO_CLIENT,
      .progress = { 1, 1 },
      .number = indications,
      .max = UINT16_MAX,
      .bits = indication_names,
      .help = "Internal indications of a response",
      .source = "IEEE 1815 clause 4.2.2.6" },
    { .name = "dnp3_obj",
      .alias = "dnp3.obj",
      .kind = INSPECT_NUMBER,
      .directions = BOTH,
      .progress = { 1, 1 },
      .number = object_kind,
      .max = UINT8_MAX,
      .parts = 2,
      .help = "Group and variation of an object",
      .source = "IEEE 1815 clause 11" },
};

const struct protocol dnp3_protocol = {
    .id = PROTOCOL_dnp3,
    .name = "dnp3",
    .title = "Distributed Network Protocol 3",
    .eve_type = "dnp3",
    .eve_sided = true,
    .eve_ends = EVE_ENDS_OF_FLOW,
    .transports = TRANSPORT_TCP,
    .ports = "20000",
    .probe = dnp3_probe,
    .probe_depth = LINK_HEAD,
    .state_size = sizeof(struct dnp3_state),
    .record_size = sizeof(struct dnp3),
    .tx_memory_max = 64U * 1024U,
    .buffer_max = 1024,
    .tx_max = 500,
    .stream = dnp3_stream,
    .one_way = true,
    .write = dnp3_write,
    .loggable = dnp3_loggable,
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .events = event_names,
    .event_capitals = true,
    .settings = setting_fields,
    .setting_count = COUNT_OF(setting_fields),
    .settings_size = sizeof(struct dnp3_settings),
    .settings_default = &default_settings,
};
