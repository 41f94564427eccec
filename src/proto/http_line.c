/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1 start lines (RFC 9112 sections 3 and 4), and recognising the protocol by them. */
#include "proto/http.h"

static const char *const methods[] = {
    "GET",
    "POST",
    "HEAD",
    "PUT",
    "DELETE",
    "OPTIONS",
    "CONNECT",
    "TRACE",
    "PATCH",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "VERSION-CONTROL",
    "REPORT",
    "CHECKOUT",
    "CHECKIN",
    "UNCHECKOUT",
    "MKWORKSPACE",
    "UPDATE",
    "LABEL",
    "MERGE",
    "BASELINE-CONTROL",
    "MKACTIVITY",
    "SEARCH",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "NOTIFY",
    "PURGE",
    "DEBUG",
    "BCOPY",
    "BDELETE",
    "BMOVE",
    "BPROPFIND",
    "BPROPPATCH",
    "POLL",
    "RPC_IN_DATA",
    "RPC_OUT_DATA",
    "ORDERPATCH",
    "ACL",
    "LINK",
    "UNLINK",
    "M-SEARCH",
    "INVALID",
    NULL,
};

bool http_is_method(struct bytes word)
{
    for (size_t i = 0; methods[i]; i++)
        if (bytes_is(word, methods[i]))
            return true;
    return false;
}

bool http_may_be_method(struct bytes word)
{
    for (size_t i = 0; methods[i]; i++)
        if (bytes_starts(bytes_of_string(methods[i]), word))
            return true;
    return false;
}

struct bytes http_skip_space(struct bytes b)
{
    while (b.size && (http_is_space(b.data[0]) || b.data[0] == '\n' || b.data[0] == 0))
        b = bytes_from(b, 1);
    return b;
}

struct bytes http_word(struct bytes b)
{
    size_t size = 0;
    while (size < b.size && !http_is_space(b.data[size]) && b.data[size] != '\n')
        size++;
    return bytes_first(b, size);
}

struct bytes http_keep(struct tx *tx, struct bytes b)
{
    struct bytes copy = arena_copy(&tx->memory, b);
    return copy.data ? copy : bytes_of("", 0);
}

enum version { VERSION_GOOD, VERSION_PADDED, VERSION_BAD };

/* HTTP/1.1, HTTP/1.0 or HTTP/.9; receivers pass over zeros and blanks before the number, so HTTP/0.9 is
 * padded. */
static enum version version_of(struct bytes b)
{
    if (!bytes_starts_nocase(b, BYTES_OF("HTTP/")))
        return VERSION_BAD;
    struct bytes number = bytes_from(b, 5), digits = number;
    while (digits.size && (digits.data[0] == '0' || digits.data[0] == ' ' || digits.data[0] == '\t'))
        digits = bytes_from(digits, 1);
    if (!bytes_is(digits, "1.1") && !bytes_is(digits, "1.0") && !bytes_is(digits, ".9"))
        return VERSION_BAD;
    return digits.size < number.size ? VERSION_PADDED : VERSION_GOOD;
}

/* What is odd about a method that is none, or about the version behind the target. */
static void check_request_line(struct tx *tx, const struct http *http)
{
    enum version version = version_of(http->message[TO_SERVER].protocol);
    if (version == VERSION_PADDED)
        tx_event(tx, HTTP_EVENT_PROTOCOL_CONTAINS_EXTRA_DATA);
    if (http_is_method(http->method))
        return;
    if (http->uri_raw.size == 0)
        tx_event(tx, HTTP_EVENT_REQUEST_LINE_UNKNOWN_METHOD);
    else if (http->version_0_9)
        tx_event(tx, HTTP_EVENT_REQUEST_LINE_UNKNOWN_METHOD_NO_PROTOCOL);
    else if (version == VERSION_BAD)
        tx_event(tx, HTTP_EVENT_REQUEST_LINE_UNKNOWN_METHOD_INVALID_PROTOCOL);
}

/* Where the last word of `rest` begins: behind the last space, else behind the last blank of any kind; 0:
 * there is one word only. */
static size_t last_word(struct bytes rest)
{
    size_t space = rest.size;
    while (space && rest.data[space - 1] != ' ')
        space--;
    size_t blank = rest.size;
    while (space == 0 && blank && !http_is_space(rest.data[blank - 1]))
        blank--;
    return space ? space : blank;
}

/* METHOD SP target SP version; spaces in the target are kept, the last word is the version. */
bool http_request_line(struct tx *tx, struct bytes raw, bool whole, const struct http_settings *settings)
{
    struct http *http = (struct http *)tx->record;
    struct http_message *request = &http->message[TO_SERVER];
    struct bytes line = http_keep(tx, raw);
    request->line = line;
    struct bytes rest = line;
    while (rest.size && http_is_space(rest.data[0]))
        rest = bytes_from(rest, 1);
    if (rest.size < line.size)
        tx_event(tx, HTTP_EVENT_REQUEST_LINE_LEADING_WHITESPACE);
    while (rest.size && http_is_space(rest.data[rest.size - 1]))
        rest.size--;
    http->method = http_word(rest);
    rest = bytes_from(rest, http->method.size);
    http->head = bytes_is(http->method, "HEAD");
    http->connect = bytes_is(http->method, "CONNECT");
    if (rest.size && rest.data[0] != ' ')
        tx_event(tx, HTTP_EVENT_METHOD_DELIM_NON_COMPLIANT);
    while (rest.size && http_is_space(rest.data[0]))
        rest = bytes_from(rest, 1);
    size_t split = last_word(rest);
    if (split) {
        request->protocol = bytes_from(rest, split);
        if (rest.data[split - 1] != ' ')
            tx_event(tx, HTTP_EVENT_URI_DELIM_NON_COMPLIANT);
        rest = bytes_first(rest, split);
        while (rest.size && http_is_space(rest.data[rest.size - 1]))
            rest.size--;
    } else {
        http->version_0_9 = true;
    }
    http->uri_raw = rest;
    if (whole)
        check_request_line(tx, http);
    else
        tx_event(tx, HTTP_EVENT_REQUEST_LINE_INCOMPLETE);
    return http_parse_uri(tx, settings);
}

/* A version such as HTTP/1.1 or SIP/2.0; blanks and zero bytes may come before it. */
bool http_is_status_line(struct bytes data)
{
    data = http_skip_space(data);
    if (bytes_starts_nocase(data, BYTES_OF("HTTP")))
        return true;
    struct bytes word = http_word(data);
    size_t slash = bytes_find_byte(word, '/');
    if (slash == SIZE_MAX || slash == 0 || word.size < slash + 4 || slash > 8)
        return false;
    for (size_t i = 0; i < slash; i++)
        if (byte_lower(word.data[i]) < 'a' || byte_lower(word.data[i]) > 'z')
            return false;
    struct bytes code = http_word(http_skip_space(bytes_from(data, word.size)));
    return byte_is_digit(word.data[slash + 1]) && word.data[slash + 2] == '.' &&
           byte_is_digit(word.data[slash + 3]) && code.size == 3 && byte_is_digit(code.data[0]);
}

void http_status_line(struct tx *tx, struct bytes raw)
{
    struct http *http = (struct http *)tx->record;
    struct http_message *response = &http->message[TO_CLIENT];
    struct bytes line = http_keep(tx, raw);
    response->line = line;
    struct bytes rest = http_skip_space(line);
    while (rest.size && http_is_space(rest.data[rest.size - 1]))
        rest.size--;
    response->protocol = http_word(rest);
    rest = http_skip_space(bytes_from(rest, response->protocol.size));
    http->status_code = http_word(rest);
    http->status_text = http_skip_space(bytes_from(rest, http->status_code.size));
    uint64_t status;
    bool number = bytes_to_u64(http->status_code, &status) && status >= 100 && status <= 999;
    http->status = number ? (uint16_t)status : 0;
    if (!number)
        tx_event(tx, HTTP_EVENT_RESPONSE_LINE_INVALID_RESPONSE_STATUS);
    /* The words of others (SIP/2.0, ICY) are none of HTTP's versions, but nothing that went wrong in one. */
    enum version version = version_of(response->protocol);
    if (version == VERSION_PADDED)
        tx_event(tx, HTTP_EVENT_PROTOCOL_CONTAINS_EXTRA_DATA);
    else if (version == VERSION_BAD && bytes_starts_nocase(response->protocol, BYTES_OF("HTTP")))
        tx_event(tx, HTTP_EVENT_RESPONSE_LINE_INVALID_PROTOCOL);
}

/* ---- recognition ---- */

/* A first line that ends in another protocol's version is that protocol's (SIP, RTSP). */
static bool foreign(struct bytes line)
{
    while (line.size && http_is_space(line.data[line.size - 1]))
        line.size--;
    size_t split = line.size;
    while (split && !http_is_space(line.data[split - 1]))
        split--;
    struct bytes version = bytes_from(line, split);
    return bytes_starts(version, BYTES_OF("SIP/")) || bytes_starts(version, BYTES_OF("RTSP/")) ||
           bytes_starts(version, BYTES_OF("ICE/"));
}

enum probe http_probe(enum direction direction, struct bytes data)
{
    static const char *const answers[] = { "HTTP/1.1", "HTTP/1.0", "HTTP/0.9" };
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        struct bytes answer = bytes_of_string(answers[i]);
        if (bytes_starts_nocase(data, answer))
            return direction == TO_CLIENT ? PROBE_YES : PROBE_REVERSED;
        if (data.size < answer.size && bytes_starts_nocase(answer, data))
            return PROBE_MORE;
    }
    size_t lf = bytes_find_byte(bytes_first(data, 2048), '\n');
    struct bytes line = bytes_first(data, lf == SIZE_MAX ? data.size : lf);
    struct bytes word = http_word(line);
    if (word.size < line.size && http_is_method(word) &&
        (line.data[word.size] == ' ' || line.data[word.size] == '\t')) {
        if (foreign(line))
            return PROBE_NO;
        return direction == TO_SERVER ? PROBE_YES : PROBE_REVERSED;
    }
    /* Odd first lines are kept until the other side answers, as long as they look like text. */
    for (size_t i = 0; i < MIN(data.size, (size_t)16); i++)
        if (data.data[i] >= 0x7f)
            return PROBE_NO;
    if (lf == SIZE_MAX || lf == 0 || bytes_trim(line).size == 0)
        return PROBE_MORE;
    bool version = bytes_find(line, BYTES_OF(" HTTP/1.")) != SIZE_MAX;
    return version ? PROBE_MORE : PROBE_NO;
}
