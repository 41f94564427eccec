/* SPDX-License-Identifier: Apache-2.0 */
/* MIME messages: entities, encodings, attachments (RFC 2045, RFC 2046, RFC 2183, RFC 2231). */
#include "proto/mime.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "proto/file.h"

#define DEPTH_MAX        20U
#define HEADERS_MAX      512U
#define LINE_MAX_BYTES   998U
#define ENCODED_LINE_MAX 76U
#define HEADER_NAME_MAX  75U
#define BOUNDARY_MAX     254U
#define FILENAME_MAX_    255U
#define URL_LINE_MAX     2048U
#define URLS_MAX         512U
#define ATTACHMENTS_MAX  256U

enum encoding { ENCODING_NONE, ENCODING_BASE64, ENCODING_QP };
enum place { PLACE_HEADERS, PLACE_BODY, PLACE_BETWEEN };

struct mime {
    struct session *session;
    struct tx *tx;
    enum direction direction;
    const struct mime_settings *settings;
    struct mail *mail;
    unsigned events;
    EVP_MD_CTX *md5;

    enum place place;
    bool top, middle; /* in the message's own headers; inside a line that came in pieces */
    struct bytes boundaries[DEPTH_MAX];
    uint32_t depth;

    /* the header being read */
    struct bytes name;
    uint8_t *value;
    size_t value_size;

    /* the entity being read */
    struct bytes type, boundary, filename;
    uint8_t encoding; /* enum encoding */
    bool text, nested;
    struct file *file;
    bool pending_end; /* a line end that belongs to the content only if more follows */
    uint32_t quad;    /* base64: bits so far */
    uint8_t quad_count;
    uint8_t quad_place; /* of the next character, padding counted */
    bool padded, early_padding;
    char url_line[URL_LINE_MAX];
    size_t url_size;
};

static void note(struct mime *mime, enum mime_event event)
{
    mime->events |= 1U << event;
}

struct mime *mime_new(struct session *session, struct tx *tx, enum direction direction,
                      const struct mime_settings *settings, struct mail *mail)
{
    struct mime *mime = ARENA_NEW(&tx->memory, struct mime);
    if (!mime)
        return NULL;
    mime->session = session;
    mime->tx = tx;
    mime->direction = direction;
    mime->settings = settings;
    mime->mail = mail;
    mime->top = true;
    mime->value = arena_new(&tx->memory, MAX(settings->header_value_max, 1U), 1);
    if (!mime->value)
        return NULL;
    if (settings->body_md5) {
        mime->md5 = EVP_MD_CTX_new();
        if (mime->md5)
            EVP_DigestInit_ex(mime->md5, EVP_md5(), NULL);
    }
    mail->begun = true;
    return mime;
}

unsigned mime_events(struct mime *mime)
{
    unsigned events = mime->events;
    mime->events = 0;
    return events;
}

static void add_text(struct mime *mime, struct mail_texts *list, struct bytes text, uint32_t most)
{
    struct arena *memory = &mime->tx->memory;
    if (list->count >= most)
        return;
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? list->capacity * 2 : 4;
        struct bytes *grown = ARENA_ARRAY(memory, struct bytes, capacity);
        if (!grown)
            return;
        if (list->count)
            memcpy(grown, list->items, list->count * sizeof *grown);
        list->items = grown;
        list->capacity = capacity;
    }
    struct bytes copy = arena_copy(memory, text);
    if (copy.data)
        list->items[list->count++] = copy;
}

/* ---- header values ---- */

/* The parameter `wanted` of a structured header, quotes removed; RFC 2231 pieces (name*0, name*1*) joined. */
struct parameter {
    uint8_t text[1024];
    size_t size;
    bool found, cut;
};

static void add_piece(struct parameter *parameter, struct bytes piece)
{
    size_t room = sizeof parameter->text - parameter->size;
    parameter->cut |= piece.size > room;
    size_t size = MIN(piece.size, room);
    memcpy(parameter->text + parameter->size, piece.data, size);
    parameter->size += size;
    parameter->found = true;
}

/* charset'language'text with %HH (RFC 2231 section 4). */
static void add_extended(struct parameter *parameter, struct bytes value, bool first)
{
    if (first)
        for (int quotes = 0; quotes < 2; quotes++) {
            size_t at = bytes_find_byte(value, '\'');
            if (at == SIZE_MAX)
                break;
            value = bytes_from(value, at + 1);
        }
    for (size_t i = 0; i < value.size; i++) {
        uint8_t c = value.data[i];
        if (c == '%' && i + 2 < value.size && byte_hex(value.data[i + 1]) >= 0 &&
            byte_hex(value.data[i + 2]) >= 0) {
            c = (uint8_t)(byte_hex(value.data[i + 1]) << 4 | byte_hex(value.data[i + 2]));
            i += 2;
        }
        add_piece(parameter, bytes_of(&c, 1));
    }
    parameter->found = true;
}

/* Cuts `name=value` off `rest`; false at the end. */
static bool next_parameter(struct bytes *rest, struct bytes *name, struct bytes *value)
{
    for (;;) {
        *rest = bytes_trim(*rest);
        while (rest->size && rest->data[0] == ';')
            *rest = bytes_trim(bytes_from(*rest, 1));
        if (!rest->size)
            return false;
        size_t end = 0;
        while (end < rest->size && rest->data[end] != '=' && rest->data[end] != ';')
            end++;
        *name = bytes_trim(bytes_first(*rest, end));
        bool equals = end < rest->size && rest->data[end] == '=';
        *rest = bytes_from(*rest, end + (equals ? 1 : 0));
        if (!equals)
            continue;
        *rest = bytes_trim(*rest);
        if (rest->size && rest->data[0] == '"') {
            size_t close = bytes_find_byte(bytes_from(*rest, 1), '"');
            close = close == SIZE_MAX ? rest->size - 1 : close;
            *value = bytes_first(bytes_from(*rest, 1), close);
            *rest = bytes_from(*rest, close + 2);
        } else {
            size_t stop = bytes_find_byte(*rest, ';');
            *value = bytes_trim(bytes_first(*rest, stop == SIZE_MAX ? rest->size : stop));
            *rest = bytes_from(*rest, stop == SIZE_MAX ? rest->size : stop);
        }
        return true;
    }
}

static void find_parameter(struct bytes value, const char *wanted, struct parameter *parameter)
{
    struct bytes name, text, key = bytes_of_string(wanted);
    uint64_t expected = 0;
    parameter->size = 0;
    parameter->found = parameter->cut = false;
    (void)bytes_cut(&value, ';');
    while (next_parameter(&value, &name, &text)) {
        if (bytes_equal_nocase(name, key)) {
            if (!parameter->found)
                add_piece(parameter, text);
            continue;
        }
        if (!bytes_starts_nocase(name, key) || name.size <= key.size || name.data[key.size] != '*')
            continue;
        struct bytes section = bytes_from(name, key.size + 1);
        bool extended = section.size == 0 || section.data[section.size - 1] == '*';
        uint64_t number = 0;
        if (section.size && extended)
            section.size--;
        if (section.size && (!bytes_to_u64(section, &number) || number != expected))
            continue;
        if (number == 0)
            parameter->size = 0;
        expected = number + 1;
        if (extended)
            add_extended(parameter, text, number == 0);
        else
            add_piece(parameter, text);
    }
}

static void read_type(struct mime *mime, struct bytes value)
{
    struct parameter parameter;
    struct bytes rest = value;
    mime->type = arena_copy(&mime->tx->memory, bytes_trim(bytes_cut(&rest, ';')));
    find_parameter(value, "boundary", &parameter);
    if (parameter.found && parameter.size > BOUNDARY_MAX) {
        note(mime, MIME_LONG_BOUNDARY);
        parameter.size = BOUNDARY_MAX;
    }
    if (parameter.found && parameter.size && !mime->boundary.data)
        mime->boundary = arena_copy(&mime->tx->memory, bytes_of(parameter.text, parameter.size));
    find_parameter(value, "name", &parameter);
    if (parameter.found && parameter.size && !mime->filename.data)
        mime->filename = arena_copy(&mime->tx->memory, bytes_of(parameter.text, parameter.size));
}

static void read_disposition(struct mime *mime, struct bytes value)
{
    struct parameter parameter;
    find_parameter(value, "filename", &parameter);
    if (parameter.found && parameter.size)
        mime->filename = arena_copy(&mime->tx->memory, bytes_of(parameter.text, parameter.size));
}

static void read_encoding(struct mime *mime, struct bytes value)
{
    value = bytes_trim(value);
    if (bytes_equal_nocase(value, BYTES_OF("base64")))
        mime->encoding = mime->settings->decode_base64 ? ENCODING_BASE64 : ENCODING_NONE;
    else if (bytes_equal_nocase(value, BYTES_OF("quoted-printable")))
        mime->encoding = mime->settings->decode_quoted_printable ? ENCODING_QP : ENCODING_NONE;
}

static void keep_header(struct mime *mime, struct bytes value)
{
    struct mail *mail = mime->mail;
    struct arena *memory = &mime->tx->memory;
    if (mail->header_count >= HEADERS_MAX)
        return;
    if (mail->header_count == mail->header_capacity) {
        uint32_t capacity = mail->header_capacity ? mail->header_capacity * 2 : 16;
        struct mail_header *grown = ARENA_ARRAY(memory, struct mail_header, capacity);
        if (!grown)
            return;
        if (mail->header_count)
            memcpy(grown, mail->headers, mail->header_count * sizeof *grown);
        mail->headers = grown;
        mail->header_capacity = capacity;
    }
    struct bytes copy = arena_copy(memory, value);
    if (copy.data)
        mail->headers[mail->header_count++] = (struct mail_header){ mime->name, copy };
}

/* The header is complete: the next line does not continue it. */
static void finish_header(struct mime *mime)
{
    if (!mime->name.data)
        return;
    struct bytes value = bytes_of(mime->value, mime->value_size);
    if (bytes_equal_nocase(mime->name, BYTES_OF("content-type")))
        read_type(mime, value);
    else if (bytes_equal_nocase(mime->name, BYTES_OF("content-disposition")))
        read_disposition(mime, value);
    else if (bytes_equal_nocase(mime->name, BYTES_OF("content-transfer-encoding")))
        read_encoding(mime, value);
    if (mime->top)
        keep_header(mime, value);
    mime->name = BYTES_NONE;
    mime->value_size = 0;
}

static void add_value(struct mime *mime, struct bytes part)
{
    size_t room = mime->settings->header_value_max - mime->value_size;
    size_t size = MIN(part.size, room);
    if (size)
        memcpy(mime->value + mime->value_size, part.data, size);
    mime->value_size += size;
}

static void start_header(struct mime *mime, struct bytes line)
{
    struct bytes rest = line;
    finish_header(mime);
    if (bytes_find_byte(line, ':') == SIZE_MAX) /* not a header: passed over, as mail programs do */
        return;
    struct bytes name = bytes_trim(bytes_cut(&rest, ':'));
    if (name.size > HEADER_NAME_MAX) {
        note(mime, MIME_LONG_HEADER_NAME);
        name = bytes_first(name, HEADER_NAME_MAX);
    }
    mime->name = arena_copy(&mime->tx->memory, name);
    rest = bytes_trim(rest);
    if (rest.size > mime->settings->header_value_max)
        note(mime, MIME_LONG_HEADER_VALUE);
    add_value(mime, rest);
}

/* ---- links in text ---- */

static bool ends_url(uint8_t c)
{
    return c <= ' ' || c == '"' || c == '\'' || c == '<' || c == '>' || c == 0x7f;
}

static void add_url(struct mime *mime, struct bytes url)
{
    const struct mail_texts *urls = &mime->mail->urls;
    for (uint32_t i = 0; i < urls->count; i++)
        if (bytes_equal(urls->items[i], url))
            return;
    add_text(mime, &mime->mail->urls, url, URLS_MAX);
}

/* True when `line` has a link whose scheme ends at the colon at `colon`. */
static bool url_at(struct bytes line, size_t colon, struct bytes scheme)
{
    bool mail = bytes_equal_nocase(scheme, BYTES_OF("mailto"));
    if (colon < scheme.size ||
        !bytes_equal_nocase(bytes_of(line.data + colon - scheme.size, scheme.size), scheme))
        return false;
    return mail || bytes_starts(bytes_from(line, colon), BYTES_OF("://"));
}

static void take_url(struct mime *mime, struct bytes line, size_t colon, struct bytes scheme)
{
    size_t start = colon + (line.data[colon + 1 < line.size ? colon + 1 : colon] == '/' ? 3 : 1);
    size_t end = start;
    while (end < line.size && !ends_url(line.data[end]))
        end++;
    if (end == start)
        return;
    size_t from = mime->settings->log_url_scheme ? colon - scheme.size : start;
    add_url(mime, bytes_of(line.data + from, end - from));
}

/* The last link of a line comes first, as EVE shows them. */
static void search_line(struct mime *mime)
{
    static const struct bytes fallback[] = { { (const uint8_t *)"http", 4 } };
    struct bytes line = bytes_of(mime->url_line, mime->url_size);
    const struct field_list *schemes = &mime->settings->schemes;
    const struct bytes *list = schemes->count ? schemes->items : fallback;
    size_t count = schemes->count ? schemes->count : 1;
    mime->url_size = 0;
    for (size_t colon = line.size; colon-- > 0;) {
        if (line.data[colon] != ':')
            continue;
        size_t best = SIZE_MAX;
        for (size_t i = 0; i < count; i++)
            if (url_at(line, colon, list[i]) && (best == SIZE_MAX || list[i].size > list[best].size))
                best = i;
        if (best != SIZE_MAX)
            take_url(mime, line, colon, list[best]);
    }
}

static void search_text(struct mime *mime, struct bytes part)
{
    for (size_t i = 0; i < part.size; i++) {
        if (part.data[i] == '\n' || mime->url_size == sizeof mime->url_line)
            search_line(mime);
        if (part.data[i] != '\n')
            mime->url_line[mime->url_size++] = (char)part.data[i];
    }
}

/* ---- content ---- */

static void content(struct mime *mime, struct bytes part)
{
    if (!part.size)
        return;
    if (mime->text && mime->settings->extract_urls)
        search_text(mime, part);
    if (mime->file)
        (void)file_data(mime->session, mime->file, part);
}

static void flush_quad(struct mime *mime)
{
    if (mime->quad_count >= 2) {
        uint32_t bits = mime->quad << (6 * (4 - mime->quad_count));
        uint8_t octets[3] = { (uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits };
        content(mime, bytes_of(octets, MIN(mime->quad_count - 1U, sizeof octets)));
    }
    mime->quad = 0;
    mime->quad_count = 0;
}

static int base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (byte_is_digit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static void next_place(struct mime *mime)
{
    mime->quad_place = (mime->quad_place + 1) & 3;
    if (mime->quad_place)
        return;
    if (mime->early_padding)
        note(mime, MIME_INVALID_BASE64);
    mime->early_padding = false;
}

static void decode_base64(struct mime *mime, struct bytes line)
{
    uint8_t out[768];
    size_t size = 0;
    for (size_t i = 0; i < line.size; i++) {
        int value = base64_value(line.data[i]);
        if (line.data[i] == '=') {
            mime->padded = true;
            /* Four characters are one to three octets: the first two cannot be padding. */
            mime->early_padding |= mime->quad_place < 2;
            next_place(mime);
            continue;
        }
        if (value < 0) /* passed over (RFC 2045 section 6.8) */
            continue;
        next_place(mime);
        if (mime->padded) { /* content after padding: a new run */
            content(mime, bytes_of(out, size));
            size = 0;
            flush_quad(mime);
            mime->padded = false;
        }
        mime->quad = mime->quad << 6 | (uint32_t)value;
        if (++mime->quad_count < 4)
            continue;
        if (size + 3 > sizeof out) {
            content(mime, bytes_of(out, size));
            size = 0;
        }
        out[size++] = (uint8_t)(mime->quad >> 16);
        out[size++] = (uint8_t)(mime->quad >> 8);
        out[size++] = (uint8_t)mime->quad;
        mime->quad = 0;
        mime->quad_count = 0;
    }
    content(mime, bytes_of(out, size));
}

/* RFC 2045 section 6.7; false: a soft line break, the line goes on. */
static bool decode_qp(struct mime *mime, struct bytes line)
{
    size_t whole = line.size;
    while (line.size && (line.data[line.size - 1] == ' ' || line.data[line.size - 1] == '\t'))
        line.size--;
    for (size_t start = 0;;) {
        struct bytes rest = bytes_from(line, start);
        size_t at = bytes_find_byte(rest, '=');
        if (at == SIZE_MAX) {
            content(mime, rest);
            return true;
        }
        content(mime, bytes_first(rest, at));
        rest = bytes_from(rest, at + 1);
        if (!rest.size) {
            if (line.size < whole && mime->file) /* blanks between it and the end of the line */
                note(mime, MIME_INVALID_QP);
            return false;
        }
        int high = byte_hex(rest.data[0]), low = rest.size > 1 ? byte_hex(rest.data[1]) : -1;
        /* Small letters are decoded all the same (RFC 2045 section 6.7). */
        bool small = high >= 0 && low >= 0 && (rest.data[0] >= 'a' || rest.data[1] >= 'a');
        if ((high < 0 || low < 0 || small) && mime->file)
            note(mime, MIME_INVALID_QP);
        if (high < 0 || low < 0) {
            content(mime, BYTES_OF("="));
            start += at + 1;
            continue;
        }
        uint8_t octet = (uint8_t)(high << 4 | low);
        content(mime, bytes_of(&octet, 1));
        start += at + 3;
    }
}

static void body_line(struct mime *mime, struct bytes line, bool ended)
{
    bool judged = mime->file || (mime->text && mime->encoding == ENCODING_BASE64);
    if (mime->encoding != ENCODING_NONE && line.size > ENCODED_LINE_MAX && judged)
        note(mime, MIME_LONG_ENCODED_LINE);
    if (mime->encoding == ENCODING_BASE64) {
        decode_base64(mime, line);
        return;
    }
    if (mime->pending_end)
        content(mime, BYTES_OF("\r\n"));
    mime->pending_end = false;
    if (mime->encoding == ENCODING_QP) {
        mime->pending_end = decode_qp(mime, line) && ended;
        return;
    }
    content(mime, line);
    mime->pending_end = ended;
}

/* ---- entities ---- */

static void clear_entity(struct mime *mime)
{
    mime->type = mime->boundary = mime->filename = BYTES_NONE;
    mime->encoding = ENCODING_NONE;
    mime->text = mime->nested = false;
    mime->pending_end = mime->padded = mime->early_padding = false;
    mime->quad = 0;
    mime->quad_count = mime->quad_place = 0;
}

static void finish_entity(struct mime *mime, bool truncated)
{
    flush_quad(mime);
    if (mime->text)
        search_line(mime);
    if (mime->file) /* the last line's end belongs to the boundary (RFC 2046 section 5.1.1) or the transport
                     */
        file_close(mime->session, mime->file, truncated);
    mime->file = NULL;
    clear_entity(mime);
}

static void open_file(struct mime *mime)
{
    struct bytes name = mime->filename;
    if (name.size > FILENAME_MAX_) {
        note(mime, MIME_LONG_FILENAME);
        name = bytes_first(name, FILENAME_MAX_);
    }
    add_text(mime, &mime->mail->attachments, name, ATTACHMENTS_MAX);
    mime->file = file_open(mime->session, mime->tx, mime->direction, name);
}

static void headers_end(struct mime *mime)
{
    finish_header(mime);
    bool multipart = bytes_starts_nocase(mime->type, BYTES_OF("multipart/"));
    if (multipart && mime->boundary.data) {
        if (mime->depth == DEPTH_MAX) {
            note(mime, MIME_MALFORMED);
        } else {
            mime->boundaries[mime->depth++] = mime->boundary;
        }
        mime->place = PLACE_BETWEEN;
        mime->top = false;
        clear_entity(mime);
        return;
    }
    if (bytes_equal_nocase(mime->type, BYTES_OF("message/rfc822"))) {
        /* Headers of the message inside follow; it is never encoded itself (RFC 2046 section 5.2.1). */
        if (mime->filename.size)
            add_text(mime, &mime->mail->attachments, mime->filename, ATTACHMENTS_MAX);
        mime->top = false;
        clear_entity(mime);
        return;
    }
    if (mime->filename.size)
        open_file(mime);
    mime->top = false;
    mime->text = !mime->type.data || mime->encoding == ENCODING_QP ||
                 bytes_starts_nocase(mime->type, BYTES_OF("text/"));
    mime->place = PLACE_BODY;
}

/* True when the line is a boundary of an open multipart: the innermost that fits. */
static bool at_boundary(struct mime *mime, struct bytes line)
{
    if (!mime->depth || !bytes_starts(line, BYTES_OF("--")))
        return false;
    struct bytes rest = bytes_from(line, 2);
    for (uint32_t level = mime->depth; level-- > 0;) {
        if (!bytes_starts(rest, mime->boundaries[level]))
            continue;
        struct bytes after = bytes_from(rest, mime->boundaries[level].size);
        bool closes = bytes_starts(after, BYTES_OF("--"));
        if (!closes && bytes_trim(after).size)
            continue;
        finish_header(mime);
        finish_entity(mime, false);
        mime->depth = closes ? level : level + 1;
        mime->place = closes ? PLACE_BETWEEN : PLACE_HEADERS;
        mime->top = false;
        return true;
    }
    return false;
}

static void header_line(struct mime *mime, struct bytes line)
{
    if (!line.size) {
        headers_end(mime);
    } else if (line.data[0] == ' ' || line.data[0] == '\t') {
        /* As in Suricata, the blank that makes a line a continuation is no part of the value. */
        if (mime->name.data)
            add_value(mime, mime->value_size ? bytes_from(line, 1) : bytes_trim(line));
    } else {
        start_header(mime, line);
    }
}

void mime_line(struct mime *mime, struct bytes line, bool ended)
{
    bool body = mime->place != PLACE_HEADERS || !mime->top;
    if (mime->md5 && body) {
        EVP_DigestUpdate(mime->md5, line.data, line.size);
        if (ended)
            EVP_DigestUpdate(mime->md5, "\r\n", 2);
    }
    if (line.size > LINE_MAX_BYTES)
        note(mime, MIME_LONG_LINE);
    bool middle = mime->middle;
    mime->middle = !ended;
    if (!middle && at_boundary(mime, line))
        return;
    if (mime->place == PLACE_HEADERS && middle)
        add_value(mime, line);
    else if (mime->place == PLACE_HEADERS)
        header_line(mime, line);
    else if (mime->place == PLACE_BODY)
        body_line(mime, line, ended);
}

bool mime_in_headers(const struct mime *mime)
{
    return mime->place == PLACE_HEADERS;
}

void mime_free(struct mime *mime)
{
    EVP_MD_CTX_free(mime->md5);
    mime->md5 = NULL;
}

void mime_end(struct mime *mime, bool truncated)
{
    finish_header(mime);
    finish_entity(mime, truncated);
    if (mime->md5)
        mime->mail->has_body_md5 = EVP_DigestFinal_ex(mime->md5, mime->mail->body_md5, NULL);
    mime_free(mime);
}

/* ---- reading a mail ---- */

struct bytes mail_header(const struct mail *mail, const char *name, uint32_t index)
{
    struct bytes wanted = bytes_of_string(name);
    for (uint32_t i = 0; i < mail->header_count; i++)
        if (bytes_equal_nocase(mail->headers[i].name, wanted) && index-- == 0)
            return mail->headers[i].value;
    return BYTES_NONE;
}

struct bytes mail_next_address(struct bytes *rest)
{
    bool quoted = false;
    size_t at = 0;
    for (; at < rest->size; at++) {
        uint8_t c = rest->data[at];
        if (c == '\\' && quoted)
            at++;
        else if (c == '"')
            quoted = !quoted;
        else if (c == ',' && !quoted)
            break;
    }
    struct bytes address = bytes_trim(bytes_first(*rest, MIN(at, rest->size)));
    *rest = bytes_from(*rest, at + 1);
    return address;
}

static void write_header(struct text *out, const struct mail *mail, const char *name, const char *key)
{
    struct bytes value = mail_header(mail, name, 0);
    if (value.data)
        json_string(out, key, value);
}

static void write_addresses(struct text *out, const struct mail *mail, const char *name, const char *key)
{
    struct bytes rest = mail_header(mail, name, 0);
    if (!bytes_trim(rest).size)
        return;
    json_open(out, key, '[');
    while (rest.size) {
        struct bytes address = mail_next_address(&rest);
        if (address.size)
            json_string(out, NULL, address);
    }
    json_close(out, ']');
}

static void write_texts(struct text *out, const char *key, const struct mail_texts *texts)
{
    if (!texts->count)
        return;
    json_open(out, key, '[');
    for (uint32_t i = 0; i < texts->count; i++)
        json_string(out, NULL, texts->items[i]);
    json_close(out, ']');
}

bool mail_header_shown(const char *name)
{
    static const char *const names[] = {
        "bcc",         "content-md5",  "date",       "importance", "in-reply-to",      "message-id",
        "priority",    "organization", "received",   "references", "relays",           "reply-to",
        "sensitivity", "subject",      "user-agent", "x-mailer",   "x-originating-ip",
    };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

/* "x-mailer" as the key "x_mailer"; headers that may repeat become lists. */
static void write_custom(struct text *out, const struct mail *mail, const char *name)
{
    char key[64];
    struct text text = text_of(key, sizeof key);
    for (const char *at = name; *at; at++)
        text_char(&text, *at == '-' ? '_' : *at);
    if (!mail_header(mail, name, 0).data)
        return;
    if (strcmp(name, "received") != 0) {
        write_header(out, mail, name, key);
        return;
    }
    json_open(out, key, '[');
    for (uint32_t i = 0; mail_header(mail, name, i).data; i++)
        json_string(out, NULL, mail_header(mail, name, i));
    json_close(out, ']');
}

static void write_md5(struct text *out, const char *key, struct bytes of)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (of.data && EVP_Digest(of.data, of.size, digest, &size, EVP_md5(), NULL))
        json_hex(out, key, bytes_of(digest, size));
}

void mail_log(const struct mail *mail, const struct mail_log_settings *settings, struct text *out)
{
    json_open(out, "email", '{');
    write_header(out, mail, "from", "from");
    write_addresses(out, mail, "to", "to");
    write_addresses(out, mail, "cc", "cc");
    json_cstring(out, "status", "PARSE_DONE"); /* as Suricata 8 has it, however far the mail came */
    write_texts(out, "attachment", &mail->attachments);
    write_texts(out, "url", &mail->urls);
    for (size_t i = 0; settings && settings->custom && settings->custom[i]; i++)
        if (mail_header_shown(settings->custom[i]))
            write_custom(out, mail, settings->custom[i]);
    if (settings && settings->md5_body && mail->has_body_md5)
        json_hex(out, "body_md5", bytes_of(mail->body_md5, sizeof mail->body_md5));
    if (settings && settings->md5_subject)
        write_md5(out, "subject_md5", mail_header(mail, "subject", 0));
    json_close(out, '}');
}
