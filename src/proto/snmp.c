/* SPDX-License-Identifier: Apache-2.0 */
/* SNMP messages: version 1 (RFC 1157), 2c (RFC 1901, RFC 3416), 3 (RFC 3412, RFC 3414). */
#include "proto/der.h"
#include "proto/session.h"

#define VARIABLES_MAX 256U

enum {
    TAG_OCTETS = 0x04,
    TAG_OID = 0x06,
    TAG_SEQUENCE = 0x30,
    TAG_PDU = 0xa0,
    TAG_TRAP_V1 = 0xa4,
    PDU_NAMED = 9,
    PDU_ENCRYPTED = 9
};

struct snmp {
    uint32_t version; /* 1, 2 or 3 */
    uint8_t pdu;      /* tag less 0xa0; PDU_ENCRYPTED */
    bool has_error, has_trap, malformed, other_model;
    uint32_t error, trap;
    struct bytes community, user;
    struct field_list variables; /* struct bytes, dotted */
    struct bytes trap_oid, trap_address;
};

enum { EVENT_MALFORMED_DATA, EVENT_UNKNOWN_SECURITY_MODEL, EVENT_VERSION_MISMATCH };
static const char *const event_names[] = { "malformed_data", "unknown_security_model", "version_mismatch",
                                           NULL };

static const char *const pdu_names[] = {
    "get_request",    "get_next_request", "response", "set_request", "trap_v1", "get_bulk_request",
    "inform_request", "trap_v2",          "report",   "encrypted",   NULL
};
static const char *const error_names[] = { "NoError",
                                           "TooBig",
                                           "NoSuchName",
                                           "BadValue",
                                           "ReadOnly",
                                           "GenErr",
                                           "NoAccess",
                                           "WrongType",
                                           "WrongLength",
                                           "WrongEncoding",
                                           "WrongValue",
                                           "NoCreation",
                                           "InconsistentValue",
                                           "ResourceUnavailable",
                                           "CommitFailed",
                                           "UndoFailed",
                                           "AuthorizationError",
                                           "NotWritable",
                                           "InconsistentName",
                                           NULL };
static const char *const trap_names[] = {
    "coldStart",       "warmStart",          "linkDown", "linkUp", "authenticationFailure",
    "egpNeighborLoss", "enterpriseSpecific", NULL
};

static bool has_error(const void *record)
{
    const struct snmp *snmp = record;
    return snmp->has_error && snmp->error;
}

static bool has_trap(const void *record)
{
    return ((const struct snmp *)record)->has_trap;
}

static bool is_open(const void *record)
{
    return ((const struct snmp *)record)->pdu != PDU_ENCRYPTED;
}

static const struct field fields[] = {
    { .name = "version", .type = FIELD_UINT, AT(struct snmp, version), .help = "Version: 1, 2 or 3" },
    { .name = "pdu_type",
      .type = FIELD_CHOICE,
      AT(struct snmp, pdu),
      .choices = pdu_names,
      .keep_zero = true,
      .help = "Operation" },
    { .name = "error",
      .type = FIELD_CHOICE,
      AT(struct snmp, error),
      .choices = error_names,
      .present = has_error,
      .help = "Error status of a response" },
    { .name = "trap_type",
      .type = FIELD_CHOICE,
      AT(struct snmp, trap),
      .choices = trap_names,
      .present = has_trap,
      .keep_zero = true,
      .help = "Generic trap" },
    { .name = "trap_oid", .type = FIELD_TEXT, AT(struct snmp, trap_oid), .help = "Enterprise of a trap" },
    { .name = "trap_address",
      .type = FIELD_TEXT,
      AT(struct snmp, trap_address),
      .help = "Agent that sent a trap" },
    { .name = "vars", .type = FIELD_STRINGS, AT(struct snmp, variables), .help = "Names of the variables" },
    { .name = "community", .type = FIELD_BYTES, AT(struct snmp, community), .help = "Community" },
    { .name = "usm",
      .type = FIELD_BYTES,
      AT(struct snmp, user),
      .present = is_open,
      .help = "User of version 3" },
};

static struct bytes dotted(struct arena *memory, struct reader *oid)
{
    char buffer[512];
    struct text out = text_of(buffer, sizeof buffer);
    der_dotted(&out, reader_rest(oid));
    return arena_copy(memory, text_bytes(&out));
}

static bool read_variables(struct reader *in, struct arena *memory, struct snmp *snmp)
{
    struct reader list = der_expect(in, TAG_SEQUENCE);
    size_t most = MIN(reader_left(&list) / 6 + 1, (size_t)VARIABLES_MAX);
    struct bytes *names = ARENA_ARRAY(memory, struct bytes, most);
    size_t count = 0;
    while (names && count < most && reader_ok(&list) && !reader_empty(&list)) {
        struct reader pair = der_expect(&list, TAG_SEQUENCE);
        struct reader oid = der_expect(&pair, TAG_OID);
        if (!reader_ok(&oid))
            return false;
        names[count++] = dotted(memory, &oid);
    }
    snmp->variables = (struct field_list){ names, count };
    return reader_ok(&list);
}

static bool read_trap(struct reader *in, struct arena *memory, struct snmp *snmp)
{
    char buffer[16];
    struct text text = text_of(buffer, sizeof buffer);
    struct reader oid = der_expect(in, TAG_OID);
    snmp->trap_oid = dotted(memory, &oid);
    struct reader agent = der_expect(in, 0x40);
    const uint8_t *octets = reader_take(&agent, 4);
    if (octets)
        text_add(&text, "%u.%u.%u.%u", octets[0], octets[1], octets[2], octets[3]);
    snmp->trap_address = arena_copy(memory, text_bytes(&text));
    snmp->trap = (uint32_t)der_integer(in);
    snmp->has_trap = true;
    (void)der_integer(in);
    (void)der_expect(in, 0x43); /* time */
    return reader_ok(in) && read_variables(in, memory, snmp);
}

static bool read_pdu(struct reader *in, struct arena *memory, struct snmp *snmp)
{
    uint8_t tag;
    struct reader pdu = der_element(in, &tag);
    if (!reader_ok(&pdu) || tag < TAG_PDU || tag >= TAG_PDU + PDU_NAMED)
        return false;
    snmp->pdu = (uint8_t)(tag - TAG_PDU);
    if (tag == TAG_TRAP_V1)
        return read_trap(&pdu, memory, snmp);
    (void)der_expect(&pdu, 0x02); /* request id */
    snmp->error = (uint32_t)der_integer(&pdu);
    snmp->has_error = snmp->pdu == 2;
    (void)der_integer(&pdu);
    return reader_ok(&pdu) && read_variables(&pdu, memory, snmp);
}

/* The user-based security model's parameters (RFC 3414 section 2.4). */
static void read_user(struct reader *in, struct arena *memory, struct snmp *snmp)
{
    struct reader outer = der_expect(in, TAG_OCTETS);
    struct reader parameters = der_expect(&outer, TAG_SEQUENCE);
    (void)der_expect(&parameters, TAG_OCTETS); /* engine */
    (void)der_expect(&parameters, 0x02);       /* boots */
    (void)der_expect(&parameters, 0x02);       /* time */
    struct reader user = der_expect(&parameters, TAG_OCTETS);
    if (reader_ok(&user))
        snmp->user = arena_copy(memory, reader_rest(&user));
}

static bool read_version_3(struct reader *in, struct arena *memory, struct snmp *snmp)
{
    struct reader header = der_expect(in, TAG_SEQUENCE);
    (void)der_expect(&header, 0x02); /* message id */
    (void)der_expect(&header, 0x02); /* largest size */
    struct reader flags = der_expect(&header, TAG_OCTETS);
    bool sealed = reader_u8(&flags) & 2;
    int64_t model = der_integer(&header);
    if (!reader_ok(&header))
        return false;
    if (sealed)
        snmp->pdu = PDU_ENCRYPTED;
    snmp->other_model = model != 3; /* RFC 3411 section 5: 3 is the user-based one */
    if (snmp->other_model)
        (void)der_expect(in, TAG_OCTETS);
    else
        read_user(in, memory, snmp);
    if (sealed)
        return reader_ok(in);
    struct reader scoped = der_expect(in, TAG_SEQUENCE);
    (void)der_expect(&scoped, TAG_OCTETS); /* context engine */
    (void)der_expect(&scoped, TAG_OCTETS); /* context name */
    return reader_ok(&scoped) && read_pdu(&scoped, memory, snmp);
}

static bool read_message(struct reader *in, struct arena *memory, struct snmp *snmp)
{
    struct reader message = der_expect(in, TAG_SEQUENCE);
    int64_t version = der_integer(&message);
    if (!reader_ok(&message) || version < 0 || version > 3)
        return false;
    snmp->version = (uint32_t)(version == 3 ? 3 : version + 1);
    if (version == 3)
        return read_version_3(&message, memory, snmp);
    struct reader community = der_expect(&message, TAG_OCTETS);
    if (!reader_ok(&community))
        return false;
    snmp->community = arena_copy(memory, reader_rest(&community));
    return read_pdu(&message, memory, snmp);
}

static enum probe snmp_probe(enum direction direction, struct bytes data)
{
    struct reader in = reader_of_bytes(data);
    uint8_t tag;
    struct reader message = der_element(&in, &tag);
    if (tag != TAG_SEQUENCE || !reader_ok(&message) || reader_left(&in))
        return PROBE_NO;
    int64_t version = der_integer(&message);
    if (!reader_ok(&message) || (version != 0 && version != 1 && version != 3))
        return PROBE_NO;
    struct reader second = der_element(&message, &tag);
    if (!reader_ok(&second) || tag != (version == 3 ? TAG_SEQUENCE : TAG_OCTETS))
        return PROBE_NO;
    if (version == 3)
        return PROBE_YES;
    tag = reader_u8(&message);
    if (tag < TAG_PDU || tag >= TAG_PDU + PDU_NAMED)
        return PROBE_NO;
    return (tag == 0xa2) == (direction == TO_CLIENT) ? PROBE_YES : PROBE_REVERSED;
}

static bool snmp_datagram(struct session *session, void *state, enum direction direction, struct reader *in)
{
    uint32_t *first_version = state;
    struct tx *tx = session_tx_directed(session, direction);
    if (!tx)
        return true;
    struct snmp *snmp = (struct snmp *)tx->record;
    bool good = read_message(in, &tx->memory, snmp);
    tx_finish_both(tx);
    snmp->malformed = !good;
    if (!good)
        tx_event(tx, EVENT_MALFORMED_DATA);
    else if (*first_version && *first_version != snmp->version)
        tx_event(tx, EVENT_VERSION_MISMATCH);
    if (snmp->other_model)
        tx_event(tx, EVENT_UNKNOWN_SECURITY_MODEL);
    if (!*first_version)
        *first_version = snmp->version;
    return good;
}

static const struct snmp *snmp_of(const struct tx *tx)
{
    return (const struct snmp *)tx->record;
}

static bool snmp_loggable(const struct tx *tx)
{
    return !snmp_of(tx)->malformed;
}

static bool get_community(const struct tx *tx, enum direction direction, uint32_t index,
                          struct arena *scratch, struct bytes *value)
{
    (void)direction;
    (void)scratch;
    *value = snmp_of(tx)->community;
    return index == 0 && value->data;
}

static bool get_user(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                     struct bytes *value)
{
    (void)direction;
    (void)scratch;
    *value = snmp_of(tx)->user;
    return index == 0 && value->data;
}

static bool get_version(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    *value = snmp_of(tx)->version;
    return index == 0;
}

static bool get_pdu(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    *value = snmp_of(tx)->pdu;
    return index == 0 && snmp_of(tx)->pdu != PDU_ENCRYPTED;
}

static bool get_trap(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    *value = snmp_of(tx)->trap;
    return index == 0 && snmp_of(tx)->has_trap;
}

#define BOTH (1U << TO_SERVER | 1U << TO_CLIENT)

static const struct inspect inspects[] = {
    { .name = "snmp.community",
      .kind = INSPECT_GET,
      .directions = BOTH,
      .progress = { 1, 1 },
      .get = get_community,
      .help = "Community of versions 1 and 2c",
      .source = "RFC 1901 section 3" },
    { .name = "snmp.usm",
      .kind = INSPECT_GET,
      .directions = BOTH,
      .progress = { 1, 1 },
      .get = get_user,
      .help = "User of version 3",
      .source = "RFC 3414 section 2.4" },
    { .name = "snmp.version",
      .shown = "snmp.generic",
      .kind = INSPECT_NUMBER,
      .directions = BOTH,
      .progress = { 1, 1 },
      .number = get_version,
      .max = UINT32_MAX,
      .help = "Version: 1, 2 or 3",
      .source = "RFC 3412 section 6" },
    { .name = "snmp.pdu_type",
      .shown = "snmp.generic",
      .kind = INSPECT_NUMBER,
      .directions = BOTH,
      .progress = { 1, 1 },
      .number = get_pdu,
      .max = UINT32_MAX,
      .choices = pdu_names,
      .help = "Operation",
      .source = "RFC 3416 section 3" },
    { .name = "snmp.trap_type",
      .shown = "snmp.generic",
      .kind = INSPECT_NUMBER,
      .directions = BOTH,
      .progress = { 1, 1 },
      .number = get_trap,
      .max = UINT8_MAX,
      .choices = trap_names,
      .help = "Generic trap",
      .source = "RFC 1157 section 4.1.6" },
};

const struct protocol snmp_protocol = {
    .id = PROTOCOL_snmp,
    .name = "snmp",
    .title = "Simple Network Management Protocol",
    .eve_type = "snmp",
    .transports = TRANSPORT_UDP,
    .ports = "161,162",
    .probe = snmp_probe,
    .state_size = sizeof(uint32_t),
    .record_size = sizeof(struct snmp),
    .tx_memory_max = 65536,
    .datagram = snmp_datagram,
    .one_way = true,
    .loggable = snmp_loggable,
    FIELDS(fields),
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .events = event_names,
};
