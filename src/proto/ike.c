/* SPDX-License-Identifier: Apache-2.0 */
/* Internet Key Exchange, version 1 (RFC 2408, 2409) and 2 (RFC 7296). Each message is a transaction. */
#include "proto/session.h"

#define HEADER_SIZE    28U
#define KEY_MAX        1024U
#define NONCE_MAX      256U
#define PAYLOADS_MAX   64U
#define VENDORS_MAX    32U
#define ATTRIBUTES_MAX 16U
#define OFFERS_MAX     32U /* transforms of a proposal that are kept */
#define NON_ESP        4U  /* zeros before a message on port 4500 (RFC 3948 section 2.2) */

enum ike_event {
    EVENT_MALFORMED_DATA,
    EVENT_NO_ENCRYPTION,
    EVENT_WEAK_CRYPTO_ENC,
    EVENT_WEAK_CRYPTO_PRF,
    EVENT_WEAK_CRYPTO_DH,
    EVENT_WEAK_CRYPTO_AUTH,
    EVENT_WEAK_CRYPTO_NO_DH,
    EVENT_WEAK_CRYPTO_NO_AUTH,
    EVENT_INVALID_PROPOSAL,
    EVENT_UNKNOWN_PROPOSAL,
    EVENT_PAYLOAD_EXTRA_DATA,
    EVENT_MULTIPLE_SERVER_PROPOSAL,
};
static const char *const event_names[] = {
    "malformed_data",
    "no_encryption",
    "weak_crypto_enc",
    "weak_crypto_prf",
    "weak_crypto_dh",
    "weak_crypto_auth",
    "weak_crypto_no_dh",
    "weak_crypto_no_auth",
    "invalid_proposal",
    "unknown_proposal",
    "payload_extra_data",
    "multiple_server_proposal",
    NULL,
};

/* An IKEv1 attribute of a transform (RFC 2409 appendix A). */
struct attribute {
    uint16_t type;
    uint32_t value;
};

struct attributes {
    struct attribute items[ATTRIBUTES_MAX];
    uint32_t count;
};

/* What IKEv2's responder chose: by type of transform (RFC 7296 section 3.3.2), less one. */
struct chosen2 {
    uint16_t ids[5];
    uint8_t types; /* a bit each */
};

/* What a side of IKEv1 said in the clear. */
struct side {
    uint8_t key_exchange[KEY_MAX], nonce[NONCE_MAX];
    size_t key_size, nonce_size;
};

struct ike {
    char initiator[17], responder[17]; /* hexadecimal digits of the SPIs */
    struct bytes initiator_spi, responder_spi;
    uint8_t major, minor, exchange, flags;
    uint32_t message_id;
    bool has_header, to_client, encrypted, has_doi;
    uint32_t doi, errors;
    uint64_t payloads[4]; /* types that were seen, a bit each */
    uint8_t order[PAYLOADS_MAX];
    uint32_t order_count;
    struct bytes vendors[VENDORS_MAX]; /* hexadecimal */
    uint32_t vendor_count;
    struct bytes key_exchange, nonce; /* of this message, hexadecimal */
    uint32_t key_size, nonce_size;
    struct bytes side_key[DIRECTIONS], side_nonce[DIRECTIONS]; /* of the sides, so far; hexadecimal */
    struct attributes *offers;                                 /* by the client, in this message */
    uint32_t offer_count;
    struct attributes chosen; /* by the server, so far */
    bool chooses;             /* in this message */
    uint16_t notify[8];
    uint32_t notify_count;
    struct chosen2 chosen2; /* so far */
};

struct ike_state {
    struct side sides[DIRECTIONS];
    struct attributes chosen;
    struct chosen2 chosen2;
    bool has_doi;
    uint32_t doi;
};

static struct ike *record_of(struct tx *tx)
{
    return (struct ike *)(void *)tx->record;
}

static struct bytes hex_of(struct tx *tx, struct bytes b)
{
    uint8_t *digits = arena_new(&tx->memory, b.size * 2 + 1, 1);
    if (!digits)
        return BYTES_NONE;
    for (size_t i = 0; i < b.size; i++) {
        digits[2 * i] = (uint8_t) "0123456789abcdef"[b.data[i] >> 4];
        digits[2 * i + 1] = (uint8_t) "0123456789abcdef"[b.data[i] & 15];
    }
    return bytes_of(digits, b.size * 2);
}

/* ---- names (IANA registries of IKE and IKEv2) ---- */

struct name {
    uint32_t value;
    const char *name;
};

static const char *name_of(const struct name *names, size_t count, uint32_t value)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].value == value)
            return names[i].name;
    return NULL;
}
#define NAME_OF(list, value) name_of((list), COUNT_OF(list), (value))

static const struct name payload_names[] = {
    { 0, "NoNextPayload" },
    { 1, "SecurityAssociation" },
    { 2, "Proposal" },
    { 3, "Transform" },
    { 4, "KeyExchange" },
    { 5, "Identification" },
    { 6, "Certificate" },
    { 7, "CertificateRequest" },
    { 8, "Hash" },
    { 9, "Signature" },
    { 10, "Nonce" },
    { 11, "Notification" },
    { 12, "Delete" },
    { 13, "VendorID" },
    { 15, "SaKekPayload" },
    { 16, "SaTekPayload" },
    { 17, "KeyDownload" },
    { 18, "SequenceNumber" },
    { 19, "ProofOfPossession" },
    { 20, "NatDiscovery" },
    { 21, "NatOriginalAddress" },
    { 22, "GroupAssociatedPolicy" },
    { 33, "SecurityAssociation" },
    { 34, "KeyExchange" },
    { 35, "IdentInitiator" },
    { 36, "IdentResponder" },
    { 37, "Certificate" },
    { 38, "CertificateRequest" },
    { 39, "Authentication" },
    { 40, "Nonce" },
    { 41, "Notify" },
    { 42, "Delete" },
    { 43, "VendorID" },
    { 44, "TrafficSelectorInitiator" },
    { 45, "TrafficSelectorResponder" },
    { 46, "EncryptedAndAuthenticated" },
    { 47, "Configuration" },
    { 48, "ExtensibleAuthentication" },
};

/* RFC 7296 section 3.14, RFC 7383 section 2.5. */
enum { PAYLOAD_ENCRYPTED = 46, PAYLOAD_FRAGMENT = 53 };

enum {
    ATTRIBUTE_ENC = 1,
    ATTRIBUTE_HASH,
    ATTRIBUTE_AUTH,
    ATTRIBUTE_DH,
    ATTRIBUTE_LIFE_TYPE = 11,
    ATTRIBUTE_LIFE_DURATION,
    ATTRIBUTE_KEY_LENGTH = 14
};

static const struct name attribute_names[] = {
    { 1, "alg_enc" },       { 2, "alg_hash" },       { 3, "alg_auth" },        { 4, "alg_dh" },
    { 5, "sa_group_type" }, { 6, "sa_group_prime" }, { 7, "sa_generator_g1" }, { 8, "sa_generator_g2" },
    { 9, "sa_curve_a" },    { 10, "sa_curve_b" },    { 11, "sa_life_type" },   { 12, "sa_life_duration" },
    { 13, "alg_prf" },      { 14, "sa_key_length" }, { 15, "sa_field_size" },  { 16, "sa_group_order" },
};

static const struct name encryption_names[] = {
    { 1, "EncDesCbc" },       { 2, "EncIdeaCbc" }, { 3, "EncBlowfishCbc" }, { 4, "EncRc5R16B64Cbc" },
    { 5, "EncTripleDesCbc" }, { 6, "EncCastCbc" }, { 7, "EncAesCbc" },      { 8, "EncCamelliaCbc" },
};
static const struct name hash_names[] = {
    { 1, "HashMd5" },      { 2, "HashSha" },      { 3, "HashTiger" },
    { 4, "HashSha2_256" }, { 5, "HashSha2_384" }, { 6, "HashSha2_512" },
};
static const struct name auth_names[] = {
    { 1, "AuthPreSharedKey" },
    { 2, "AuthDssSignatures" },
    { 3, "AuthRsaSignatures" },
    { 4, "AuthEncryptionWithRsa" },
    { 5, "AuthRevisedEncryptionWithRsa" },
};
static const struct name group_names[] = {
    { 1, "GroupDefault768BitModp" }, { 2, "GroupAlternate1024BitModpGroup" },
    { 3, "GroupEc2nOnGp2p155" },     { 4, "GroupEc2nOnGp2p185" },
    { 5, "GroupModp1536Bit" },       { 14, "GroupModp2048Bit" },
    { 15, "GroupModp3072Bit" },      { 16, "GroupModp4096Bit" },
    { 17, "GroupModp6144Bit" },      { 18, "GroupModp8192Bit" },
};
static const struct name life_names[] = { { 1, "LifeTypeSeconds" }, { 2, "LifeTypeKilobytes" } };

/* IKEv2: transforms (RFC 7296 section 3.3.2) and notifications (section 3.10.1), as IANA has them. */
static const struct name encryption2_names[] = {
    { 1, "ENCR_DES_IV64" },
    { 2, "ENCR_DES" },
    { 3, "ENCR_3DES" },
    { 4, "ENCR_RC5" },
    { 5, "ENCR_IDEA" },
    { 6, "ENCR_CAST" },
    { 7, "ENCR_BLOWFISH" },
    { 8, "ENCR_3IDEA" },
    { 9, "ENCR_DES_IV32" },
    { 11, "ENCR_NULL" },
    { 12, "ENCR_AES_CBC" },
    { 13, "ENCR_AES_CTR" },
    { 14, "ENCR_AES_CCM_8" },
    { 15, "ENCR_AES_CCM_12" },
    { 16, "ENCR_AES_CCM_16" },
    { 18, "ENCR_AES_GCM_8" },
    { 19, "ENCR_AES_GCM_12" },
    { 20, "ENCR_AES_GCM_16" },
    { 21, "ENCR_NULL_AUTH_AES_GMAC" },
    { 23, "ENCR_CAMELLIA_CBC" },
    { 24, "ENCR_CAMELLIA_CTR" },
    { 25, "ENCR_CAMELLIA_CCM_8" },
    { 26, "ENCR_CAMELLIA_CCM_12" },
    { 27, "ENCR_CAMELLIA_CCM_16" },
    { 28, "ENCR_CHACHA20_POLY1305" },
};
static const struct name prf2_names[] = {
    { 0, "PRF_NULL" },          { 1, "PRF_HMAC_MD5" },      { 2, "PRF_HMAC_SHA1" },
    { 3, "PRF_HMAC_TIGER" },    { 4, "PRF_AES128_XCBC" },   { 5, "PRF_HMAC_SHA2_256" },
    { 6, "PRF_HMAC_SHA2_384" }, { 7, "PRF_HMAC_SHA2_512" }, { 8, "PRF_AES128_CMAC" },
};
static const struct name integrity2_names[] = {
    { 0, "NONE" },
    { 1, "AUTH_HMAC_MD5_96" },
    { 2, "AUTH_HMAC_SHA1_96" },
    { 3, "AUTH_DES_MAC" },
    { 4, "AUTH_KPDK_MD5" },
    { 5, "AUTH_AES_XCBC_96" },
    { 6, "AUTH_HMAC_MD5_128" },
    { 7, "AUTH_HMAC_SHA1_160" },
    { 8, "AUTH_AES_CMAC_96" },
    { 9, "AUTH_AES_128_GMAC" },
    { 10, "AUTH_AES_192_GMAC" },
    { 11, "AUTH_AES_256_GMAC" },
    { 12, "AUTH_HMAC_SHA2_256_128" },
    { 13, "AUTH_HMAC_SHA2_384_192" },
    { 14, "AUTH_HMAC_SHA2_512_256" },
};
static const struct name group2_names[] = {
    { 0, "None" },
    { 1, "Modp768" },
    { 2, "Modp1024" },
    { 5, "Modp1536" },
    { 14, "Modp2048" },
    { 15, "Modp3072" },
    { 16, "Modp4096" },
    { 17, "Modp6144" },
    { 18, "Modp8192" },
    { 19, "Ecp256" },
    { 20, "Ecp384" },
    { 21, "Ecp521" },
    { 22, "Modp1024s160" },
    { 23, "Modp2048s224" },
    { 24, "Modp2048s256" },
    { 25, "Ecp192" },
    { 26, "Ecp224" },
    { 27, "BrainpoolP224r1" },
    { 28, "BrainpoolP256r1" },
    { 29, "BrainpoolP384r1" },
    { 30, "BrainpoolP512r1" },
    { 31, "Curve25519" },
    { 32, "Curve448" },
};
static const struct name esn2_names[] = {
    { 0, "NoESN" },
    { 1, "ESN" },
};
static const struct name notify2_names[] = {
    { 1, "UNSUPPORTED_CRITICAL_PAYLOAD" },
    { 4, "INVALID_IKE_SPI" },
    { 5, "INVALID_MAJOR_VERSION" },
    { 7, "INVALID_SYNTAX" },
    { 9, "INVALID_MESSAGE_ID" },
    { 11, "INVALID_SPI" },
    { 14, "NO_PROPOSAL_CHOSEN" },
    { 17, "INVALID_KE_PAYLOAD" },
    { 24, "AUTHENTICATION_FAILED" },
    { 34, "SINGLE_PAIR_REQUIRED" },
    { 35, "NO_ADDITIONAL_SAS" },
    { 36, "INTERNAL_ADDRESS_FAILURE" },
    { 37, "FAILED_CP_REQUIRED" },
    { 38, "TS_UNACCEPTABLE" },
    { 39, "INVALID_SELECTORS" },
    { 43, "TEMPORARY_FAILURE" },
    { 44, "CHILD_SA_NOT_FOUND" },
    { 16384, "INITIAL_CONTACT" },
    { 16385, "SET_WINDOW_SIZE" },
    { 16386, "ADDITIONAL_TS_POSSIBLE" },
    { 16387, "IPCOMP_SUPPORTED" },
    { 16388, "NAT_DETECTION_SOURCE_IP" },
    { 16389, "NAT_DETECTION_DESTINATION_IP" },
    { 16390, "COOKIE" },
    { 16391, "USE_TRANSPORT_MODE" },
    { 16392, "HTTP_CERT_LOOKUP_SUPPORTED" },
    { 16393, "REKEY_SA" },
    { 16394, "ESP_TFC_PADDING_NOT_SUPPORTED" },
    { 16395, "NON_FIRST_FRAGMENTS_ALSO" },
    { 16404, "MULTIPLE_AUTH_SUPPORTED" },
    { 16405, "ANOTHER_AUTH_FOLLOWS" },
    { 16406, "REDIRECT_SUPPORTED" },
    { 16430, "IKEV2_FRAGMENTATION_SUPPORTED" },
    { 16431, "SIGNATURE_HASH_ALGORITHMS" },
};
/* Exchanges of IKEv1 (RFC 2408 section 3.1, RFC 2409 section 5.5, 5.6). */
static const struct name exchange1_names[] = {
    { 1, "Base" },        { 2, "Identity Protection" }, { 3, "Authentication Only" },
    { 4, "Aggressive" },  { 5, "Informational" },       { 6, "Transaction (Config Mode)" },
    { 32, "Quick Mode" }, { 33, "New Group Mode" },
};

static const char *value_name(uint16_t type, uint32_t value)
{
    const char *name = NULL;
    if (type == ATTRIBUTE_ENC)
        name = NAME_OF(encryption_names, value);
    else if (type == ATTRIBUTE_HASH)
        name = NAME_OF(hash_names, value);
    else if (type == ATTRIBUTE_AUTH)
        name = NAME_OF(auth_names, value);
    else if (type == ATTRIBUTE_DH)
        name = NAME_OF(group_names, value);
    else if (type == ATTRIBUTE_LIFE_TYPE)
        name = NAME_OF(life_names, value);
    return name ? name : "Unknown";
}

/* ---- parsing ---- */

static enum probe ike_probe(enum direction direction, struct bytes data)
{
    (void)direction;
    if (data.size >= HEADER_SIZE + NON_ESP && bytes_equal(bytes_first(data, NON_ESP), BYTES_OF("\0\0\0\0")))
        data = bytes_from(data, NON_ESP);
    struct reader in = reader_of_bytes(data);
    uint64_t initiator = reader_be64(&in), responder = reader_be64(&in);
    uint8_t next = reader_u8(&in), version = reader_u8(&in), exchange = reader_u8(&in);
    reader_skip(&in, 5);
    uint32_t size = reader_be32(&in);
    if (!reader_ok(&in) || initiator == 0 || size != data.size)
        return PROBE_NO;
    (void)responder;
    if (version >> 4 == 1)
        return next <= 22 && exchange <= 34 ? PROBE_YES : PROBE_NO;
    return version >> 4 == 2 && exchange >= 34 && exchange <= 44 && (next == 0 || (next >= 33 && next <= 54))
               ? PROBE_YES
               : PROBE_NO;
}

/* Version 1 tells each type once. */
static void note_payload(struct ike *ike, uint8_t type)
{
    if (ike->major == 1 && ike->payloads[type / 64] >> type % 64 & 1)
        return;
    ike->payloads[type / 64] |= (uint64_t)1 << type % 64;
    if (ike->order_count < PAYLOADS_MAX)
        ike->order[ike->order_count++] = type;
}

/* Data attributes (RFC 2408 section 3.3). */
static void read_attributes(struct reader *in, struct attributes *list)
{
    while (!reader_empty(in)) {
        uint16_t head = reader_be16(in);
        uint32_t value = 0;
        if (head & 0x8000) {
            value = reader_be16(in);
        } else {
            struct bytes data = reader_bytes(in, reader_be16(in));
            for (size_t i = 0; i < data.size; i++)
                value = value << 8 | data.data[i];
        }
        if (!reader_ok(in))
            return;
        struct attribute attribute = { head & 0x7fff, value };
        bool known = false;
        for (uint32_t i = 0; i < list->count; i++)
            known |= list->items[i].type == attribute.type;
        if (!known && list->count < ATTRIBUTES_MAX)
            list->items[list->count++] = attribute;
    }
}

/* Where the attributes of the client's next transform go; NULL: there are enough. */
static struct attributes *next_offer(struct tx *tx)
{
    struct ike *ike = record_of(tx);
    if (!ike->offers)
        ike->offers = ARENA_ARRAY(&tx->memory, struct attributes, OFFERS_MAX);
    return ike->offers && ike->offer_count < OFFERS_MAX ? &ike->offers[ike->offer_count++] : NULL;
}

/* Proposals with their transforms (RFC 2408 section 3.5, 3.6). `chosen`: of the server, or NULL. */
static uint32_t read_proposals(struct tx *tx, struct reader *in, struct attributes *chosen)
{
    struct ike *ike = record_of(tx);
    uint32_t transforms = 0;
    while (!reader_empty(in)) {
        uint8_t more = reader_u8(in);
        reader_skip(in, 1);
        uint16_t size = reader_be16(in);
        if (size < 8)
            return transforms;
        struct reader proposal = reader_sub(in, size - 4U);
        note_payload(ike, 2);
        reader_skip(&proposal, 2);
        reader_skip(&proposal,
                    reader_u8(&proposal) + 1U); /* the SPI, after its size and the number of transforms */
        while (!reader_empty(&proposal)) {
            reader_skip(&proposal, 2);
            uint16_t length = reader_be16(&proposal);
            if (length < 8)
                break;
            struct reader transform = reader_sub(&proposal, length - 4U);
            note_payload(ike, 3);
            reader_skip(&transform, 4);
            struct attributes *list = chosen ? chosen : next_offer(tx);
            if (list)
                read_attributes(&transform, list);
            transforms++;
        }
        if (more != 2)
            break;
    }
    return transforms;
}

static void take_association1(struct tx *tx, struct ike_state *state, struct reader in)
{
    struct ike *ike = record_of(tx);
    state->doi = reader_be32(&in);
    state->has_doi = reader_ok(&in);
    reader_skip(&in, 4); /* situation */
    if (ike->to_client) {
        state->chosen.count = 0;
        ike->chooses = true;
    }
    uint32_t transforms = read_proposals(tx, &in, ike->to_client ? &state->chosen : NULL);
    if (ike->to_client && transforms > 1)
        tx_event(tx, EVENT_MULTIPLE_SERVER_PROPOSAL);
}

/* What a proposal has. */
struct proposal {
    bool authenticated; /* by a transform of its own, or by its cipher */
    bool exchange;      /* a key exchange is named, if only to say that there is none */
};

/* Ciphers that authenticate (RFC 5282, RFC 8247 section 2.1, GOST's of RFC 9385): a bit each. */
static const uint32_t combined_ciphers = 7U << 14 | 7U << 18 | 15U << 25;

/* Too weak by RFC 8247, or too old. */
static void judge_transform(struct tx *tx, uint8_t type, uint16_t id, struct proposal *proposal)
{
    switch (type) {
    case 1:
        if ((id >= 1 && id <= 9) || id == 11)
            tx_event(tx, EVENT_WEAK_CRYPTO_ENC);
        proposal->authenticated |= id < 32 && (combined_ciphers >> id & 1);
        break;
    case 2:
        if (id == 0)
            tx_event(tx, EVENT_INVALID_PROPOSAL);
        else if (id <= 2)
            tx_event(tx, EVENT_WEAK_CRYPTO_PRF);
        break;
    case 3:
        if (id >= 1 && id <= 7)
            tx_event(tx, EVENT_WEAK_CRYPTO_AUTH);
        proposal->authenticated |= id != 0;
        break;
    case 4:
        if (id == 0)
            tx_event(tx, EVENT_INVALID_PROPOSAL);
        else if (id == 1 || id == 2 || id == 5 || id == 22)
            tx_event(tx, EVENT_WEAK_CRYPTO_DH);
        proposal->exchange = true;
        break;
    case 5:
        break;
    default:
        tx_event(tx, EVENT_UNKNOWN_PROPOSAL);
    }
}

enum { PROTOCOL_AH = 2 };

static void judge_proposal(struct tx *tx, uint8_t protocol, const struct proposal *proposal)
{
    if (protocol == PROTOCOL_AH)
        tx_event(tx, EVENT_NO_ENCRYPTION);
    if (!proposal->authenticated)
        tx_event(tx, EVENT_WEAK_CRYPTO_NO_AUTH);
    if (!proposal->exchange)
        tx_event(tx, EVENT_WEAK_CRYPTO_NO_DH);
}

static void choose2(struct chosen2 *chosen, uint8_t type, uint16_t id)
{
    if (type < 1 || type > COUNT_OF(chosen->ids))
        return;
    chosen->ids[type - 1] = id;
    chosen->types |= (uint8_t)(1U << (type - 1));
}

/* RFC 7296 section 3.3. */
static void take_association2(struct tx *tx, struct ike_state *state, struct reader in)
{
    struct ike *ike = record_of(tx);
    while (!reader_empty(&in)) {
        reader_skip(&in, 2);
        uint16_t size = reader_be16(&in);
        if (size < 8)
            return;
        struct reader proposal = reader_sub(&in, size - 4U);
        struct proposal has = { 0 };
        reader_skip(&proposal, 1);
        uint8_t protocol = reader_u8(&proposal);
        reader_skip(&proposal, reader_u8(&proposal) + 1U);
        if (!reader_ok(&in) || !reader_ok(&proposal))
            return;
        while (!reader_empty(&proposal)) {
            reader_skip(&proposal, 2);
            uint16_t length = reader_be16(&proposal);
            if (length < 8)
                break;
            struct reader transform = reader_sub(&proposal, length - 4U);
            uint8_t type = reader_u8(&transform);
            reader_skip(&transform, 1);
            uint16_t id = reader_be16(&transform);
            if (!reader_ok(&transform))
                break;
            judge_transform(tx, type, id, &has);
            if (ike->to_client)
                choose2(&state->chosen2, type, id);
        }
        judge_proposal(tx, protocol, &has);
    }
}

static void take_key_exchange(struct tx *tx, struct ike_state *state, struct bytes data)
{
    struct ike *ike = record_of(tx);
    ike->key_exchange = hex_of(tx, data);
    ike->key_size = (uint32_t)data.size;
    struct side *side = &state->sides[ike->to_client];
    side->key_size = MIN(data.size, sizeof side->key_exchange);
    if (side->key_size)
        memcpy(side->key_exchange, data.data, side->key_size);
}

static void take_nonce(struct tx *tx, struct ike_state *state, struct bytes data)
{
    struct ike *ike = record_of(tx);
    struct side *side = &state->sides[ike->to_client];
    ike->nonce = hex_of(tx, data);
    ike->nonce_size = (uint32_t)data.size;
    side->nonce_size = MIN(data.size, sizeof side->nonce);
    if (side->nonce_size)
        memcpy(side->nonce, data.data, side->nonce_size);
}

static void take_payload(struct tx *tx, struct ike_state *state, uint8_t type, struct bytes data)
{
    struct ike *ike = record_of(tx);
    switch (type) {
    case 1:
        take_association1(tx, state, reader_of_bytes(data));
        break;
    case 33:
        take_association2(tx, state, reader_of_bytes(data));
        break;
    case 4:
        take_key_exchange(tx, state, data);
        break;
    case 34:
        take_key_exchange(tx, state, bytes_from(data, 4));
        break;
    case 10:
    case 40:
        take_nonce(tx, state, data);
        break;
    case 13:
    case 43:
        if (ike->vendor_count < VENDORS_MAX)
            ike->vendors[ike->vendor_count++] = hex_of(tx, data);
        break;
    case 41: {
        struct reader in = reader_of_bytes(data);
        reader_skip(&in, 2);
        uint16_t kind = reader_be16(&in);
        if (reader_ok(&in) && kind < 16384)
            ike->errors++;
        if (reader_ok(&in) && ike->notify_count < COUNT_OF(ike->notify))
            ike->notify[ike->notify_count++] = kind;
        break;
    }
    default:
        break;
    }
}

/* The chain of payloads (RFC 2408 section 3.2, RFC 7296 section 3.2). */
static void take_payloads(struct tx *tx, struct ike_state *state, uint8_t next, struct reader *in)
{
    struct ike *ike = record_of(tx);
    bool two = ike->major == 2;
    for (unsigned i = 0; i < PAYLOADS_MAX && next; i++) {
        uint8_t type = next;
        note_payload(ike, type);
        if (ike->encrypted) /* only the first type can be seen */
            return;
        next = reader_u8(in);
        reader_skip(in, 1);
        uint16_t size = reader_be16(in);
        if (!reader_ok(in) || size < 4 || size - 4U > reader_left(in)) {
            tx_event(tx, EVENT_MALFORMED_DATA);
            return;
        }
        struct bytes data = reader_bytes(in, size - 4U);
        if (two && (type == PAYLOAD_ENCRYPTED || type == PAYLOAD_FRAGMENT)) {
            /* The rest is in it, of which only the first type can be seen; 0 in later fragments. */
            note_payload(ike, next);
            return;
        }
        take_payload(tx, state, type, data);
    }
    if (two && next == 0)
        note_payload(ike, 0);
    if (!reader_empty(in))
        tx_event(tx, EVENT_PAYLOAD_EXTRA_DATA);
}

static struct bytes spi_text(char text[17], struct bytes spi)
{
    struct text out = text_of(text, 17);
    text_hex(&out, spi);
    return text_bytes(&out);
}

/* What IKEv1's sides said stays known for the later messages. */
static void recall(struct tx *tx, const struct ike_state *state)
{
    struct ike *ike = record_of(tx);
    for (int d = 0; d < DIRECTIONS && !ike->encrypted; d++) {
        const struct side *side = &state->sides[d];
        if (side->key_size)
            ike->side_key[d] = hex_of(tx, bytes_of(side->key_exchange, side->key_size));
        if (side->nonce_size)
            ike->side_nonce[d] = hex_of(tx, bytes_of(side->nonce, side->nonce_size));
    }
}

static bool ike_datagram(struct session *session, void *state_, enum direction direction, struct reader *in)
{
    struct ike_state *state = state_;
    if (reader_left(in) >= HEADER_SIZE + NON_ESP &&
        bytes_equal(bytes_first(reader_peek(in), NON_ESP), BYTES_OF("\0\0\0\0")))
        reader_skip(in, NON_ESP);
    struct bytes initiator = reader_bytes(in, 8), responder = reader_bytes(in, 8);
    uint8_t next = reader_u8(in), version = reader_u8(in), exchange = reader_u8(in), flags = reader_u8(in);
    uint32_t id = reader_be32(in), size = reader_be32(in);
    if (!reader_ok(in) || (version >> 4 != 1 && version >> 4 != 2))
        return false;
    struct tx *tx = session_tx_directed(session, direction);
    if (!tx)
        return false;
    struct ike *ike = record_of(tx);
    ike->initiator_spi = spi_text(ike->initiator, initiator);
    ike->responder_spi = spi_text(ike->responder, responder);
    ike->has_header = true;
    ike->major = version >> 4;
    ike->minor = version & 15;
    ike->exchange = exchange;
    ike->flags = flags;
    ike->message_id = id;
    ike->to_client = direction == TO_CLIENT;
    ike->encrypted = ike->major == 1 && flags & 1;
    if (size < HEADER_SIZE || size - HEADER_SIZE > reader_left(in))
        tx_event(tx, EVENT_MALFORMED_DATA);
    else
        take_payloads(tx, state, next, in);
    if (ike->major == 1)
        recall(tx, state);
    ike->chosen = state->chosen;
    ike->chosen2 = state->chosen2;
    ike->has_doi = state->has_doi;
    ike->doi = state->doi;
    (void)reader_rest(in);
    tx_finish_both(tx);
    return true;
}

/* ---- the record ---- */

static void put_attributes(struct text *out, const struct attributes *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct attribute *attribute = &list->items[i];
        const char *name = NAME_OF(attribute_names, attribute->type);
        char raw[32];
        if (!name)
            continue;
        struct text key = text_of(raw, sizeof raw);
        text_add(&key, "%s_raw", name);
        json_cstring(out, name, value_name(attribute->type, attribute->value));
        json_uint(out, raw, attribute->value);
    }
}

static void put_side(struct text *out, const struct ike *ike, bool client)
{
    struct bytes key = ike->side_key[client ? TO_SERVER : TO_CLIENT];
    struct bytes nonce = ike->side_nonce[client ? TO_SERVER : TO_CLIENT];
    json_open(out, client ? "client" : "server", '{');
    if (key.data) {
        json_string(out, "key_exchange_payload", key);
        json_uint(out, "key_exchange_payload_length", key.size / 2);
    }
    if (nonce.data) {
        json_string(out, "nonce_payload", nonce);
        json_uint(out, "nonce_payload_length", nonce.size / 2);
    }
    if (client && ike->offer_count) {
        json_open(out, "proposals", '[');
        for (uint32_t i = 0; i < ike->offer_count; i++) {
            json_open(out, NULL, '{');
            put_attributes(out, &ike->offers[i]);
            json_close(out, '}');
        }
        json_close(out, ']');
    }
    json_close(out, '}');
}

static void put_version1(struct text *out, const struct ike *ike)
{
    json_open(out, "ikev1", '{');
    if (ike->has_doi)
        json_uint(out, "doi", ike->doi);
    json_bool(out, "encrypted_payloads", ike->encrypted);
    if (!ike->encrypted) {
        put_side(out, ike, true);
        put_side(out, ike, false);
        if (ike->vendor_count) {
            json_open(out, "vendor_ids", '[');
            for (uint32_t i = 0; i < ike->vendor_count; i++)
                json_string(out, NULL, ike->vendors[i]);
            json_close(out, ']');
        }
    }
    json_close(out, '}');
}

/* A name of IKEv2's registries, or how Suricata writes what has none. */
static void put_name2(struct text *out, const char *key, const char *name, const char *kind, uint16_t value)
{
    char unknown[64];
    struct text text = text_of(unknown, sizeof unknown);
    text_add(&text, "%s(%u / 0x%x)", kind, value, value);
    json_cstring(out, key, name ? name : unknown);
}

static void put_payloads(struct text *out, const struct ike *ike)
{
    json_open(out, "payload", '[');
    for (uint32_t i = 0; i < ike->order_count; i++) {
        const char *name = NAME_OF(payload_names, ike->order[i]);
        if (ike->major == 1)
            json_cstring(out, NULL, name ? name : "Unknown");
        else
            put_name2(out, NULL, name, "IkePayloadType", ike->order[i]);
    }
    json_close(out, ']');
}

static void put_chosen2(struct text *out, const struct chosen2 *chosen)
{
    static const struct {
        const char *key, *kind;
        const struct name *names;
        size_t count;
        uint8_t type; /* RFC 7296 section 3.3.2, less one */
        uint8_t none; /* what stands for none */
    } rows[] = {
        { "alg_enc", "IkeTransformEncType", encryption2_names, COUNT_OF(encryption2_names), 0, 11 },
        { "alg_auth", "IkeTransformAuthType", integrity2_names, COUNT_OF(integrity2_names), 2, 0 },
        { "alg_prf", "IkeTransformPRFType", prf2_names, COUNT_OF(prf2_names), 1, 0 },
        { "alg_dh", "IkeTransformDHType", group2_names, COUNT_OF(group2_names), 3, 0 },
        { "alg_esn", "IkeTransformESNType", esn2_names, COUNT_OF(esn2_names), 4, 0 },
    };
    for (size_t i = 0; chosen->types && i < COUNT_OF(rows); i++) {
        bool is_chosen = chosen->types >> rows[i].type & 1;
        uint16_t id = is_chosen ? chosen->ids[rows[i].type] : rows[i].none;
        put_name2(out, rows[i].key, name_of(rows[i].names, rows[i].count, id), rows[i].kind, id);
    }
}

static void put_version2(struct text *out, const struct ike *ike)
{
    json_cstring(out, "role", ike->flags & 0x08 ? "initiator" : "responder");
    if (ike->to_client)
        put_chosen2(out, &ike->chosen2);
    put_payloads(out, ike);
    json_open(out, "ikev2", '{');
    json_uint(out, "errors", ike->errors);
    if (ike->notify_count) {
        json_open(out, "notify", '[');
        for (uint32_t i = 0; i < ike->notify_count; i++)
            put_name2(out, NULL, NAME_OF(notify2_names, ike->notify[i]), "NotifyType", ike->notify[i]);
        json_close(out, ']');
    }
    json_close(out, '}');
}

static void ike_write(const struct tx *tx, bool extended, struct text *out)
{
    const struct ike *ike = (const void *)tx->record;
    const char *exchange = ike->major == 1 ? NAME_OF(exchange1_names, ike->exchange) : NULL;
    json_uint(out, "version_major", ike->major);
    json_uint(out, "version_minor", ike->minor);
    json_string(out, "init_spi", ike->initiator_spi);
    json_string(out, "resp_spi", ike->responder_spi);
    json_uint(out, "message_id", ike->message_id);
    json_uint(out, "exchange_type", ike->exchange);
    if (extended && exchange)
        json_cstring(out, "exchange_type_verbose", exchange);
    if (ike->major != 1) {
        put_version2(out, ike);
        return;
    }
    put_attributes(out, &ike->chosen);
    put_payloads(out, ike);
    put_version1(out, ike);
}

/* ---- keywords ---- */

static bool get_vendor(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                       struct bytes *value)
{
    const struct ike *ike = (const void *)tx->record;
    (void)direction;
    (void)scratch;
    if (index >= ike->vendor_count)
        return false;
    *value = ike->vendors[index];
    return true;
}

/* Rules look at the octets, records have their digits. */
static bool unhex(struct bytes digits, struct arena *scratch, struct bytes *value)
{
    uint8_t *octets = digits.size ? arena_new(scratch, digits.size / 2, 1) : NULL;
    if (!octets)
        return false;
    for (size_t i = 0; i < digits.size / 2; i++)
        octets[i] = (uint8_t)(byte_hex(digits.data[2 * i]) * 16 + byte_hex(digits.data[2 * i + 1]));
    *value = bytes_of(octets, digits.size / 2);
    return true;
}

static bool get_key_exchange(const struct tx *tx, enum direction direction, uint32_t index,
                             struct arena *scratch, struct bytes *value)
{
    const struct ike *ike = (const void *)tx->record;
    (void)direction;
    return index == 0 && unhex(ike->key_exchange, scratch, value);
}

static bool get_nonce(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                      struct bytes *value)
{
    const struct ike *ike = (const void *)tx->record;
    (void)direction;
    return index == 0 && unhex(ike->nonce, scratch, value);
}

static bool exchange_type(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    const struct ike *ike = (const void *)tx->record;
    (void)direction;
    *value = ike->exchange;
    return index == 0;
}

static bool key_size(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    const struct ike *ike = (const void *)tx->record;
    (void)direction;
    *value = ike->key_size;
    return index == 0 && ike->key_exchange.data;
}

static bool nonce_size(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    const struct ike *ike = (const void *)tx->record;
    (void)direction;
    *value = ike->nonce_size;
    return index == 0 && ike->nonce.data;
}

/* Type and value of the attributes that this message chose. */
static bool chosen_attribute(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    const struct ike *ike = (const void *)tx->record;
    (void)direction;
    if (!ike->chooses || index >= ike->chosen.count)
        return false;
    *value = (uint64_t)ike->chosen.items[index].type << 32 | ike->chosen.items[index].value;
    return true;
}

/* By attribute type. */
static const char *const chosen_names[] = {
    "",
    "alg_enc",
    "alg_hash",
    "alg_auth",
    "alg_dh",
    "sa_group_type",
    "sa_group_prime",
    "sa_generator_g1",
    "sa_generator_g2",
    "sa_curve_a",
    "sa_curve_b",
    "sa_life_type",
    "sa_life_duration",
    "alg_prf",
    "sa_key_length",
    "sa_field_size",
    "sa_group_order",
    NULL,
};

#define BOTH (1 << TO_SERVER | 1 << TO_CLIENT)
#define NUMBER(keyword, getter, most, text)                                                               \
    {                                                                                                     \
        .name = (keyword), .kind = INSPECT_NUMBER, .directions = BOTH, .number = (getter), .max = (most), \
        .progress = { 1, 1 }, .help = (text)                                                              \
    }
#define GETTER(keyword, getter, text)                                                                      \
    {                                                                                                      \
        .name = (keyword), .kind = INSPECT_GET, .directions = BOTH, .get = (getter), .progress = { 1, 1 }, \
        .help = (text)                                                                                     \
    }

static const struct inspect inspects[] = {
    { .name = "ike.init_spi",
      .kind = INSPECT_BYTES,
      .directions = 1 << TO_SERVER,
      .progress = { 1, 1 },
      .offset = offsetof(struct ike, initiator_spi),
      .help = "SPI of the initiator, hexadecimal" },
    { .name = "ike.resp_spi",
      .kind = INSPECT_BYTES,
      .directions = 1 << TO_CLIENT,
      .progress = { 1, 1 },
      .offset = offsetof(struct ike, responder_spi),
      .help = "SPI of the responder, hexadecimal" },
    { .name = "ike.vendor",
      .kind = INSPECT_GET,
      .directions = 1 << TO_SERVER,
      .progress = { 1, 1 },
      .get = get_vendor,
      .help = "A vendor ID of the initiator, hexadecimal" },
    GETTER("ike.key_exchange_payload", get_key_exchange, "Key exchange data"),
    GETTER("ike.nonce_payload", get_nonce, "Nonce"),
    { .name = "ike.chosen_sa_attribute",
      .kind = INSPECT_NUMBER,
      .directions = BOTH,
      .progress = { 1, 1 },
      .number = chosen_attribute,
      .choices = chosen_names,
      .parts = 1,
      .help = "An attribute of the transform that IKEv1's responder chose",
      .source = "RFC 2409 appendix A" },
    NUMBER("ike.exchtype", exchange_type, UINT8_MAX, "Exchange type"),
    NUMBER("ike.key_exchange_payload_length", key_size, UINT32_MAX, "Size of the key exchange data"),
    NUMBER("ike.nonce_payload_length", nonce_size, UINT32_MAX, "Size of the nonce"),
};

const struct protocol ike_protocol = {
    .id = PROTOCOL_ike,
    .name = "ike",
    .alias = "ikev2 ikev1",
    .title = "Internet Key Exchange",
    .eve_type = "ike",
    .transports = TRANSPORT_UDP,
    .ports = "500,4500",
    .probe = ike_probe,
    .state_size = sizeof(struct ike_state),
    .record_size = sizeof(struct ike),
    .tx_memory_max = 256U * 1024U,
    .tx_max = 128,
    .datagram = ike_datagram,
    .one_way = true,
    .write = ike_write,
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .events = event_names,
};
