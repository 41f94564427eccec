/* SPDX-License-Identifier: Apache-2.0 */
/* Request targets: their parts (RFC 3986), and the normal form that rules look at.
 *
 * The normal form is that of Suricata's IDS personality: percent and %u escapes decoded once, backslashes
 * as slashes, runs of slashes as one, UTF-8 reduced to one byte per character, dot segments removed. */
#include "proto/http.h"

/* Latin Extended-A (U+0100 to U+017F) without its marks, after Unicode's best fit for code page 1252. */
static const char latin_extended[] =
    "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIi??JjKk?LlLlLlLlLlNnNnNn???OoOoOo"
    "\x8c\x9cRrRrRrSsSsSs\x8a\x9aTtTtTtUuUuUuUuUuUuWwYy\x9fZzZz\x8e\x9e?";

static uint8_t best_fit(uint32_t c)
{
    if (c < 0x100)
        return (uint8_t)c;
    if (c < 0x180)
        return (uint8_t)latin_extended[c - 0x100];
    if (c >= 0xff01 && c <= 0xff5e) /* full-width forms of ASCII */
        return (uint8_t)(c - 0xff01 + '!');
    switch (c) {
    case 0x2010:
    case 0x2011:
    case 0x2212:
        return '-';
    case 0x2044:
    case 0x2215:
        return '/';
    case 0x2216:
    case 0x20e5:
        return '\\';
    case 0x02b9:
    case 0x02bc:
    case 0x02c8:
    case 0x2032:
    case 0x2035:
        return '\'';
    case 0x02ba:
    case 0x2033:
    case 0x2036:
        return '"';
    case 0x2217:
        return '*';
    case 0x2223:
        return '|';
    case 0x2236:
        return ':';
    case 0x2329:
    case 0x3008:
        return '<';
    case 0x232a:
    case 0x3009:
        return '>';
    case 0x2002:
    case 0x2003:
    case 0x2004:
    case 0x2005:
    case 0x2006:
    case 0x3000:
        return ' ';
    default:
        return '?';
    }
}

/* ---- decoding, in place: the output is never longer ---- */

static int hex_pair(struct bytes b, size_t at)
{
    if (b.size - at < 2)
        return -1;
    int high = byte_hex(b.data[at]), low = byte_hex(b.data[at + 1]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* The byte an escape at `at` stands for, its size in *taken; -1 when it is not one. */
static int escape(struct bytes b, size_t at, size_t *taken)
{
    bool wide = at + 1 < b.size && (b.data[at + 1] | 0x20) == 'u';
    if (!wide) {
        *taken = 3;
        return hex_pair(b, at + 1);
    }
    int high = hex_pair(b, at + 2), low = b.size - at >= 6 ? hex_pair(b, at + 4) : -1;
    *taken = 6;
    return high < 0 || low < 0 ? -1 : best_fit((uint32_t)(high << 8 | low));
}

struct decode {
    bool path, plus; /* path: slashes are put in order too */
    bool encoded;    /* an escape was found that decodes to another one */
};

static size_t decode_once(uint8_t *data, size_t size, struct decode *how)
{
    size_t out = 0;
    struct bytes in = bytes_of(data, size);
    for (size_t at = 0; at < size;) {
        uint8_t c = data[at];
        size_t taken = 1;
        if (c == '%') {
            int value = escape(in, at, &taken);
            if (value < 0)
                taken = 1;
            else
                c = (uint8_t)value;
            if (value == '%' && size - at >= taken + 2 && hex_pair(in, at + taken) >= 0)
                how->encoded = true;
        } else if (c == '+' && how->plus) {
            c = ' ';
        }
        at += taken;
        if (how->path) {
            if (c == '\\')
                c = '/';
            if (c == '/' && out && data[out - 1] == '/')
                continue;
        }
        data[out++] = c;
    }
    return out;
}

/* Reduces UTF-8, overlong forms included, to one byte per character. */
static size_t reduce_utf8(uint8_t *data, size_t size)
{
    size_t out = 0;
    for (size_t at = 0; at < size;) {
        uint8_t c = data[at++];
        size_t more = c >= 0xc0 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xf0 && c < 0xf8 ? 3 : 0;
        if (c < 0x80) {
            data[out++] = c;
            continue;
        }
        uint32_t value = c & (0x3fU >> more);
        size_t seen = 0;
        while (seen < more && at + seen < size && (data[at + seen] & 0xc0) == 0x80)
            value = value << 6 | (data[at + seen++] & 0x3f);
        if (more == 0 || seen < more) {
            data[out++] = '?';
            continue;
        }
        at += more;
        data[out++] = best_fit(value);
    }
    return out;
}

/* Removes "." and ".." segments (RFC 3986 section 5.2.4, but without the slash a final one leaves). */
static size_t remove_dots(uint8_t *data, size_t size)
{
    size_t out = 0, at = 0;
    while (at < size) {
        size_t end = at + 1;
        while (end < size && data[end] != '/')
            end++;
        size_t start = data[at] == '/' ? at + 1 : at;
        size_t length = end - start;
        bool one = length == 1 && data[start] == '.';
        bool two = length == 2 && data[start] == '.' && data[start + 1] == '.';
        if (two) {
            while (out > 0 && data[--out] != '/')
                ;
        } else if (!one) {
            memmove(data + out, data + at, end - at);
            out += end - at;
        }
        at = end;
    }
    return out;
}

/* False when the path is in normal form already, as nearly all are. */
static bool has_any(struct bytes b)
{
    for (size_t i = 0; i < b.size; i++) {
        uint8_t c = b.data[i];
        if (c == '%' || c == '\\' || c >= 0x80)
            return true;
        if ((c == '/' || c == '.') && (i == 0 || b.data[i - 1] == '/') && (c == '.' || i > 0))
            return true;
    }
    return false;
}

/* An escape of an escape is worth a word where both are undone. */
static size_t decode_as_set(uint8_t *data, size_t size, bool twice, struct decode *how)
{
    bool encoded = how->encoded;
    size = decode_once(data, size, how);
    if (!twice)
        how->encoded = encoded;
    return twice ? decode_once(data, size, how) : size;
}

static size_t normal_path(uint8_t *data, size_t size, const struct http_settings *settings,
                          struct decode *how)
{
    if (!has_any(bytes_of(data, size)))
        return size;
    how->path = true;
    size = decode_as_set(data, size, settings->double_decode_path, how);
    size = reduce_utf8(data, size);
    return remove_dots(data, size);
}

static size_t normal_rest(uint8_t *data, size_t size, const struct http_settings *settings,
                          struct decode *how)
{
    how->path = false;
    how->plus = settings->plus_is_space;
    if (!how->plus && !memchr(data, '%', size))
        return size;
    return decode_as_set(data, size, settings->double_decode_query, how);
}

/* ---- parts ---- */

struct uri_parts {
    struct bytes authority, path, query, fragment;
    bool has_authority, has_query, has_fragment;
};

static bool is_scheme(struct bytes b)
{
    for (size_t i = 0; i < b.size; i++) {
        uint8_t c = byte_lower(b.data[i]);
        if (!((c >= 'a' && c <= 'z') || (i && (byte_is_digit(c) || c == '+' || c == '-' || c == '.'))))
            return false;
    }
    return b.size > 0;
}

static struct bytes up_to(struct bytes *rest, const char *stops)
{
    size_t size = 0;
    while (size < rest->size && (rest->data[size] == 0 || !strchr(stops, rest->data[size])))
        size++;
    struct bytes part = bytes_first(*rest, size);
    *rest = bytes_from(*rest, size);
    return part;
}

static struct uri_parts split(struct bytes uri)
{
    struct uri_parts parts = { 0 };
    struct bytes rest = uri;
    if (rest.size && rest.data[0] != '/') {
        size_t colon = bytes_find_byte(rest, ':');
        if (colon != SIZE_MAX && is_scheme(bytes_first(rest, colon)) && colon + 1 < rest.size &&
            rest.data[colon + 1] == '/') {
            rest = bytes_from(rest, colon + 1);
            if (rest.size >= 2 && rest.data[1] == '/') {
                rest = bytes_from(rest, 2);
                parts.authority = up_to(&rest, "/?#");
                parts.has_authority = true;
            }
        }
    }
    parts.path = up_to(&rest, "?#");
    if (rest.size && rest.data[0] == '?') {
        rest = bytes_from(rest, 1);
        parts.query = up_to(&rest, "#");
        parts.has_query = true;
    }
    if (rest.size && rest.data[0] == '#') {
        parts.fragment = bytes_from(rest, 1);
        parts.has_fragment = true;
    }
    return parts;
}

/* Labels of letters, digits, - and _ (RFC 1123 section 2.1, and what names in use have); none at all is good.
 */
static bool host_is_valid(struct bytes host)
{
    size_t label = 0;
    for (size_t i = 0; i < host.size; i++) {
        uint8_t c = byte_lower(host.data[i]);
        bool letter = (c >= 'a' && c <= 'z') || byte_is_digit(c) || c == '-' || c == '_';
        if (letter ? ++label > 63 : c != '.' || label == 0)
            return false;
        if (!letter)
            label = 0;
    }
    return host.size <= 255;
}

/* The digits up to a blank or a path. */
static bool port_of(struct bytes text, uint16_t *port)
{
    size_t size = 0;
    while (size < text.size && !http_is_space(text.data[size]) && text.data[size] != '/')
        size++;
    uint64_t number;
    bool good = bytes_to_u64(bytes_first(text, size), &number) && number > 0 && number <= 65535;
    *port = good ? (uint16_t)number : 0;
    return good;
}

bool http_split_host(struct bytes value, struct bytes *host, uint16_t *port)
{
    *host = value;
    *port = 0;
    size_t colon = SIZE_MAX;
    if (value.size && value.data[0] == '[') {
        size_t close = bytes_find_byte(value, ']');
        if (close == SIZE_MAX)
            return false;
        *host = bytes_first(value, close + 1);
        struct address address;
        if (!address_parse(bytes_of(value.data + 1, close - 1), &address))
            return false;
        if (close + 1 == value.size)
            return true;
        if (value.data[close + 1] != ':')
            return false;
        colon = close + 1;
    } else {
        colon = bytes_find_byte(value, ':');
        if (colon == SIZE_MAX)
            return host_is_valid(value);
        *host = bytes_trim(bytes_first(value, colon));
    }
    struct bytes text = bytes_trim(bytes_from(value, colon + 1));
    bool good = port_of(text, port) || colon == 0;
    return good && (value.data[0] == '[' || host_is_valid(*host));
}

static bool decode_host(struct http *http, struct arena *memory)
{
    if (!http->uri_host.size || bytes_find_byte(http->uri_host, '%') == SIZE_MAX)
        return true;
    uint8_t *room = arena_new(memory, http->uri_host.size, 1);
    if (!room)
        return false;
    memcpy(room, http->uri_host.data, http->uri_host.size);
    struct decode how = { 0 };
    http->uri_host = bytes_of(room, decode_once(room, http->uri_host.size, &how));
    return true;
}

bool http_parse_uri(struct tx *tx, const struct http_settings *settings)
{
    struct http *http = (struct http *)tx->record;
    if (http->connect) { /* the target is an authority and has no normal form (RFC 9112 section 3.2.3) */
        if (bytes_starts(http->uri_raw, BYTES_OF("/"))) /* a path names nobody */
            return true;
        if (!http_split_host(http->uri_raw, &http->uri_host, &http->port))
            tx_event(tx, HTTP_EVENT_REQUEST_URI_HOST_INVALID);
        return true;
    }
    struct uri_parts parts = split(http->uri_raw);
    if (parts.has_authority) {
        struct bytes authority = parts.authority;
        size_t at = bytes_find_byte(authority, '@');
        if (at != SIZE_MAX)
            authority = bytes_from(authority, at + 1);
        if (bytes_ends(authority,
                       BYTES_OF(":"))) /* the port may be left out behind it (RFC 3986 section 3.2.3) */
            authority.size--;
        while (authority.size > 1 && authority.data[authority.size - 1] == '.') /* the root */
            authority.size--;
        if (!http_split_host(authority, &http->uri_host, &http->port))
            tx_event(tx, HTTP_EVENT_REQUEST_URI_HOST_INVALID);
        if (!decode_host(http, &tx->memory))
            return false;
    }
    uint8_t *room = arena_new(&tx->memory, parts.path.size + parts.query.size + parts.fragment.size + 3, 1);
    if (!room)
        return false;
    struct decode how = { 0 };
    size_t size = 0;
    if (parts.path.size) {
        memcpy(room, parts.path.data, parts.path.size);
        size = normal_path(room, parts.path.size, settings, &how);
        http->path = bytes_of(room, size);
    }
    if (parts.has_query) {
        room[size++] = '?';
        if (parts.query.size)
            memcpy(room + size, parts.query.data, parts.query.size);
        size += normal_rest(room + size, parts.query.size, settings, &how);
    }
    if (parts.has_fragment) {
        room[size++] = '#';
        if (parts.fragment.size)
            memcpy(room + size, parts.fragment.data, parts.fragment.size);
        size += normal_rest(room + size, parts.fragment.size, settings, &how);
    }
    if (how.encoded)
        tx_event(tx, HTTP_EVENT_DOUBLE_ENCODED_URI);
    http->uri = bytes_of(room, size);
    return true;
}
