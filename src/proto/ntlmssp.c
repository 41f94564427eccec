/* SPDX-License-Identifier: Apache-2.0 */
/* NTLMSSP and Kerberos tickets in the tokens of SPNEGO; see ntlmssp.h. */
#include "proto/ntlmssp.h"

#include "proto/der.h"

#define DEPTH_MAX 6U

static size_t put_utf8(uint8_t *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

struct bytes utf16_text(struct arena *memory, struct bytes raw)
{
    uint8_t *text = ARENA_ARRAY(memory, uint8_t, raw.size / 2 * 3 + 1);
    struct reader in = reader_of_bytes(raw);
    size_t size = 0;
    if (!text)
        return BYTES_NONE;
    while (reader_left(&in) >= 2) {
        uint32_t c = reader_le16(&in);
        struct reader low = in;
        if (c >= 0xd800 && c < 0xe000) {
            uint32_t second = c < 0xdc00 ? reader_le16(&low) : 0;
            bool pair = second >= 0xdc00 && second < 0xe000;
            c = pair ? 0x10000 + ((c - 0xd800) << 10) + (second - 0xdc00) : 0xfffd;
            if (pair)
                in = low;
        }
        size += put_utf8(text + size, c);
    }
    return bytes_of(text, size);
}

struct buffer_at {
    uint32_t offset;
    uint16_t size;
};

/* Length, room, offset (section 2.2.1.3). */
static struct buffer_at read_place(struct reader *in)
{
    struct buffer_at at = { 0 };
    at.size = reader_le16(in);
    reader_skip(in, 2);
    at.offset = reader_le32(in);
    return at;
}

static struct bytes text_at(struct bytes token, struct buffer_at at, bool unicode, struct arena *memory,
                            bool *good)
{
    struct reader in = reader_of_bytes(token);
    reader_skip(&in, at.offset);
    struct bytes raw = reader_bytes(&in, at.size);
    if (!reader_ok(&in) && at.size)
        *good = false;
    struct bytes text = unicode ? utf16_text(memory, raw) : arena_copy(memory, raw);
    return text.data ? text : BYTES_OF("");
}

/* AUTHENTICATE_MESSAGE (section 2.2.1.3). */
static void take_authenticate(struct bytes token, struct reader *in, struct arena *memory,
                              struct ntlmssp *ntlmssp)
{
    enum { UNICODE = 1, VERSION = 0x02000000 };
    bool good = true;
    (void)read_place(in);
    (void)read_place(in);
    struct buffer_at domain = read_place(in), user = read_place(in), host = read_place(in);
    (void)read_place(in);
    uint32_t flags = reader_le32(in);
    if (!reader_ok(in)) {
        ntlmssp->malformed = true;
        return;
    }
    ntlmssp->seen = true;
    bool unicode = flags & UNICODE;
    ntlmssp->domain = text_at(token, domain, unicode, memory, &good);
    ntlmssp->user = text_at(token, user, unicode, memory, &good);
    ntlmssp->host = text_at(token, host, unicode, memory, &good);
    ntlmssp->malformed = !good;
    ntlmssp->unusual_order = (user.size && domain.size && user.offset < domain.offset) ||
                             (host.size && user.size && host.offset < user.offset);
    if (!(flags & VERSION))
        return;
    ntlmssp->major = reader_u8(in);
    ntlmssp->minor = reader_u8(in);
    ntlmssp->build = reader_le16(in);
    reader_skip(in, 3);
    ntlmssp->revision = reader_u8(in);
    ntlmssp->has_version = reader_ok(in);
}

static void take_ntlmssp(struct bytes token, struct arena *memory, struct ntlmssp *ntlmssp)
{
    struct reader in = reader_of_bytes(token);
    reader_skip(&in, 8);
    uint32_t type = reader_le32(&in);
    if (!reader_ok(&in) || type < 1 || type > 3)
        ntlmssp->malformed = true;
    else if (type == 3)
        take_authenticate(token, &in, memory, ntlmssp);
}

/* PrincipalName (RFC 4120 section 5.2.2). */
static void take_names(struct reader *in, struct arena *memory, struct kerberos_ticket *kerberos)
{
    struct reader name = der_expect(in, 0x30);
    (void)der_expect(&name, 0xa0);
    struct reader outer = der_expect(&name, 0xa1);
    struct reader list = der_expect(&outer, 0x30);
    while (reader_ok(&list) && !reader_empty(&list) && kerberos->name_count < KERBEROS_NAMES) {
        struct reader text = der_expect(&list, 0x1b);
        if (reader_ok(&text))
            kerberos->names[kerberos->name_count++] = arena_copy(memory, reader_rest(&text));
    }
}

/* Ticket (RFC 4120 section 5.3). */
static void take_ticket(struct reader *in, struct arena *memory, struct kerberos_ticket *kerberos)
{
    struct reader application = der_expect(in, 0x61);
    struct reader ticket = der_expect(&application, 0x30);
    (void)der_expect(&ticket, 0xa0);
    struct reader realm = der_expect(&ticket, 0xa1);
    struct reader text = der_expect(&realm, 0x1b);
    struct reader names = der_expect(&ticket, 0xa2);
    if (!reader_ok(&text))
        return;
    kerberos->seen = true;
    kerberos->realm = arena_copy(memory, reader_rest(&text));
    take_names(&names, memory, kerberos);
}

/* AP-REQ (RFC 4120 section 5.5.1) behind the identifier of RFC 4121 section 4.1. */
static void take_ap_req(struct reader *in, struct arena *memory, struct kerberos_ticket *kerberos)
{
    if (reader_be16(in) != 0x0100)
        return;
    struct reader application = der_expect(in, 0x6e);
    struct reader request = der_expect(&application, 0x30);
    while (reader_ok(&request) && !reader_empty(&request)) {
        uint8_t tag;
        struct reader part = der_element(&request, &tag);
        if (tag == 0xa3)
            take_ticket(&part, memory, kerberos);
    }
}

/* Tokens stand in the octet strings of NegTokenInit and NegTokenResp (RFC 4178 section 4.2), which are looked
 * through without regard to what else they hold. */
static void look(struct bytes token, struct arena *memory, struct ntlmssp *ntlmssp,
                 struct kerberos_ticket *kerberos, unsigned depth)
{
    static const uint8_t krb5[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02 };
    static const uint8_t ms_krb5[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 0x01, 0x02, 0x02 };
    if (bytes_starts(token, BYTES_OF("NTLMSSP\0"))) {
        take_ntlmssp(token, memory, ntlmssp);
        return;
    }
    struct reader in = reader_of_bytes(token);
    if (bytes_starts(token, bytes_of(krb5, sizeof krb5)) ||
        bytes_starts(token, bytes_of(ms_krb5, sizeof ms_krb5))) {
        reader_skip(&in, sizeof krb5);
        if (!kerberos->seen)
            take_ap_req(&in, memory, kerberos);
        return;
    }
    while (depth && reader_ok(&in) && !reader_empty(&in)) {
        uint8_t tag;
        struct reader part = der_element(&in, &tag);
        bool holds = tag == 0x04 || tag == 0x30 || tag == 0x60 || (tag & 0xf0) == 0xa0;
        if (reader_ok(&part) && holds)
            look(reader_rest(&part), memory, ntlmssp, kerberos, depth - 1);
    }
}

void security_token(struct bytes token, struct arena *memory, struct ntlmssp *ntlmssp,
                    struct kerberos_ticket *kerberos)
{
    look(token, memory, ntlmssp, kerberos, DEPTH_MAX);
}
