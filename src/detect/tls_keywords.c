/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords about TLS that are neither buffers nor plain numbers: versions, states, validity, legacy texts. */
#include <stdlib.h>
#include <time.h>

#include "detect/buffer.h"
#include "detect/context.h"
#include "detect/keyword.h"
#include "proto/tls.h"

static uint64_t tls_protocol(const struct ruleset *set)
{
    for (size_t i = 0; i < set->protocol_count; i++)
        if (strcmp(set->protocols[i]->name, "tls") == 0)
            return (uint64_t)1 << i;
    return 0;
}

static struct buffer_use *add_test(struct compiler *c, tx_test_fn test)
{
    struct buffer *buffer = set_buffer_kind(c->set, "test", BUFFER_TEST, NULL);
    struct buffer_use *use = buffer ? compiler_add_use(c, buffer) : NULL;
    if (!use) {
        (void)refuse(c, "out of memory");
        return NULL;
    }
    use->test = test;
    use->protocols = tls_protocol(c->set);
    return use;
}

static const struct {
    const char *name, *number; /* of ssl_version; of tls.version */
    uint16_t version;
} versions[] = { { "sslv2", "ssl2", 0x0200 }, { "sslv3", "ssl3", 0x0300 }, { "tls1.0", "1.0", 0x0301 },
                 { "tls1.1", "1.1", 0x0302 }, { "tls1.2", "1.2", 0x0303 }, { "tls1.3", "1.3", 0x0304 } };

static uint32_t version_bit(uint16_t version)
{
    for (size_t i = 0; i < COUNT_OF(versions); i++)
        if (versions[i].version == version)
            return 1U << i;
    return 0;
}

/* What the sender's hello offers or chooses by extension (TLS 1.3 and later), else the version agreed on,
 * else that of its records. */
static bool version_holds(const struct buffer_use *use, const struct tx *tx, enum direction direction)
{
    const struct tls *tls = (const struct tls *)tx->record;
    const struct tls_end *end = &tls->ends[direction];
    uint16_t version = tls->version ? tls->version : end->version;
    if (end->has_hello && end->hello.version_best)
        version = end->hello.version_best;
    uint32_t bit = version_bit(version);
    if (!version)
        return false;
    return use->data ? version == use->wanted : ((bit & use->wanted) != 0) != use->negated;
}

static bool parse_tls_version(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct buffer_use *use = add_test(c, version_holds);
    uint64_t raw;
    if (!use)
        return false;
    for (size_t i = 0; i < COUNT_OF(versions); i++)
        if (bytes_is(value, versions[i].number))
            use->wanted = 1U << i;
    if (!use->wanted && bytes_starts(value, BYTES_OF("0x")) && bytes_to_number(value, &raw) &&
        raw <= UINT16_MAX) {
        use->data = versions; /* the number as it is */
        use->wanted = (uint32_t)raw;
    }
    return use->wanted || refuse(c, "the version must be 1.0, 1.1, 1.2 or 1.3");
}

static bool parse_ssl_version(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct bytes word;
    struct buffer_use *use = add_test(c, version_holds);
    while (use && list_next(&value, &word)) {
        if (word.size && word.data[0] == '!') {
            use->negated = true;
            word = bytes_from(word, 1);
        }
        size_t i = 0;
        while (i < COUNT_OF(versions) && !bytes_equal_nocase(word, bytes_of_string(versions[i].name)))
            i++;
        if (i == COUNT_OF(versions))
            return refuse(c, "\"%.*s\" is no version", (int)MIN(word.size, 40U), (const char *)word.data);
        use->wanted |= 1U << i;
    }
    return use && (use->wanted || refuse(c, "a version is wanted"));
}

/* One of the states is there, or one of those behind a '!' (range.a) is not. */
static bool state_holds(const struct buffer_use *use, const struct tx *tx, enum direction direction)
{
    (void)direction;
    const struct tls *tls = (const struct tls *)tx->record;
    return ((tls->states & use->wanted) ^ use->range.a) != 0;
}

static bool parse_ssl_state(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    static const char *const states[] = { "client_hello", "server_hello", "client_keyx", "server_keyx",
                                          "unknown" };
    struct buffer_use *use = add_test(c, state_holds);
    for (bool more = value.size > 0; use && more;) {
        uint8_t separator = bytes_find_byte(value, '|') == SIZE_MAX ? ',' : '|';
        more = bytes_find_byte(value, separator) != SIZE_MAX;
        struct bytes word = bytes_trim(bytes_cut(&value, separator));
        bool negated = word.size && word.data[0] == '!';
        word = bytes_from(word, negated);
        size_t i = 0;
        while (i < COUNT_OF(states) && !bytes_is(word, states[i]))
            i++;
        if (i == COUNT_OF(states))
            return refuse(c, "\"%.*s\" is no state", (int)MIN(word.size, 40U), (const char *)word.data);
        use->wanted |= 1U << i;
        use->range.a |= negated ? 1U << i : 0;
    }
    return use && (use->wanted || refuse(c, "a state is wanted"));
}

/* tls.subject:"text" is a content in tls.cert_subject; mode says which. */
static bool parse_legacy_text(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    static const char *const buffers[] = { "tls.cert_subject", "tls.cert_issuer", "tls.cert_fingerprint" };
    bool negated = value.size && value.data[0] == '!';
    if (negated)
        value = bytes_trim(bytes_from(value, 1));
    if (!unquote(&value) || value.size == 0)
        return refuse(c, "a text in quotes is wanted");
    struct buffer_use *use = compiler_named_use(c, buffers[keyword->mode]);
    return use && compiler_content(c, use, value, negated);
}

static bool any_certificate(const struct buffer_use *use, const struct tx *tx, enum direction direction)
{
    (void)use;
    return ((const struct tls *)tx->record)->ends[direction].has_certificate;
}

/* The chain is written when the rule matches (tls-store); there must be one. */
static bool parse_tls_store(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    (void)value;
    c->signature->rule.stores_certificate = true;
    struct buffer_use *use = add_test(c, any_certificate);
    if (use)
        use->implied = true;
    return use != NULL;
}

/* ---- validity of certificates ---- */

static const struct certificate *dated_certificate(const struct tx *tx, enum direction direction)
{
    const struct tls_end *end = &((const struct tls *)tx->record)->ends[direction];
    return end->has_certificate && end->certificate.has_validity ? &end->certificate : NULL;
}

enum { VALIDITY_VALID, VALIDITY_EXPIRED };

static bool validity_holds(const struct buffer_use *use, const struct tx *tx, enum direction direction)
{
    const struct certificate *certificate = dated_certificate(tx, direction);
    int64_t now = (int64_t)(tx->last / 1000000000U);
    if (!certificate)
        return false;
    if (use->wanted == VALIDITY_EXPIRED)
        return certificate->not_after < now;
    return certificate->not_before <= now && now <= certificate->not_after;
}

/* What is asked of the server's certificate. */
static struct buffer_use *add_server_test(struct compiler *c, tx_test_fn test)
{
    struct buffer_use *use = add_test(c, test);
    if (use) {
        use->side = 1 + TO_CLIENT;
        use->progress = TLS_SERVER_CERT_DONE;
    }
    return use;
}

static bool parse_validity(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)value;
    struct buffer_use *use = add_server_test(c, validity_holds);
    if (use)
        use->wanted = keyword->mode;
    return use != NULL;
}

enum { DATE_NOT_BEFORE, DATE_NOT_AFTER };

/* The ends of a range belong to it. */
static bool date_holds(const struct buffer_use *use, const struct tx *tx, enum direction direction)
{
    const struct certificate *certificate = dated_certificate(tx, direction);
    if (!certificate)
        return false;
    int64_t date = use->wanted == DATE_NOT_AFTER ? certificate->not_after : certificate->not_before;
    return date >= 0 && range_has(&use->range, (uint64_t)date);
}

/* Takes a number of so many digits off the front of `text`, after `before` when that is not 0. */
static bool take_digits(struct bytes *text, const char *before, unsigned digits, int *number)
{
    if (*before && (text->size == 0 || !strchr(before, text->data[0])))
        return false;
    struct bytes part = bytes_first(bytes_from(*text, *before != '\0'), digits);
    uint64_t value;
    if (part.size != digits || !bytes_to_u64(part, &value))
        return false;
    *text = bytes_from(*text, digits + (*before != '\0'));
    *number = (int)value;
    return true;
}

/* Seconds since 1970, or YYYY-MM[-DD[THH[:MM[:SS]]]] in UTC, with a space for the T as well. */
static bool read_date(struct compiler *c, struct bytes text, uint64_t *seconds)
{
    struct tm tm = { .tm_mday = 1 };
    struct bytes rest = text;
    if (bytes_to_u64(text, seconds))
        return true;
    bool good = take_digits(&rest, "", 4, &tm.tm_year) && take_digits(&rest, "-", 2, &tm.tm_mon);
    static const char *const before[] = { "-", "T ", ":", ":" };
    int *const places[] = { &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec };
    for (size_t i = 0; good && rest.size && i < COUNT_OF(places); i++)
        good = take_digits(&rest, before[i], 2, places[i]);
    good = good && rest.size == 0 && tm.tm_mon >= 1 && tm.tm_mon <= 12 && tm.tm_mday >= 1 &&
           tm.tm_mday <= 31 && tm.tm_hour <= 23 && tm.tm_min <= 59 && tm.tm_sec <= 60;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    time_t time = good ? timegm(&tm) : -1;
    if (time < 0)
        return refuse(c, "\"%.*s\" is no date: YYYY-MM-DD[THH:MM:SS] or seconds since 1970",
                      (int)MIN(text.size, 40U), (const char *)text.data);
    *seconds = (uint64_t)time;
    return true;
}

/* "date", "<date", ">date", "date<>date". */
static bool parse_date(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    struct buffer_use *use = add_server_test(c, date_holds);
    size_t between = bytes_find(value, BYTES_OF("<>"));
    if (!use)
        return false;
    struct range *range = &use->range;
    use->wanted = keyword->mode;
    if (between != SIZE_MAX) {
        range->comparison = IS_WITHIN;
        if (!read_date(c, bytes_trim(bytes_first(value, between)), &range->a) ||
            !read_date(c, bytes_trim(bytes_from(value, between + 2)), &range->b))
            return false;
        return range->a < range->b || refuse(c, "the second date must be later than the first");
    }
    range->comparison = IS_EQUAL;
    if (value.size && (value.data[0] == '<' || value.data[0] == '>')) {
        range->comparison = value.data[0] == '<' ? IS_AT_MOST : IS_AT_LEAST;
        value = bytes_trim(bytes_from(value, 1));
    }
    return read_date(c, value, &range->a);
}

const struct keyword tls_keywords[] = {
    { "tls.version", .parse = parse_tls_version, .help = "Version of the connection",
      .source = "RFC 8446 4.2.1", .list = "tls_generic" },
    { "ssl_version", .parse = parse_ssl_version, .help = "One of several versions", .list = "tls_generic" },
    { "ssl_state", .parse = parse_ssl_state, .help = "The latest message of the handshake",
      .list = "tls_generic" },
    { "tls.subject", .parse = parse_legacy_text, .flags = KEYWORD_QUOTES, .mode = 0,
      .help = "Legacy: text in the certificate's subject", .list = "tls_cert" },
    { "tls.issuerdn", .parse = parse_legacy_text, .flags = KEYWORD_QUOTES, .mode = 1,
      .help = "Legacy: text in the certificate's issuer", .list = "tls_cert" },
    { "tls.fingerprint", .parse = parse_legacy_text, .mode = 2,
      .help = "Legacy: the certificate's fingerprint", .list = "tls_cert" },
    { "tls.store", .alias = "tls_store", .parse = parse_tls_store, .flags = KEYWORD_NO_VALUE,
      .help = "The sender's certificates are stored (output tls-store)", .postmatch = "tls_store" },
    { "tls_cert_valid", .parse = parse_validity, .flags = KEYWORD_NO_VALUE, .mode = VALIDITY_VALID,
      .help = "The certificate is valid at the packet's time", .source = "RFC 5280 4.1.2.5" },
    { "tls_cert_expired", .parse = parse_validity, .flags = KEYWORD_NO_VALUE, .mode = VALIDITY_EXPIRED,
      .help = "The certificate was valid before the packet's time", .source = "RFC 5280 4.1.2.5" },
    { "tls_cert_notbefore", .parse = parse_date, .mode = DATE_NOT_BEFORE,
      .help = "Date from which the certificate is valid; ends of ranges belong to them",
      .source = "RFC 5280 4.1.2.5" },
    { "tls_cert_notafter", .parse = parse_date, .mode = DATE_NOT_AFTER,
      .help = "Date until which the certificate is valid; ends of ranges belong to them",
      .source = "RFC 5280 4.1.2.5" },
    { 0 },
};
