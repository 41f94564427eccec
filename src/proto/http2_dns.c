/* SPDX-License-Identifier: Apache-2.0 */
/* DNS over HTTP/2 (RFC 8484): messages in content of type application/dns-message, or in the target of a GET.
 */
#include "proto/dns.h"
#include "proto/file.h"
#include "proto/http2.h"

#define MESSAGE_MAX 65535U

/* What an HTTP/2 connection with such messages is; it is not recognised by itself. */
const struct protocol doh2_protocol = {
    .id = PROTOCOL_doh2,
    .name = "doh2",
    .title = "DNS over HTTP/2",
    .parts = "http2 dns",
    .transports = TRANSPORT_TCP,
    .frames = http2_parts_of_frames,
};

static bool is_dns(const struct tx *tx, enum direction direction, const char *field)
{
    const struct http_message *message = &http2_of(tx)->http.message[direction];
    const struct http_header *type = http_header_named(message, bytes_of_string(field));
    return type && bytes_starts_nocase(type->value, BYTES_OF("application/dns-message"));
}

static void take(struct session *session, struct tx *tx, enum direction direction, struct bytes message)
{
    session->known_as = &doh2_protocol;
    bool good = dns_carried(session, direction, message, tx);
    if (direction == TO_CLIENT)
        http2_of(tx)->dns = good;
}

void http2_dns_data(struct tx *tx, enum direction direction)
{
    const struct file *content = http2_of(tx)->http.message[direction].body;
    if (content && content->size > MESSAGE_MAX && is_dns(tx, direction, "content-type"))
        tx_event(tx, direction == TO_SERVER ? HTTP2_EVENT_DNS_REQUEST_TOO_LONG
                                            : HTTP2_EVENT_DNS_RESPONSE_TOO_LONG);
}

/* A digit of base64url (RFC 4648, section 5), or -1. */
static int digit_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* The value of the variable "dns" of the target; absent when there is none. */
static struct bytes variable(const struct tx *tx)
{
    struct bytes query = http2_of(tx)->http.uri_raw;
    (void)bytes_cut(&query, '?');
    while (query.size) {
        struct bytes value = bytes_cut(&query, '&');
        struct bytes name = bytes_cut(&value, '=');
        if (bytes_is(name, "dns"))
            return value;
    }
    return BYTES_NONE;
}

/* The request of a GET is in its target. */
static void take_target(struct session *session, struct tx *tx)
{
    if (!bytes_is(http2_of(tx)->http.method, "GET") ||
        !(is_dns(tx, TO_SERVER, "accept") || is_dns(tx, TO_SERVER, "content-type")))
        return;
    struct bytes text = variable(tx);
    struct text message = text_new(MESSAGE_MAX + 1);
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < text.size; i++) {
        int digit = digit_of(text.data[i]);
        if (digit < 0)
            break;
        bits = bits << 6 | (uint32_t)digit;
        have += 6;
        if (have < 8)
            continue;
        have -= 8;
        text_char(&message, (char)(bits >> have & 0xff));
    }
    if (message.full)
        tx_event(tx, HTTP2_EVENT_DNS_REQUEST_TOO_LONG);
    else if (message.size)
        take(session, tx, TO_SERVER, text_bytes(&message));
    text_done(&message);
}

void http2_dns_end(struct session *session, struct tx *tx, enum direction direction)
{
    const struct file *content = http2_of(tx)->http.message[direction].body;
    if (content && content->size && content->size <= MESSAGE_MAX &&
        content->window.data.size == content->size && is_dns(tx, direction, "content-type"))
        take(session, tx, direction, content->window.data);
    if (direction == TO_SERVER)
        take_target(session, tx);
}
