/* SPDX-License-Identifier: Apache-2.0 */
/* NTP packets (RFC 5905 section 7.3). */
#include "proto/session.h"

#define PACKET_SIZE 48U

struct ntp {
    uint8_t version, mode, stratum;
    struct bytes reference_id;
};

enum { EVENT_MALFORMED_DATA };
static const char *const event_names[] = { "malformed_data", NULL };

static const struct ntp *ntp_of(const struct tx *tx)
{
    return (const struct ntp *)tx->record;
}

static void write_reference(const struct field *field, const void *record, struct text *out)
{
    const struct ntp *ntp = record;
    json_key(out, field->name);
    text_char(out, '"');
    for (size_t i = 0; i < ntp->reference_id.size; i++) {
        if (i)
            text_char(out, ':');
        text_hex(out, bytes_of(ntp->reference_id.data + i, 1));
    }
    text_string(out, "\",");
}

static const struct field fields[] = {
    { .name = "version", .type = FIELD_UINT, AT(struct ntp, version), .keep_zero = true, .help = "Version" },
    { .name = "mode",
      .type = FIELD_UINT,
      AT(struct ntp, mode),
      .keep_zero = true,
      .help = "Association mode" },
    { .name = "stratum", .type = FIELD_UINT, AT(struct ntp, stratum), .keep_zero = true, .help = "Stratum" },
    { .name = "reference_id",
      .type = FIELD_CUSTOM,
      AT(struct ntp, reference_id),
      .write = write_reference,
      .help = "Reference clock, four bytes" },
};

static enum probe ntp_probe(enum direction direction, struct bytes data)
{
    if (data.size < PACKET_SIZE)
        return PROBE_NO;
    unsigned version = data.data[0] >> 3 & 7, mode = data.data[0] & 7;
    if (version < 1 || version > 4 || mode < 1 || mode > 5 || data.data[1] > 16)
        return PROBE_NO;
    bool server = mode == 4 || mode == 2;
    return server == (direction == TO_CLIENT) || mode == 5 || mode == 1 ? PROBE_YES : PROBE_REVERSED;
}

static bool ntp_datagram(struct session *session, void *state, enum direction direction, struct reader *in)
{
    (void)state;
    struct tx *tx = session_tx_directed(session, direction);
    if (!tx)
        return true;
    struct ntp *ntp = (struct ntp *)tx->record;
    bool good = reader_left(in) >= PACKET_SIZE;
    uint8_t first = reader_u8(in);
    ntp->version = first >> 3 & 7;
    ntp->mode = first & 7;
    ntp->stratum = reader_u8(in);
    reader_skip(in, 10); /* poll, precision, root delay, root dispersion */
    ntp->reference_id = arena_copy(&tx->memory, reader_bytes(in, 4));
    tx_finish_both(tx);
    if (!good)
        tx_event(tx, EVENT_MALFORMED_DATA);
    return good;
}

static bool get_reference(const struct tx *tx, enum direction direction, uint32_t index,
                          struct arena *scratch, struct bytes *value)
{
    (void)direction;
    (void)scratch;
    *value = ntp_of(tx)->reference_id;
    return index == 0 && value->data;
}

#define NUMBER(function, member)                                                                         \
    static bool function(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value) \
    {                                                                                                    \
        (void)direction;                                                                                 \
        *value = ntp_of(tx)->member;                                                                     \
        return index == 0;                                                                               \
    }

NUMBER(get_version, version)
NUMBER(get_mode, mode)
NUMBER(get_stratum, stratum)

/* RFC 5905 figure 10. */
static const char *const mode_names[] = { "reserved", "symmetric_active", "symmetric_passive",
                                          "client",   "server",           "broadcast",
                                          "control",  "private",          NULL };

#define BOTH (1U << TO_SERVER | 1U << TO_CLIENT)
#define NUMBER_ROW(keyword, getter, names, text)                                                          \
    {                                                                                                     \
        .name = (keyword), .kind = INSPECT_NUMBER, .directions = BOTH, .progress = { 1, 1 },              \
        .number = (getter), .max = UINT8_MAX, .choices = (names), .help = (text), .shown = "ntp.generic", \
        .source = "RFC 5905 section 7.3",                                                                 \
    }

static const struct inspect inspects[] = {
    NUMBER_ROW("ntp.version", get_version, NULL, "Version"),
    NUMBER_ROW("ntp.mode", get_mode, mode_names, "Association mode"),
    NUMBER_ROW("ntp.stratum", get_stratum, NULL, "Stratum"),
    { .name = "ntp.reference_id",
      .kind = INSPECT_GET,
      .directions = BOTH,
      .progress = { 1, 1 },
      .get = get_reference,
      .help = "Reference clock, four bytes",
      .source = "RFC 5905 section 7.3" },
};

const struct protocol ntp_protocol = {
    .id = PROTOCOL_ntp,
    .name = "ntp",
    .title = "Network Time Protocol",
    .eve_type = "ntp",
    .transports = TRANSPORT_UDP,
    .ports = "123",
    .probe = ntp_probe,
    .probe_usual_port_only = true,
    .record_size = sizeof(struct ntp),
    .tx_memory_max = 4096,
    .datagram = ntp_datagram,
    .one_way = true,
    FIELDS(fields),
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .events = event_names,
};
