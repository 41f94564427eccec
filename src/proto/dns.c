/* SPDX-License-Identifier: Apache-2.0 */
/* DNS over UDP and TCP (RFC 1035, RFC 7766), multicast DNS (RFC 6762), LLMNR (RFC 4795). */
#include "proto/dns_parts.h"
#include "proto/session.h"

#define HEADER_SIZE     12U
#define QUESTION_MIN    5U  /* root name, type, class */
#define RECORD_MIN      11U /* root name, type, class, TTL, data size */
#define LABELS_MAX      255U
#define POINTERS_MAX    255U
#define STEPS_MAX       20000U /* labels and pointers followed in one message */
#define TX_MEMORY_BYTES (512U * 1024U)
#define STREAM_BUFFER   (2U + 65535U)

enum dns_event {
    EVENT_MALFORMED_DATA,
    EVENT_NOT_REQUEST,
    EVENT_NOT_RESPONSE,
    EVENT_Z_FLAG_SET,
    EVENT_INVALID_OPCODE,
    EVENT_NAME_TOO_LONG,
    EVENT_INFINITE_LOOP,
    EVENT_TOO_MANY_LABELS,
    EVENT_INVALID_ADDITIONALS,
    EVENT_INVALID_AUTHORITIES
};

static const char *const event_names[] = {
    "malformed_data",
    "not_request",
    "not_response",
    "z_flag_set",
    "invalid_opcode",
    "name_too_long",
    "infinite_loop",
    "too_many_labels",
    "invalid_additionals",
    "invalid_authorities",
    NULL,
};

/* ---- parsing ---- */

struct parse {
    struct bytes message;
    struct arena *memory;
    struct dns *dns;
    unsigned events; /* bit per enum dns_event */
    unsigned steps;
};

static void note(struct parse *parse, enum dns_event event)
{
    parse->events |= 1U << event;
}

struct name_text {
    uint8_t bytes[DNS_NAME_MAX];
    size_t size;
    bool truncated;
};

static void add_label(struct name_text *text, struct bytes label)
{
    if (text->size && text->size < sizeof text->bytes)
        text->bytes[text->size++] = '.';
    size_t room = sizeof text->bytes - text->size;
    if (label.size > room)
        text->truncated = true;
    size_t size = MIN(label.size, room);
    memcpy(text->bytes + text->size, label.data, size);
    text->size += size;
}

/* Reads labels up to the root, following pointers (RFC 1035 section 4.1.4) wherever they lead. */
static bool read_labels(struct parse *parse, struct reader *in, struct name_text *text)
{
    struct reader at = *in;
    bool jumped = false;
    unsigned labels = 0, pointers = 0;
    for (;;) {
        uint8_t size = reader_u8(&at);
        if (!reader_ok(&at) || ++parse->steps > STEPS_MAX)
            return false;
        if (size >= 0xc0) {
            size_t target = (size_t)(size & 0x3f) << 8 | reader_u8(&at);
            if (!reader_ok(&at) || target >= parse->message.size)
                return false;
            if (!jumped)
                *in = at;
            jumped = true;
            if (++pointers > POINTERS_MAX) {
                note(parse, EVENT_INFINITE_LOOP);
                return true;
            }
            at = reader_of_bytes(bytes_from(parse->message, target));
            continue;
        }
        if (size > 63)
            return false;
        if (size == 0)
            break;
        struct bytes label = reader_bytes(&at, size);
        if (!reader_ok(&at))
            return false;
        if (++labels > LABELS_MAX) {
            note(parse, EVENT_TOO_MANY_LABELS);
            return jumped; /* without a pointer the end of the name is unknown */
        }
        add_label(text, label);
    }
    if (!jumped)
        *in = at;
    return true;
}

static bool read_name(struct parse *parse, struct reader *in, struct dns_name *name)
{
    struct name_text text;
    text.size = 0;
    text.truncated = false;
    if (!read_labels(parse, in, &text))
        return false;
    if (text.truncated)
        note(parse, EVENT_NAME_TOO_LONG);
    name->truncated = text.truncated;
    name->text = arena_copy(parse->memory, bytes_of(text.bytes, text.size));
    return name->text.data != NULL;
}

/* Grows an array of the transaction's memory by doubling; false when the memory is used up. */
static bool room_for_one(struct arena *memory, void **items, size_t size, uint32_t count, uint32_t *capacity)
{
    if (count < *capacity)
        return true;
    uint32_t wanted = *capacity ? *capacity * 2 : 4;
    void *grown = arena_array(memory, size, wanted, _Alignof(max_align_t));
    if (!grown)
        return false;
    if (count)
        memcpy(grown, *items, size * count);
    *items = grown;
    *capacity = wanted;
    return true;
}

static struct dns_record *add_record(struct parse *parse, struct dns_records *list)
{
    void *items = list->items;
    if (!room_for_one(parse->memory, &items, sizeof *list->items, list->count, &list->capacity))
        return NULL;
    list->items = items;
    return &list->items[list->count++];
}

static bool add_name(struct parse *parse, struct bytes name)
{
    struct dns *dns = parse->dns;
    void *items = dns->names;
    if (!room_for_one(parse->memory, &items, sizeof *dns->names, dns->name_count, &dns->name_capacity))
        return false;
    dns->names = items;
    dns->names[dns->name_count++] = name;
    return true;
}

static bool read_soa(struct parse *parse, struct reader *in, struct dns_record *record)
{
    struct dns_soa *soa = ARENA_NEW(parse->memory, struct dns_soa);
    if (!soa || !read_name(parse, in, &soa->mname) || !read_name(parse, in, &soa->rname))
        return false;
    soa->serial = reader_be32(in);
    soa->refresh = reader_be32(in);
    soa->retry = reader_be32(in);
    soa->expire = reader_be32(in);
    soa->minimum = reader_be32(in);
    record->kind = DNS_DATA_SOA;
    record->data.soa = soa;
    return reader_ok(in);
}

/* Each string of a TXT record becomes a record of its own, as EVE shows them. */
static bool read_strings(struct parse *parse, struct reader *in, struct dns_records *list)
{
    struct dns_record *record = &list->items[list->count - 1];
    struct dns_record common = *record;
    record->kind = DNS_DATA_TEXT;
    record->data.text = arena_copy(parse->memory, reader_bytes(in, reader_u8(in)));
    while (!reader_empty(in)) {
        record = add_record(parse, list);
        if (!record)
            return false;
        *record = common;
        record->continued = true;
        record->kind = DNS_DATA_TEXT;
        record->data.text = arena_copy(parse->memory, reader_bytes(in, reader_u8(in)));
    }
    return reader_ok(in);
}

static bool read_srv(struct parse *parse, struct reader *in, struct dns_record *record)
{
    record->kind = DNS_DATA_SRV;
    record->data.srv.priority = reader_be16(in);
    record->data.srv.weight = reader_be16(in);
    record->data.srv.port = reader_be16(in);
    return read_name(parse, in, &record->data.srv.target);
}

static bool read_sshfp(struct parse *parse, struct reader *in, struct dns_record *record)
{
    record->kind = DNS_DATA_SSHFP;
    record->data.sshfp.algorithm = reader_u8(in);
    record->data.sshfp.type = reader_u8(in);
    record->data.sshfp.fingerprint = arena_copy(parse->memory, reader_rest(in));
    return reader_ok(in);
}

static bool read_data(struct parse *parse, struct reader *in, struct dns_records *list)
{
    struct dns_record *record = &list->items[list->count - 1];
    size_t size = reader_left(in);
    if (size == 0)
        return true;
    switch (record->type) {
    case TYPE_A:
        if (size == 4) {
            record->kind = DNS_DATA_ADDRESS;
            record->data.address = address_v4(reader_take(in, 4));
        }
        return true;
    case TYPE_AAAA:
        if (size == 16) {
            record->kind = DNS_DATA_ADDRESS;
            record->data.address = address_v6(reader_take(in, 16));
        }
        return true;
    case TYPE_MX:
        reader_skip(in, 2); /* preference */
        record->kind = DNS_DATA_NAME;
        return read_name(parse, in, &record->data.target);
    case TYPE_NS:
    case TYPE_CNAME:
    case TYPE_PTR:
        record->kind = DNS_DATA_NAME;
        return read_name(parse, in, &record->data.target);
    case TYPE_TXT:
        return read_strings(parse, in, list);
    case TYPE_SOA:
        return read_soa(parse, in, record);
    case TYPE_SRV:
        return read_srv(parse, in, record);
    case TYPE_SSHFP:
        return read_sshfp(parse, in, record);
    case TYPE_NULL:
    case TYPE_OPT:
        record->kind = record->type == TYPE_OPT ? DNS_DATA_OPT : DNS_DATA_TEXT;
        record->data.text = arena_copy(parse->memory, reader_rest(in));
        return true;
    default:
        return true;
    }
}

static bool read_section(struct parse *parse, struct reader *in, uint16_t count, struct dns_records *list)
{
    for (uint16_t i = 0; i < count; i++) {
        struct dns_record *record = reader_left(in) < RECORD_MIN ? NULL : add_record(parse, list);
        if (!record || !read_name(parse, in, &record->name))
            return false;
        record->type = reader_be16(in);
        record->class = reader_be16(in);
        record->ttl = reader_be32(in);
        struct reader data = reader_sub(in, reader_be16(in));
        if (!reader_ok(in) || !read_data(parse, &data, list))
            return false;
    }
    return true;
}

static bool read_questions(struct parse *parse, struct reader *in, uint16_t count)
{
    struct dns *dns = parse->dns;
    if (count > reader_left(in) / QUESTION_MIN)
        return false;
    if (count)
        dns->questions = ARENA_ARRAY(parse->memory, struct dns_question, count);
    if (count && !dns->questions)
        return false;
    for (uint16_t i = 0; i < count; i++) {
        struct dns_question *question = &dns->questions[i];
        if (!read_name(parse, in, &question->name))
            return false;
        question->type = reader_be16(in);
        question->class = reader_be16(in);
        if (!reader_ok(in))
            return false;
        dns->question_count++;
    }
    return true;
}

static void collect_names(struct parse *parse, const struct dns_records *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct dns_record *record = &list->items[i];
        bool more = record->continued || add_name(parse, record->name.text);
        if (more && record->kind == DNS_DATA_NAME)
            more = add_name(parse, record->data.target.text);
        if (more && record->kind == DNS_DATA_SOA)
            more = add_name(parse, record->data.soa->mname.text);
        if (!more)
            return;
    }
}

static bool read_message(struct parse *parse)
{
    struct dns *dns = parse->dns;
    struct reader in = reader_of_bytes(parse->message);
    dns->id = reader_be16(&in);
    dns->flags = reader_be16(&in);
    uint16_t questions = reader_be16(&in), answers = reader_be16(&in);
    uint16_t authorities = reader_be16(&in), additionals = reader_be16(&in);
    if (!reader_ok(&in) || !read_questions(parse, &in, questions) ||
        !read_section(parse, &in, answers, &dns->answers))
        return false;
    if (!read_section(parse, &in, authorities, &dns->authorities)) {
        note(parse, EVENT_INVALID_AUTHORITIES);
        dns->authorities.count = 0;
        return true;
    }
    if (!read_section(parse, &in, additionals, &dns->additionals)) {
        note(parse, EVENT_INVALID_ADDITIONALS);
        dns->additionals.count = 0;
    }
    return true;
}

static void finish_response(struct parse *parse)
{
    const struct dns *dns = parse->dns;
    for (uint32_t i = 0; i < dns->question_count; i++)
        if (!add_name(parse, dns->questions[i].name.text))
            return;
    collect_names(parse, &dns->answers);
    collect_names(parse, &dns->authorities);
    collect_names(parse, &dns->additionals);
}

static void raise_events(struct tx *tx, unsigned events)
{
    for (uint8_t event = 0; events; event++, events >>= 1)
        if (events & 1)
            tx_event(tx, event);
}

static bool take_message(struct tx *tx, enum direction direction, struct bytes message, bool multicast)
{
    if (!tx)
        return true;
    struct parse parse = { .message = message, .memory = &tx->memory, .dns = (struct dns *)tx->record };
    struct dns *dns = parse.dns;
    tx_finish_both(tx);
    if (!read_message(&parse)) {
        dns->malformed = true;
        raise_events(tx, parse.events | 1U << EVENT_MALFORMED_DATA);
        return false;
    }
    bool response = dns->flags & DNS_RESPONSE;
    if (!multicast && response == (direction == TO_SERVER)) {
        dns->malformed = true;
        tx_event(tx, response ? EVENT_NOT_REQUEST : EVENT_NOT_RESPONSE);
        return true;
    }
    if (dns->flags & DNS_Z)
        note(&parse, EVENT_Z_FLAG_SET);
    if (dns_opcode(dns) >= 7)
        note(&parse, EVENT_INVALID_OPCODE);
    if (response)
        finish_response(&parse);
    raise_events(tx, parse.events);
    return true;
}

enum { FRAME_PDU };
static const char *const frame_names[] = { "pdu", NULL };

bool dns_message(struct session *session, enum direction direction, struct bytes message, bool multicast)
{
    struct tx *tx = session_tx_directed(session, direction);
    session_frame(session, direction, FRAME_PDU, message.data, message.size, tx);
    return take_message(tx, direction, message, multicast);
}

bool dns_carried(struct session *session, enum direction direction, struct bytes message, struct tx *carrier)
{
    struct tx *tx = session_tx_carried(session, &dns_protocol, direction, carrier);
    bool good = take_message(tx, direction, message, false);
    if (tx) /* the response repeats the question */
        ((struct dns *)(void *)tx->record)->silent = direction == TO_SERVER;
    return tx && good;
}

/* ---- recognition ---- */

static bool known_class(uint16_t class)
{
    class &= 0x7fff; /* multicast: unicast-response and cache-flush bits */
    return class == 1 || class == 3 || class == 4 || class == 254 || class == 255;
}

/* NetBIOS names (RFC 1002) look alike: 32 letters from A to P. */
static bool netbios_name(struct bytes label)
{
    if (label.size != 32)
        return false;
    for (size_t i = 0; i < label.size; i++)
        if (label.data[i] < 'A' || label.data[i] > 'P')
            return false;
    return true;
}

/* Passes over a name without following pointers. PROBE_MORE: it goes on past the end. */
static enum probe probe_name(struct reader *in)
{
    bool first = true;
    for (unsigned labels = 0; labels <= LABELS_MAX; labels++) {
        uint8_t size = reader_u8(in);
        if (!reader_ok(in))
            return PROBE_MORE;
        if (size == 0)
            return PROBE_YES;
        if (size >= 0xc0) {
            reader_skip(in, 1);
            return first ? PROBE_NO : PROBE_YES;
        }
        if (size > 63)
            return PROBE_NO;
        struct bytes label = reader_bytes(in, size);
        if (!reader_ok(in))
            return PROBE_MORE;
        if (first && netbios_name(label))
            return PROBE_NO;
        first = false;
    }
    return PROBE_NO;
}

/* Whether a message could start like this; `response` tells which kind. */
static enum probe probe_message(struct bytes data, bool *response)
{
    struct reader in = reader_of_bytes(data);
    reader_skip(&in, 2);
    uint16_t flags = reader_be16(&in);
    unsigned questions = reader_be16(&in), answers = reader_be16(&in);
    unsigned authorities = reader_be16(&in), additionals = reader_be16(&in);
    unsigned records = answers + authorities + additionals;
    *response = flags & DNS_RESPONSE;
    if (!reader_ok(&in))
        return PROBE_MORE;
    if (questions + records == 0 || records > 3000 || questions > 64 || (!questions && !*response))
        return PROBE_NO;
    enum probe name = probe_name(&in);
    if (name != PROBE_YES)
        return name;
    uint16_t type = reader_be16(&in), class = reader_be16(&in);
    if (!reader_ok(&in))
        return PROBE_MORE;
    return known_class(class) && type != 0 ? PROBE_YES : PROBE_NO;
}

static enum probe turned(enum direction direction, bool response)
{
    return response == (direction == TO_CLIENT) ? PROBE_YES : PROBE_REVERSED;
}

/* Offered datagrams and streams alike: a stream starts with the size of the first message. */
static enum probe dns_probe(enum direction direction, struct bytes data)
{
    bool response;
    if (probe_message(data, &response) == PROBE_YES)
        return turned(direction, response);
    struct reader in = reader_of_bytes(data);
    size_t size = reader_be16(&in);
    if (!reader_ok(&in))
        return PROBE_MORE;
    if (size < HEADER_SIZE + QUESTION_MIN)
        return PROBE_NO;
    bool whole = reader_left(&in) >= size;
    enum probe answer = probe_message(bytes_first(reader_peek(&in), size), &response);
    if (answer == PROBE_MORE)
        return whole ? PROBE_NO : PROBE_MORE;
    return answer == PROBE_YES ? turned(direction, response) : PROBE_NO;
}

static enum probe multicast_probe(enum direction direction, struct bytes data)
{
    (void)direction;
    bool response;
    return probe_message(data, &response);
}

/* ---- transport ---- */

#define SILENT_MAX 8 /* requests without a record whose answers are remembered */

struct dns_state {
    bool lost[DIRECTIONS]; /* after a gap: looking for the start of a message */
    uint16_t silent[SILENT_MAX];
    uint8_t silent_count, silent_next;
};

static void dns_silenced(struct session *session, const struct tx *tx)
{
    struct dns_state *dns = session->state;
    /* Of a message that another protocol carries, the session's state is the carrier's. */
    if (!dns || session->protocol != &dns_protocol || tx->protocol != &dns_protocol ||
        tx->direction != TO_SERVER)
        return;
    dns->silent[dns->silent_next] = ((const struct dns *)(const void *)tx->record)->id;
    dns->silent_next = (uint8_t)((dns->silent_next + 1) % SILENT_MAX);
    dns->silent_count = (uint8_t)MIN(dns->silent_count + 1, SILENT_MAX);
}

static bool answers_silent(const struct dns_state *dns, const struct tx *tx)
{
    uint16_t id = ((const struct dns *)(const void *)tx->record)->id;
    for (unsigned i = 0; i < dns->silent_count; i++)
        if (dns->silent[i] == id)
            return true;
    return false;
}

static bool take_one(struct session *session, const struct dns_state *dns, enum direction direction,
                     struct bytes message)
{
    bool good = dns_message(session, direction, message, false);
    if (direction == TO_CLIENT && session->last_tx && session->last_tx->protocol == &dns_protocol)
        session->last_tx->logged |= answers_silent(dns, session->last_tx);
    return good;
}

static bool dns_datagram(struct session *session, void *state, enum direction direction, struct reader *in)
{
    if (!session->protocol->state_size)
        return dns_message(session, direction, reader_rest(in), true);
    return take_one(session, state, direction, reader_rest(in));
}

/* After lost bytes what follows is taken up again only where a message seems to begin. */
static bool found_again(struct dns_state *dns, enum direction direction, struct reader *in)
{
    struct reader at = *in;
    bool response;
    size_t size = reader_be16(&at);
    if (reader_ok(&at) && probe_message(bytes_first(reader_peek(&at), size), &response) == PROBE_YES) {
        dns->lost[direction] = false;
        return true;
    }
    (void)reader_rest(in);
    return false;
}

static bool dns_stream(struct session *session, void *state, enum direction direction, struct reader *in,
                       unsigned flags)
{
    (void)flags;
    struct dns_state *dns = state;
    if (dns->lost[direction] && !found_again(dns, direction, in))
        return true;
    while (reader_left(in) >= 2) {
        struct reader at = *in;
        size_t size = reader_be16(&at);
        if (reader_left(&at) < size)
            return true;
        if (size && !take_one(session, dns, direction, reader_bytes(&at, size)))
            return false;
        *in = at;
    }
    return true;
}

static bool dns_gap(struct session *session, void *state, enum direction direction, uint64_t size)
{
    (void)session;
    (void)size;
    struct dns_state *dns = state;
    dns->lost[direction] = true;
    return true;
}

const struct protocol dns_protocol = {
    .id = PROTOCOL_dns,
    .name = "dns",
    .alias = "dnstcp dnsudp",
    .title = "Domain Name System",
    .eve_type = "dns",
    .transports = TRANSPORT_UDP | TRANSPORT_TCP,
    .ports = "53",
    .probe = dns_probe,
    .probe_depth = 256,
    .state_size = sizeof(struct dns_state),
    .record_size = sizeof(struct dns),
    .tx_memory_max = TX_MEMORY_BYTES,
    .buffer_max = STREAM_BUFFER,
    .datagram = dns_datagram,
    .stream = dns_stream,
    .gap = dns_gap,
    .silenced = dns_silenced,
    .one_way = true,
    .write = dns_write,
    .loggable = dns_loggable,
    .inspects = dns_inspects,
    .inspect_count = DNS_INSPECTS,
    .events = event_names,
    .frames = frame_names,
    .frame_tx_first = 1,
};

const struct protocol mdns_protocol = {
    .id = PROTOCOL_mdns,
    .name = "mdns",
    .title = "Multicast DNS",
    .eve_type = "mdns",
    .transports = TRANSPORT_UDP,
    .ports = "5353",
    .probe = multicast_probe,
    .probe_usual_port_only = true,
    .record_size = sizeof(struct dns),
    .tx_memory_max = TX_MEMORY_BYTES,
    .datagram = dns_datagram,
    .one_way = true,
    .write = dns_local_write,
    .loggable = dns_loggable,
    .inspects = mdns_inspects,
    .inspect_count = DNS_LOCAL_INSPECTS,
    .events = event_names,
    .frames = frame_names,
    .frame_tx_first = 1,
};

const struct protocol llmnr_protocol = {
    .id = PROTOCOL_llmnr,
    .name = "llmnr",
    .title = "Link-Local Multicast Name Resolution",
    .eve_type = "llmnr",
    .transports = TRANSPORT_UDP | TRANSPORT_TCP,
    .ports = "5355",
    .probe = dns_probe,
    .probe_usual_port_only = true,
    .probe_depth = 256,
    .state_size = sizeof(struct dns_state),
    .record_size = sizeof(struct dns),
    .tx_memory_max = TX_MEMORY_BYTES,
    .buffer_max = STREAM_BUFFER,
    .datagram = dns_datagram,
    .stream = dns_stream,
    .gap = dns_gap,
    .one_way = true,
    .write = dns_local_write,
    .loggable = dns_loggable,
    .inspects = llmnr_inspects,
    .inspect_count = DNS_LOCAL_INSPECTS,
    .events = event_names,
    .frames = frame_names,
    .frame_tx_first = 1,
};
