/* SPDX-License-Identifier: Apache-2.0 */
/* TLS hello messages (RFC 8446, RFC 5246, RFC 6066, RFC 7301) and JA3, JA3S, JA4. */
#include "proto/tls_hello.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define NUMBERS_MAX 1024U
#define SNI_MAX     255U /* of a name (RFC 1035 section 2.3.4) */

enum {
    EXT_SERVER_NAME = 0,
    EXT_GROUPS = 10,
    EXT_POINT_FORMATS = 11,
    EXT_SIGNATURES = 13,
    EXT_ALPN = 16,
    EXT_TICKET = 35,
    EXT_VERSIONS = 43
};

bool tls_is_grease(uint16_t value)
{
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

const char *tls_version_text(uint16_t version, char *buffer, size_t size)
{
    struct text text = text_of(buffer, size);
    switch (version) {
    case 0:
        return "UNDETERMINED";
    case 0x0200:
        return "SSLv2";
    case 0x0300:
        return "SSLv3";
    case 0x0301:
        return "TLSv1";
    case 0x0302:
        return "TLS 1.1";
    case 0x0303:
        return "TLS 1.2";
    case 0x0304:
        return "TLS 1.3";
    case 0xfb1a:
        return "TLS 1.3 draft-26-fb";
    case 0x7e02:
        return "TLS 1.3 Facebook draft-23";
    case 0x7e01:
        return "TLS 1.3 Google pre-draft";
    default:
        break;
    }
    if (version >= 0x7f00 && version < 0x7f10)
        return "TLS 1.3 draft-<16";
    if (version >> 8 == 0x7f)
        text_add(&text, "TLS 1.3 draft-%u", version & 0xffU);
    else
        text_add(&text, "0x%04x", version);
    return buffer;
}

static bool read_numbers(struct reader *in, struct arena *memory, struct tls_numbers *numbers)
{
    size_t count = MIN(reader_left(in) / 2, (size_t)NUMBERS_MAX);
    uint16_t *items = ARENA_ARRAY(memory, uint16_t, count + 1);
    if (!items)
        return false;
    for (size_t i = 0; i < count; i++)
        items[i] = reader_be16(in);
    *numbers = (struct tls_numbers){ items, (uint32_t)count };
    return true;
}

static void read_sni(struct reader *in, struct arena *memory, struct tls_hello *hello)
{
    if (hello->has_sni) {
        hello->sni_twice = true;
        return;
    }
    hello->has_sni = true;
    if (reader_empty(in))
        return;
    (void)reader_be16(in); /* the size of the list: there is one name (RFC 6066 section 3) */
    uint8_t type = reader_u8(in);
    size_t size = reader_be16(in);
    hello->odd_length |= !reader_ok(in);
    if (!reader_ok(in))
        return;
    struct bytes name = reader_bytes(in, size);
    if (type != 0)
        hello->sni_bad_type = true;
    else if (!reader_ok(in) || size == 0 || size > SNI_MAX)
        hello->sni_bad_length = true;
    else
        hello->sni = arena_copy(memory, name);
}

static void read_alpns(struct reader *in, struct arena *memory, struct tls_hello *hello)
{
    if (reader_empty(in))
        return;
    struct reader list = reader_sub(in, reader_be16(in));
    hello->odd_length |= !reader_ok(in);
    hello->alpn_count = 0;
    while (!reader_empty(&list) && hello->alpn_count < COUNT_OF(hello->alpns)) {
        struct bytes name = reader_bytes(&list, reader_u8(&list));
        if (!reader_ok(&list) || !name.size)
            return;
        hello->alpns[hello->alpn_count++] = arena_copy(memory, name);
    }
}

/* Drafts of TLS 1.3 (0x7fNN) rank above what came before, below 1.3 itself. */
static bool better_version(uint16_t version, uint16_t best)
{
    return !tls_is_grease(version) &&
           (best == 0 || (best != 0x0304 && (version == 0x0304 || version > best)));
}

static void read_versions(struct reader *in, bool server, struct arena *memory, struct tls_hello *hello)
{
    if (reader_empty(in))
        return;
    struct reader list = server ? reader_sub(in, 2) : reader_sub(in, reader_u8(in));
    hello->odd_length |= !reader_ok(in);
    if (!reader_ok(&list) || !read_numbers(&list, memory, &hello->versions))
        return;
    hello->version_best = 0;
    for (uint32_t i = 0; i < hello->versions.count; i++)
        if (server || better_version(hello->versions.items[i], hello->version_best))
            hello->version_best = hello->versions.items[i];
}

/* A list behind its size of two octets; an empty extension has none. */
static struct reader sized_list(struct reader *in, struct tls_hello *hello)
{
    if (reader_empty(in))
        return *in;
    struct reader list = reader_sub(in, reader_be16(in));
    hello->odd_length |= !reader_ok(in);
    return list;
}

static bool read_extension(struct reader *in, uint16_t type, bool server, struct arena *memory,
                           struct tls_hello *hello)
{
    switch (type) {
    case EXT_SERVER_NAME:
        if (!server)
            read_sni(in, memory, hello);
        return true;
    case EXT_GROUPS: {
        struct reader list = sized_list(in, hello);
        return server || read_numbers(&list, memory, &hello->curves);
    }
    case EXT_POINT_FORMATS:
        if (reader_empty(in))
            return true;
        hello->point_formats = arena_copy(memory, reader_bytes(in, reader_u8(in)));
        hello->odd_length |= !reader_ok(in);
        return true;
    case EXT_SIGNATURES: {
        struct reader list = sized_list(in, hello);
        hello->odd_length |= reader_left(&list) % 2 != 0;
        return server || read_numbers(&list, memory, &hello->signatures);
    }
    case EXT_ALPN:
        read_alpns(in, memory, hello);
        return true;
    case EXT_TICKET:
        hello->ticket = true;
        return true;
    case EXT_VERSIONS:
        read_versions(in, server, memory, hello);
        return true;
    default:
        return true;
    }
}

static bool read_extensions(struct reader *in, bool server, struct arena *memory, struct tls_hello *hello)
{
    if (reader_left(in) < 2)
        return true;
    struct reader list = reader_sub(in, reader_be16(in));
    if (!reader_ok(&list))
        return false;
    size_t most = MIN(reader_left(&list) / 4, (size_t)NUMBERS_MAX);
    uint16_t *types = ARENA_ARRAY(memory, uint16_t, most + 1);
    if (!types)
        return false;
    uint32_t count = 0;
    while (reader_left(&list) >= 4 && count < most) {
        uint16_t type = reader_be16(&list);
        struct reader body = reader_sub(&list, reader_be16(&list));
        if (!reader_ok(&list))
            return false;
        types[count++] = type;
        hello->extensions = (struct tls_numbers){ types, count };
        if (!read_extension(&body, type, server, memory, hello))
            return false;
    }
    hello->odd_length |= !reader_empty(&list) && reader_left(&list) < 4;
    return true;
}

static bool read_start(struct reader *in, struct arena *memory, struct tls_hello *hello)
{
    hello->version = reader_be16(in);
    struct bytes random = reader_bytes(in, 32);
    struct bytes session = reader_bytes(in, reader_u8(in));
    if (!reader_ok(in))
        return false;
    hello->random = arena_copy(memory, random);
    hello->session_id = arena_copy(memory, session);
    return hello->random.data != NULL;
}

bool tls_read_client_hello(struct reader *in, struct arena *memory, struct tls_hello *hello)
{
    if (!read_start(in, memory, hello))
        return false;
    struct reader ciphers = reader_sub(in, reader_be16(in));
    if (!reader_ok(&ciphers) || reader_left(&ciphers) % 2 || !read_numbers(&ciphers, memory, &hello->ciphers))
        return false;
    reader_skip(in, reader_u8(in)); /* compression */
    return reader_ok(in) && read_extensions(in, false, memory, hello);
}

bool tls_read_server_hello(struct reader *in, struct arena *memory, struct tls_hello *hello)
{
    /* SHA-256 of "HelloRetryRequest" (RFC 8446 section 4.1.3) */
    static const uint8_t retry[32] = { 0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                                       0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
                                       0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c };
    bool early_draft = reader_left(in) >= 2 && reader_peek(in).data[0] == 0x7f;
    if (early_draft) { /* up to draft 21 the server's hello has neither session nor compression */
        hello->version = hello->version_best = reader_be16(in);
        hello->random = arena_copy(memory, reader_bytes(in, 32));
    } else if (!read_start(in, memory, hello)) {
        return false;
    }
    struct reader cipher = reader_sub(in, 2);
    if (!reader_ok(&cipher) || !read_numbers(&cipher, memory, &hello->ciphers))
        return false;
    if (!early_draft)
        reader_skip(in, 1);
    hello->retry = bytes_equal(hello->random, bytes_of(retry, sizeof retry));
    return reader_ok(in) && read_extensions(in, true, memory, hello);
}

/* ---- fingerprints ---- */

static void write_list(struct text *out, const struct tls_numbers *numbers, bool grease)
{
    bool first = true;
    for (uint32_t i = 0; i < numbers->count; i++) {
        if (!grease && tls_is_grease(numbers->items[i]))
            continue;
        if (!first)
            text_char(out, '-');
        text_u64(out, numbers->items[i]);
        first = false;
    }
}

/* Kept GREASE extensions count as one and the same (0xfafa): clients draw them anew each time. */
static void write_extensions(struct text *out, const struct tls_numbers *numbers, bool grease)
{
    for (uint32_t i = 0, written = 0; i < numbers->count; i++) {
        bool random = tls_is_grease(numbers->items[i]);
        if (random && !grease)
            continue;
        if (written++)
            text_char(out, '-');
        text_u64(out, random ? 0xfafaU : numbers->items[i]);
    }
}

struct bytes tls_ja3(const struct tls_hello *hello, bool server, bool grease, struct arena *memory)
{
    char buffer[8192];
    struct text out = text_of(buffer, sizeof buffer);
    text_u64(&out, hello->version);
    text_char(&out, ',');
    write_list(&out, &hello->ciphers, grease);
    text_char(&out, ',');
    write_extensions(&out, &hello->extensions, grease);
    if (!server) {
        text_char(&out, ',');
        write_list(&out, &hello->curves, grease);
        text_char(&out, ',');
        for (size_t i = 0; i < hello->point_formats.size; i++) {
            if (i)
                text_char(&out, '-');
            text_u64(&out, hello->point_formats.data[i]);
        }
    }
    return arena_copy(memory, text_bytes(&out));
}

struct bytes tls_ja3_hash(struct bytes ja3, struct arena *memory)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    char buffer[2 * EVP_MAX_MD_SIZE + 1];
    struct text out = text_of(buffer, sizeof buffer);
    if (!ja3.data || !EVP_Digest(ja3.data, ja3.size, digest, &size, EVP_md5(), NULL))
        return BYTES_NONE;
    text_hex(&out, bytes_of(digest, size));
    return arena_copy(memory, text_bytes(&out));
}

static int by_value(const void *a, const void *b)
{
    const uint16_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

/* Without GREASE and without `skip`; returns how many were kept. */
static size_t keep(const struct tls_numbers *numbers, uint16_t kept[NUMBERS_MAX], bool for_hash)
{
    size_t count = 0;
    for (uint32_t i = 0; i < numbers->count && count < NUMBERS_MAX; i++) {
        uint16_t value = numbers->items[i];
        bool named = for_hash && (value == EXT_SERVER_NAME || value == EXT_ALPN);
        if (!tls_is_grease(value) && !named)
            kept[count++] = value;
    }
    return count;
}

static void write_hex_list(struct text *out, const uint16_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        text_add(out, "%s%04x", i ? "," : "", values[i]);
}

static void write_short_hash(struct text *out, const struct text *input)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (EVP_Digest(input->data, input->size, digest, &size, EVP_sha256(), NULL))
        text_hex(out, bytes_of(digest, 6));
}

static const char *ja4_version(const struct tls_hello *hello)
{
    switch (hello->version_best ? hello->version_best : hello->version) {
    case 0x0304:
        return "13";
    case 0x0303:
        return "12";
    case 0x0302:
        return "11";
    case 0x0301:
        return "10";
    case 0x0300:
        return "s3";
    case 0x0200:
    case 0x0002:
        return "s2";
    default:
        return "00";
    }
}

static bool alphanumeric(uint8_t c)
{
    return byte_is_digit(c) || (byte_lower(c) >= 'a' && byte_lower(c) <= 'z');
}

static void write_alpn_ends(struct text *out, const struct tls_hello *hello)
{
    static const char digits[] = "0123456789abcdef";
    if (!hello->alpn_count || !hello->alpns[0].size) {
        text_string(out, "00");
        return;
    }
    uint8_t first = hello->alpns[0].data[0], last = hello->alpns[0].data[hello->alpns[0].size - 1];
    if (alphanumeric(first) && alphanumeric(last)) {
        text_char(out, (char)first);
        text_char(out, (char)last);
    } else {
        text_char(out, digits[first >> 4]);
        text_char(out, digits[last & 15]);
    }
}

struct bytes tls_ja4(const struct tls_hello *hello, char transport, struct arena *memory)
{
    char buffer[64], lists[12 * 1024];
    struct text out = text_of(buffer, sizeof buffer), list = text_of(lists, sizeof lists);
    uint16_t kept[NUMBERS_MAX];
    size_t extensions = keep(&hello->extensions, kept, false);
    size_t ciphers = keep(&hello->ciphers, kept, false);
    text_add(&out, "%c%s%c%02u%02u", transport, ja4_version(hello), hello->has_sni ? 'd' : 'i',
             (unsigned)MIN(ciphers, 99U), (unsigned)MIN(extensions, 99U));
    write_alpn_ends(&out, hello);
    text_char(&out, '_');
    qsort(kept, ciphers, sizeof kept[0], by_value);
    write_hex_list(&list, kept, ciphers);
    write_short_hash(&out, &list);
    text_char(&out, '_');
    text_clear(&list);
    extensions = keep(&hello->extensions, kept, true);
    qsort(kept, extensions, sizeof kept[0], by_value);
    write_hex_list(&list, kept, extensions);
    size_t signatures = keep(&hello->signatures, kept, false);
    text_char(&list, '_'); /* always, as Suricata does; JA4's own text leaves it out when no list follows */
    write_hex_list(&list, kept, signatures);
    write_short_hash(&out, &list);
    return arena_copy(memory, text_bytes(&out));
}
