/* SPDX-License-Identifier: Apache-2.0 */
/* Elements of ASN.1 in distinguished or basic encoding (ITU-T X.690), as X.509, Kerberos and SNMP use them.
 */
#ifndef VONGLAU_PROTO_DER_H
#define VONGLAU_PROTO_DER_H

#include "base/reader.h"
#include "base/text.h"

/* The content of the next element, whose tag goes to `tag`; failed when its length is wrong or indefinite. */
static inline struct reader der_element(struct reader *in, uint8_t *tag)
{
    *tag = reader_u8(in);
    size_t size = reader_u8(in);
    if (size & 0x80) {
        unsigned octets = size & 0x7f;
        if (octets == 0 || octets > 4)
            reader_fail(in);
        for (size = 0; octets && reader_ok(in); octets--)
            size = size << 8 | reader_u8(in);
    }
    return reader_sub(in, size);
}

/* The same, failing both readers unless the tag is `wanted`. */
static inline struct reader der_expect(struct reader *in, uint8_t wanted)
{
    uint8_t tag;
    struct reader content = der_element(in, &tag);
    if (tag != wanted) {
        reader_fail(in);
        reader_fail(&content);
    }
    return content;
}

/* The content of the next element when its tag is `wanted`; else nothing is taken and it is empty. */
static inline struct reader der_optional(struct reader *in, uint8_t wanted, bool *present)
{
    *present = !reader_empty(in) && reader_peek(in).data[0] == wanted;
    return *present ? der_expect(in, wanted) : reader_of(NULL, 0);
}

/* An INTEGER of at most four octets. */
static inline int64_t der_integer(struct reader *in)
{
    struct reader content = der_expect(in, 0x02);
    size_t size = reader_left(&content);
    if (size == 0 || size > 5) {
        reader_fail(in);
        return 0;
    }
    int64_t value = (int8_t)reader_u8(&content);
    while (!reader_empty(&content))
        value = value * 256 + reader_u8(&content);
    return value;
}

/* An object identifier's content as dotted numbers. */
static inline void der_dotted(struct text *out, struct bytes oid)
{
    uint64_t arc = 0;
    bool first = true;
    for (size_t i = 0; i < oid.size; i++) {
        arc = arc << 7 | (oid.data[i] & 0x7f);
        if (oid.data[i] & 0x80)
            continue;
        if (first) {
            uint64_t root = arc < 80 ? arc / 40 : 2;
            text_u64(out, root);
            arc -= root * 40;
            first = false;
        }
        text_char(out, '.');
        text_u64(out, arc);
        arc = 0;
    }
}

#endif
