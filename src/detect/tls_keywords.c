/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords about TLS that are neither buffers nor plain numbers: versions, states, validity, legacy texts. */
#include <stdlib.h>

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

/* The version of the connection once agreed on, else of the sender's records. */
static bool version_holds(const struct buffer_use *use, const struct tx *tx, enum direction direction)
{
    const struct tls *tls = (const struct tls *)tx->record;
    uint16_t version = tls->version ? tls->version : tls->ends[direction].version;
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

static bool state_holds(const struct buffer_use *use, const struct tx *tx, enum direction direction)
{
    (void)direction;
    const struct tls *tls = (const struct tls *)tx->record;
    return ((tls->states & use->wanted) != 0) != use->negated;
}

static bool parse_ssl_state(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    static const char *const states[] = { "client_hello", "server_hello", "client_keyx", "server_keyx",
                                          "unknown" };
    struct buffer_use *use = add_test(c, state_holds);
    while (use && value.size) {
        struct bytes word = bytes_trim(
            bytes_cut(&value, bytes_find_byte(value, '|') == SIZE_MAX ? ',' : '|'));
        if (word.size && word.data[0] == '!') {
            use->negated = true;
            word = bytes_from(word, 1);
        }
        size_t i = 0;
        while (i < COUNT_OF(states) && !bytes_equal_nocase(word, bytes_of_string(states[i])))
            i++;
        if (i == COUNT_OF(states))
            return refuse(c, "\"%.*s\" is no state", (int)MIN(word.size, 40U), (const char *)word.data);
        use->wanted |= 1U << i;
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
    struct buffer *buffer = set_buffer(c->set, bytes_of_string(buffers[keyword->mode]), NULL);
    struct buffer_use *use = buffer ? compiler_add_use(c, buffer) : NULL;
    struct item *item = use ? COMPILER_NEW(c, struct item) : NULL;
    if (!item)
        return refuse(c, "no buffer has this name");
    item->kind = ITEM_CONTENT;
    item->negated = negated;
    item->content.offset.variable = item->content.depth.variable = NO_VARIABLE;
    item->content.distance.variable = item->content.within.variable = NO_VARIABLE;
    use->items = item;
    return compiler_copy(c, value, &item->content.bytes);
}

static bool any_certificate(const struct buffer_use *use, const struct tx *tx, enum direction direction)
{
    (void)use;
    return ((const struct tls *)tx->record)->ends[direction].has_certificate;
}

/* The certificate goes with the EVE record; here it is enough that there is one. */
static bool parse_tls_store(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    (void)value;
    return add_test(c, any_certificate) != NULL;
}

const struct keyword tls_keywords[] = {
    { "tls.version", .parse = parse_tls_version, .help = "Version of the connection",
      .source = "RFC 8446 4.2.1", .list = "tls_generic" },
    { "ssl_version", .parse = parse_ssl_version, .help = "One of several versions", .list = "tls_generic" },
    { "ssl_state", .parse = parse_ssl_state, .help = "Messages of the handshake seen so far",
      .list = "tls_generic" },
    { "tls.subject", .parse = parse_legacy_text, .mode = 0,
      .help = "Legacy: text in the certificate's subject", .list = "tls_cert" },
    { "tls.issuerdn", .parse = parse_legacy_text, .mode = 1,
      .help = "Legacy: text in the certificate's issuer", .list = "tls_cert" },
    { "tls.fingerprint", .parse = parse_legacy_text, .mode = 2,
      .help = "Legacy: the certificate's fingerprint", .list = "tls_cert" },
    { "tls.store", .parse = parse_tls_store, .flags = KEYWORD_NO_VALUE,
      .help = "There is a certificate to store" },
    { 0 },
};
