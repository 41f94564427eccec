/* SPDX-License-Identifier: Apache-2.0 */
/* Kerberos 5 requests, replies and errors (RFC 4120 section 5) over UDP and TCP. */
#include "proto/der.h"
#include "proto/session.h"

#define MESSAGE_MAX    (128U * 1024U)
#define NAME_PARTS_MAX 8U

enum { AS_REQ = 10, AS_REP = 11, TGS_REQ = 12, TGS_REP = 13, AP_REQ = 14, KRB_ERROR = 30 };
enum { TAG_SEQUENCE = 0x30, TAG_INTEGER = 0x02, TAG_STRING = 0x1b };

struct name {
    struct bytes parts[NAME_PARTS_MAX];
    uint32_t count;
};

struct krb5 {
    uint8_t type, failed_type;
    struct bytes realm;
    struct name client, server;
    bool has_encryption, has_ticket, has_error;
    int32_t encryption, ticket_encryption, error;
};

enum { EVENT_MALFORMED_DATA, EVENT_WEAK_ENCRYPTION };
static const char *const event_names[] = { "malformed_data", "weak_encryption", NULL };

/* Message types (RFC 4120 section 7.5.7) and encryption types (IANA) by number; "" where there is none. */
static const char *const type_names[] = {
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "KRB_AS_REQ",
    "KRB_AS_REP",
    "KRB_TGS_REQ",
    "KRB_TGS_REP",
    "KRB_AP_REQ",
    "KRB_AP_REP",
    "",
    "",
    "",
    "",
    "KRB_SAFE",
    "KRB_PRIV",
    "KRB_CRED",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "KRB_ERROR",
    NULL,
};
static const char *const encryption_names[] = {
    "NULL",
    "des-cbc-crc",
    "des-cbc-md4",
    "des-cbc-md5",
    "",
    "des3-cbc-md5",
    "",
    "des3-cbc-sha1",
    "",
    "dsaWithSHA1-CmsOID",
    "md5WithRSAEncryption-CmsOID",
    "sha1WithRSAEncryption-CmsOID",
    "rc2CBC-EnvOID",
    "rsaEncryption-EnvOID",
    "rsaES-OAEP-ENV-OID",
    "des-ede3-cbc-Env-OID",
    "des3-cbc-sha1-kd",
    "aes128-cts-hmac-sha1-96",
    "aes256-cts-hmac-sha1-96",
    "aes128-cts-hmac-sha256-128",
    "aes256-cts-hmac-sha384-192",
    "",
    "",
    "rc4-hmac",
    "rc4-hmac-exp",
    "camellia128-cts-cmac",
    "camellia256-cts-cmac",
    NULL,
};
static const char *const error_names[] = {
    "KDC_ERR_NONE",
    "KDC_ERR_NAME_EXP",
    "KDC_ERR_SERVICE_EXP",
    "KDC_ERR_BAD_PVNO",
    "KDC_ERR_C_OLD_MAST_KVNO",
    "KDC_ERR_S_OLD_MAST_KVNO",
    "KDC_ERR_C_PRINCIPAL_UNKNOWN",
    "KDC_ERR_S_PRINCIPAL_UNKNOWN",
    "KDC_ERR_PRINCIPAL_NOT_UNIQUE",
    "KDC_ERR_NULL_KEY",
    "KDC_ERR_CANNOT_POSTDATE",
    "KDC_ERR_NEVER_VALID",
    "KDC_ERR_POLICY",
    "KDC_ERR_BADOPTION",
    "KDC_ERR_ETYPE_NOSUPP",
    "KDC_ERR_SUMTYPE_NOSUPP",
    "KDC_ERR_PADATA_TYPE_NOSUPP",
    "KDC_ERR_TRTYPE_NOSUPP",
    "KDC_ERR_CLIENT_REVOKED",
    "KDC_ERR_SERVICE_REVOKED",
    "KDC_ERR_TGT_REVOKED",
    "KDC_ERR_CLIENT_NOTYET",
    "KDC_ERR_SERVICE_NOTYET",
    "KDC_ERR_KEY_EXPIRED",
    "KDC_ERR_PREAUTH_FAILED",
    "KDC_ERR_PREAUTH_REQUIRED",
    "KDC_ERR_SERVER_NOMATCH",
    "KDC_ERR_MUST_USE_USER2USER",
    "KDC_ERR_PATH_NOT_ACCEPTED",
    "KDC_ERR_SVC_UNAVAILABLE",
    "",
    "KRB_AP_ERR_BAD_INTEGRITY",
    "KRB_AP_ERR_TKT_EXPIRED",
    "KRB_AP_ERR_TKT_NYV",
    "KRB_AP_ERR_REPEAT",
    "KRB_AP_ERR_NOT_US",
    "KRB_AP_ERR_BADMATCH",
    "KRB_AP_ERR_SKEW",
    "KRB_AP_ERR_BADADDR",
    "KRB_AP_ERR_BADVERSION",
    "KRB_AP_ERR_MSG_TYPE",
    "KRB_AP_ERR_MODIFIED",
    "KRB_AP_ERR_BADORDER",
    "",
    "KRB_AP_ERR_BADKEYVER",
    "KRB_AP_ERR_NOKEY",
    "KRB_AP_ERR_MUT_FAIL",
    "KRB_AP_ERR_BADDIRECTION",
    "KRB_AP_ERR_METHOD",
    "KRB_AP_ERR_BADSEQ",
    "KRB_AP_ERR_INAPP_CKSUM",
    "KRB_AP_PATH_NOT_ACCEPTED",
    "KRB_ERR_RESPONSE_TOO_BIG",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "KRB_ERR_GENERIC",
    "KRB_ERR_FIELD_TOOLONG",
    NULL,
};

static const struct krb5 *krb5_of(const struct tx *tx)
{
    return (const struct krb5 *)tx->record;
}

/* Microsoft's, and the key of a key (IANA Kerberos encryption types). */
static const struct named_value private_encryptions[] = {
    { "subkey-keymaterial", 65 },    { "rc4-md4", (uint64_t)-128 },       { "rc4-plain2", (uint64_t)-129 },
    { "rc4-lm", (uint64_t)-130 },    { "rc4-sha", (uint64_t)-131 },       { "des-plain", (uint64_t)-132 },
    { "rc4-plain", (uint64_t)-134 }, { "rc4-plain-exp", (uint64_t)-136 }, { NULL, 0 },
};
/* Anything but AES and Camellia (RFC 8429, RFC 6649); numbers below 0 are private ones. */
static const struct value_range weak_ranges[] = { { 0, 16 }, { 21, 24 }, { 27, UINT64_MAX } };

static bool weak(int32_t encryption)
{
    for (size_t i = 0; i < COUNT_OF(weak_ranges); i++)
        if ((uint64_t)encryption >= weak_ranges[i].low && (uint64_t)encryption <= weak_ranges[i].high)
            return true;
    return false;
}

/* ---- parsing ---- */

static bool read_name(struct reader *in, struct arena *memory, struct name *name)
{
    struct reader outer = der_expect(in, TAG_SEQUENCE);
    (void)der_expect(&outer, 0xa0); /* kind of name */
    struct reader list = der_expect(&outer, 0xa1);
    struct reader parts = der_expect(&list, TAG_SEQUENCE);
    while (reader_ok(&parts) && !reader_empty(&parts) && name->count < NAME_PARTS_MAX) {
        struct reader part = der_expect(&parts, TAG_STRING);
        if (!reader_ok(&part))
            return false;
        name->parts[name->count++] = arena_copy(memory, reader_rest(&part));
    }
    return reader_ok(&parts);
}

static bool read_string(struct reader *in, struct arena *memory, struct bytes *value)
{
    struct reader text = der_expect(in, TAG_STRING);
    if (!reader_ok(&text))
        return false;
    *value = arena_copy(memory, reader_rest(&text));
    return true;
}

static bool read_encryption(struct reader *in, int32_t *type)
{
    struct reader data = der_expect(in, TAG_SEQUENCE);
    struct reader number = der_expect(&data, 0xa0);
    *type = (int32_t)der_integer(&number);
    return reader_ok(&number);
}

static bool read_request_body(struct reader *in, struct arena *memory, struct krb5 *krb5)
{
    struct reader body = der_expect(in, TAG_SEQUENCE);
    while (reader_ok(&body) && !reader_empty(&body)) {
        uint8_t tag;
        struct reader part = der_element(&body, &tag);
        bool good = true;
        if (tag == 0xa1)
            good = read_name(&part, memory, &krb5->client);
        else if (tag == 0xa2)
            good = read_string(&part, memory, &krb5->realm);
        else if (tag == 0xa3)
            good = read_name(&part, memory, &krb5->server);
        if (!good)
            return false;
    }
    return reader_ok(&body);
}

static bool read_ticket(struct reader *in, struct arena *memory, struct krb5 *krb5)
{
    struct reader outer = der_expect(in, 0x61);
    struct reader ticket = der_expect(&outer, TAG_SEQUENCE);
    while (reader_ok(&ticket) && !reader_empty(&ticket)) {
        uint8_t tag;
        struct reader part = der_element(&ticket, &tag);
        if (tag == 0xa2 && !read_name(&part, memory, &krb5->server))
            return false;
        if (tag == 0xa3)
            krb5->has_ticket = read_encryption(&part, &krb5->ticket_encryption);
    }
    return reader_ok(&ticket);
}

static bool read_part(struct reader *part, uint8_t tag, struct arena *memory, struct krb5 *krb5)
{
    bool request = krb5->type == AS_REQ || krb5->type == TGS_REQ;
    if (request)
        return tag != 0xa4 || read_request_body(part, memory, krb5);
    if (krb5->type == KRB_ERROR) {
        if (tag == 0xa6) {
            krb5->error = (int32_t)der_integer(part);
            krb5->has_error = reader_ok(part);
            return krb5->has_error;
        }
        if (tag == 0xa7)
            return read_string(part, memory, &krb5->realm);
        if (tag == 0xa8)
            return read_name(part, memory, &krb5->client);
        return tag != 0xaa || read_name(part, memory, &krb5->server);
    }
    switch (tag) { /* replies */
    case 0xa3:
        return read_string(part, memory, &krb5->realm);
    case 0xa4:
        return read_name(part, memory, &krb5->client);
    case 0xa5:
        return read_ticket(part, memory, krb5);
    case 0xa6:
        krb5->has_encryption = read_encryption(part, &krb5->encryption);
        return krb5->has_encryption;
    default:
        return true;
    }
}

static bool known_type(uint8_t type)
{
    return (type >= AS_REQ && type <= TGS_REP) || type == KRB_ERROR;
}

static bool read_message(struct bytes data, struct arena *memory, struct krb5 *krb5)
{
    struct reader in = reader_of_bytes(data);
    uint8_t tag;
    struct reader outer = der_element(&in, &tag);
    krb5->type = tag & 0x1f;
    struct reader message = der_expect(&outer, TAG_SEQUENCE);
    while (reader_ok(&message) && !reader_empty(&message)) {
        struct reader part = der_element(&message, &tag);
        if (!reader_ok(&part) || !read_part(&part, tag, memory, krb5))
            return false;
    }
    return reader_ok(&message);
}

static bool message(struct session *session, uint8_t *last_request, enum direction direction,
                    struct bytes data)
{
    if (!data.size || (data.data[0] & 0xe0) != 0x60 || !known_type(data.data[0] & 0x1f))
        return true; /* application messages */
    struct tx *tx = session_tx_directed(session, direction);
    if (!tx)
        return true;
    struct krb5 *krb5 = (struct krb5 *)tx->record;
    bool good = read_message(data, &tx->memory, krb5);
    tx_finish_both(tx);
    if (krb5->type == AS_REQ || krb5->type == TGS_REQ)
        *last_request = krb5->type;
    krb5->failed_type = krb5->type == KRB_ERROR ? *last_request : 0;
    if (!good)
        tx_event(tx, EVENT_MALFORMED_DATA);
    if (krb5->has_encryption && weak(krb5->encryption))
        tx_event(tx, EVENT_WEAK_ENCRYPTION);
    return good;
}

static bool krb5_datagram(struct session *session, void *state, enum direction direction, struct reader *in)
{
    return message(session, state, direction, reader_rest(in));
}

static bool krb5_stream(struct session *session, void *state, enum direction direction, struct reader *in,
                        unsigned flags)
{
    (void)flags;
    while (reader_left(in) >= 4) {
        struct reader at = *in;
        size_t size = reader_be32(&at);
        if (size > MESSAGE_MAX)
            return false;
        struct bytes data = reader_bytes(&at, size);
        if (!reader_ok(&at))
            return true;
        *in = at;
        (void)message(session, state, direction, data);
    }
    return true;
}

/* A message begins with its application tag and a sequence whose first member is the version, 5, or its like.
 */
static enum probe probe_message(struct bytes data, size_t *size)
{
    struct reader in = reader_of_bytes(data);
    uint8_t tag = reader_u8(&in);
    size_t length = reader_u8(&in);
    if (!reader_ok(&in))
        return PROBE_MORE;
    if ((tag & 0xe0) != 0x60 || !known_type(tag & 0x1f))
        return PROBE_NO;
    if (length & 0x80) {
        unsigned octets = length & 0x7f;
        if (octets == 0 || octets > 4)
            return PROBE_NO;
        for (length = 0; octets; octets--)
            length = length << 8 | reader_u8(&in);
    }
    if (!reader_ok(&in) || reader_empty(&in))
        return PROBE_MORE;
    *size = data.size - reader_left(&in) + length;
    return reader_u8(&in) == TAG_SEQUENCE ? PROBE_YES : PROBE_NO;
}

static enum probe krb5_probe(enum direction direction, struct bytes data)
{
    size_t size = 0;
    bool framed = data.size >= 5 && data.data[0] == 0 && (data.data[4] & 0xe0) == 0x60;
    if (data.size < 5 && data.size && data.data[0] == 0)
        return PROBE_MORE;
    struct bytes start = framed ? bytes_from(data, 4) : data;
    enum probe answer = probe_message(start, &size);
    if (answer != PROBE_YES)
        return answer;
    size_t whole = framed ? (size_t)data.data[1] << 16 | (size_t)data.data[2] << 8 | data.data[3] : data.size;
    if (whole != size)
        return PROBE_NO;
    uint8_t type = start.data[0] & 0x1f;
    bool request = type == AS_REQ || type == TGS_REQ;
    return request == (direction == TO_SERVER) ? PROBE_YES : PROBE_REVERSED;
}

/* ---- EVE ---- */

static void write_name(struct text *out, const char *key, const struct name *name)
{
    json_key(out, key);
    text_char(out, '"');
    for (uint32_t i = 0; i < name->count; i++) {
        if (i)
            text_char(out, '/');
        json_escape(out, name->parts[i]);
    }
    text_string(out, name->count ? "\"," : "<empty>\",");
}

static void write_choice(struct text *out, const char *key, const char *const *names, size_t count,
                         int32_t value)
{
    if (value >= 0 && (size_t)value < count && names[value] && names[value][0]) {
        json_cstring(out, key, names[value]);
        return;
    }
    json_key(out, key);
    text_add(out, "\"%d\",", value);
}

static void krb5_write(const struct tx *tx, bool extended, struct text *out)
{
    (void)extended;
    const struct krb5 *krb5 = krb5_of(tx);
    write_choice(out, "msg_type", type_names, COUNT_OF(type_names), krb5->type);
    if (krb5->failed_type)
        write_choice(out, "failed_request", type_names, COUNT_OF(type_names), krb5->failed_type);
    if (krb5->has_error)
        write_choice(out, "error_code", error_names, COUNT_OF(error_names), krb5->error);
    write_name(out, "cname", &krb5->client);
    json_string(out, "realm", krb5->realm.data ? krb5->realm : BYTES_OF("<empty>"));
    write_name(out, "sname", &krb5->server);
    if (krb5->has_encryption)
        write_choice(out, "encryption", encryption_names, COUNT_OF(encryption_names), krb5->encryption);
    else
        json_cstring(out, "encryption", "<none>");
    json_bool(out, "weak_encryption", krb5->has_encryption && weak(krb5->encryption));
    if (!krb5->has_ticket)
        return;
    write_choice(out, "ticket_encryption", encryption_names, COUNT_OF(encryption_names),
                 krb5->ticket_encryption);
    json_bool(out, "ticket_weak_encryption", weak(krb5->ticket_encryption));
}

/* ---- rule keywords ---- */

static bool part_of(const struct name *name, uint32_t index, struct bytes *value)
{
    if (index >= name->count)
        return false;
    *value = name->parts[index];
    return true;
}

static bool get_client(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                       struct bytes *value)
{
    (void)direction;
    (void)scratch;
    return part_of(&krb5_of(tx)->client, index, value);
}

static bool get_server(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                       struct bytes *value)
{
    (void)direction;
    (void)scratch;
    return part_of(&krb5_of(tx)->server, index, value);
}

static bool get_type(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    *value = krb5_of(tx)->type;
    return index == 0;
}

static bool get_error(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    *value = (uint64_t)krb5_of(tx)->error;
    return index == 0 && krb5_of(tx)->has_error;
}

static bool get_ticket(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    *value = (uint64_t)krb5_of(tx)->ticket_encryption; /* below 0: at the top */
    return index == 0 && krb5_of(tx)->has_ticket;
}

#define BOTH (1U << TO_SERVER | 1U << TO_CLIENT)

static const struct inspect inspects[] = {
    { .name = "krb5.cname",
      .shown = "krb5_cname",
      .alias = "krb5_cname",
      .kind = INSPECT_GET,
      .directions = 1U << TO_CLIENT,
      .progress = { 1, 1 },
      .get = get_client,
      .help = "Parts of the client's name",
      .source = "RFC 4120 section 5.2.2" },
    { .name = "krb5.sname",
      .shown = "krb5_sname",
      .alias = "krb5_sname",
      .kind = INSPECT_GET,
      .directions = 1U << TO_CLIENT,
      .progress = { 1, 1 },
      .get = get_server,
      .help = "Parts of the server's name",
      .source = "RFC 4120 section 5.2.2" },
    { .name = "krb5_msg_type",
      .kind = INSPECT_NUMBER,
      .directions = BOTH,
      .progress = { 1, 1 },
      .number = get_type,
      .max = UINT32_MAX,
      .choices = type_names,
      .help = "Message type",
      .source = "RFC 4120 section 7.5.7" },
    { .name = "krb5_err_code",
      .kind = INSPECT_NUMBER,
      .directions = BOTH,
      .progress = { 1, 1 },
      .number = get_error,
      .max = INT32_MAX,
      .choices = error_names,
      .help = "Error code",
      .source = "RFC 4120 section 7.5.9" },
    { .name = "krb5.ticket_encryption",
      .shown = "krb5_ticket_encryption",
      .kind = INSPECT_NUMBER,
      .directions = 1U << TO_CLIENT,
      .progress = { 1, 1 },
      .number = get_ticket,
      .max = INT32_MAX,
      .choices = encryption_names,
      .names = private_encryptions,
      .list = true,
      .group = "weak",
      .group_ranges = weak_ranges,
      .help = "Encryption of the ticket",
      .source = "RFC 3961 section 8" },
};

const struct protocol krb5_protocol = {
    .id = PROTOCOL_krb5,
    .name = "krb5",
    .title = "Kerberos 5",
    .eve_type = "krb5",
    .eve_ends = EVE_ENDS_OF_PACKET,
    .transports = TRANSPORT_UDP | TRANSPORT_TCP,
    .ports = "88",
    .probe = krb5_probe,
    .probe_depth = 32,
    .state_size = 1,
    .record_size = sizeof(struct krb5),
    .tx_memory_max = 65536,
    .buffer_max = MESSAGE_MAX + 4,
    .datagram = krb5_datagram,
    .stream = krb5_stream,
    .one_way = true,
    .write = krb5_write,
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .events = event_names,
};
