/* SPDX-License-Identifier: Apache-2.0 */
/* Transformations of buffers before they are matched. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <zlib.h>

#include "detect/context.h"
#include "detect/data.h"
#include "detect/engine.h"
#include "detect/keyword.h"
#include "detect/regex.h"

#define INFLATED_MAX (1U << 20) /* bytes a decompressing transformation may make */

/* Room for `size` bytes until the packet is done; the input stands in when there is none. */
static uint8_t *room(struct context *context, size_t size)
{
    return arena_new(context->scratch, size ? size : 1, 1);
}

static struct bytes dot_prefix(const struct transform *t, struct bytes in, struct context *context)
{
    (void)t;
    uint8_t *out = room(context, in.size + 1);
    if (!out)
        return in;
    out[0] = '.';
    if (in.size)
        memcpy(out + 1, in.data, in.size);
    return bytes_of(out, in.size + 1);
}

static struct bytes strip_space(const struct transform *t, struct bytes in, struct context *context)
{
    (void)t;
    uint8_t *out = room(context, in.size);
    size_t size = 0;
    for (size_t i = 0; out && i < in.size; i++)
        if (!byte_is_space(in.data[i]))
            out[size++] = in.data[i];
    return out ? bytes_of(out, size) : in;
}

static struct bytes compress_space(const struct transform *t, struct bytes in, struct context *context)
{
    (void)t;
    uint8_t *out = room(context, in.size);
    size_t size = 0;
    for (size_t i = 0; out && i < in.size; i++)
        if (!byte_is_space(in.data[i]) || i == 0 || !byte_is_space(in.data[i - 1]))
            out[size++] = in.data[i];
    return out ? bytes_of(out, size) : in;
}

static struct bytes digest(struct bytes in, struct context *context, const EVP_MD *kind)
{
    uint8_t *out = room(context, EVP_MAX_MD_SIZE);
    unsigned size = 0;
    if (!out || EVP_Digest(in.data ? in.data : (const uint8_t *)"", in.size, out, &size, kind, NULL) != 1)
        return in;
    return bytes_of(out, size);
}

static struct bytes to_md5(const struct transform *t, struct bytes in, struct context *context)
{
    (void)t;
    return digest(in, context, EVP_md5());
}

static struct bytes to_sha1(const struct transform *t, struct bytes in, struct context *context)
{
    (void)t;
    return digest(in, context, EVP_sha1());
}

static struct bytes to_sha256(const struct transform *t, struct bytes in, struct context *context)
{
    (void)t;
    return digest(in, context, EVP_sha256());
}

static struct bytes to_lower(const struct transform *t, struct bytes in, struct context *context)
{
    (void)t;
    uint8_t *out = room(context, in.size);
    for (size_t i = 0; out && i < in.size; i++)
        out[i] = byte_lower(in.data[i]);
    return out ? bytes_of(out, in.size) : in;
}

static struct bytes to_upper(const struct transform *t, struct bytes in, struct context *context)
{
    (void)t;
    uint8_t *out = room(context, in.size);
    for (size_t i = 0; out && i < in.size; i++)
        out[i] = in.data[i] >= 'a' && in.data[i] <= 'z' ? (uint8_t)(in.data[i] - 32) : in.data[i];
    return out ? bytes_of(out, in.size) : in;
}

static struct bytes url_decode(const struct transform *t, struct bytes in, struct context *context)
{
    (void)t;
    uint8_t *out = room(context, in.size);
    size_t size = 0;
    for (size_t i = 0; out && i < in.size; i++) {
        uint8_t b = in.data[i];
        if (b == '%' && i + 2 < in.size && byte_hex(in.data[i + 1]) >= 0 && byte_hex(in.data[i + 2]) >= 0) {
            b = (uint8_t)(byte_hex(in.data[i + 1]) << 4 | byte_hex(in.data[i + 2]));
            i += 2;
        } else if (b == '+') {
            b = ' ';
        }
        out[size++] = b;
    }
    return out ? bytes_of(out, size) : in;
}

static struct bytes exclusive_or(const struct transform *t, struct bytes in, struct context *context)
{
    const struct bytes *key = t->data;
    uint8_t *out = room(context, in.size);
    for (size_t i = 0; out && i < in.size; i++)
        out[i] = in.data[i] ^ key->data[i % key->size];
    return out ? bytes_of(out, in.size) : in;
}

static struct bytes regex_part(const struct transform *t, struct bytes in, struct context *context)
{
    struct bytes part = regex_capture(t->data, context->detector->regex, in);
    return part.data ? part : in;
}

/* Names of "Name: value" lines in lower case; values stay. */
static struct bytes header_lower(const struct transform *t, struct bytes in, struct context *context)
{
    (void)t;
    uint8_t *out = room(context, in.size);
    bool name = true;
    for (size_t i = 0; out && i < in.size; i++) {
        out[i] = name ? byte_lower(in.data[i]) : in.data[i];
        if (in.data[i] == ':')
            name = false;
        else if (in.data[i] == '\n')
            name = true;
    }
    return out ? bytes_of(out, in.size) : in;
}

/* Lines that start with ':' (HTTP/2 pseudo headers) are left out. */
static struct bytes strip_pseudo(const struct transform *t, struct bytes in, struct context *context)
{
    (void)t;
    uint8_t *out = room(context, in.size);
    size_t size = 0;
    struct bytes rest = in;
    while (out && rest.size) {
        size_t end = bytes_find_byte(rest, '\n');
        struct bytes line = bytes_first(rest, end == SIZE_MAX ? rest.size : end + 1);
        rest = bytes_from(rest, line.size);
        if (line.data[0] == ':')
            continue;
        memcpy(out + size, line.data, line.size);
        size += line.size;
    }
    return out ? bytes_of(out, size) : in;
}

/* Second-level names under which country domains register: "com.vn", "co.uk". */
static bool is_registry_label(struct bytes label)
{
    static const char *const labels[] = { "ac",   "co",   "com", "edu",    "gob",  "gov", "go",
                                          "gouv", "info", "int", "mil",    "name", "ne",  "net",
                                          "or",   "org",  "biz", "health", "pro" };
    for (size_t i = 0; i < COUNT_OF(labels); i++)
        if (bytes_equal_nocase(label, bytes_of_string(labels[i])))
            return true;
    return false;
}

/* Start of the part after the dot that precedes `end`. */
static size_t label_start(struct bytes name, size_t end)
{
    while (end && name.data[end - 1] != '.')
        end--;
    return end;
}

/* Where the public suffix starts: the last label, or two under a country's registry labels. */
static size_t suffix_start(struct bytes name)
{
    size_t top = label_start(name, name.size);
    if (top == 0 || name.size - top != 2)
        return top;
    size_t second = label_start(name, top - 1);
    return second && is_registry_label(bytes_of(name.data + second, top - 1 - second)) ? second : top;
}

static struct bytes domain(const struct transform *t, struct bytes in, struct context *context)
{
    (void)t;
    (void)context;
    size_t suffix = suffix_start(in);
    return suffix ? bytes_from(in, label_start(in, suffix - 1)) : in;
}

static struct bytes top_domain(const struct transform *t, struct bytes in, struct context *context)
{
    (void)t;
    (void)context;
    return bytes_from(in, suffix_start(in));
}

/* ---- from_base64 ---- */

enum { BASE64_RFC4648, BASE64_RFC2045, BASE64_STRICT };

struct base64_options {
    uint64_t offset, size;
    unsigned mode;
};

static bool is_base64(uint8_t c)
{
    return byte_is_digit(c) || (byte_lower(c) >= 'a' && byte_lower(c) <= 'z') || c == '+' || c == '/';
}

static struct bytes from_base64(const struct transform *t, struct bytes in, struct context *context)
{
    const struct base64_options *options = t->data;
    struct bytes part = bytes_from(in, options->offset);
    if (options->size)
        part = bytes_first(part, options->size);
    uint8_t *clean = room(context, part.size);
    size_t size = 0, pads = 0;
    for (size_t i = 0; clean && i < part.size; i++) {
        if (is_base64(part.data[i]) && !pads)
            clean[size++] = part.data[i];
        else if (part.data[i] == '=')
            pads++;
        else if (options->mode == BASE64_STRICT)
            return in;
        else if (options->mode == BASE64_RFC4648)
            break;
    }
    if (options->mode == BASE64_STRICT && (size + pads) % 4)
        return in;
    struct bytes decoded = base64_lenient(bytes_of(clean, size), context->scratch);
    return decoded.size ? decoded : in;
}

/* ---- subslice ---- */

struct slice {
    int64_t offset, size;
    bool has_size;
};

static struct bytes subslice(const struct transform *t, struct bytes in, struct context *context)
{
    (void)context;
    const struct slice *slice = t->data;
    int64_t all = (int64_t)in.size, from = slice->offset < 0 ? all + slice->offset : slice->offset;
    int64_t to = !slice->has_size ? all : slice->size < 0 ? all + slice->size : from + slice->size;
    from = MAX(from, 0);
    to = MIN(to, all);
    if (from >= all || from >= to)
        return bytes_of("", 0);
    return bytes_of(in.data + from, (size_t)(to - from));
}

/* ---- decompression ---- */

static struct bytes inflate_all(const struct transform *t, struct bytes in, struct context *context,
                                int window_bits)
{
    const uint64_t *limit = t->data;
    size_t max = (size_t)MIN(*limit, INFLATED_MAX);
    uint8_t *out = room(context, max);
    z_stream z = { .next_in = (Bytef *)(uintptr_t)in.data, .avail_in = (uInt)in.size };
    if (!out || inflateInit2(&z, window_bits) != Z_OK)
        return bytes_of("", 0);
    z.next_out = out;
    z.avail_out = (uInt)max;
    int end = inflate(&z, Z_FINISH);
    size_t size = max - z.avail_out;
    inflateEnd(&z);
    if (end != Z_STREAM_END && size == 0)
        return bytes_of("", 0);
    return bytes_of(out, size);
}

static struct bytes gunzip(const struct transform *t, struct bytes in, struct context *context)
{
    return inflate_all(t, in, context, 15 + 16);
}

static struct bytes zlib_deflate(const struct transform *t, struct bytes in, struct context *context)
{
    return inflate_all(t, in, context, 15);
}

/* ---- parsing ---- */

static bool add_transform(struct compiler *c, const struct keyword *keyword, struct bytes argument,
                          const void *data)
{
    if (!c->sticky.data || c->list)
        return refuse(c, "needs a sticky buffer before it");
    if (c->use && c->transforms)
        return refuse(c, "must come right after the sticky buffer");
    if (c->use) { /* what follows is looked for in the transformed buffer, what came before in the
                             plain one */
        c->use = NULL;
        c->last = c->last_payload = NULL;
    }
    struct transform *t = COMPILER_NEW(c, struct transform);
    if (!t || !compiler_copy(c, argument, &t->argument))
        return false;
    t->apply = keyword->transform;
    t->name = keyword->name;
    t->data = data;
    *c->transform_tail = t;
    c->transform_tail = (const struct transform **)(uintptr_t)&t->next;
    return true;
}

bool parse_transform(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    return add_transform(c, keyword, value, NULL);
}

static bool parse_xor(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    struct bytes *key = COMPILER_NEW(c, struct bytes);
    if (!key)
        return false;
    uint8_t raw[255];
    if (value.size == 0 || value.size % 2 || value.size / 2 > sizeof raw)
        return refuse(c, "the key must be 1 to 255 bytes in hexadecimal digits");
    for (size_t i = 0; i < value.size; i += 2) {
        int high = byte_hex(value.data[i]), low = byte_hex(value.data[i + 1]);
        if (high < 0 || low < 0)
            return refuse(c, "the key must be in hexadecimal digits");
        raw[i / 2] = (uint8_t)(high << 4 | low);
    }
    return compiler_copy(c, bytes_of(raw, value.size / 2), key) && add_transform(c, keyword, value, key);
}

static bool parse_pcrexform(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    struct bytes pattern = value;
    uint32_t options = 0;
    if (pattern.size > 1 && pattern.data[0] == '/' && pattern.data[pattern.size - 1] == '/')
        pattern = bytes_of(pattern.data + 1, pattern.size - 2);
    const struct regex *regex = regex_new(c, pattern, options);
    if (regex && regex_group_count(regex) != 1)
        return refuse(c, "exactly one group of the expression is wanted, not %u", regex_group_count(regex));
    return regex && add_transform(c, keyword, value, regex);
}

static bool parse_from_base64(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    struct base64_options *options = COMPILER_NEW(c, struct base64_options);
    struct bytes rest = value, word;
    if (!options)
        return false;
    while (list_next(&rest, &word)) {
        struct bytes argument = bytes_trim(bytes_from(word, MIN(bytes_find_byte(word, ' '), word.size)));
        bool known = false;
        if (bytes_starts(word, BYTES_OF("offset ")))
            known = bytes_to_u64(argument, &options->offset) && options->offset <= 65535;
        else if (bytes_starts(word, BYTES_OF("bytes ")))
            known = bytes_to_u64(argument, &options->size) && options->size <= 65535;
        else if (bytes_starts(word, BYTES_OF("mode "))) {
            known = bytes_is(argument, "rfc4648") || bytes_is(argument, "rfc2045") ||
                    bytes_is(argument, "strict");
            options->mode = bytes_is(argument, "strict")    ? BASE64_STRICT
                            : bytes_is(argument, "rfc2045") ? BASE64_RFC2045
                                                            : BASE64_RFC4648;
        }
        if (!known)
            return refuse(c, "\"%.*s\" is not known", (int)MIN(word.size, 40U), (const char *)word.data);
    }
    return add_transform(c, keyword, value, options);
}

static bool parse_subslice(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    struct slice *slice = COMPILER_NEW(c, struct slice);
    struct bytes rest = value, word;
    if (!slice || !list_next(&rest, &word) || !parse_i64(word, &slice->offset))
        return refuse(c, "an offset is wanted");
    if (list_next(&rest, &word)) {
        slice->has_size = true;
        if (!parse_i64(word, &slice->size))
            return refuse(c, "the size must be a number");
    }
    return add_transform(c, keyword, value, slice);
}

static bool parse_inflate(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    uint64_t *max = COMPILER_NEW(c, uint64_t);
    if (!max)
        return false;
    *max = 1024;
    if (value.size && (!bytes_starts(value, BYTES_OF("max-size ")) ||
                       !parse_size(bytes_trim(bytes_from(value, 9)), max) || !*max || *max > UINT32_MAX))
        return refuse(c, "must be max-size and a number of 32 bits");
    return add_transform(c, keyword, value, max);
}

#define PLAIN .parse = parse_transform, .flags = KEYWORD_NO_VALUE
const struct keyword transform_keywords[] = {
    { "dotprefix", PLAIN, .transform = dot_prefix, .help = "A dot before the buffer" },
    { "strip_whitespace", PLAIN, .transform = strip_space, .help = "Without white space" },
    { "compress_whitespace", PLAIN, .transform = compress_space, .help = "Runs of white space as one" },
    { "to_md5", PLAIN, .transform = to_md5, .help = "MD5 of the buffer", .source = "RFC 1321" },
    { "to_sha1", PLAIN, .transform = to_sha1, .help = "SHA-1 of the buffer", .source = "FIPS 180-4" },
    { "to_sha256", PLAIN, .transform = to_sha256, .help = "SHA-256 of the buffer", .source = "FIPS 180-4" },
    { "to_lowercase", PLAIN, .transform = to_lower, .help = "ASCII letters in lower case" },
    { "to_uppercase", PLAIN, .transform = to_upper, .help = "ASCII letters in upper case" },
    { "url_decode", PLAIN, .transform = url_decode, .help = "Percent escapes and '+' decoded",
      .source = "RFC 3986 2.1" },
    { "header_lowercase", PLAIN, .transform = header_lower, .help = "Names of headers in lower case" },
    { "strip_pseudo_headers", PLAIN, .transform = strip_pseudo, .help = "Without lines that start with ':'" },
    { "domain", PLAIN, .transform = domain, .help = "The registered domain of a host name" },
    { "tld", PLAIN, .transform = top_domain, .help = "The public suffix of a host name" },
    { "xor", .parse = parse_xor, .flags = KEYWORD_QUOTES, .transform = exclusive_or,
      .help = "Exclusive or with a repeated key" },
    { "pcrexform", .parse = parse_pcrexform, .flags = KEYWORD_QUOTES, .transform = regex_part,
      .help = "The first capture of an expression" },
    { "from_base64", .parse = parse_from_base64, .flags = KEYWORD_OPTIONAL, .transform = from_base64,
      .help = "Base64 decoded", .source = "RFC 4648 4" },
    { "subslice", .parse = parse_subslice, .transform = subslice, .help = "A part of the buffer" },
    { "gunzip", .parse = parse_inflate, .flags = KEYWORD_OPTIONAL, .transform = gunzip,
      .help = "Gzip inflated", .source = "RFC 1952" },
    { "zlib_deflate", .parse = parse_inflate, .flags = KEYWORD_OPTIONAL, .transform = zlib_deflate,
      .help = "Zlib inflated", .source = "RFC 1950" },
    { 0 },
};
